"""Workers as they are started by a user, one of them killed in mid-training; on SQLite, and on a real Postgres."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")
pytest.importorskip("onnx", reason="needs the export extra: pip install -e '.[export]'")
pytest.importorskip("dbos", reason="needs the jobs extra: pip install -e '.[jobs]'")

from support.device import Program
from support.postgres import Postgres

from accompanist.config import TrainConfig, load_config
from accompanist.errors import JobError
from accompanist.jobs.client import Jobs
from accompanist.jobs.database import Database
from accompanist.jobs.job import Job, JobStatus

pytestmark = pytest.mark.device

PATIENCE_S = 600.0
"""How long a job of seconds may take on a machine that has much else to do."""
SETTINGS = """
[train]
data = ["pop909"]
width = 4
batch = 4
critic_updates = 1
epochs = 8
threads = 1
device = "cpu"
[data]
home = "."
cache = "cache"
"""


@pytest.fixture
def folder(songs_folder: Path) -> Path:
    """A working folder with settings and a few songs."""
    (songs_folder / "config.toml").write_text(SETTINGS)
    return songs_folder


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    """Of the queue."""
    if request.param == "sqlite":
        return ""
    server: Postgres = request.getfixturevalue("postgres")
    return server.url


@contextmanager
def worker(url: str) -> Iterator[Program]:
    environment = {**os.environ, "ACCOMPANIST_DATABASE": url, "PYTHONPATH": str(Path(__file__).parents[2])}
    program = Program([sys.executable, "-m", "accompanist", "jobs", "work"], environment)
    try:
        program.line_with("waits for jobs", PATIENCE_S)
        yield program
    finally:
        program.stop()


def until(jobs: Jobs, name: str, wanted: Callable[[JobStatus], bool]) -> JobStatus:
    deadline_s = time.monotonic() + PATIENCE_S
    while not wanted(job := jobs.status(name)):
        assert time.monotonic() < deadline_s, job
        assert job.state != "failed", job
        threading.Event().wait(0.05)
    return job


def owner(job: JobStatus) -> int:
    """The process of the worker that has a job."""
    return int(job.worker.split("-")[-2])


def learnt(folder: Path, run: str) -> list[str]:
    """What a run recorded of its learning: every loss and metric, and nothing of the machine's speed."""
    (path,) = folder.glob(f"runs/{run}/metrics.jsonl")
    return [line for line in path.read_text().splitlines() if '"kind": "speed"' not in line]


def alone(folder: Path, train: TrainConfig) -> list[str]:
    """What the same training records when nothing disturbs it."""
    command = [sys.executable, "-m", "accompanist", "train", "--seed", str(train.seed), "--name", "alone", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run(command, check=True, cwd=folder, env=environment, capture_output=True)
    return learnt(folder, "*-alone")


def test_a_job_whose_worker_is_killed_is_ended_by_another(folder: Path, url: str) -> None:
    train = load_config(None).train
    with Jobs(Database.at(url, folder / "runs")) as jobs, worker(url) as one, worker(url) as other:
        assert jobs.workers() == 2
        name = jobs.submit(Job(train=train))
        checkpoints = folder / "runs/0001-musegan-pop909/checkpoints"
        # Beyond the first epoch's checkpoint: what is trained after it is lost, and trained again.
        job = until(jobs, name, lambda _: len(list(checkpoints.glob("step-????????"))) >= 2)
        assert job.state == "running"
        killed, left = (one, other) if owner(job) == one.pid else (other, one)
        killed.signal(signal.SIGKILL)
        left.line_with(f"worker {job.worker} is gone: its job goes on", PATIENCE_S)
        after = until(jobs, name, lambda job: job.over)
        assert (after.state, owner(after)) == ("finished", left.pid)
        assert jobs.workers() == 1
        assert after.result["run"] == "0001-musegan-pop909"
        assert after.result["largest_error"] <= 1e-4
        assert (folder / "runs/0001-musegan-pop909/model.onnx").stat().st_size == after.result["bytes"]
        assert (folder / "runs/0001-musegan-pop909" / after.result["report"]).stat().st_size > 0
        again = next(line for line in left.lines if line.startswith("going on with"))
        assert "at step 0 of" not in again  # from a checkpoint
    assert learnt(folder, "0001-musegan-pop909") == alone(folder, train)


def test_cancelled_with_a_checkpoint_and_gone_on_with(folder: Path) -> None:
    train = load_config(None).train
    with Jobs(Database.at("", folder / "runs")) as jobs, worker("") as one:
        name = jobs.submit(Job(train=train))
        until(jobs, name, lambda job: job.doing is not None and job.doing.trained_steps > 0)
        assert jobs.cancel(name).state == "cancelled"
        one.line_with(f"job {name}: cancelled", PATIENCE_S)
        undisturbed = alone(folder, train)
        assert len(learnt(folder, "0001-musegan-pop909")) < len(undisturbed)
        assert jobs.resume(name).state == "queued"
        one.signal(signal.SIGTERM)  # the next worker does it
        assert one.ends(PATIENCE_S) == 0
    with Jobs(Database.at("", folder / "runs")) as jobs, worker(""):
        assert until(jobs, name, lambda job: job.over).state == "finished"
    assert learnt(folder, "0001-musegan-pop909") == undisturbed


def test_a_job_that_fails_says_why_and_goes_on_from_there(folder: Path) -> None:
    (folder / "pop909.zip").rename(folder / "away.zip")
    train = load_config(None).train
    with Jobs(Database.at("", folder / "runs")) as jobs, worker("") as one:
        name = jobs.submit(Job(train=train))
        one.line_with(f"job {name}: failed: ", PATIENCE_S)
        job = until(jobs, name, lambda job: job.state == "failed")
        assert job.doing is not None
        assert job.doing.step == "prepare"
        assert "pop909" in job.error
        assert job.hint
        assert jobs.workers() == 1  # which lives
        (folder / "away.zip").rename(folder / "pop909.zip")
        assert jobs.resume(name).state == "queued"
        job = until(jobs, name, lambda job: job.doing is not None and job.doing.step == "train")
        assert (folder / "runs/0001-musegan-pop909/job.json").is_file()
        jobs.cancel(name)
        one.line_with(f"job {name}: cancelled", PATIENCE_S)


def test_a_worker_that_loses_its_database_ends_and_its_training_with_it(folder: Path, postgres: Postgres) -> None:
    with Jobs(Database.at(postgres.url, folder / "runs")) as jobs, worker(postgres.url) as one:
        name = jobs.submit(Job(train=load_config(None).train))
        until(jobs, name, lambda job: job.doing is not None and job.doing.step == "train")
        postgres.stop()
        one.line_with("the lock of worker", PATIENCE_S)
        assert one.ends(PATIENCE_S) == JobError.exit_code
        with (folder / f"runs/.jobs/{name}.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # had as soon as the process of the step is gone
