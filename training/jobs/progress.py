"""How far a run has come and how long it still takes, told from its record while another process trains it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import msgspec

from accompanist.jobs.job import Doing
from accompanist.runs import History, RunFolder

PACE_OVER = 60
"""Looks, a second or so apart, over which the speed is taken: it follows what the machine does now."""


class Pace:
    """Follows a run.

    Args:
        folder: The run's.
        clock: Seconds, monotonic.
    """

    def __init__(self, folder: RunFolder, clock: Callable[[], float]) -> None:
        self._history = History(folder.record)
        self._epochs = folder.epochs()
        self._clock = clock
        self._seen: deque[tuple[float, float]] = deque(maxlen=PACE_OVER)

    def seen(self, doing: Doing) -> Doing:
        """The same with what the record says now."""
        history = self._history
        if history.update():  # cut back: a session begins again from its checkpoint
            self._seen.clear()
        ends = {name: history.loss(name) for name in history.losses}
        last = max((series.steps[-1] for series in ends.values() if len(series.steps)), default=0)
        losses = {name: float(curve.values[-1]) for name, curve in ends.items() if curve.steps[-1] == last}
        epoch = max([0.0, *(float(curve.epochs[-1]) for curve in ends.values())])
        if history.epochs:
            epoch = max(epoch, float(history.epochs[-1]["epoch"]))
        return msgspec.structs.replace(
            doing,
            epoch=round(min(epoch, self._epochs), 4),
            epochs=self._epochs,
            trained_steps=history.last_step,
            losses=losses,
            metrics=dict(history.epochs[-1]["metrics"]) if history.epochs else {},
            left_s=self._left_s(epoch),
        )

    def _left_s(self, epoch: float) -> float | None:
        """Seconds left; None until two different moments were seen."""
        now_s = self._clock()
        if not self._seen or epoch != self._seen[-1][1]:
            self._seen.append((now_s, epoch))
        since_s, since = self._seen[0]
        if epoch <= since:
            return None
        left = max(self._epochs - epoch, 0.0)  # the last step may reach beyond the last epoch
        return round(left * (self._seen[-1][0] - since_s) / (epoch - since), 1)
