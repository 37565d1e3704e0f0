"""Folders of runs that nobody trained, written by hand: what reads runs needs no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support.tiny import TINY_SPEC


def make_run(runs: Path, name: str, *, epochs: int = 2, settings: str = "") -> Path:
    """A run's folder as it is before the first step.

    Args:
        runs: The folder of runs.
        name: Its folder's name.
        epochs: Asked for.
        settings: More lines of its [train] table.
    """
    path = runs / name
    (path / "checkpoints").mkdir(parents=True)
    (path / "samples").mkdir()
    (path / "config.toml").write_text(
        f'[train]\nmodel = "musegan"\ndata = ["chorales"]\nepochs = {epochs}\nbatch = 4\nwidth = 4\n{settings}\n'
    )
    (path / "model.json").write_text(TINY_SPEC.to_json())
    (path / "data.json").write_text(json.dumps({"sources": ["chorales"], "windows": {"train": 12}, "digest": "d"}))
    return path


def add_steps(path: Path, first: int, last: int, **losses: float) -> None:
    """Append steps to a run's record: each loss is the given number plus the step."""
    with (path / "metrics.jsonl").open("a") as file:
        for step in range(first, last + 1):
            values = {name: value + step for name, value in losses.items()}
            file.write(json.dumps({"kind": "step", "step": step, "epoch": step / 10, **values}) + "\n")


def add_epoch(path: Path, epoch: int, step: int, **metrics: float) -> None:
    """Append a sampled epoch to a run's record; the data's own values are 1."""
    with (path / "metrics.jsonl").open("a") as file:
        line = {"kind": "epoch", "step": step, "epoch": epoch, "metrics": metrics, "data": dict.fromkeys(metrics, 1.0)}
        file.write(json.dumps(line) + "\n")


def add_checkpoint(path: Path, step: int, epoch: float, **metrics: float) -> Path:
    """A checkpoint without its tensors."""
    folder = path / "checkpoints" / f"step-{step:08d}"
    folder.mkdir()
    state: dict[str, Any] = {"step": step, "epoch": epoch, "record_bytes": 0, "trained_s": 60.0 * epoch}
    (folder / "state.json").write_text(json.dumps({**state, "metrics": metrics, "sampled": bool(metrics)}))
    return folder
