"""What a run's checkpoints say of themselves; their tensors are `training.checkpoint`'s business."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from accompanist.errors import TrainingError

BEST_BY = "similarity_index"
"""Metric that the best checkpoint is best by, where no other is asked for."""
LOWER_IS_BETTER = frozenset({"similarity_index"})
"""Metrics of which the lowest value is the best; of all others it is the highest."""
DAMAGED = ".damaged"
"""Suffix of the folder of a checkpoint that was found damaged: it is none any more, and may be deleted."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Where a checkpoint stands.

    Args:
        step: Generator updates done.
        epoch: Passes through the training windows, fractions included.
        record_bytes: Length of the record at this moment; what lies behind it was written later.
        trained_s: Seconds spent training so far, over all sessions.
        metrics: Of the last epoch that was sampled.
        sampled: Whether that was this very checkpoint.
        sums: SHA-256 of each file of tensors, by its name; empty in older checkpoints.
    """

    step: int
    epoch: float
    record_bytes: int
    trained_s: float = 0.0
    metrics: dict[str, float] = {}
    sampled: bool = False
    sums: dict[str, str] = {}


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


def best_in(folder: Path, by: str = BEST_BY) -> Path | None:
    """The best checkpoint, those that cannot be read left out: see `best_of`.

    Raises:
        TrainingError: there are checkpoints, and all of them are damaged.
    """
    found = all_in(folder)
    best = best_of(readable(found), by)
    if best is None and found:
        read_state(found[-1])
    return best.path if best else None


def best_of(kept: Sequence[Checkpoint], by: str = BEST_BY) -> Checkpoint | None:
    """The checkpoint that is best by a metric, the newer of equals; else the newest; else None.

    The one before the first step is no candidate: chance may give it a coupling, but it has learnt nothing.

    Args:
        kept: Of one run, oldest first.
        by: The metric.
    """
    scored = [each for each in kept if each.state.step > 0 and each.state.sampled and by in each.state.metrics]
    if scored:
        sign = -1 if by in LOWER_IS_BETTER else 1
        return max(scored, key=lambda each: (sign * each.state.metrics[by], each.path))
    return kept[-1] if kept else None


def readable(paths: Iterable[Path]) -> list[Checkpoint]:
    """Those checkpoints that say where they stand."""
    found = []
    for path in paths:
        try:
            found.append(Checkpoint(path, read_state(path)))
        except TrainingError:  # a damaged one is none; who loads it is told
            continue
    return found


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
