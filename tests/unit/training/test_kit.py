from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accompanist.music.note import Note
from training.sources.kit import KIT, PIECE_OF, on_kit

STROKES = st.lists(
    st.builds(
        lambda start, pitch, length, velocity: Note(start, pitch, start + length, velocity),
        st.integers(0, 2000),
        st.integers(0, 127),
        st.integers(1, 3000),
        st.integers(1, 127),
    ),
    max_size=60,
)


@given(STROKES)
def test_strokes_are_sorted_short_and_never_double(strokes: list[Note]) -> None:
    found = on_kit(strokes)
    assert list(found) == sorted(found)
    assert {note.pitch for note in found} <= set(KIT)
    assert {(note.start_tick, note.pitch) for note in found} == {
        (note.start_tick, PIECE_OF[note.pitch]) for note in strokes if note.pitch in PIECE_OF
    }
    for piece in KIT:
        line = [note for note in found if note.pitch == piece]
        assert all(1 <= note.duration_ticks <= 120 for note in line)
        assert all(earlier.end_tick <= later.start_tick for earlier, later in pairwise(line))


def test_of_strokes_that_fall_together_the_loudest_stays() -> None:
    assert on_kit([Note(0, 40, 10, 50), Note(0, 38, 500, 90), Note(0, 38, 5, 20)]) == (Note(0, 38, 120, 90),)


def test_a_drag_keeps_its_strokes() -> None:
    assert on_kit([Note(0, 38, 200, 30), Note(40, 38, 80, 90)]) == (Note(0, 38, 40, 30), Note(40, 38, 160, 90))


@pytest.mark.parametrize(
    ("played", "piece"),
    [
        (35, "kick"),
        (40, "snare"),
        (37, "side stick"),
        (22, "closed hi-hat"),
        (26, "open hi-hat"),
        (58, "low tom"),
        (45, "mid tom"),
        (48, "high tom"),
        (52, "crash"),
        (59, "ride"),
        (53, "ride bell"),
    ],
)
def test_pieces_stand_for_what_was_played(played: int, piece: str) -> None:
    assert [KIT[note.pitch] for note in on_kit([Note(0, played, 100)])] == [piece]


def test_what_belongs_to_no_kit_is_left_out() -> None:
    assert on_kit([Note(0, 56, 100), Note(0, 63, 100), Note(0, 70, 100)]) == ()  # cowbell, conga, maracas
