"""The memory of a sweep: its trials, in Optuna's tables in SQLite or Postgres; several processes may share one.

A trial belongs to the process that began it, which holds a lock for as long as it lives (`accompanist.jobs.liveness`).
One whose process is gone is begun anew with the same settings and goes on in the same run, from its last checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np
import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from accompanist.config import TrainConfig
from accompanist.errors import ConfigError, JobError
from accompanist.jobs.database import Database
from accompanist.jobs.liveness import Liveness
from training.sweep.space import Range

FILE = "sweeps.db"
RUN, OWNER, WHY = "run", "owner", "why"
"""What is kept with a trial: its run's folder, the process that trains it, why it was given up."""
FIRST_AT_RANDOM = 8
"""Trials before those that came before are learnt from."""
JUDGED_FROM = 4
"""Trials before one is given up for being behind the others."""


class Sweep:
    """A study, open.

    Args:
        database: Where; its file is that of the sweeps, not of the jobs.
        name: Of the sweep.
        base: Settings of every trial, but for those that vary.
        space: What varies.
        goal: Metric, and what is wanted of it: see `training.sweep.goal`.
        upwards: Whether more of the value is better.
        liveness: Who lives.

    Raises:
        ConfigError: a sweep of that name has begun with other settings.
        JobError: the database does not answer.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        base: TrainConfig,
        space: Sequence[Range],
        *,
        goal: str,
        upwards: bool,
        liveness: Liveness,
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)  # we tell ourselves what concerns a user
        self.name = name
        self.space = tuple(space)
        self._seed = base.seed
        self._liveness = liveness
        self._owner = liveness.claim()
        with database.told():
            self._storage = _storage(database)
            self.study = optuna.create_study(
                storage=self._storage,
                study_name=name,
                direction="maximize" if upwards else "minimize",
                load_if_exists=True,
                pruner=optuna.pruners.MedianPruner(n_startup_trials=JUDGED_FROM, n_warmup_steps=1),
            )
        self._check_same(_settings(base, self.space, goal))

    def _check_same(self, settings: dict[str, Any]) -> None:
        before = self.study.user_attrs.get("settings")
        if before is None:
            self.study.set_user_attr("settings", settings)
        elif before != settings:
            other = next(key for key in settings if settings[key] != before.get(key))
            raise ConfigError(
                f"the sweep {self.name} has begun with {other} {before.get(other)}, and this one has {settings[other]}",
                hint="leave the settings as they were to go on with it, or choose another --name",
            )

    def over(self) -> list[FrozenTrial]:
        """Trials that count: those that came to an end, were given up for being behind, or diverged."""
        return self.study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED))

    def begin(self) -> Trial:
        """The next trial: one whose process is gone, else a new one."""
        for left in self.study.get_trials(states=(TrialState.RUNNING,)):
            owner = left.user_attrs.get(OWNER)
            if owner is None or self._liveness.alive([owner]):
                continue
            self.study.tell(left.number, state=TrialState.FAIL, skip_if_finished=True)
            kept = {RUN: left.user_attrs[RUN]} if RUN in left.user_attrs else {}
            self.study.enqueue_trial(left.params, user_attrs=kept)
            break
        trial = self.study.ask()
        # Each trial has a draw of its own, whoever asks: processes that began together would try the same settings.
        chance = np.random.SeedSequence([self._seed, trial.number])
        self.study.sampler = optuna.samplers.TPESampler(
            seed=int(chance.generate_state(1)[0]), n_startup_trials=FIRST_AT_RANDOM
        )
        trial.set_user_attr(OWNER, self._owner)
        return trial

    def close(self) -> None:
        """Let go of the database; trials not told of are anybody's now."""
        self._liveness.close()
        self._storage.engine.dispose()

    def check_alive(self) -> None:
        """Make sure that nobody takes our trials for left behind.

        Raises:
            JobError: the lock was lost.
        """
        if not self._liveness.held():
            raise JobError("the sweep's database did not answer", hint="go on with the same command")


def _storage(database: Database) -> optuna.storages.RDBStorage:
    url = database.url.replace("postgresql:", "postgresql+psycopg:", 1)
    options = {"connect_args": {"timeout": 30}} if database.file else {"pool_pre_ping": True}
    with _alone(database):
        return optuna.storages.RDBStorage(url, engine_kwargs=options)


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """While it lasts no other process makes tables in the same Postgres: Optuna's own making of them is not safe."""
    if database.file:
        yield
        return
    import psycopg  # noqa: PLC0415 (of the jobs extra, which a file needs nothing of)

    with psycopg.connect(database.url) as session:  # whose end lets go of the lock
        session.execute("SELECT pg_advisory_lock(hashtext('accompanist sweeps are made'))")
        yield


def _settings(base: TrainConfig, space: Sequence[Range], goal: str) -> dict[str, Any]:
    """What makes trials comparable."""
    varied = [each.setting for each in space]
    told = {key: value for key, value in msgspec.to_builtins(base).items() if key not in varied}
    own = {key: list(value) if isinstance(value, tuple) else value for key, value in told.items()}
    for free in ("runs", "name", "threads", "device"):
        own.pop(free, None)
    return {**own, "metric": goal, "vary": sorted(map(str, space))}
