"""What a job is, and what is told of it while it waits, runs and after."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from accompanist.config import TrainConfig

APPLICATION = "accompanist"
QUEUE = "training"
WORKFLOW = "training"
EVENT = "doing"
"""Under which a worker tells what it is doing."""
VERSION = "1"
"""Of the workflow's steps: a worker takes no job that was begun with other ones."""

Step = Literal["prepare", "train", "evaluate", "export", "report"]
State = Literal["queued", "running", "interrupted", "finished", "failed", "cancelled"]
OVER: tuple[State, ...] = ("finished", "failed", "cancelled")


class Job(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What is to be trained.

    Args:
        train: The run's settings. `runs` is the worker's own business: all runs of a queue stand in one folder.
        run: Name of a run's folder to go on with, whoever began it; empty: a new one.
    """

    train: TrainConfig
    run: str = ""

    @property
    def title(self) -> str:
        """What to call it in a list."""
        return self.run or title_of(self.train)


class Doing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a worker is doing for a job at this moment.

    Args:
        step: Which of the job's steps.
        run: Name of the run's folder; empty before there is one.
        epoch: Passes through the music done, fractions included.
        epochs: Of how many; 0: not known yet.
        trained_steps: Steps of training done.
        losses: Of the last of them.
        metrics: Of the last sampled epoch.
        left_s: Seconds of training left at the present speed; None: not known yet.
    """

    step: Step
    run: str = ""
    epoch: float = 0.0
    epochs: int = 0
    trained_steps: int = 0
    losses: dict[str, float] = {}
    metrics: dict[str, float] = {}
    left_s: float | None = None


class JobStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a job stands.

    Args:
        id: Its name.
        state: queued: no worker has it yet. running. interrupted: its worker died; the next one goes on with it.
            finished, failed, cancelled: it is over, though the latter two can be resumed.
        title: The name asked for, or the recipe and its data.
        doing: What was told last of its work; None before it began.
        worker: Who has it, or had it last.
        submitted: When, as ISO 8601 in UTC.
        ended: When; empty before.
        error: Why it failed.
        hint: What to do about that.
        result: Of a finished job: run, best checkpoint with its metrics, model, report.
    """

    id: str
    state: State
    title: str
    doing: Doing | None = None
    worker: str = ""
    submitted: str = ""
    ended: str = ""
    error: str = ""
    hint: str = ""
    result: dict[str, Any] = {}

    @property
    def over(self) -> bool:
        """Whether nothing more happens of its own accord."""
        return self.state in OVER


def title_of(train: TrainConfig) -> str:
    """What to call a job in a list."""
    return train.name or "-".join([train.model, *train.data])
