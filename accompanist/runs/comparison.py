"""Several runs side by side: where their settings differ, how far they came, and their curves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from accompanist.runs import checkpoints
from accompanist.runs.folder import RunFolder
from accompanist.runs.history import History, Series

PLACES = ("runs", "name", "threads", "device")
"""Settings that say where and under what name a run was trained, and nothing of what it learnt."""
_BARS = "▁▂▃▄▅▆▇█"


class Curve(msgspec.Struct, frozen=True):
    """One run's curve.

    Args:
        steps: Ascending.
        epochs: Passes through the music at each.
        values: At each.
    """

    steps: list[int]
    epochs: list[float]
    values: list[float]


class Column(msgspec.Struct, frozen=True):
    """One run among others.

    Args:
        name: Of its folder.
        state: See `accompanist.runs.status.Status`.
        step: Last recorded.
        epoch: Of its newest checkpoint.
        trained_s: Seconds of training up to there.
        best_step: Of its best checkpoint; None where there is none.
        settings: Those in which the runs differ.
        best: Metrics of its best checkpoint.
        data: The same of its music.
        losses: Curves by name.
        metrics: Curves by name, of sampled epochs.
    """

    name: str
    state: str
    step: int
    epoch: float
    trained_s: float
    best_step: int | None
    settings: dict[str, Any]
    best: dict[str, float]
    data: dict[str, float]
    losses: dict[str, Curve]
    metrics: dict[str, Curve]


def compared(runs: Sequence[RunFolder], *, most: int = 400) -> list[Column]:
    """The runs, in the order in which they are given.

    Args:
        runs: At least one.
        most: Points of a curve at most.

    Raises:
        AccompanistError: one of them is damaged.
    """
    settings = [msgspec.to_builtins(run.config().train) for run in runs]
    differing = [
        key for key in settings[0] if key not in PLACES and any(each[key] != settings[0][key] for each in settings)
    ]
    return [_column(run, {key: its[key] for key in differing}, most) for run, its in zip(runs, settings, strict=True)]


def _column(run: RunFolder, settings: dict[str, Any], most: int) -> Column:
    history, kept = History(run.record), run.kept()
    best = checkpoints.best_of(kept, run.config().train.best_by)
    return Column(
        name=run.path.name,
        state=run.status().state,
        step=history.last_step,
        epoch=kept[-1].state.epoch if kept else 0.0,
        trained_s=kept[-1].state.trained_s if kept else 0.0,
        best_step=best.state.step if best else None,
        settings=settings,
        best=best.state.metrics if best else {},
        data=history.data,
        losses={name: _curve(history.loss(name, most=most)) for name in history.losses},
        metrics={name: _curve(history.metric(name)) for name in history.metrics},
    )


def _curve(series: Series) -> Curve:
    return Curve(series.steps.tolist(), series.epochs.tolist(), series.values.tolist())


def shown(name: str, value: Any) -> str:
    """A setting's value for the eye; of what a run begins from its run and checkpoint."""
    if isinstance(value, list | tuple):
        return " ".join(map(str, value)) or "none"
    if name == "base":
        *_, run, _, last = ("", "", "", *Path(value).parts)
        return f"{run} {last}" if last.startswith("step-") else last or "nothing"
    return str(value)


def names(columns: Sequence[Column], kind: str) -> list[str]:
    """Names of losses, metrics, best or settings that any of the runs has, in the order in which they first appear."""
    return list(dict.fromkeys(name for column in columns for name in getattr(column, kind)))


def sparkline(curve: Curve, low: float, high: float, width: int = 24) -> str:
    """A curve in a line of text, its means over equal stretches of epochs.

    Args:
        curve: At least one point, else the line is empty.
        low: The bottom of the scale, which all curves beside it share.
        high: Its top.
        width: Characters.
    """
    if not curve.values:
        return ""
    values, epochs = np.array(curve.values), np.array(curve.epochs)
    span = epochs[-1] - epochs[0]
    at = np.zeros(len(values), np.int64) if span <= 0 else ((epochs - epochs[0]) / span * (width - 1)).astype(np.int64)
    found, last = [], values[0]
    for place in range(min(width, len(values)) if span <= 0 else width):
        here = values[at == place]
        last = float(here.mean()) if len(here) else last
        share = (last - low) / (high - low) if high > low else 0.5
        found.append(_BARS[min(max(int(share * len(_BARS)), 0), len(_BARS) - 1)])
    return "".join(found)
