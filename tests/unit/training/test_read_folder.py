from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.music_files import TrackText, midi_bytes

from accompanist.errors import DataError
from accompanist.music.note import Note
from training.read import LeftOut, Song, parse_midi, silent
from training.sources.folder import Folder, bars_of
from training.sources.roles import Line, find_melody, share_out

BEAT = 480


def line(pitch: int, count: int = 8, *, length: int = BEAT) -> list[tuple[int, int, int]]:
    return [(i * BEAT, pitch, i * BEAT + length) for i in range(count)]


def chords(pitch: int, count: int = 8) -> list[tuple[int, int, int]]:
    return [(i * BEAT, pitch + step, (i + 1) * BEAT) for i in range(count) for step in (0, 4, 7)]


def track(name: str, notes: list[tuple[int, int, int]], program: int = 0) -> Line:
    return Line(name, program, sorted(Note(start, pitch, end) for start, pitch, end in notes))


def song_of(tracks: list[TrackText], *, melody_track: str = "", **settings: object) -> Song | LeftOut:
    score = parse_midi(midi_bytes(tracks, **settings))  # type: ignore[arg-type]
    return Folder("mine", Path(), melody_track).song_of("a.mid", score)


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("MELODY", True),
        ("Lead Vocal", True),
        ("2. Voice", True),
        ("singer", True),
        ("Leading", True),
        ("depressing", False),
        ("Plead", False),
        ("", False),
    ],
)
def test_a_name_marks_the_melody(name: str, chosen: bool) -> None:
    lines = [track("keys", chords(60)), track(name, line(50)), track("flute", line(80))]
    found = find_melody(lines)
    assert found is not None
    assert found == ((lines[1], "by name") if chosen else (lines[2], "highest single line"))


def test_a_lead_bass_is_no_melody() -> None:
    lines = [track("Lead Bass", line(36), 38), track("sax", line(65))]
    assert find_melody(lines) == (lines[1], "highest single line")


def test_the_track_that_the_user_names_is_taken() -> None:
    lines = [track("Melody", line(72)), track("Alto Sax", line(60)), track("sax", line(60, 4))]
    assert find_melody(lines, "SAX") == (lines[2], "as asked")
    assert find_melody(lines, "alto") == (lines[1], "as asked")
    assert find_melody(lines, "oboe") is None


def test_a_few_high_notes_are_no_melody_and_chords_are_none_either() -> None:
    lines = [track("a", line(60, 40)), track("bell", line(100, 2)), track("b", chords(70, 40))]
    assert find_melody(lines) == (lines[0], "highest single line")
    assert find_melody(lines[2:]) is None


def test_a_line_that_overlaps_a_little_is_still_single() -> None:
    assert track("a", line(60, 20, length=BEAT + 20)).is_single()
    assert not track("a", line(60, 20, length=2 * BEAT)).is_single()


def test_programs_and_names_share_out_the_band() -> None:
    by_program = track("x", line(40), 33)
    strings = track("x", chords(70), 48)
    guitar = track("x", chords(60), 27)
    parts = share_out([by_program, strings, guitar])
    assert parts == {"bass": tuple(by_program.notes), "piano": tuple(guitar.notes), "strings": tuple(strings.notes)}
    bassoon, cello = track("Bassoon", line(48), 70), track("Violoncello", line(50), 0)
    parts = share_out([track("Contrabass", line(40)), bassoon, cello])
    assert [notes[0].pitch for notes in (parts["bass"], parts["piano"], parts["strings"])] == [40, 48, 50]


def test_the_lowest_single_line_is_bass_where_nothing_says_so() -> None:
    low, middle = track("a", line(40)), track("b", line(47))
    assert share_out([middle, low])["bass"] == tuple(low.notes)
    assert "bass" not in share_out([track("a", line(60)), track("b", chords(36))])


@given(
    st.lists(st.tuples(st.integers(0, 9000), st.integers(1, 12), st.sampled_from([2, 4, 8, 16])), max_size=5),
    st.integers(1, 20_000),
)
def test_bars_cover_the_song_and_begin_at_every_change(changes: list[tuple[int, int, int]], end: int) -> None:
    meters = [(0, 4, 4), *sorted(changes)]
    bars, meter = bars_of(meters, end)
    assert bars[0] == 0
    assert bars[-1] >= end
    assert all(before < after for before, after in pairwise(bars))
    assert {tick for tick, _, _ in meters if tick < end} <= set(bars)
    assert meter in {f"{beats}/{unit}" for _, beats, unit in meters}


def test_bars_of_a_waltz_after_a_pickup() -> None:
    bars, meter = bars_of([(0, 1, 4), (480, 3, 4)], 480 + 3 * 1440 + 1)
    assert np.diff(bars).tolist() == [480, 1440, 1440, 1440, 1440]
    assert meter == "3/4"


def test_a_file_becomes_a_song() -> None:
    song = song_of(
        [
            TrackText("Melody", line(72)),
            TrackText("Bass", line(40), 33, 1),
            TrackText("Drums", line(36), 0, 9),
            TrackText("Keys", chords(60), 0, 2),
            TrackText("Birds", line(90), 123, 3),
        ],
        tempos=((0, 140.0),),
        meters=((0, 4, 4),),
    )
    assert isinstance(song, Song)
    assert {name: len(notes) for name, notes in song.parts.items()} == {"bass": 8, "piano": 24}
    assert song.bars == (0, 1920, 3840)
    assert song.tags == {
        "source": "mine",
        "meter": "4/4",
        "mode": "major",
        "tempo": "fast",
        "style": "unknown",
        "melody": "Melody (by name)",
    }


@pytest.mark.parametrize(
    ("tracks", "reason"),
    [
        ([TrackText("Melody", line(72))], "has 1 tracks"),
        ([TrackText("Melody", line(72)), TrackText("Drums", line(36), 0, 9)], "has 1 tracks"),
        ([], "has 0 tracks"),
        ([TrackText("a", chords(60)), TrackText("b", chords(70))], "no named melody"),
        (
            [TrackText("Melody", [(i * 500 + i * i * 7, 72, i * 500 + i * i * 7 + 90) for i in range(60)])] * 2,
            "not played to its grid",
        ),
    ],
)
def test_what_cannot_be_used_says_why(tracks: list[TrackText], reason: str) -> None:
    found = song_of(tracks)
    assert isinstance(found, LeftOut)
    assert reason in found.reason


def test_a_melody_track_that_is_not_there_names_those_that_are() -> None:
    found = song_of([TrackText("Sax", line(72)), TrackText("", line(40))], melody_track="Oboe")
    assert isinstance(found, LeftOut)
    assert found.reason == "no track named 'Oboe' among its tracks: Sax, unnamed (program 1)"


def test_a_folder_is_read_with_all_that_is_under_it(tmp_path: Path) -> None:
    good = midi_bytes([TrackText("Melody", line(72)), TrackText("Bass", line(40), 33, 1)])
    deep = tmp_path / "été" / "旋律"
    deep.mkdir(parents=True)
    (deep / "chanson.MIDI").write_bytes(good)
    (tmp_path / "b.mid").write_bytes(good[:60])
    (tmp_path / "c.txt").write_bytes(good)
    folder = Folder("mine", tmp_path, tags={"style": "ska"})
    broken, song = folder.read(silent)
    assert isinstance(broken, LeftOut)
    assert broken.name == "b.mid"
    assert broken.reason.startswith("damaged MIDI file")
    assert isinstance(song, Song)
    assert song.name == "été/旋律/chanson.MIDI"
    assert song.tags["style"] == "ska"


def test_the_fingerprint_changes_with_names_and_bytes_and_the_reader_with_settings(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(b"1")
    folder = Folder("mine", tmp_path)
    before = folder.fingerprint()
    assert folder.fingerprint() == before
    (tmp_path / "a.mid").write_bytes(b"2")
    changed = folder.fingerprint()
    (tmp_path / "a.mid").rename(tmp_path / "b.mid")
    assert len({before, changed, folder.fingerprint()}) == 3
    readers = {folder.reader, Folder("m", tmp_path, "Sax").reader, Folder("m", tmp_path, tags={"style": "x"}).reader}
    assert len(readers) == 3


def test_a_folder_that_is_gone_or_empty_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not there"):
        Folder("mine", tmp_path / "gone").locate()
    with pytest.raises(DataError, match="no MIDI file"):
        Folder("mine", tmp_path).fingerprint()
