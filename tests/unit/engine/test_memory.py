from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from accompanist.engine.memory import MOST_BEATS, MOST_NOTES, Memory
from accompanist.music.note import Note

BEAT = 480


def test_a_stretch_is_known_when_all_of_it_was_heard_played_in_or_not() -> None:
    memory = Memory()
    memory.take(4 * BEAT, 8 * BEAT, [])
    assert memory.knows(4 * BEAT, 8 * BEAT)
    assert memory.knows(5 * BEAT + 1, 6 * BEAT)
    assert not memory.knows(3 * BEAT, 5 * BEAT)
    assert not memory.knows(7 * BEAT, 8 * BEAT + 1)
    assert not memory.knows(-BEAT, 0)


def test_what_is_played_now_takes_the_place_of_what_was_played_there() -> None:
    memory = Memory()
    old = [Note(beat * BEAT, 60, beat * BEAT + 240) for beat in range(4)]
    memory.take(0, 4 * BEAT, old)
    new = Note(2 * BEAT, 72, 3 * BEAT)
    memory.take(BEAT, 3 * BEAT, [new, Note(9 * BEAT, 1, 10 * BEAT)])  # nothing in beat 1, and not of this stretch
    assert memory.notes(0, 4 * BEAT) == [old[0], new, old[3]]


def test_another_piece_knows_nothing() -> None:
    memory = Memory()
    memory.take(0, BEAT, [Note(0, 60, 10)])
    memory.clear()
    assert not memory.knows(0, BEAT)
    assert len(memory) == 0


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), max_size=5))
def test_it_is_bounded(stretches: list[tuple[int, int]]) -> None:
    memory = Memory()
    for first, length in stretches:
        notes = [Note((first + i % 3) * BEAT, i % 128, (first + i % 3 + 1) * BEAT) for i in range(200)]
        memory.take(first * BEAT, (first + length) * BEAT, notes)
        if length:
            assert memory.knows((first + length - 1) * BEAT, (first + length) * BEAT)
    assert len(memory) <= MOST_BEATS + 15 * MOST_NOTES
