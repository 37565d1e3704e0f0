"""Which way of running the model is best, judged by how long its answers took at the pace of play.

A median says little to a musician: what counts is the answer that comes last. So the ways are compared by their worst
answer, and where two are about as good the simpler one is taken: the CPU before a card, one thread before two, a card
left alone before one that is kept warm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

CLEARLY = 0.9
"""A way is better than a simpler one where its worst answer takes less than this share of the other's time."""
WORTH_TWO_THREADS_S = 0.005
"""A second thread is tried where one takes longer than this for an answer: below, nobody gains anything by it."""
CORES_FOR_TWO_THREADS = 4
"""Two threads on two cores starve the MIDI system."""
_MOST_CALLS, _FEWEST_CALLS = 5, 3
_LONGEST_S = 4.0


class Way(msgspec.Struct, frozen=True):
    """A way to run the model.

    Args:
        provider: Our name of the execution provider.
        threads: On the CPU.
        kept_warm: Whether the pauses between answers are filled, so that a card does not clock down.
    """

    provider: str
    threads: int = 1
    kept_warm: bool = False

    def __str__(self) -> str:
        """As it is shown: "cuda kept warm"."""
        threads = f" with {self.threads} threads" if self.threads > 1 else ""
        return self.provider + threads + (" kept warm" if self.kept_warm else "")


class Timing(msgspec.Struct, frozen=True):
    """How long a way took.

    Args:
        way: Which.
        busy_s: An answer, asked for right after another.
        calls_s: Answers at the pace of play: one a beat, with the pause between.
        run_s: Longest run that only kept the card warm; a question that comes during one waits for its end. 0 without.
    """

    way: Way
    busy_s: float
    calls_s: tuple[float, ...]
    run_s: float = 0.0

    @property
    def worst_s(self) -> float:
        """The longest that an answer may take by what was measured."""
        return max(self.calls_s) + self.run_s


class Choice(NamedTuple):
    """What was taken, and why.

    Args:
        way: What was taken.
        timings: Of all that were timed, the simplest first; none where there was nothing to choose between.
        passed_over: What was not taken, by name, each with the reason.
        earlier: Whether the timings are from an earlier start.
    """

    way: Way
    timings: tuple[Timing, ...]
    passed_over: dict[str, str]
    earlier: bool = False

    @property
    def chosen(self) -> Timing | None:
        """How long the way taken took; None where nothing was timed."""
        return next((timing for timing in self.timings if timing.way == self.way), None)

    def line(self) -> str:
        """What was taken and why the others were passed over, in a line; empty where nothing was weighed."""
        if not self.timings and not self.passed_over:
            return ""
        when = ", as measured at an earlier start" if self.earlier else ""
        why = f"{in_ms(self.chosen)}{when}" if self.chosen else "nothing else loads"
        others = "; ".join(f"{name}: {reason}" for name, reason in self.passed_over.items())
        return f"{self.way} ({why})" + (f"; passed over {others}" if others else "")


def choose(timings: Sequence[Timing], refused: Mapping[str, str], *, earlier: bool = False) -> Choice:
    """Take the way whose worst answer comes soonest; of those about as good, the simplest.

    Args:
        timings: Of at least one way, the simplest first.
        refused: Why other providers were not even timed, by name.
        earlier: Whether the timings are from an earlier start.
    """
    best_s = min(timing.worst_s for timing in timings)
    taken = next(timing for timing in timings if CLEARLY * timing.worst_s <= best_s)
    passed = {
        str(timing.way): in_ms(timing) + (", no clear gain" if timing.worst_s <= taken.worst_s else "")
        for timing in timings
        if timing is not taken
    }
    return Choice(taken.way, tuple(timings), {**passed, **refused}, earlier)


def in_ms(timing: Timing) -> str:
    """A timing in words."""
    text = f"{1000 * timing.worst_s:.1f} ms at worst of {len(timing.calls_s)} answers"
    return f"{text}, one a beat; {1000 * timing.busy_s:.1f} without a pause"


def worth_two_threads(busy_s: float, cores: int) -> bool:
    """Whether a second thread on the CPU is worth a trial.

    Args:
        busy_s: An answer on one thread.
        cores: That this process may use.
    """
    return cores >= CORES_FOR_TWO_THREADS and busy_s > WORTH_TWO_THREADS_S


def worth_keeping_warm(timing: Timing) -> bool:
    """Whether keeping a card warm is worth a trial: even at best an answer waits for one run that only warms.

    Args:
        timing: Of the card left alone.
    """
    return timing.way.provider != "cpu" and 2 * timing.busy_s < CLEARLY * timing.worst_s


def calls_at(beat_s: float) -> int:
    """How many answers are timed, so that it takes a few seconds at any tempo.

    Args:
        beat_s: From one to the next.
    """
    return max(_FEWEST_CALLS, min(_MOST_CALLS, int(_LONGEST_S / beat_s)))
