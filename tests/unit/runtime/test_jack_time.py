from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from accompanist.runtime.jack_time import FrameLine

RATE = 48_000
PERIOD = 256
CYCLE_S = PERIOD / RATE
COUNTER = 1 << 32


class Card:
    """A sound card as its clients see it: cycles that begin on a true line and are told late.

    Args:
        drift: How much slower than it says.
        first: The frame counter at its start.
    """

    def __init__(self, *, drift: float = 0.0, first: int = 0, seed: int = 0) -> None:
        self.frame_s = (1 + drift) / RATE
        self.frame, self.begin_s = first, 100.0
        self._random = random.Random(seed)  # noqa: S311 (noise)

    def cycles(self, line: FrameLine, seconds: float, *, noise_s: float = 0.0001) -> list[float]:
        """Tell a line of the cycles of some seconds; how far off it was at each."""
        off_s = []
        for _ in range(round(seconds / CYCLE_S)):
            said_s = line.cycle(self.frame % COUNTER, self.begin_s + self._random.expovariate(1 / noise_s))
            off_s.append(said_s - self.begin_s)
            self.frame += PERIOD
            self.begin_s += PERIOD * self.frame_s
        return off_s


def jitter_frames(off_s: list[float], rate: int = RATE) -> float:
    """Largest change from one cycle to the next."""
    return max(abs(after - before) for before, after in itertools.pairwise(off_s)) * rate


def test_cycles_told_late_make_a_line_that_is_steady_and_early() -> None:
    line, card = FrameLine(RATE), Card()
    card.cycles(line, 1.0)
    off_s = card.cycles(line, 60.0)
    assert jitter_frames(off_s) < 0.01
    assert max(abs(off) for off in off_s) * RATE < 1  # the noise is 5 frames on average


def test_a_card_that_runs_slow_is_followed_without_a_step() -> None:
    line, card = FrameLine(RATE), Card(drift=100e-6)
    off_s = card.cycles(line, 90.0)[200:]
    assert jitter_frames(off_s) < 0.05
    assert max(abs(off) for off in off_s[-2000:]) * RATE < 1


def test_frames_that_fall_behind_are_found_again_within_some_cycles() -> None:
    line, card = FrameLine(RATE), Card()
    card.cycles(line, 3.0)
    card.begin_s += 0.04  # an xrun
    off_s = card.cycles(line, 1.0)
    assert abs(off_s[0] + 0.04) < 0.001
    assert all(abs(off) < 0.0002 for off in off_s[4:])
    assert line.lost_s == pytest.approx(0.04, abs=0.0002)


def test_one_cycle_that_is_told_late_moves_nothing() -> None:
    line, card = FrameLine(RATE), Card()
    card.cycles(line, 3.0)
    before_s = line.cycle(card.frame, card.begin_s + 0.02)
    assert before_s == pytest.approx(card.begin_s, abs=0.0001)
    card.frame, card.begin_s = card.frame + PERIOD, card.begin_s + CYCLE_S
    assert jitter_frames(card.cycles(line, 1.0)) < 0.01
    assert abs(line.lost_s) < 0.001


def test_frames_that_run_ahead_are_followed_at_once() -> None:
    line, card = FrameLine(RATE), Card()
    card.cycles(line, 3.0)
    card.begin_s -= 1.0  # a server that renders faster than it plays
    assert all(abs(off) < 0.0005 for off in card.cycles(line, 0.1)[1:])


def test_a_cycle_without_a_second_lies_on_the_line() -> None:
    line = FrameLine(RATE)
    assert math.isnan(line.cycle(1000, None))
    assert line.cycle(1000, 5.0) == 5.0
    assert line.cycle(1000 + PERIOD, None) == pytest.approx(5.0 + CYCLE_S)


def test_the_second_of_any_frame_near_by_is_told_to_whoever_asks() -> None:
    line = FrameLine(RATE)
    assert math.isnan(line.s_of(1000))
    line.cycle(COUNTER - 100, 5.0)
    assert line.s_of(COUNTER - 100 - PERIOD) == pytest.approx(5.0 - CYCLE_S)
    assert line.s_of(PERIOD - 100) == pytest.approx(5.0 + CYCLE_S)


@given(
    seed=st.integers(0, 1000),
    first=st.integers(0, COUNTER - 1),
    drift=st.floats(-3e-4, 3e-4),
    stalls=st.lists(st.tuples(st.floats(0.1, 3), st.floats(0, 0.3)), max_size=5),
)
@example(seed=0, first=0, drift=-4.667202048509554e-05, stalls=[(1.0, 0.001953125)])
def test_whatever_the_server_loses_the_line_never_runs_backwards_but_for_what_it_was_late(
    seed: int, first: int, drift: float, stalls: list[tuple[float, float]]
) -> None:
    line, card = FrameLine(RATE), Card(drift=drift, first=first, seed=seed)
    for seconds, lost_s in stalls:
        said_s = [off + i * PERIOD * card.frame_s for i, off in enumerate(card.cycles(line, seconds))]
        assert all(after > before - 0.001 for before, after in itertools.pairwise(said_s))
        card.begin_s += lost_s
    assert all(abs(off) < 0.0015 for off in card.cycles(line, 3.0)[12:])  # a small loss shows in twelve cycles
