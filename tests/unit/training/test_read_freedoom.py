from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from support.music_files import TrackText, midi_bytes

from accompanist.config import DataConfig
from accompanist.music.note import Note
from training.read import LeftOut, Song, silent
from training.sources.freedoom import Freedoom

BARS = 12
BEATS = range(0, BARS * 1920, 480)


def steady(pitches: Sequence[int], beats: float = 1.0, every: float = 1.0) -> list[tuple[int, int, int]]:
    """Chords in the rhythm of beats, throughout."""
    starts = range(0, BARS * 1920, int(480 * every))
    return [(start, pitch, start + int(480 * beats)) for start in starts for pitch in pitches]


DRUMS = TrackText(
    "Drums",
    [note for bar in range(0, BARS * 1920, 1920) for note in ((bar, 35, bar + 10), (bar + 960, 40, bar + 970))],
    0,
    9,
)
BASS = TrackText("", steady([31]), 34, 0)
TUNE = [(start, 67 + (start // 480) % 8, start + 400) for start in BEATS]
LEAD = TrackText("", TUNE, 81, 1)
PIANO = TrackText("", steady([52, 57, 60], beats=0.5), 4, 2)
PAD = TrackText("", steady([55, 60, 64], beats=4, every=4), 89, 3)


def write(folder: Path, songs: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(folder / "freedoom.zip", "w") as archive:
        for name, data in songs.items():
            archive.writestr(f"freedoom/musics/d_{name}.mid", data)
        archive.writestr("freedoom/musics/README", "not music")


def read(folder: Path) -> tuple[dict[str, Song], dict[str, str]]:
    songs, left_out = {}, {}
    for found in Freedoom(DataConfig(home=str(folder))).read(silent):
        if isinstance(found, LeftOut):
            left_out[found.name] = found.reason
        else:
            songs[found.name] = found
    return songs, left_out


def one(folder: Path, *tracks: TrackText, meters: Sequence[tuple[int, int, int]] = ()) -> Song:
    write(folder, {"x": midi_bytes(tracks, meters=meters)})
    songs, left_out = read(folder)
    assert left_out == {}
    return songs["x"]


def test_every_track_finds_its_part(tmp_path: Path) -> None:
    song = one(tmp_path, LEAD, PIANO, BASS, PAD, DRUMS)
    assert [(note.start_tick, note.pitch) for note in song.melody] == [(start, pitch) for start, pitch, _ in TUNE]
    assert {name: len(notes) for name, notes in song.parts.items()} == {
        "piano": 12 * 12,
        "bass": 4 * 12,
        "strings": 3 * 12,
        "drums": 2 * 12,
    }
    assert song.parts["drums"][:2] == (Note(0, 36, 120, 90), Note(960, 38, 1080, 90))
    assert song.bars == tuple(range(0, 13 * 1920, 1920))
    assert song.tags == {"source": "freedoom", "meter": "4/4", "mode": "major", "tempo": "fast", "style": "rock"}


def test_without_a_clear_lead_there_is_no_melody(tmp_path: Path) -> None:
    arpeggio = TrackText("", [(s, 67 + s // 120 % 8, s + 100) for s in range(0, BARS * 1920, 120)], 80, 4)
    signal = TrackText("", [(s, 72 + s // 480 % 3, s + 400) for s in BEATS], 81, 5)
    rare = TrackText("", TUNE[:8], 73, 6)
    low = TrackText("", [(start, pitch - 24, end) for start, pitch, end in TUNE], 81, 7)
    song = one(tmp_path, arpeggio, signal, rare, low, BASS, DRUMS)
    assert song.melody == ()
    assert set(song.parts) == {"bass", "drums"}


def test_the_highest_lead_is_the_melody_and_its_echo_is_left_out(tmp_path: Path) -> None:
    echo = TrackText("", [(start + 240, pitch, end + 240) for start, pitch, end in TUNE[:-1]], 81, 4)
    second = TrackText("", [(start, pitch - 3, end) for start, pitch, end in TUNE], 30, 5)
    song = one(tmp_path, second, LEAD, echo, BASS, DRUMS)
    assert [note.pitch for note in song.melody] == [pitch for _, pitch, _ in TUNE]
    assert set(song.parts) == {"bass", "drums"}


def test_the_lowest_single_line_is_bass_where_no_program_says_so(tmp_path: Path) -> None:
    low = TrackText("", steady([40]), 81, 0)
    lower_pad = TrackText("", steady([36, 43], beats=4, every=4), 89, 3)
    parts = one(tmp_path, low, lower_pad, PIANO, DRUMS).parts
    assert {note.pitch for note in parts["bass"]} == {40}
    assert set(parts) == {"bass", "piano", "drums"}  # the pad doubles the bass


def test_distorted_chords_are_no_piano(tmp_path: Path) -> None:
    power = TrackText("", steady([50, 57]), 30, 4)
    riff = TrackText("", steady([43]), 30, 5)
    song = one(tmp_path, power, riff, BASS, DRUMS)
    assert len(song.parts["guitar"]) == 2 * 48
    assert "piano" not in song.parts
    assert song.tags["style"] == "metal"


def test_short_notes_of_the_strings_are_struck(tmp_path: Path) -> None:
    stabs = TrackText("", steady([60, 64], beats=0.5), 48, 4)
    assert set(one(tmp_path, stabs, BASS, DRUMS).parts) == {"piano", "bass", "drums"}
    assert one(tmp_path, PAD, BASS).tags["style"] == "ambient"


def test_a_song_in_three_has_bars_of_three(tmp_path: Path) -> None:
    drums = DRUMS._replace(notes=[(start, 36, start + 10) for start in range(0, BARS * 1920, 1440)])
    song = one(tmp_path, BASS, PAD, drums, meters=[(0, 3, 4)])
    assert song.tags["meter"] == "3/4"
    assert song.bars[:3] == (0, 1440, 2880)


def test_what_is_left_out_is_named_with_its_reason(tmp_path: Path) -> None:
    triplets = [(start, 60, start + 100) for start in range(0, BARS * 1920, 160)]
    nowhere = [(start, 60, start + 100) for start in range(50, BARS * 1920, 199)]
    in_three = DRUMS._replace(notes=[(start, 36, start + 10) for start in range(0, BARS * 1920, 1440)])
    late = [(bar + 240, pitch, bar + 250) for bar in range(0, BARS * 1920, 1920) for pitch in (36, 49)]
    write(
        tmp_path,
        {
            "broken": b"MThd",
            "empty": midi_bytes([TrackText("", [])]),
            "triplets": midi_bytes([TrackText("", triplets, 0), BASS]),
            "nowhere": midi_bytes([TrackText("", nowhere, 0)]),
            "seven": midi_bytes([BASS, DRUMS], meters=[(0, 7, 8)]),
            "jingle": midi_bytes([TrackText("", TUNE[:8], 81)]),
            "three": midi_bytes([BASS, PAD, in_three]),
            "late": midi_bytes([BASS, PAD, DRUMS._replace(notes=late)]),
            "alone": midi_bytes([DRUMS]),
        },
    )
    songs, left_out = read(tmp_path)
    assert songs == {}
    assert left_out["broken"].startswith("damaged MIDI file")
    assert left_out["empty"] == "has no notes"
    assert left_out["triplets"].startswith("in triplets")
    assert left_out["nowhere"].startswith("on no grid")
    assert left_out["seven"] == "mostly in 7/8; read are 4/4 and 3/4"
    assert left_out["jingle"] == "2 bars; 8 are needed"
    assert left_out["three"].startswith("bar lines are not sure")
    assert left_out["late"].startswith("bar lines are not sure")
    assert left_out["alone"] == "too few parts that play together: drums"


@pytest.fixture(scope="module")
def real(data_folder: Path) -> tuple[dict[str, Song], dict[str, str]]:
    if not (data_folder / "freedoom.zip").is_file():
        pytest.skip(f"no freedoom.zip in {data_folder}")
    return read(data_folder)


def test_freedoom_has_95_songs_on_sure_bars(real: tuple[dict[str, Song], dict[str, str]]) -> None:
    songs, left_out = real
    assert (len(songs), len(left_out)) == (95, 17)
    assert sum(len(song.bars) - 1 for song in songs.values()) == pytest.approx(7_900, rel=0.01)
    both = [song for song in songs.values() if {"bass", "drums"} <= set(song.parts)]
    assert len(both) >= 90
    assert sum(bool(song.melody) for song in songs.values()) == 36


def test_freedooms_kick_is_on_the_one(real: tuple[dict[str, Song], dict[str, str]]) -> None:
    songs = [song for song in real[0].values() if song.tags["meter"] == "4/4" and "drums" in song.parts]
    on_one = [
        sum(
            any(note.pitch == 36 and abs(note.start_tick - bar) < 60 for note in song.parts["drums"])
            for bar in song.bars
        )
        / len(song.bars)
        for song in songs
    ]
    assert sum(share > 0.4 for share in on_one) / len(songs) > 0.9


def test_freedooms_bass_lies_under_all_else(real: tuple[dict[str, Song], dict[str, str]]) -> None:
    for song in real[0].values():
        bass = [note.pitch for note in song.parts.get("bass", ())]
        if bass:
            assert sum(bass) / len(bass) < 52, song.name
        for other in (song.melody, song.parts.get("piano"), song.parts.get("strings")):
            if other and bass:
                assert sum(note.pitch for note in other) / len(other) > sum(bass) / len(bass), song.name
