from __future__ import annotations

import pytest

from accompanist.runtime.choice import Way, worth_keeping_warm
from accompanist.runtime.clock import ManualClock
from accompanist.runtime.pace import timed

BEAT_S = 0.5


class Card:
    """A graphics card as it was measured: 10 ms an answer while busy, 100 ms after a rest.

    Args:
        clock: Moves by what an answer takes.
        patience_s: How long a rest it takes for it to clock down.
    """

    def __init__(self, clock: ManualClock, patience_s: float = 0.3) -> None:
        self.clock = clock
        self.patience_s = patience_s
        self.began_s: list[float] = []
        self.ended_s = -1e9

    def run_again(self) -> None:
        now_s = self.clock.now()
        self.began_s.append(now_s)
        self.clock.advance(0.1 if now_s - self.ended_s > self.patience_s else 0.01)
        self.ended_s = self.clock.now()


def test_a_card_left_alone_is_timed_as_it_is_in_play() -> None:
    clock = ManualClock(3.0)
    timing = timed(Card(clock), Way("cuda"), BEAT_S, clock)
    assert timing.busy_s == pytest.approx(0.01)
    assert timing.calls_s == pytest.approx((0.1,) * 5)
    assert timing.worst_s == pytest.approx(0.1)
    assert worth_keeping_warm(timing)
    assert clock.now() < 3.0 + 5 * (BEAT_S + 0.1) + 0.2  # what it costs at start: a call a beat, no more


def test_kept_warm_it_stays_fast_and_what_that_costs_is_counted() -> None:
    clock = ManualClock()
    card = Card(clock)
    timing = timed(card, Way("cuda", kept_warm=True), BEAT_S, clock)
    assert timing.calls_s == pytest.approx((0.01,) * 5)
    assert timing.run_s == pytest.approx(0.01)
    assert timing.worst_s == pytest.approx(0.02)
    assert len(card.began_s) > 5 * 3  # some runs in each pause


def test_a_card_that_clocks_down_sooner_than_it_is_kept_busy_gains_nothing() -> None:
    clock = ManualClock()
    timing = timed(Card(clock, patience_s=0.05), Way("cuda", kept_warm=True), BEAT_S, clock)
    assert timing.worst_s > 0.1


def test_a_model_slower_than_the_beat_is_timed_without_a_pause() -> None:
    clock = ManualClock()
    timing = timed(Card(clock), Way("cpu"), 0.005, clock)
    assert timing.calls_s == pytest.approx((0.01,) * 5)
