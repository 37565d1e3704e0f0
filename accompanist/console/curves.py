"""A run's curves for the browser: thinned when it opens the page, and then what is new.

Whoever follows a run is told a place, `cuts:step:epochs`: how often its record was cut back, the last step and how many
sampled epochs there are. Whoever says it again goes on from there; of a run whose record was cut back since, because it
was resumed from a checkpoint, all is told anew.
"""

from __future__ import annotations

import re
import threading
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from accompanist.runs import History, RunFolder, Series
from accompanist.runs.convergence import convergence_of
from accompanist.runs.thinning import thinned

MOST_POINTS = 1200
"""Of one curve: more than a screen has columns for."""
MOST_OPEN = 8
"""Records kept in memory; one of a million steps is some tens of megabytes."""
DIGITS = 6


class Curves(msgspec.Struct, kw_only=True):
    """What a follower lacks.

    Args:
        anew: It replaces what the follower has, instead of being added to it.
        place: Where to go on from.
        losses: By name: steps, epochs and values.
        rows: Sampled epochs: step, epoch, metrics.
        data: The music's own value of each metric.
        verdict: Whether the run still gets anywhere, in a sentence.
    """

    anew: bool
    place: str
    losses: dict[str, tuple[list[int], list[float], list[float]]]
    rows: list[dict[str, Any]]
    data: dict[str, float]
    verdict: str

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it."""
        return not (self.anew or self.rows or any(steps for steps, _, _ in self.losses.values()))


class Followed:
    """The records of the runs that somebody looks at; safe to use from several threads."""

    def __init__(self) -> None:
        self._open: OrderedDict[Path, History] = OrderedDict()
        self._cuts: Counter[Path] = Counter()
        self._verdicts: dict[Path, tuple[str, str]] = {}
        self._lock = threading.Lock()

    def since(self, run: RunFolder, place: str | None) -> Curves:
        """What came after a place.

        Args:
            run: Any run.
            place: Of what was told before; None, or none that the run has: all there is, thinned.

        Raises:
            DataError: the record is damaged.
        """
        with self._lock:
            history = self._history(run.record)
            cuts = self._cuts[run.record]
            step, rows = _parsed(place, cuts)
            anew = step < 0 or step > history.last_step or rows > len(history.epochs)
            if anew:
                step, rows = -1, 0
            return Curves(
                anew=anew,
                place=f"{cuts}:{history.last_step}:{len(history.epochs)}",
                losses={name: _after(history.loss(name), step) for name in history.losses},
                rows=[_row(line) for line in history.epochs[rows:]],
                data=history.data,
                verdict=self._verdict(run.record, f"{cuts}:{history.last_step}:{len(history.epochs)}", history),
            )

    def _verdict(self, record: Path, place: str, history: History) -> str:
        """Looked for once, however many look on."""
        known = self._verdicts.get(record)
        if known is None or known[0] != place:
            known = self._verdicts[record] = (place, convergence_of(history).sentence)
        return known[1]

    def _history(self, record: Path) -> History:
        history = self._open.pop(record, None)
        if history is None:
            history = History(record)
        elif history.update():
            self._cuts[record] += 1
        self._open[record] = history
        while len(self._open) > MOST_OPEN:
            self._open.popitem(last=False)
        return history


def _parsed(place: str | None, cuts: int) -> tuple[int, int]:
    """Step and sampled epochs of a place; (-1, 0) where it is none of this record."""
    match = re.fullmatch(r"(\d{1,9}):(\d{1,15}):(\d{1,9})", place or "", re.ASCII)
    return (int(match[2]), int(match[3])) if match and int(match[1]) == cuts else (-1, 0)


def _after(curve: Series, step: int) -> tuple[list[int], list[float], list[float]]:
    first = int(np.searchsorted(curve.steps, step, side="right"))
    kept = first + thinned(curve.values[first:], MOST_POINTS)
    return (
        curve.steps[kept].tolist(),
        np.round(curve.epochs[kept], DIGITS).tolist(),
        [float(f"{value:.{DIGITS}g}") for value in curve.values[kept]],
    )


def _row(line: dict[str, Any]) -> dict[str, Any]:
    return {"step": line["step"], "epoch": line["epoch"], "metrics": line["metrics"]}
