from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from training.sources.measures import bar_lines

BAR = 1920


def test_a_pickup_becomes_the_end_of_a_whole_bar() -> None:
    assert bar_lines([(480, BAR), (BAR, BAR), (BAR, BAR)]) == (1440, [0, 1920, 3840, 5760])


def test_a_bar_that_a_repeat_splits_is_one() -> None:
    assert bar_lines([(BAR, BAR), (1440, BAR), (480, BAR), (BAR, BAR)]) == (0, [0, 1920, 3840, 5760])


def test_a_short_last_measure_is_filled_and_a_short_one_elsewhere_stays() -> None:
    assert bar_lines([(BAR, BAR), (960, BAR), (BAR, BAR), (1440, BAR)]) == (0, [0, 1920, 2880, 4800, 6720])


def test_a_change_of_meter_joins_nothing() -> None:
    assert bar_lines([(1440, 1440), (480, 1440), (960, BAR), (BAR, BAR)]) == (0, [0, 1440, 1920, 2880, 4800])


def test_an_overfull_measure_stays_and_no_measures_make_no_bars() -> None:
    assert bar_lines([(2400, BAR), (BAR, BAR)]) == (0, [0, 2400, 4320])
    assert bar_lines([]) == (0, [0])


@given(st.lists(st.integers(1, 20).map(lambda steps: (120 * steps, BAR)), min_size=1, max_size=30))
def test_bars_cover_all_measures_in_order(measures: list[tuple[int, int]]) -> None:
    shift, bars = bar_lines(measures)
    assert bars == sorted(set(bars))
    assert bars[0] == 0
    assert 0 <= bars[-1] - shift - sum(ticks for ticks, _ in measures) < BAR
    starts, now = set(), shift
    for ticks, _ in measures:
        starts.add(now)
        now += ticks
    assert set(bars[1:-1]) <= starts
    assert all(later > earlier for earlier, later in pairwise(bars))
