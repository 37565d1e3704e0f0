from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from accompanist.music.meters import ALL_FOUR_FOUR, bar_starts, meter_at
from accompanist.music.time import Meter

BAR = 1920


def test_the_meter_in_force() -> None:
    meters = ((0, 3, 4), (BAR, 6, 8))
    assert meter_at(meters, BAR - 1) == Meter(3, 4)
    assert meter_at(meters, BAR) == Meter(6, 8)
    assert meter_at((), 5) == Meter(4, 4)


def test_bars_of_four_four() -> None:
    assert bar_starts(ALL_FOUR_FOUR, 2 * BAR) == [0, BAR, 2 * BAR]
    assert bar_starts(ALL_FOUR_FOUR, 2 * BAR + 1) == [0, BAR, 2 * BAR, 3 * BAR]
    assert bar_starts((), 0) == [0, BAR]


def test_a_change_of_meter_starts_a_bar_even_in_the_middle_of_one() -> None:
    meters = ((0, 4, 4), (BAR + 480, 3, 4), (BAR + 480 + 1440, 6, 8))
    assert bar_starts(meters, 4 * BAR)[:5] == [0, BAR, BAR + 480, BAR + 1920, BAR + 3360]


@given(
    st.dictionaries(st.integers(0, 20_000), st.tuples(st.integers(1, 12), st.sampled_from([1, 2, 4, 8, 16]))),
    st.integers(0, 30_000),
    st.sampled_from([24, 96, 480, 960]),
)
def test_bars_ascend_cover_the_song_and_begin_where_a_meter_does(
    changes: dict[int, tuple[int, int]], end_tick: int, ppq: int
) -> None:
    meters = [(tick, *meter) for tick, meter in sorted(changes.items())]
    bars = bar_starts(meters, end_tick, ppq=ppq)
    assert bars == sorted(set(bars))
    assert bars[0] == 0
    assert bars[-1] >= end_tick
    assert all(tick in bars for tick in changes if tick <= bars[-1])
