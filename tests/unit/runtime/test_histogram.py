from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accompanist.runtime.histogram import Histogram

durations = st.floats(0, 100) | st.floats(0, 0.01)


def of(values: list[float]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


def test_of_nothing_every_percentile_is_zero() -> None:
    assert [Histogram().percentile_s(percent) for percent in (0, 50, 100)] == [0, 0, 0]


def test_of_one_value_every_percentile_is_that_value() -> None:
    assert [of([0.020]).percentile_s(percent) for percent in (0, 50, 99, 100)] == [0.020] * 4


@given(st.lists(durations, min_size=1, max_size=300), st.integers(1, 99))
def test_a_percentile_is_the_nearest_rank_rounded_up_a_little(values: list[float], percent: int) -> None:
    exact = sorted(values)[max(-(-percent * len(values) // 100), 1) - 1]
    found = of(values).percentile_s(percent)
    assert exact * (1 - 1e-9) <= found <= max(exact * 1.0444, 1e-6)
    assert found <= max(values)


@given(st.lists(durations, min_size=1))
def test_percentiles_ascend_up_to_the_largest(values: list[float]) -> None:
    histogram = of(values)
    found = [histogram.percentile_s(percent) for percent in range(0, 101, 5)]
    assert found == sorted(found)
    assert found[-1] == max(values)


def test_it_never_grows() -> None:
    histogram = Histogram()
    before = len(histogram._counts)
    for i in range(5000):
        histogram.add(1.001**i * 1e-9)
    histogram.add(1e30)
    histogram.add(-1.0)
    assert len(histogram._counts) == before
    assert (histogram.count, histogram.max_s) == (5002, 1e30)
    assert histogram.percentile_s(100) == pytest.approx(1e30)
