"""Chord symbols: what a musician would write over what sounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accompanist.music.chord_names import SUFFIXES, NamedChord, chord_name, named_chords
from accompanist.music.harmony import NO_CHORD, QUALITIES
from accompanist.music.note import Note

BAR = 4 * 480
C, DB, D, F, A = 0, 1, 2, 5, 9
MAJOR, MINOR, SEVENTH, HALF_DIMINISHED = 0, 1, 2, 6


def sounding(*chords: tuple[int, ...]) -> list[Note]:
    """Each for a bar."""
    return [Note(i * BAR, pitch, (i + 1) * BAR) for i, pitches in enumerate(chords) for pitch in pitches]


def test_every_quality_has_a_suffix() -> None:
    assert len(SUFFIXES) == len(QUALITIES) == len(set(SUFFIXES))


@pytest.mark.parametrize(
    ("chord", "bass", "key", "name"),
    [
        (12 * MAJOR + C, C, 0, "C"),
        (12 * MINOR + A, -1, 0, "Am"),
        (12 * SEVENTH + 10, 10, F, "Bb7"),
        (12 * MAJOR + DB, DB, 8, "Db"),  # in A flat
        (12 * MINOR + DB, DB, 4, "C#m"),  # in E
        (12 * MAJOR + 6, 6, DB, "Gb"),
        (12 * MAJOR + C, 4, 0, "C/E"),
        (12 * MAJOR + 10, D, F, "Bb/D"),
        (12 * MAJOR + C, D, 0, "C"),  # a passing bass is no inversion
        (12 * HALF_DIMINISHED + 11, 11, 0, "Bm7b5"),
        (NO_CHORD, 5, 0, ""),
    ],
)
def test_a_chord_is_written_as_its_key_spells_it(chord: int, bass: int, key: int, name: str) -> None:
    assert chord_name(chord, bass=bass, key=key) == name


def test_a_progression_is_read_bar_by_bar() -> None:
    notes = sounding((36, 64, 67, 72), (43, 62, 67, 71), (45, 60, 64, 69), (41, 60, 65, 69))
    assert named_chords(notes, 0, 4 * BAR, beats_per_bar=4) == [
        NamedChord(0, BAR, "C"),
        NamedChord(BAR, 2 * BAR, "G"),
        NamedChord(2 * BAR, 3 * BAR, "Am"),
        NamedChord(3 * BAR, 4 * BAR, "F"),
    ]


def test_it_begins_where_asked_and_silence_has_no_name() -> None:
    notes = sounding((36, 64, 67), (), (), (43, 62, 67, 71))
    assert named_chords(notes, 2 * BAR, 4 * BAR, beats_per_bar=4) == [NamedChord(3 * BAR, 4 * BAR, "G")]
    assert [its.name for its in named_chords(notes, 0, 4 * BAR, beats_per_bar=4)] == ["C", "G"]
    assert named_chords([], 0, 4 * BAR, beats_per_bar=4) == []
    assert named_chords(notes, BAR, BAR, beats_per_bar=4) == []


def test_the_melody_tells_the_key_and_no_chord() -> None:
    c_sharp_minor = sounding((37, 56, 61, 64))
    in_e = [Note(i * 240, pitch, i * 240 + 240) for i, pitch in enumerate((64, 66, 68, 69, 71, 73, 75, 76))]
    assert [its.name for its in named_chords(c_sharp_minor, 0, BAR, beats_per_bar=4, around=in_e)] == ["C#m"]


@given(st.lists(st.tuples(st.integers(-500, 4000), st.integers(0, 127), st.integers(1, 3000)), max_size=30))
def test_chords_stand_in_order_on_beats_within_what_was_asked(raw: list[tuple[int, int, int]]) -> None:
    notes = [Note(start, pitch, start + length) for start, pitch, length in raw]
    found = named_chords(notes, 480, 3 * BAR, beats_per_bar=3)
    edges = [tick for its in found for tick in (its.tick, its.end_tick)]
    assert edges == sorted(edges)
    assert all(480 <= tick <= 3 * BAR and tick % 480 == 0 for tick in edges)
    assert all(its.name and its.tick < its.end_tick for its in found)
