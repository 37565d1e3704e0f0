"""Mixes of sources and tags by weight: what is asked for, and what is heard."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")

from support.songs import windows

from accompanist.config import TrainConfig
from accompanist.errors import ConfigError
from training.catalog import Entry, Splits
from training.classic import Classic
from training.mix import described, mix_of, shares
from training.order import Order


def test_sources_and_tags_are_weighed() -> None:
    mix = mix_of(TrainConfig(data=("pop909", "mine=3", "mine=3"), weight=("style=ska=2", "meter=3/4=0.5")))
    assert mix.names == ("pop909", "mine")
    assert mix.weighs
    assert mix.weight({"source": "pop909"}) == 1
    assert mix.weight({"source": "pop909"}, {"pop909": 0.25, "mine": 0.25}) == 0.25
    assert mix.weight({"source": "mine"}, {"mine": 0.25}) == 3  # what is asked for goes before what is usual
    assert mix.weight({"source": "mine", "style": "ska", "meter": "3/4"}) == 3
    assert mix.weight({"source": "mine", "style": "ska"}) == 6
    assert not mix_of(TrainConfig(data=("pop909",))).weighs


@pytest.mark.parametrize(
    ("data", "weight", "said"),
    [
        (("mine=0",), (), "the weight is '0'"),
        (("mine=",), (), "the weight is ''"),
        (("mine=nan",), (), "the weight is 'nan'"),
        (("mine=1e9",), (), "at most 1000"),
        (("mine=1", "mine=2"), (), "the source mine is given two weights: 1 and 2"),
        (("mine",), ("style=3",), "is not KEY=VALUE=WEIGHT"),
        (("mine",), ("style=ska=x",), "the weight is 'x'"),
        (("mine",), ("style=ska=1", "style=ska=2"), "the tag style=ska is given two weights"),
    ],
)
def test_what_is_no_weight_is_refused(data: tuple[str, ...], weight: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        mix_of(TrainConfig(data=data, weight=weight))


def test_shares_are_told_largest_first() -> None:
    parts = shares([("a", 1.0), ("b", 2.0), ("a", 1.0), ("c", 4.0)])
    assert list(parts.items()) == [("c", 0.5), ("a", 0.25), ("b", 0.25)]
    assert described(parts) == "what it hears: c 50 %, a 25 %, b 25 %"


@given(
    st.lists(st.floats(0.01, 100), min_size=1, max_size=40),
    st.integers(0, 2**32),
    st.integers(0, 5),
)
def test_a_window_comes_as_often_as_its_weight_says(weights: list[float], seed: int, number: int) -> None:
    count = len(weights)
    drawn = Order(count, seed, np.array(weights)).take(number * count, count)
    expected = count * np.array(weights) / sum(weights)
    times = np.bincount(drawn, minlength=count)
    assert (times >= np.floor(expected - 1e-9)).all()
    assert (times <= np.ceil(expected + 1e-9)).all()


def test_over_many_passes_nothing_is_lost() -> None:
    weights = np.array([0.1, 1.0, 2.9, 4.0])
    times = np.bincount(Order(4, 1, weights).take(0, 8000), minlength=4)
    assert times / 8000 == pytest.approx(weights / 8, abs=0.02)


def test_equal_weights_keep_each_window_once_per_pass() -> None:
    order = Order(7, 3, np.ones(7))
    assert sorted(order.take(0, 7).tolist()) == list(range(7))


def test_the_classic_recipe_hears_the_mix() -> None:
    train = windows(4)
    entries = tuple(
        Entry(label, {"style": "ska" if at == 0 else "pop"}, "train", 4, 3, ("melody",))
        for at, label in enumerate(train.songs)
    )
    music = Splits(train, windows(0), windows(0), entries, (), (), ("CC0-1.0",), {})
    recipe = Classic(TrainConfig(data=("test",), weight=("style=ska=3",)), music)
    assert recipe.weights is not None
    assert recipe.weights.tolist() == [3.0] * 3 + [1.0] * 9
    assert recipe.summary.endswith("what it hears: test 100 %")
    assert recipe.facts["weights"] == ["style=ska=3"]
    assert Classic(TrainConfig(data=("test",)), music).weights is None
