"""When a graphics card that clocks down in the pauses is given something to do, so that the next answer comes fast.

It runs the model on whatever stands in its inputs, a few times a second, in the inference thread. A question that comes
during such a run waits for its end; so none is begun when the next question is about due: questions come once a beat.
"""

from __future__ import annotations

WARM_EVERY_S = 0.1
"""Pause between two runs that only keep a card warm."""
_GUARD = 1.5
"""How many of such runs' lengths before an expected question none is begun."""


class Warmth:
    """Says when the next run that only keeps a card warm is due.

    Args:
        run_s: How long such a run takes.
        every_s: Pause between two of them.
    """

    def __init__(self, run_s: float, *, every_s: float = WARM_EVERY_S) -> None:
        self._guard_s = _GUARD * run_s
        self._every_s = every_s
        self._asked_s: float | None = None
        self._period_s: float | None = None
        self._ended_s: float | None = None

    def asked(self, at_s: float) -> None:
        """A question has come."""
        if self._asked_s is not None:
            self._period_s = at_s - self._asked_s
        self._asked_s = at_s

    def ended(self, at_s: float) -> None:
        """A run, of whatever kind, has ended."""
        self._ended_s = at_s

    def next_s(self, now_s: float) -> float:
        """When to keep the card warm again, should no question come before; at once where nothing has run yet."""
        due_s = now_s if self._ended_s is None else max(self._ended_s + self._every_s, now_s)
        if self._asked_s is None or self._period_s is None:
            return due_s
        expected_s = self._asked_s + self._period_s
        waits = expected_s - self._guard_s < due_s <= expected_s + self._every_s
        return expected_s + self._every_s + self._guard_s if waits else due_s
