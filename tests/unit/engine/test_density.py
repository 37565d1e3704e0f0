from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accompanist.engine.density import followed, left_after_rest, thinned, weights
from accompanist.engine.protocol import Committed
from accompanist.music.note import Note

BAR = 4 * 480


def struck_on(*steps: int) -> list[Committed]:
    return [Committed(0, Note(120 * step, 60, 120 * step + 60)) for step in steps]


def steps_of(notes: list[Committed]) -> list[int]:
    return [c.note.start_tick // 120 for c in notes]


def test_of_four_beats_the_first_is_heaviest_then_the_third() -> None:
    assert weights(4) == (0, 12, 4, 8, 2, 14, 6, 10, 1, 13, 5, 9, 3, 15, 7, 11)


def test_of_three_beats_the_first_is_heaviest_and_the_others_are_in_order() -> None:
    assert [weights(3)[beat * 4] for beat in range(3)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("density", "left"),
    [
        (0.0, []),
        (1 / 16, [0]),
        (2 / 16, [0, 8]),
        (0.25, [0, 4, 8, 12]),
        (0.5, [0, 2, 4, 6, 8, 10, 12, 14]),
        (0.75, [0, 2, 3, 4, 6, 7, 8, 10, 11, 12, 14, 15]),
        (1.0, list(range(16))),
    ],
)
def test_off_beats_go_first_and_the_downbeat_last(density: float, left: list[int]) -> None:
    assert steps_of(thinned(struck_on(*range(16)), density, 4)) == left


def test_every_bar_is_thinned_alike_and_what_begins_between_steps_belongs_to_the_step() -> None:
    late = [Committed(0, Note(5 * BAR + 50, 60, 5 * BAR + 200)), Committed(0, Note(5 * BAR + 170, 60, 5 * BAR + 200))]
    assert thinned(late, 0.25, 4) == late[:1]


notes_lists = st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 2)), max_size=30).map(
    lambda starts: [Committed(track, Note(start, 60, start + 100)) for start, track in starts]
)


@given(notes_lists, st.floats(0, 1), st.floats(0, 1), st.integers(2, 12))
def test_less_density_leaves_a_part_of_what_more_leaves(
    notes: list[Committed], one: float, other: float, beats: int
) -> None:
    less, more = sorted((one, other))
    thin, thick = thinned(notes, less, beats), thinned(notes, more, beats)
    assert [c for c in thick if c in thin] == thin
    assert [c for c in notes if c in thick] == thick
    assert thinned(notes, 1.0, beats) == notes
    assert thinned(notes, 0.0, beats) == []


@given(st.integers(2, 12))
def test_weights_are_a_ranking(beats: int) -> None:
    assert sorted(weights(beats)) == list(range(4 * beats))
    assert weights(beats)[0] == 0


def test_the_band_follows_the_players_density_within_bounds() -> None:
    assert [followed(rate) for rate in (0, 0.25, 0.625, 1, 8)] == [0.5, 0.5, 0.75, 1.0, 1.0]


def test_after_a_long_rest_the_band_thins_out_and_stops() -> None:
    shares = [left_after_rest(beats * 480, 4, 4) for beats in range(30)]
    assert shares == [1.0] * 17 + [0.5] * 3 + [0.25] * 4 + [0.0] * 6
    assert left_after_rest(10**9, 0, 4) == 1.0
