"""What ends a run early: how it is written, and when it comes true."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accompanist.errors import ConfigError
from accompanist.runs.stopping import Moment, first_true, parse, refuse_unknown


def moment(
    *, step: int = 10, epochs: int = 2, trained_s: float = 60.0, plateau: bool = False, **metrics: float
) -> Moment:
    return Moment(step, epochs, trained_s, metrics, lambda: plateau)


def ended(text: str, here: Moment, *, sampled: bool = True) -> bool:
    return first_true(parse([text]), here, sampled=sampled) is not None


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("epochs:3", moment(epochs=2), moment(epochs=3)),
        ("steps:11", moment(step=10), moment(step=11)),
        ("minutes:1.5", moment(trained_s=89.0), moment(trained_s=90.0)),
        ("coupling>=0.4", moment(coupling=0.39), moment(coupling=0.4)),
        ("similarity_index <= 1e-1", moment(similarity_index=0.11), moment(similarity_index=0.1)),
        ("piano.empty_bar_rate<=0", moment(**{"piano.empty_bar_rate": 0.1}), moment(**{"piano.empty_bar_rate": 0.0})),
        ("plateau", moment(), moment(plateau=True)),
    ],
)
def test_each_rule_comes_true_at_its_bound(text: str, before: Moment, after: Moment) -> None:
    assert not ended(text, before)
    assert ended(text, after)


@pytest.mark.parametrize("text", ["coupling>=0.4", "plateau"])
def test_what_is_sampled_is_asked_only_there(text: str) -> None:
    assert not ended(text, moment(coupling=1.0, plateau=True), sampled=False)


@pytest.mark.parametrize("text", ["epochs:1", "steps:1", "minutes:1", "coupling>=0", "plateau"])
def test_nothing_ends_before_the_first_step(text: str) -> None:
    assert not ended(text, moment(step=0, epochs=9, trained_s=999.0, coupling=1.0, plateau=True))


def test_the_first_rule_that_holds_is_named() -> None:
    rules = parse(["plateau", "steps:99", "coupling>=0.4", "epochs:1"])
    found = first_true(rules, moment(coupling=0.5), sampled=True)
    assert found is not None
    assert found.text == "coupling>=0.4"


@pytest.mark.parametrize(
    "text",
    ["", "plato", "epochs", "epochs:0", "epochs:2.5", "steps:-3", "minutes:0", "coupling", "coupling>0.4", "coupling>=",
     "coupling>=nan", ">=0.4", "coupling>=1e999", "hours:2"],
)  # fmt: skip
def test_anything_else_is_refused_with_what_is_accepted(text: str) -> None:
    with pytest.raises(ConfigError, match="accepted: plateau, epochs:N") as told:
        parse([text])
    assert "quotes" in told.value.hint


def test_none_takes_all_back_and_stands_alone() -> None:
    assert parse(["none"]) == parse([]) == ()
    with pytest.raises(ConfigError, match="none alone"):
        parse(["none", "plateau"])


def test_a_metric_that_there_is_not_is_told_with_the_nearest() -> None:
    refuse_unknown(parse(["coupling>=1", "plateau"]), ["coupling"])
    with pytest.raises(ConfigError, match="no metric coupeling") as told:
        refuse_unknown(parse(["coupeling>=0.4"]), ["note_in_chord", "coupling"])
    assert told.value.hint == 'for instance --stop "coupling>=0.4"'


@given(bound=st.floats(-1e6, 1e6), value=st.floats(-1e6, 1e6))
def test_bounds_are_read_as_they_are_written(bound: float, value: float) -> None:
    assert ended(f"m>={bound!r}", moment(m=value)) == (value >= bound)
    assert ended(f"m<={bound!r}", moment(m=value)) == (value <= bound)
