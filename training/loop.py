"""The training loop: *when* things happen. What a step does is `training.step`'s business.

    for each step:   one update (of the classic recipe: the critic several times, then the generator)
    each second:     losses to the record, a line to the terminal; the speed every ten
    each epoch:      samples, metrics, a checkpoint          (epoch 0, before any step, included)
    each 5 minutes:  a checkpoint
    on Ctrl-C:       the step is finished, a checkpoint; the same where a rule of --stop ends the run

An epoch is one pass through what there is to learn from: of the classic recipe, of all windows through the critic.
Losses stay on their device until a second has passed, so that an accelerator is never waited for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from accompanist.config import TrainConfig
from accompanist.errors import TrainingError
from accompanist.runs import History, checkpoints, stopping
from accompanist.runs.checkpoints import State
from accompanist.runs.convergence import Convergence, convergence_of
from accompanist.runs.stopping import Moment, Rule
from training import checkpoint, plot
from training.plan import Plan, Progress
from training.recipe import Sampler, Step
from training.record import Record
from training.rundir import RunDir
from training.samples import samples_of

if TYPE_CHECKING:  # TensorBoard is an extra's
    from training.board import Board

FLUSH_S = 1.0
"""Seconds between lines to the record and the terminal."""
SPEED_S = 10.0
"""Seconds of steps that a speed is taken over."""
CHECKPOINT_S = 300.0
"""Seconds of work that a crash may cost at most."""


class Loop:
    """One session of training: from a state to the end, or to a stop.

    Args:
        run: The run's folder.
        config: Its settings.
        step: What is trained, fresh or restored.
        record: Open, cut back to `state`.
        sampler: Called at epoch 0 and whenever samples are due.
        show: Called about once a second.
        clock: Seconds, monotonic.
        state: Where to go on from; None begins.
        board: Told the same as the record, where TensorBoard is wanted.

    Raises:
        ConfigError: a rule of `config.stop` is none.
    """

    def __init__(
        self,
        run: RunDir,
        config: TrainConfig,
        *,
        step: Step,
        record: Record,
        sampler: Sampler,
        show: Callable[[Progress], None],
        clock: Callable[[], float],
        state: State | None = None,
        board: Board | None = None,
    ) -> None:
        self.run = run
        self.config = config
        self.step = step
        self.record = record
        self.sampler = sampler
        self.show = show
        self.clock = clock
        self.board = board
        self.plan = Plan(config, step)
        self.rules = stopping.parse(config.stop)
        self.ended_by: Rule | None = None
        self.first_step = state.step if state else 0
        self.done = self.first_step
        self.trained_before_s = state.trained_s if state else 0.0
        self.metrics = dict(state.metrics) if state else {}
        self.losses: dict[str, float] | None = None
        self._pending: list[dict[str, Tensor | float]] = []
        self._saved_at_s = self._flushed_at_s = self._began_s = clock()
        self._timed_from = (self._began_s, self.done)
        self._fresh = state is None
        self._history = History(run.record)

    def train(self, interrupted: Callable[[], bool]) -> bool:
        """Train to the end, or until a rule of `--stop` ends it.

        Args:
            interrupted: Asked after every step; True ends the session with a checkpoint.

        Returns:
            Whether the end was reached.

        Raises:
            ConfigError: a rule asks for a metric that there is not.
            TrainingError: a loss or a gradient is not finite.
            StorageError: the disk is full; everything already written is whole.
        """
        if self._fresh:
            self._sample_and_save()
        stopping.refuse_unknown(self.rules, self.metrics)
        self.ended_by = self._rule_that_ends(sampled=True)
        while self.done < self.plan.steps and not self.ended_by:
            if interrupted():
                self._flush()
                self._save()
                return False
            self._pending.append(self.step.update(self.done))
            self.done += 1
            sampled = self.plan.samples_at(self.done)
            if sampled:
                self._sample_and_save()
            self.ended_by = self._rule_that_ends(sampled=sampled)
            if not sampled:
                self._keep_up()
        return True

    def _keep_up(self) -> None:
        """What is due after a step at which nothing is sampled."""
        now_s = self.clock()
        if self.ended_by and self.plan.ends_an_epoch(self.done):
            self._sample_and_save()
        elif self.ended_by or now_s - self._saved_at_s >= CHECKPOINT_S:
            self._flush()
            with self._untimed():
                self._save()
        elif now_s - self._flushed_at_s >= FLUSH_S:
            self._flush()

    def _rule_that_ends(self, *, sampled: bool) -> Rule | None:
        """The rule of `--stop` that ends the run here, if any does."""
        if not self.rules:
            return None
        trained_s = self.trained_before_s + self.clock() - self._began_s
        here = Moment(
            self.done, self.plan.epochs_done(self.done), trained_s, self.metrics, lambda: self.convergence().plateau
        )
        return stopping.first_true(self.rules, here, sampled=sampled)

    def convergence(self) -> Convergence:
        """Whether it still gets anywhere, by what stands in the record."""
        self._history.update()
        return convergence_of(self._history)

    def _flush(self) -> None:
        """Losses from their device into the record and onto the terminal."""
        if self._pending:
            rows = [_numbers(row) for row in self._pending]
            first = self.done - len(rows)
            finite = next((i for i, row in enumerate(rows) if not all(map(math.isfinite, row.values()))), len(rows))
            epochs = [self.plan.epoch_at(first + i + 1) for i in range(finite)]
            self.record.steps(first + 1, epochs, rows[:finite])
            if self.board:
                self.board.steps(first + 1, rows[:finite])
            self._pending.clear()
            if finite < len(rows):
                raise self._diverged(first + finite + 1, rows[finite])
            self.losses = rows[-1]
        self._flushed_at_s = self.clock()
        self._tell_speed()
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

    def _tell_speed(self) -> None:
        """Into the record, where there were steps for long enough since the last time."""
        since_s, since_step = self._timed_from
        steps, took_s = self.done - since_step, self._flushed_at_s - since_s
        if steps and took_s >= SPEED_S:
            trained_s = self.trained_before_s + self._flushed_at_s - self._began_s
            self.record.speed(self.done, trained_s, steps / took_s)
            self._timed_from = (self._flushed_at_s, self.done)

    @contextmanager
    def _untimed(self) -> Iterator[None]:
        """What is done meanwhile does not count as slowness of the steps."""
        began_s = self.clock()
        yield
        since_s, since_step = self._timed_from
        self._timed_from = (since_s + self.clock() - began_s, since_step)

    def _sample_and_save(self) -> None:
        self._flush()
        with self._untimed():
            epoch = self.plan.epochs_done(self.done)
            self.metrics, distances = self.sampler(epoch)
            self.record.epoch(self.done, epoch, self.metrics, self.sampler.data, distances)
            if self.board:
                samples = samples_of(self.run.samples, epoch)
                self.board.epoch(self.done, self.metrics, self.sampler.data, samples)
            self._save(sampled=True)
            self._history.update()
            plot.draw(self._history, self.run.losses_plot)
        self.show(self.progress())

    def _save(self, *, sampled: bool = False) -> None:
        tensors = self.step.tensors()
        self._refuse_bad_weights(tensors)
        state = State(
            step=self.done,
            epoch=self.plan.epoch_at(self.done),
            record_bytes=self.record.sync(),
            trained_s=self.trained_before_s + self.clock() - self._began_s,
            metrics=self.metrics,
            sampled=sampled,
        )
        checkpoint.save(self.run.checkpoints, tensors, state, keep=self.config.keep, best_by=self.config.best_by)
        self._saved_at_s = self.clock()

    def _refuse_bad_weights(self, tensors: dict[str, dict[str, Tensor]]) -> None:
        for network, content in tensors.items():
            bad = [name for name, value in content.items() if not bool(torch.isfinite(value).all())]
            if bad:
                raise self._stopped(self.done, f"the {network}'s {bad[0]} is no longer finite")

    def _diverged(self, step: int, losses: dict[str, float]) -> TrainingError:
        bad = {name.replace("_", "'s "): value for name, value in losses.items() if not math.isfinite(value)}
        return self._stopped(step, ", ".join(f"the {name} is {value}" for name, value in bad.items()))

    def _stopped(self, step: int, what: str) -> TrainingError:
        kept = checkpoints.all_in(self.run.checkpoints)[-1:]
        return TrainingError(
            f"training diverged at step {step}: {what}; the last good checkpoint is {kept[0] if kept else 'none'}",
            hint=f"train anew with a smaller step, such as: accompanist train "
            f"--learning-rate {self.config.learning_rate / 5:g}",
        )


def _numbers(row: dict[str, Tensor | float]) -> dict[str, float]:
    """What a step told, off its device: in one go, for each value would be waited for."""
    found = dict(row)
    on_device = {name: value for name, value in row.items() if isinstance(value, Tensor)}
    found |= zip(on_device, torch.stack(list(on_device.values())).cpu().tolist(), strict=True)
    return {name: value for name, value in found.items() if not isinstance(value, Tensor)}
