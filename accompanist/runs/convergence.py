"""Whether a run still gets anywhere: pure arithmetic on what it recorded, and the sentence that says it.

Two things are watched, because neither tells all:

The similarity index, at sampled epochs. It has stopped improving where its smoothed curve (median of five neighbours)
has not fallen below its best so far, by more than it trembles, for ten sampled epochs and a quarter of all.

The loss of the newest phase, at every step. A loss of an adversarial game does not fall for ever: the critic's grows
again as it learns to hear more. What tells is that it is level: smoothed to the medians of forty blocks, of 25 steps
or more, the last quarter of them lie in a band around their mean, to either side a twentieth of the curve's height, or
four times what neighbours differ by for no reason. Single steps dip below that band; the lowest of them is told. Of the
classic recipe the critic's loss is watched (minus the estimated distance from the data); the generator's has no zero of
its own, and drifts with the critic's taste.

Neither is asked early. Untrained noise stands nearer to the data than the silence that a generator learns first, and
the critic's loss begins at a height beside which all that follows looks level.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from accompanist.runs.history import History, Series

INDEX = "similarity_index"
LOSSES = {"critic": "the critic's loss", "loss": "the loss"}
"""Losses that are watched, of whatever recipe has them, and what they are called."""
PATIENCE = 10
"""Sampled epochs without improvement, at least."""
PATIENCE_SHARE = 0.25
"""The same as a share of all; and of a loss the share of its steps that must be level."""
BLOCKS = 40
BLOCK_STEPS = 25
"""Steps of a block, at least: medians of fewer say little, and the first thousand steps are a fall from a height."""
BAND_SHARE = 0.05
"""Half of the band that is level, as a share of the curve's height without its outermost tenths."""
IMPROVEMENT_SHARE = 0.02
"""Of the height from the worst to the best: less is no improvement."""
IMPROVEMENT_TREMBLES, BAND_TREMBLES = 1.0, 4.0
"""The same, in what neighbours usually differ by for no reason: of an improvement (a smoothed curve trembles half as
much), and of half the band."""


class Trend(NamedTuple):
    """The similarity index.

    Args:
        sampled: Epochs at which it was taken, the one before the first step included.
        since: Epoch of its last improvement, where that is long enough ago, 0 where it never was better than before the
            first step; None: it still improves, or who knows.
        best: Value at its last improvement, smoothed.
        best_epoch: When that was.
        last: Newest value.
    """

    sampled: int
    since: float | None
    best: float
    best_epoch: float
    last: float


class Level(NamedTuple):
    """A loss.

    Args:
        name: As in the record.
        since: Epoch since when it is level; None: it still moves, or there are too few steps to tell.
        lowest: Its lowest value since then, or of the last quarter of the steps.
        tellable: Whether there were steps enough.
    """

    name: str
    since: float | None
    lowest: float
    tellable: bool


class Convergence(NamedTuple):
    """How a run stands.

    Args:
        similarity: None where it was never taken.
        losses: Those watched of the newest phase.
    """

    similarity: Trend | None
    losses: tuple[Level, ...]

    @property
    def plateau(self) -> bool:
        """Whether going on is of no use: the index has stopped improving, and every loss is level."""
        flat = self.similarity is not None and self.similarity.since is not None
        return flat and all(loss.since is not None for loss in self.losses)

    @property
    def sentence(self) -> str:
        """The same in words."""
        found = [_of_similarity(self.similarity)] if self.similarity else []
        found += [_of_loss(loss) for loss in self.losses]
        if not found:
            return "Nothing is recorded yet."
        text = "; ".join(found)
        return text[:1].upper() + text[1:] + "."


def convergence_of(history: History) -> Convergence:
    """How a run stands, from its record."""
    index = history.metric(INDEX)
    losses = [(name, _newest_phase(history, history.loss(name))) for name in LOSSES]
    return Convergence(
        _trend(index) if len(index.values) else None,
        tuple(_level(name, series) for name, series in losses if len(series.values)),
    )


def last_improvement(values: NDArray[np.float64]) -> int:
    """Where a curve last fell below its best so far by more than it trembles.

    Args:
        values: (N,), at least one; lower is better.

    Returns:
        Index; 0 where it never did.
    """
    smooth = _smooth(values)
    least = max(IMPROVEMENT_SHARE * float(np.ptp(smooth)), IMPROVEMENT_TREMBLES * _trembling(values))
    best, at = smooth[0], 0
    for i, value in enumerate(smooth):
        if value < best - least:
            best, at = value, i
    return at


def level_since(values: NDArray[np.float64]) -> int | None:
    """Since when a curve keeps within the band around its end.

    Args:
        values: (N,), smooth, at least four.

    Returns:
        The first index of those that all lie in the band; None where the last quarter does not.
    """
    quarter = max(round(len(values) * PATIENCE_SHARE), 1)
    height = float(np.quantile(values, 0.9) - np.quantile(values, 0.1))
    half = max(BAND_SHARE * height, BAND_TREMBLES * _trembling(values))
    outside = np.flatnonzero(np.abs(values - values[-quarter:].mean()) > half)
    since = int(outside[-1]) + 1 if len(outside) else 0
    return since if len(values) - since >= quarter else None


def _trend(series: Series) -> Trend:
    count = len(series.values)
    at = last_improvement(series.values)
    waited = count - 1 - at
    flat = waited >= max(PATIENCE, PATIENCE_SHARE * count)
    epoch, best = float(series.epochs[at]), float(_smooth(series.values)[at])
    return Trend(count, epoch if flat else None, best, epoch, float(series.values[-1]))


def _level(name: str, series: Series) -> Level:
    count = len(series.values)
    lately = series.values[-max(round(count * PATIENCE_SHARE), 1) :]
    if count < BLOCKS * BLOCK_STEPS:
        return Level(name, None, float(lately.min()), tellable=False)
    edges = np.arange(BLOCKS + 1) * count // BLOCKS
    blocks = [np.median(series.values[begin:end]) for begin, end in pairwise(edges)]
    since = level_since(np.array(blocks))
    if since is None:
        return Level(name, None, float(lately.min()), tellable=True)
    first = edges[since]
    return Level(name, float(series.epochs[first]), float(series.values[first:].min()), tellable=True)


def _newest_phase(history: History, series: Series) -> Series:
    """What of a curve is comparable with its end: a phase of training has a loss of its own."""
    there = series.steps >= history.phase_began
    return Series(series.steps[there], series.epochs[there], series.values[there])


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each value's median with two neighbours on either side; with fewer, as many on each, towards the two ends."""
    last = len(values) - 1
    reach = [min(i, last - i, 2) for i in range(last + 1)]
    return np.array([np.median(values[i - near : i + near + 1]) for i, near in enumerate(reach)])


def _trembling(values: NDArray[np.float64]) -> float:
    """By how much neighbours usually differ for no reason, in the later half.

    A slope is no trembling, so what is taken is how far a value lies from its neighbours' mean: of mere noise the
    square root of 3/4 of how far neighbours lie apart.
    """
    late = values[len(values) // 2 :]
    bends = np.abs(late[1:-1] - (late[:-2] + late[2:]) / 2)
    return float(np.median(bends)) / math.sqrt(0.75) if len(bends) else 0.0


def _of_similarity(index: Trend) -> str:
    if index.since == 0:
        return (
            f"not better than before the first step: the similarity index was {index.best:.3f} then and is "
            f"{index.last:.3f} now, after {index.sampled - 1} sampled epochs"
        )
    if index.since is not None:
        return (
            f"no longer improving since epoch {index.since:g}: the similarity index was {index.best:.3f} then and is "
            f"{index.last:.3f} now"
        )
    if index.sampled <= PATIENCE:
        return f"too early to tell by the similarity index, {index.last:.3f} now: {index.sampled} sampled so far"
    return f"still improving: the similarity index was at its best at epoch {index.best_epoch:g}, {index.best:.3f}"


def _of_loss(loss: Level) -> str:
    name = LOSSES[loss.name]
    if loss.since is not None:
        return f"{name} is level since epoch {loss.since:.3g}, spikes down to {loss.lowest:.3g}"
    if not loss.tellable:
        return f"too few steps to tell by {name}"
    return f"{name} still moves"
