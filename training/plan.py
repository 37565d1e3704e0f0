"""How the steps of a training add up to epochs, and where it stands among them."""

from __future__ import annotations

import math
from typing import NamedTuple

from accompanist.config import TrainConfig
from training.recipe import Step


class Progress(NamedTuple):
    """Where training stands, for the eye.

    Args:
        step: Steps done.
        steps: Of how many.
        epoch: Passes through what is learnt from.
        epochs: Of how many.
        losses: Of the last step; None before the first.
        metrics: Of the last sampled epoch.
        elapsed_s: Since this session began.
        session_steps: Steps of this session.
    """

    step: int
    steps: int
    epoch: float
    epochs: int
    losses: dict[str, float] | None
    metrics: dict[str, float]
    elapsed_s: float
    session_steps: int


class Plan:
    """How steps add up to epochs.

    Args:
        config: Epochs between samples.
        step: How many epochs, how much there is to learn from, and how much of it a step sees.
    """

    def __init__(self, config: TrainConfig, step: Step) -> None:
        self.extent = step.extent
        self.per_step = step.per_step
        self.epochs = step.epochs
        self.sample_every = config.sample_every
        self.steps = math.ceil(self.epochs * self.extent / self.per_step)

    def epoch_at(self, step: int) -> float:
        """Passes through all of it after so many steps."""
        return step * self.per_step / self.extent

    def epochs_done(self, step: int) -> int:
        """Whole passes after so many steps; no more than were asked for."""
        return min(step * self.per_step // self.extent, self.epochs)

    def ends_an_epoch(self, step: int) -> bool:
        """Whether a pass is complete with this step."""
        return self.epochs_done(step) > self.epochs_done(step - 1)

    def samples_at(self, step: int) -> bool:
        """Whether samples and metrics are due after so many steps."""
        rounds = self.epochs_done(step) // self.sample_every
        return step in (0, self.steps) or rounds > self.epochs_done(step - 1) // self.sample_every
