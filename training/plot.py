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

from training import record
from training.storage import told, write_whole

GENERATOR, CRITIC, FAINT = "#0072B2", "#D55E00", "#6B7280"


def draw(source: Path, target: Path) -> None:
    """Draw a record.

    Args:
        source: A run's `metrics.jsonl`.
        target: The PNG to write.

    Raises:
        StorageError: it cannot be written.
    """
    lines = list(record.read(source))
    steps = [line for line in lines if line["kind"] == "step"]
    epochs = [line for line in lines if line["kind"] == "epoch"]
    figure = Figure(figsize=(10, 7), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True)
    _losses(above, steps)
    _metrics(below, epochs)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    with told("the picture of the losses", target):
        write_whole(target, content.getvalue())


def _losses(axes: Axes, steps: list[dict[str, Any]]) -> None:
    for key, colour, name in (
        ("critic", CRITIC, "critic (minus the estimated distance from the data)"),
        ("generator", GENERATOR, "generator"),
        ("loss", GENERATOR, "loss"),
        ("chord", CRITIC, "surprise at the chord (nats)"),
        ("follow", FAINT, "following the melody, beyond chance"),
    ):
        there = [line for line in steps if key in line]
        if not there:
            continue
        at = [line["epoch"] for line in there]
        values = np.array([line[key] for line in there])
        axes.plot(at, values, color=colour, alpha=0.25, linewidth=0.7)
        axes.plot(at, _smooth(values), color=colour, linewidth=1.5, label=name)
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
