"""What a run's checkpoints say of themselves; their tensors are `training.checkpoint`'s business."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from accompanist.errors import TrainingError

BEST_BY = "coupling"
"""Metric of which the highest value marks the best checkpoint."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Where a checkpoint stands.

    Args:
        step: Generator updates done.
        epoch: Passes through the training windows, fractions included.
        record_bytes: Length of the record at this moment; what lies behind it was written later.
        trained_s: Seconds spent training so far, over all sessions.
        metrics: Of the last epoch that was sampled.
        sampled: Whether that was this very checkpoint.
    """

    step: int
    epoch: float
    record_bytes: int
    trained_s: float = 0.0
    metrics: dict[str, float] = {}
    sampled: bool = False


class Checkpoint(NamedTuple):
    """One checkpoint of a run.

    Args:
        path: Its folder.
        state: Where it stands.
    """

    path: Path
    state: State


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder is one checkpoint, rather than a run."""
    return (folder / "state.json").is_file()


def path_of(folder: Path, step: int) -> Path:
    """Where the checkpoint after so many steps is kept."""
    return folder / f"step-{step:08d}"


def all_in(folder: Path) -> list[Path]:
    """Checkpoints of a run, oldest first."""
    return sorted(path for path in folder.glob("step-*") if re.fullmatch(r"step-\d+", path.name) and path.is_dir())


def best_in(folder: Path) -> Path | None:
    """The checkpoint with the strongest coupling: see `best_of`."""
    best = best_of([Checkpoint(path, read_state(path)) for path in all_in(folder)])
    return best.path if best else None


def best_of(kept: Sequence[Checkpoint]) -> Checkpoint | None:
    """The checkpoint with the strongest coupling, the newer of equals; else the newest; else None.

    The one before the first step is no candidate: chance may give it a coupling, but it has learnt nothing.

    Args:
        kept: Of one run, oldest first.
    """
    scored = [each for each in kept if each.state.step > 0 and each.state.sampled and BEST_BY in each.state.metrics]
    if scored:
        return max(scored, key=lambda each: (each.state.metrics[BEST_BY], each.path))
    return kept[-1] if kept else None


def read_state(path: Path) -> State:
    """Where a checkpoint stands.

    Raises:
        TrainingError: the folder is damaged.
    """
    try:
        return msgspec.json.decode((path / "state.json").read_bytes(), type=State)
    except (OSError, msgspec.MsgspecError) as error:
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> TrainingError:
    """The error for a checkpoint that cannot be used."""
    return TrainingError(
        f"the checkpoint {path} is damaged: {error}", hint="delete that folder; the one before it is used then"
    )
