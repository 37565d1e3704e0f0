"""The record of a run as a picture: losses above, note-in-chord against the data's below."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from accompanist.runs.history import History
from accompanist.runs.thinning import thinned
from training.storage import told, write_whole

MOST_POINTS = 4000
"""Of a curve: more than the picture has columns for."""
GENERATOR, CRITIC, FAINT = "#0072B2", "#D55E00", "#6B7280"


def draw(history: History, target: Path) -> None:
    """Draw a record.

    Args:
        history: What a run recorded.
        target: The PNG to write.

    Raises:
        StorageError: it cannot be written.
    """
    figure = Figure(figsize=(10, 7), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True)
    _losses(above, history)
    _metrics(below, history.epochs)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    with told("the picture of the losses", target):
        write_whole(target, content.getvalue())


def _losses(axes: Axes, history: History) -> None:
    for key, colour, name in (
        ("critic", CRITIC, "critic (minus the estimated distance from the data)"),
        ("generator", GENERATOR, "generator"),
        ("loss", GENERATOR, "loss"),
        ("chord", CRITIC, "surprise at the chord (nats)"),
        ("follow", FAINT, "following the melody, beyond chance"),
    ):
        curve = history.loss(key)
        if not len(curve.values):
            continue
        shown = thinned(curve.values, MOST_POINTS)
        axes.plot(curve.epochs[shown], curve.values[shown], color=colour, alpha=0.25, linewidth=0.7)
        axes.plot(curve.epochs[shown], _smooth(curve.values)[shown], color=colour, linewidth=1.5, label=name)
    axes.set_ylabel("loss")
    if axes.lines:
        axes.legend(loc="best", frameon=False)
    axes.grid(alpha=0.2)


def _metrics(axes: Axes, epochs: list[dict[str, Any]]) -> None:
    at = [line["epoch"] for line in epochs]
    for key, colour, name in (
        ("note_in_chord", GENERATOR, "note in chord"),
        ("note_in_chord_chance", FAINT, "the same by chance"),
    ):
        axes.plot(at, [line["metrics"][key] for line in epochs], color=colour, marker="o", markersize=3, label=name)
        axes.plot(at, [line["data"][key] for line in epochs], color=colour, linestyle="--", label=f"{name}, data")
    axes.set_xlabel("epoch")
    axes.set_ylim(0, 1)
    axes.legend(loc="best", frameon=False, ncols=2)
    axes.grid(alpha=0.2)


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the last fiftieth of the steps, or what there is of it."""
    width = max(len(values) // 50, 1)
    sums = np.cumsum(np.concatenate([[0.0], values]))
    end = np.arange(1, len(values) + 1)
    begin = np.maximum(end - width, 0)
    return np.asarray((sums[end] - sums[begin]) / (end - begin))
