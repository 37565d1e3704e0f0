from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accompanist.runtime.warmth import Warmth


def test_a_card_that_has_done_nothing_is_warmed_at_once() -> None:
    assert Warmth(0.01).next_s(7.0) == 7.0


def test_it_is_run_again_after_each_pause() -> None:
    warmth = Warmth(0.01, every_s=0.1)
    warmth.ended(7.0)
    assert warmth.next_s(7.01) == 7.1
    assert warmth.next_s(9.0) == 9.0  # never in the past


def test_the_gate_is_free_when_a_question_is_about_due() -> None:
    warmth = Warmth(0.01, every_s=0.1)
    for beat in (0.0, 0.5):
        warmth.asked(beat)
    warmth.ended(0.8)
    assert warmth.next_s(0.81) == 0.9  # the next question is expected at 1.0
    warmth.ended(0.89)
    assert warmth.next_s(0.9) > 1.0  # 0.99 would be in its way
    assert warmth.next_s(1.05) > 1.1  # it is late: a little patience
    warmth.ended(1.3)
    assert warmth.next_s(1.31) == pytest.approx(1.4)  # none came: the player has stopped, the card stays warm


@given(
    period_s=st.floats(0.2, 2),
    run_s=st.floats(0.001, 0.05),
    ends=st.floats(0, 0.999),
)
def test_no_run_is_under_way_when_a_question_comes_on_the_beat(period_s: float, run_s: float, ends: float) -> None:
    warmth = Warmth(run_s)
    warmth.asked(0.0)
    warmth.asked(period_s)
    now_s = period_s + ends * period_s
    warmth.ended(now_s)
    began_s = warmth.next_s(now_s)
    assert began_s + run_s <= 2 * period_s or began_s > 2 * period_s
    assert began_s >= now_s
