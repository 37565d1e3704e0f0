"""A run's record as the curves of its page: losses with their spikes and smoothed, metrics beside the data's value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accompanist.runs import History, Series
from accompanist.runs.convergence import INDEX

POINTS = 800
"""Of a curve, at most: as many as a wide screen has room for."""
SMOOTH_BLOCKS = 120
CHANCE = {"note_in_chord": "note_in_chord_chance", "file.note_in_chord": "file.note_in_chord_chance"}
"""Metrics that chance has a value of, which is drawn beside them."""
LOSSES = {
    "critic": "critic: minus the distance it sees between what is generated and the data",
    "generator": "generator: minus how real the critic finds it",
    "penalty": "gradient penalty, before its weight",
    "critic_gradient": "norm of the critic's gradient",
    "generator_gradient": "norm of the generator's gradient",
    "critic_rate": "learning rate of the critic",
    "generator_rate": "learning rate of the generator",
    "critic_updates": "critic updates in a step",
    "loss": "loss",
    "chord": "surprise at the chord (nats)",
    "gradient": "norm of the gradient",
    "rate": "learning rate",
    "follow": "following the melody, beyond chance",
    "human_harmony": "how human the critic finds the harmony",
    "human_texture": "how human the critic finds the texture",
    "critic_right": "how often the critic is right",
    "critic_loss": "the critic's loss",
    "distance": "distance from what likelihood taught (nats)",
    "chord_entropy": "freedom in the choice of the chord (nats)",
    "likelihood": "loss of likelihood, beside the critic's phase",
    "loudness": "surprise at the loudness (nats)",
}
"""What is measured at each step, in words; a name that is not here is a track's."""


def losses(history: History) -> list[dict[str, Any]]:
    """A chart for each thing measured at every step that changes: all points worth seeing, and the smoothed curve."""
    found = []
    for name in sorted(history.losses, key=_rank):
        series = history.loss(name)
        if not np.ptp(series.values):
            continue
        thin = history.loss(name, most=POINTS)
        low, high = _window(series.values)
        found.append(
            {
                "title": _title(name),
                "lines": [_line("each step", thin, "faint"), _line("smoothed", _smooth(series), "model")],
                "low": low,
                "high": high,
            }
        )
    return found


def constants(history: History) -> list[tuple[str, float]]:
    """What was the same at every step, such as a learning rate that nothing changes: no curve."""
    each = [(name, history.loss(name).values) for name in sorted(history.losses, key=_rank)]
    return [(_title(name), float(values[0])) for name, values in each if not np.ptp(values)]


def metrics(history: History) -> list[dict[str, Any]]:
    """A chart for each metric, the index first: what the model plays, what people play, chance where it is known."""
    names = [name for name in history.metrics if name not in CHANCE.values()]
    names.sort(key=lambda name: (name != INDEX, "." in name))
    return [_metric(history, name) for name in names]


def distances(history: History) -> list[tuple[str, float]]:
    """What the newest similarity index is the mean of, the farthest first."""
    found: Mapping[str, float] = history.epochs[-1].get("distances", {}) if history.epochs else {}
    return sorted(((words(name), value) for name, value in found.items()), key=lambda each: -each[1])


def words(name: str) -> str:
    """A metric's name as one reads it: piano.empty_bar_rate becomes "piano: empty bar rate"."""
    track, dot, what = name.rpartition(".")
    return f"{track}{': ' if dot else ''}{what.replace('_', ' ').replace('c major', 'C major')}"


def _title(name: str) -> str:
    return LOSSES.get(name, f"surprise at the {name} (nats)")


def _metric(history: History, name: str) -> dict[str, Any]:
    lines = [_line("the model", history.metric(name), "model")]
    for label, data, colour in (
        ("people", name, "people"), ("the model by chance", CHANCE.get(name, ""), "chance"),
    ):  # fmt: skip
        if label == "people" and name in history.data:
            at = history.metric(name)
            lines.append(_line(label, at._replace(values=np.full(len(at.values), history.data[data])), colour))
        elif data in history.metrics:
            lines.append(_line(label, history.metric(data), colour))
    return {"title": words(name), "lines": lines, "low": None, "high": None}


def _line(label: str, series: Series, colour: str) -> dict[str, Any]:
    points = [[round(float(x), 4), float(f"{y:.5g}")] for x, y in zip(series.epochs, series.values, strict=True)]
    return {"label": label, "colour": colour, "points": points}


def _smooth(series: Series) -> Series:
    """Means of blocks, each at its middle; the curve itself where there are not two steps to a block."""
    count = len(series.values)
    if count < 2 * SMOOTH_BLOCKS:
        return series
    edges = np.arange(SMOOTH_BLOCKS + 1) * count // SMOOTH_BLOCKS
    middle = (edges[:-1] + edges[1:]) // 2
    means = np.add.reduceat(series.values, edges[:-1]) / np.diff(edges)
    return Series(series.steps[middle], series.epochs[middle], means)


def _window(values: NDArray[np.float64]) -> tuple[float, float]:
    """What of a loss's height is shown: the first steps, and rare spikes, would leave no room for all the others."""
    later = values[len(values) // 50 :]
    low, high = (float(value) for value in np.quantile(later, (0.002, 0.998)))
    margin = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    return low - margin, high + margin


def _rank(name: str) -> int:
    order = list(LOSSES)
    return order.index(name) if name in order else order.index("chord")
