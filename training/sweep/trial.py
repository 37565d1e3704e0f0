"""One trial: a training run like any other, judged at each sampled epoch, given up when it is behind."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec
from optuna.trial import Trial, TrialState

from accompanist.config import DataConfig, TrainConfig
from accompanist.errors import TrainingError
from accompanist.runs.checkpoints import best_of
from training import session
from training.loop import Loop
from training.plan import Progress
from training.recipe import Recipe
from training.rundir import RunDir
from training.sweep.goal import aim_of, value_of
from training.sweep.study import RUN, WHY, Sweep

Ending = Literal["ended", "behind", "diverged", "stopped"]


def train(
    sweep: Sweep,
    trial: Trial,
    base: TrainConfig,
    data: DataConfig,
    recipe: Recipe,
    *,
    metric: str,
    stopping: Callable[[], bool],
    show: Callable[[Progress], None],
    clock: Callable[[], float] = time.monotonic,
) -> Ending:
    """Train a trial, from its last checkpoint where it has one, and tell the study how it ended.

    Args:
        sweep: Its sweep.
        trial: Begun.
        base: Settings of every trial.
        data: Where music is kept.
        recipe: With the music.
        metric: What is looked for.
        stopping: Asked after every step; True leaves the trial for later, with a checkpoint.
        show: Called about once a second.
        clock: Seconds, monotonic.

    Raises:
        ConfigError: there is no such metric.
    """
    settings: dict[str, Any] = {each.setting: each.suggest(trial) for each in sweep.space}
    if aim_of(metric) != "near":  # a trial's checkpoint is judged by what the trial is
        settings["best_by"] = metric
    config = msgspec.structs.replace(base, name=f"{sweep.name}-{trial.number + 1}", **settings)
    run = _run_of(trial, config, data, recipe)
    config = run.config().train
    try:
        with session.opened(run, config, recipe, show, clock) as loop:
            judge = Judge(trial, loop, metric)
            finished = loop.train(lambda: judge.behind() or stopping())
    except TrainingError as error:
        trial.set_user_attr(WHY, error.message)
        sweep.study.tell(trial, state=TrialState.PRUNED)
        return "diverged"
    if not finished and not judge.is_behind:
        return "stopped"
    if not finished:
        trial.set_user_attr(WHY, f"behind the others at epoch {loop.plan.epochs_done(loop.done)}")
        sweep.study.tell(trial, state=TrialState.PRUNED)
        return "behind"
    best = best_of(run.kept(), config.best_by)
    metrics = best.state.metrics if best else loop.metrics
    sweep.study.tell(trial, value_of(metric, metrics, loop.sampler.data))
    return "ended"


def _run_of(trial: Trial, config: TrainConfig, data: DataConfig, recipe: Recipe) -> RunDir:
    """The trial's run: begun, where it is not there yet."""
    kept = trial.user_attrs.get(RUN)
    if kept and (Path(config.runs) / kept / "config.toml").is_file():
        return RunDir.open(Path(config.runs) / kept)
    run = session.begin(config, data, recipe)
    trial.set_user_attr(RUN, run.path.name)
    return run


class Judge:
    """Tells the study what each sampled epoch came to, and hears whether the trial is worth going on with.

    Args:
        trial: The trial.
        loop: That trains it.
        metric: What is looked for.
    """

    def __init__(self, trial: Trial, loop: Loop, metric: str) -> None:
        self._trial = trial
        self._loop = loop
        self._metric = metric
        self._judged: object = None
        self.is_behind = False

    def behind(self) -> bool:
        """Asked after every step: whether it is so far behind the others that it is given up."""
        metrics = self._loop.metrics
        if metrics and metrics is not self._judged:
            self._judged = metrics
            value = value_of(self._metric, metrics, self._loop.sampler.data)
            epoch = self._loop.plan.epochs_done(self._loop.done)
            if epoch > 0 and math.isfinite(value):  # before the first step nothing is learnt yet
                self._trial.report(value, epoch)
                self.is_behind = self._trial.should_prune()
        return self.is_behind
