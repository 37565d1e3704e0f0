"""What workers and sweeps ask of a real Postgres: who lives, and whose trial it is."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")
pytest.importorskip("psycopg", reason="needs the jobs extra: pip install -e '.[jobs]'")
pytest.importorskip("optuna", reason="needs the sweep extra: pip install -e '.[sweep]'")

from support.postgres import Postgres

from accompanist.config import TrainConfig
from accompanist.errors import JobError
from accompanist.jobs.database import Database
from accompanist.jobs.liveness import SessionLocks
from training.sweep.space import space_of
from training.sweep.study import FILE, Sweep

pytestmark = pytest.mark.device
PATIENCE_S = 30.0


@pytest.fixture
def database(tmp_path: Path, postgres: Postgres) -> Database:
    """A database with nothing in it."""
    postgres.create()
    return Database.at(postgres.url, tmp_path, FILE)


def test_who_has_a_session_lives(database: Database) -> None:
    one, other, sweeping, looker = (
        SessionLocks(database, "workers"),
        SessionLocks(database, "workers"),
        SessionLocks(database, "sweeps"),
        SessionLocks(database, "workers"),
    )
    names = {one.claim(), other.claim()}
    sweeping.claim()
    assert looker.alive([*names, "stranger-1-00000001", "nobody"]) == names
    assert (looker.count(), looker.held(), one.held()) == (2, False, True)
    one._session.pgconn.finish()  # as when its process is killed
    assert not one.held()
    deadline_s = time.monotonic() + PATIENCE_S
    while looker.count() != 1:  # the server sees it a moment later
        assert time.monotonic() < deadline_s
        threading.Event().wait(0.05)
    with pytest.raises(JobError, match="does not answer"):  # what has lost its lock does not get it back
        one.alive(names)
    looker.close()
    assert looker.count() == 1  # who holds nothing connects anew
    for each in (one, other, sweeping, looker):
        each.close()


def test_a_trial_is_handed_on_when_its_process_is_gone(database: Database) -> None:
    base = TrainConfig(epochs=1)
    space = space_of(base, ())

    def sweep() -> Sweep:
        locks = SessionLocks(database, "sweeps")
        return Sweep(database, "s", base, space, goal="coupling", upwards=True, liveness=locks)

    one = sweep()
    first = one.begin()
    settings = {each.setting: each.suggest(first) for each in space}
    other = sweep()
    assert other.begin().number == 1  # the first is another's
    one.close()
    again = other.begin()
    assert {each.setting: each.suggest(again) for each in space} == settings
    other.close()
