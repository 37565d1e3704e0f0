"""The training loop: *when* things happen. What a step does is `training.step`'s business.

    for each step:   critic_updates x (fresh windows -> critic), then the generator once
    each second:     losses to the record, a line to the terminal
    each epoch:      samples, metrics, a checkpoint          (epoch 0, before any step, included)
    each 5 minutes:  a checkpoint
    on Ctrl-C:       the step is finished, a checkpoint

An epoch is one pass of the training windows through the critic. Losses stay on their device until a second has passed,
so that an accelerator is never waited for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from accompanist.config import TrainConfig
from accompanist.errors import TrainingError
from training import checkpoint, plot
from training.augment import random_shifts
from training.order import CRITIC, GENERATOR, TRANSPOSITION, Order, seed_for
from training.record import Losses, Record
from training.rundir import RunDir
from training.step import ClassicStep
from training.windows import WindowSet

FLUSH_S = 1.0
"""Seconds between lines to the record and the terminal."""
CHECKPOINT_S = 300.0
"""Seconds of work that a crash may cost at most."""


class Progress(NamedTuple):
    """Where training stands, for the eye.

    Args:
        step: Generator updates done.
        steps: Of how many.
        epoch: Passes through the windows.
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
    losses: Losses | None
    metrics: dict[str, float]
    elapsed_s: float
    session_steps: int


class Plan:
    """How windows, batches and epochs add up to steps.

    Args:
        config: Batch, critic updates, epochs, epochs between samples.
        windows: In the training split.
    """

    def __init__(self, config: TrainConfig, windows: int) -> None:
        self.windows = windows
        self.windows_per_step = config.batch * config.critic_updates
        self.epochs = config.epochs
        self.sample_every = config.sample_every
        self.steps = math.ceil(config.epochs * windows / self.windows_per_step)

    def epoch_at(self, step: int) -> float:
        """Passes through the windows after so many steps."""
        return step * self.windows_per_step / self.windows

    def epochs_done(self, step: int) -> int:
        """Whole passes after so many steps; no more than were asked for."""
        return min(step * self.windows_per_step // self.windows, self.epochs)

    def samples_at(self, step: int) -> bool:
        """Whether samples and metrics are due after so many steps."""
        rounds = self.epochs_done(step) // self.sample_every
        return step in (0, self.steps) or rounds > self.epochs_done(step - 1) // self.sample_every


class Sampler(Protocol):
    """Whatever looks at the generator at an epoch's end."""

    data: dict[str, float]
    """The metrics of the data itself."""

    def __call__(self, step: ClassicStep, epoch: int) -> dict[str, float]:
        """Write the samples of an epoch; return its metrics."""


class Loop:
    """One session of training: from a state to the end, or to a stop.

    Args:
        run: The run's folder.
        config: Its settings.
        step: The networks, fresh or restored.
        windows: The training split.
        record: Open, cut back to `state`.
        sampler: Called at epoch 0 and whenever samples are due.
        show: Called about once a second.
        clock: Seconds, monotonic.
        state: Where to go on from; None begins.
    """

    def __init__(
        self,
        run: RunDir,
        config: TrainConfig,
        *,
        step: ClassicStep,
        windows: WindowSet,
        record: Record,
        sampler: Sampler,
        show: Callable[[Progress], None],
        clock: Callable[[], float],
        state: checkpoint.State | None = None,
    ) -> None:
        self.run = run
        self.config = config
        self.step = step
        self.windows = windows
        self.record = record
        self.sampler = sampler
        self.show = show
        self.clock = clock
        self.plan = Plan(config, len(windows))
        self.order = Order(len(windows), config.seed)
        self.first_step = state.step if state else 0
        self.done = self.first_step
        self.trained_before_s = state.trained_s if state else 0.0
        self.metrics = dict(state.metrics) if state else {}
        self.losses: Losses | None = None
        self._pending: list[Tensor] = []
        self._saved_at_s = self._flushed_at_s = self._began_s = clock()
        self._fresh = state is None

    def train(self, stopping: Callable[[], bool]) -> bool:
        """Train to the end.

        Args:
            stopping: Asked after every step; True ends the session with a checkpoint.

        Returns:
            Whether the end was reached.

        Raises:
            TrainingError: a loss or a gradient is not finite.
            StorageError: the disk is full; everything already written is whole.
        """
        if self._fresh:
            self._sample_and_save()
        while self.done < self.plan.steps:
            if stopping():
                self._flush()
                self._save()
                return False
            self._pending.append(self._one_step(self.done))
            self.done += 1
            now_s = self.clock()
            if self.plan.samples_at(self.done):
                self._sample_and_save()
            elif now_s - self._saved_at_s >= CHECKPOINT_S:
                self._flush()
                self._save()
            elif now_s - self._flushed_at_s >= FLUSH_S:
                self._flush()
        return True

    def _one_step(self, step: int) -> Tensor:
        """The losses of one step, in the order of `Losses`, still on their device."""
        seed, updates = self.config.seed, self.config.critic_updates
        seen = []
        for update in range(step * updates, (step + 1) * updates):
            melody, real = self._batch(update)
            seen.append(self.step.critic_update(melody, real, seed_for(seed, CRITIC, update)))
        # The generator answers the melodies that the critic saw last.
        made = self.step.generator_update(melody, seed_for(seed, GENERATOR, step))
        return torch.cat([torch.stack(seen).mean(dim=0), made])

    def _batch(self, update: int) -> tuple[Tensor, Tensor]:
        indices = self.order.take(update * self.config.batch, self.config.batch)
        semitones = None
        if reach := self.config.transpose:
            draws = np.random.default_rng(seed_for(self.config.seed, TRANSPOSITION, update))
            semitones = random_shifts(self.windows, indices, reach, draws)
        return self.step.values(*self.windows.batch(indices, semitones=semitones))

    def _flush(self) -> None:
        """Losses from their device into the record and onto the terminal."""
        if self._pending:
            rows = [Losses(*row) for row in torch.stack(self._pending).cpu().tolist()]
            first = self.done - len(rows)
            finite = next((i for i, row in enumerate(rows) if not all(map(math.isfinite, row))), len(rows))
            epochs = [self.plan.epoch_at(first + i + 1) for i in range(finite)]
            self.record.steps(first + 1, epochs, rows[:finite])
            self._pending.clear()
            if finite < len(rows):
                raise self._diverged(first + finite + 1, rows[finite])
            self.losses = rows[-1]
        self._flushed_at_s = self.clock()
        self.show(self.progress())

    def progress(self) -> Progress:
        """Where training stands."""
        return Progress(
            step=self.done,
            steps=self.plan.steps,
            epoch=min(self.plan.epoch_at(self.done), self.plan.epochs),
            epochs=self.plan.epochs,
            losses=self.losses,
            metrics=self.metrics,
            elapsed_s=self.clock() - self._began_s,
            session_steps=self.done - self.first_step,
        )

    def _sample_and_save(self) -> None:
        self._flush()
        epoch = self.plan.epochs_done(self.done)
        self.metrics = self.sampler(self.step, epoch)
        self.record.epoch(self.done, epoch, self.metrics, self.sampler.data)
        self._save(sampled=True)
        plot.draw(self.run.record, self.run.losses_plot)
        self.show(self.progress())

    def _save(self, *, sampled: bool = False) -> None:
        tensors = self.step.tensors()
        self._refuse_bad_weights(tensors)
        state = checkpoint.State(
            step=self.done,
            epoch=self.plan.epoch_at(self.done),
            record_bytes=self.record.sync(),
            trained_s=self.trained_before_s + self.clock() - self._began_s,
            metrics=self.metrics,
            sampled=sampled,
        )
        checkpoint.save(self.run.checkpoints, tensors, state)
        self._saved_at_s = self.clock()

    def _refuse_bad_weights(self, tensors: dict[str, dict[str, Tensor]]) -> None:
        for network, content in tensors.items():
            bad = [name for name, value in content.items() if not bool(torch.isfinite(value).all())]
            if bad:
                raise self._stopped(self.done, f"the {network}'s {bad[0]} is no longer finite")

    def _diverged(self, step: int, losses: Losses) -> TrainingError:
        bad = {name.replace("_", "'s "): value for name, value in losses._asdict().items() if not math.isfinite(value)}
        return self._stopped(step, ", ".join(f"the {name} is {value}" for name, value in bad.items()))

    def _stopped(self, step: int, what: str) -> TrainingError:
        kept = checkpoint.all_in(self.run.checkpoints)[-1:]
        return TrainingError(
            f"training diverged at step {step}: {what}; the last good checkpoint is {kept[0] if kept else 'none'}",
            hint=f"train anew with a smaller step, such as: accompanist train "
            f"--learning-rate {self.config.learning_rate / 5:g}",
        )
