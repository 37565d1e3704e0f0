"""The similarity index: 0 of what is alike, 1 of what shares nothing, in whatever unit it counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.similarity import columns, distance, distances, floor, index

VALUES = st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=12).map(np.array)


@given(values=VALUES, times=st.integers(1, 4), seed=st.integers(0, 99))
def test_what_is_distributed_alike_is_at_no_distance(values: np.ndarray, times: int, seed: int) -> None:
    again = np.random.default_rng(seed).permutation(np.tile(values, times))
    assert distance(values, again) == pytest.approx(0.0, abs=1e-9)


@given(ones=VALUES, others=VALUES)
def test_it_lies_between_0_and_1_and_is_the_same_both_ways(ones: np.ndarray, others: np.ndarray) -> None:
    assert 0.0 <= distance(ones, others) <= 1.0
    assert distance(ones, others) == pytest.approx(distance(others, ones), abs=1e-12)


@given(ones=VALUES, others=VALUES, times=st.integers(1, 60), more=st.integers(-30, 30))
def test_the_unit_of_a_metric_does_not_count(ones: np.ndarray, others: np.ndarray, times: int, more: int) -> None:
    assert distance(ones * times + more, others * times + more) == pytest.approx(distance(ones, others), abs=1e-9)


def test_two_values_that_differ_share_nothing() -> None:
    assert distance(np.array([0.25, 0.25]), np.array([0.5])) == 1.0
    assert distance(np.array([0.5]), np.array([0.5, 0.5])) == 0.0


def test_by_hand() -> None:
    # E|X - Y| = 1/2 (one or the other), E|X - X'| = 1/2, E|Y - Y'| = 0: (1 - 1/2) / 1.
    assert distance(np.array([0.0, 1.0]), np.array([0.0, 0.0])) == 0.5


def test_a_mean_alone_does_not_deceive_it() -> None:
    steady, none_or_eight = np.full(20, 4.0), np.tile([0.0, 8.0], 10)
    assert steady.mean() == none_or_eight.mean()
    assert distance(steady, none_or_eight) == 0.5


def test_it_grows_with_the_gap() -> None:
    people = np.random.default_rng(0).normal(size=200)
    found = [distance(people + gap, people) for gap in (0.0, 0.5, 1.0, 2.0, 5.0, 20.0)]
    assert found == sorted(found)
    assert found[0] == 0.0
    assert found[-1] > 0.9


def test_passages_without_a_value_are_left_out() -> None:
    ours = columns([{"a": 1.0, "b": float("nan")}, {"a": 2.0, "b": 3.0}])
    theirs = columns([{"a": 1.0, "b": 3.0}, {"a": 2.0}])
    assert distances(ours, theirs) == {"a": 0.0, "b": 0.0}


def test_what_only_one_side_has_is_alike_in_nothing() -> None:
    ours, theirs = columns([{"a": 1.0, "b": float("nan")}]), columns([{"a": 1.0, "b": 2.0, "c": float("nan")}])
    found = distances(ours, theirs)
    assert found == {"a": 0.0, "b": 1.0}  # of c nobody has anything
    assert index(found) == 0.5


def test_the_data_beside_themselves_are_near() -> None:
    draws = np.random.default_rng(1)
    people = {"a": draws.normal(size=400), "b": draws.integers(0, 5, size=400).astype(float)}
    assert 0.0 < floor(people) < 0.02
    assert floor({"a": np.array([1.0, 2.0, 1.0, 2.0])}) == 1.0  # every other one: 1 and 1 beside 2 and 2
