"""Timing a model at the pace of play: one answer a beat, with the pause between."""

from __future__ import annotations

import statistics
import threading
from typing import Protocol

from accompanist.runtime.choice import Timing, Way, calls_at
from accompanist.runtime.clock import Clock
from accompanist.runtime.warmth import Warmth

_FIRST_CALLS = 3
"""Not timed: onnxruntime plans its memory, a card loads its programs."""
_BUSY_CALLS = 3


class Model(Protocol):
    """What is timed."""

    def run_again(self) -> None:
        """Compute an answer."""
        ...


def timed(model: Model, way: Way, beat_s: float, clock: Clock) -> Timing:
    """Ask a model at the pace of play, for a few seconds.

    Args:
        model: Loaded the way that is meant.
        way: Whether the pauses are filled is done here; the rest is a name.
        beat_s: From one question to the next.
        clock: What the seconds are of.
    """
    for _ in range(_FIRST_CALLS):
        model.run_again()
    busy_s = statistics.median(_took_s(model, clock) for _ in range(_BUSY_CALLS))
    warmth = Warmth(busy_s) if way.kept_warm else None
    calls_s, run_s = [], 0.0
    for _ in range(calls_at(beat_s)):
        asked_s = clock.now() + beat_s
        if warmth is not None:
            run_s = max(run_s, _kept_warm(model, warmth, asked_s, clock))
        clock.wait(asked_s, threading.Event())
        if warmth is not None:
            warmth.asked(clock.now())
        calls_s.append(_took_s(model, clock))
        if warmth is not None:
            warmth.ended(clock.now())
    return Timing(way, busy_s, tuple(calls_s), run_s)


def _kept_warm(model: Model, warmth: Warmth, until_s: float, clock: Clock) -> float:
    """Fill a pause as the inference thread does; returns the longest run in it, in seconds."""
    longest_s = 0.0
    while (due_s := warmth.next_s(clock.now())) < until_s:
        clock.wait(due_s, threading.Event())
        longest_s = max(longest_s, _took_s(model, clock))
        warmth.ended(clock.now())
    return longest_s


def _took_s(model: Model, clock: Clock) -> float:
    began_s = clock.now()
    model.run_again()
    return clock.now() - began_s
