"""Lines of notes, whatever notes they are given."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from accompanist.music.note import Note, top_line, without_doubles

notes = st.builds(
    lambda start, pitch, length, velocity: Note(start, pitch, start + length, velocity),
    st.integers(0, 60),
    st.integers(60, 64),
    st.integers(1, 30),
    st.integers(1, 127),
)
lines = st.lists(notes, max_size=25)


def sounding(line: list[Note]) -> set[tuple[int, int]]:
    """(tick, pitch) pairs at which a line sounds."""
    return {(tick, note.pitch) for note in line for tick in range(note.start_tick, note.end_tick)}


@given(lines)
def test_without_doubles_leaves_one_sounding_copy_of_each_pitch(line: list[Note]) -> None:
    by_pitch = defaultdict(list)
    for note in without_doubles(line):
        by_pitch[note.pitch].append(note)
    for copies in by_pitch.values():
        assert all(first.end_tick <= second.start_tick for first, second in pairwise(copies))


@given(lines)
def test_without_doubles_keeps_every_beginning_and_adds_no_sound(line: list[Note]) -> None:
    kept = without_doubles(line)
    assert kept == sorted(kept)
    assert {(note.start_tick, note.pitch) for note in kept} == {(note.start_tick, note.pitch) for note in line}
    assert all(note.end_tick > note.start_tick for note in kept)
    assert sounding(kept) <= sounding(line)
    assert without_doubles(kept) == kept


@given(lines)
def test_the_top_line_is_one_note_at_a_time(line: list[Note]) -> None:
    top = top_line(line)
    assert all(first.end_tick <= second.start_tick for first, second in pairwise(top))
    assert all(note.end_tick > note.start_tick for note in top)
    assert top_line(top) == top


@given(lines)
def test_the_top_line_plays_what_was_played_and_begins_with_the_highest(line: list[Note]) -> None:
    top = top_line(line)
    for note in top:
        assert any(
            given.start_tick == note.start_tick
            and given.pitch == note.pitch
            and given.velocity == note.velocity
            and given.end_tick >= note.end_tick
            for given in line
        )
        assert all(given.pitch <= note.pitch for given in line if given.start_tick == note.start_tick)
    highest = max((note.pitch for note in line), default=None)
    assert max((note.pitch for note in top), default=None) == highest
