from __future__ import annotations

import zipfile
from itertools import pairwise
from pathlib import Path

import pytest
from support.music_files import TrackText, midi_bytes

from accompanist.config import DataConfig, TrainConfig
from accompanist.errors import DataError
from training.catalog import survey
from training.read import LeftOut, Song, parse_midi, silent
from training.sources import chorales
from training.sources.deepcomposer import FOLDER, DeepComposer, song_of

VOICES = [
    TrackText("unknown", [(0, 96, 440), (440, 98, 1760)]),
    TrackText("unknown", [(0, 91, 1760)]),
    TrackText("unknown", [(0, 88, 1760)]),
    TrackText("unknown", [(0, 72, 1760)]),
]


def test_a_snippets_voices_come_down_two_octaves() -> None:
    song = song_of("MIDI-0", parse_midi(midi_bytes(VOICES, ppq=220)))
    assert isinstance(song, Song)
    assert [(note.start_tick, note.pitch, note.end_tick) for note in song.melody] == [(0, 72, 960), (960, 74, 3840)]
    assert {name: notes[0].pitch for name, notes in song.parts.items()} == {"bass": 48, "piano": 64, "strings": 67}
    assert song.bars == (0, 1920, 3840)


def test_a_snippet_of_three_voices_is_left_out() -> None:
    assert isinstance(song_of("x", parse_midi(midi_bytes(VOICES[:3]))), LeftOut)


def test_snippets_are_read_from_the_archive_and_damaged_ones_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "deepcomposer.zip", "w") as archive:
        archive.writestr(f"samples/{FOLDER}MIDI-0.mid", midi_bytes(VOICES, ppq=220))
        archive.writestr(f"samples/{FOLDER}MIDI-1.mid", b"MThd")
        archive.writestr("samples/sample_inputs/tune.mid", midi_bytes(VOICES[:1]))
    song, broken = DeepComposer(DataConfig(home=str(tmp_path))).read(silent)
    assert isinstance(song, Song)
    assert song.name == "MIDI-0"
    assert isinstance(broken, LeftOut)
    assert broken.name == "MIDI-1"


def test_deepcomposer_has_229_snippets_of_two_bars(data_folder: Path, tmp_path: Path) -> None:
    if not (data_folder / "deepcomposer.zip").is_file():
        pytest.skip(f"no deepcomposer.zip in {data_folder}")
    songs = list(DeepComposer(DataConfig(home=str(data_folder), cache=str(tmp_path))).read(silent))
    assert len(songs) == 229
    assert all(isinstance(song, Song) for song in songs)


def bwv(name: str) -> Song | LeftOut:
    pytest.importorskip("music21", reason="the chorales come with music21 (extra: train)")
    (path,) = (path for path in chorales._scores() if path.stem == name)
    return chorales.song_of(name, chorales._parse(path))


def test_a_chorale_is_read_as_printed() -> None:
    """BWV 269, "Aus meines Herzens Grunde": G major, 3/4, a crotchet of pickup."""
    song = bwv("bwv269")
    assert isinstance(song, Song)
    assert song.tags["meter"] == "3/4"
    assert song.tags["mode"] == "major"
    assert song.bars[:3] == (0, 480, 1920)
    assert [note.pitch for note in song.melody[:4]] == [67, 67, 74, 71]
    assert set(song.parts) == {"bass", "piano", "strings"}
    assert [note.pitch for note in song.parts["bass"][:3]] == [43, 55, 52]
    assert song.bars[-1] == max(note.end_tick for note in song.melody)


def test_voices_hold_their_ties_and_sing_one_note_at_a_time() -> None:
    song = bwv("bwv253")
    assert isinstance(song, Song)
    for voice in (song.melody, *song.parts.values()):
        for before, after in pairwise(voice):
            assert before.end_tick <= after.start_tick
        assert all(note.start_tick % 60 == 0 for note in voice)


def test_a_score_without_the_four_voices_is_left_out() -> None:
    found = bwv("bwv846")
    assert isinstance(found, LeftOut)
    assert "Piano" in found.reason


def test_ties_are_joined() -> None:
    music21 = pytest.importorskip("music21", reason="the chorales come with music21 (extra: train)")
    part = music21.stream.Part()
    first, second, third = (music21.note.Note("C4", quarterLength=1) for _ in range(3))
    first.tie, second.tie = music21.tie.Tie("start"), music21.tie.Tie("stop")
    part.append([first, second, third, music21.note.Note("D4", quarterLength=0.5).getGrace()])
    notes = chorales._notes(part)
    assert [(note.start_tick, note.end_tick) for note in notes] == [(0, 960), (960, 1440)]


def test_music21_without_its_corpus_is_a_data_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chorales, "_folder", lambda: tmp_path)
    with pytest.raises(DataError, match="without its corpus"):
        chorales.Chorales().fingerprint()


def test_a_broken_score_is_named_and_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("music21", reason="the chorales come with music21 (extra: train)")
    (good,) = (path for path in chorales._scores() if path.stem == "bwv269")
    (tmp_path / "bwv269.mxl").write_bytes(good.read_bytes())
    (tmp_path / "bwv1.xml").write_bytes(b"<score-partwise><part")
    monkeypatch.setattr(chorales, "_folder", lambda: tmp_path)
    broken, song = chorales.Chorales().read(silent)
    assert isinstance(broken, LeftOut)
    assert "music21 cannot read it" in broken.reason
    assert isinstance(song, Song)


def test_the_archive_of_a_survey_may_be_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"deepcomposer\.zip was not found"):
        survey(TrainConfig(data=("deepcomposer",)), DataConfig(home=str(tmp_path), cache=str(tmp_path / "c")))
