"""A queue with no worker: what is submitted waits, and can be looked at, cancelled and resumed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("dbos", reason="needs the jobs extra: pip install -e '.[jobs]'")

from support.run_folders import add_checkpoint, add_steps, make_run

from accompanist.config import TrainConfig
from accompanist.errors import JobError, StorageError
from accompanist.jobs.belonging import JOB_FILE, job_of
from accompanist.jobs.client import Jobs
from accompanist.jobs.database import Database
from accompanist.jobs.job import Job, title_of
from accompanist.runs import RunFolder


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    with Jobs(Database.at("", tmp_path / "runs")) as queue:
        yield queue


def test_a_job_waits_for_a_worker(jobs: Jobs) -> None:
    name = jobs.submit(Job(train=TrainConfig(name="ska", epochs=3)))
    job = jobs.status(name[:4])
    assert (job.id, job.state, job.title, job.worker, job.doing) == (name, "queued", "ska", "", None)
    assert job.submitted.endswith("+00:00")
    assert not job.over
    assert jobs.workers() == 0


def test_the_newest_come_first(jobs: Jobs) -> None:
    names = [jobs.submit(Job(train=TrainConfig(name=f"n{i}"))) for i in range(3)]
    assert [job.id for job in jobs.all(most=2)] == names[:0:-1]


def test_cancelled_then_resumed(jobs: Jobs) -> None:
    name = jobs.submit(Job(train=TrainConfig()))
    assert jobs.cancel(name).state == "cancelled"
    assert jobs.status(name).ended
    with pytest.raises(JobError, match="is cancelled already"):
        jobs.cancel(name)
    assert jobs.resume(name).state == "queued"
    with pytest.raises(JobError, match="only one that was cancelled or has failed"):
        jobs.resume(name)


def test_what_is_not_there_is_told(jobs: Jobs) -> None:
    with pytest.raises(JobError, match="there is no job 'ffff'"):
        jobs.status("ffff")
    with pytest.raises(JobError, match="there is no job ''"):
        jobs.status("")


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(StorageError, match=r"cannot open .*jobs\.db"):
        Jobs(Database.at("", tmp_path / "runs"))


def test_titles() -> None:
    assert title_of(TrainConfig()) == "musegan"
    assert title_of(TrainConfig(model="live", data=("mine", "groove"))) == "live-mine-groove"


def test_a_run_begun_by_hand_is_gone_on_with_once(jobs: Jobs, tmp_path: Path) -> None:
    run = RunFolder(make_run(tmp_path / "runs", "0001-mine", epochs=7))
    name = jobs.go_on(run)
    assert job_of(run.path) == name
    job = jobs.status(name)
    assert (job.state, job.title) == ("queued", "0001-mine")
    with pytest.raises(JobError, match="0001-mine is queued already"):
        jobs.go_on(run)
    jobs.cancel(name)
    assert jobs.go_on(run) == name
    assert jobs.status(name).state == "queued"


def test_a_run_that_came_to_its_end_is_not_gone_on_with(jobs: Jobs, tmp_path: Path) -> None:
    run = RunFolder(make_run(tmp_path / "runs", "0001-mine", epochs=1))
    add_steps(run.path, 1, 4, critic=0.0)
    add_checkpoint(run.path, 4, 1.0)
    with pytest.raises(JobError, match="0001-mine has come to its end"):
        jobs.go_on(run)
    assert job_of(run.path) == ""


@pytest.mark.parametrize("said", [b'{"id": "of-another-queue"}', b'{"id": 3}', b"[]", b"{", b"\xff"])
def test_a_run_whose_job_is_not_known_here_gets_another(jobs: Jobs, tmp_path: Path, said: bytes) -> None:
    run = RunFolder(make_run(tmp_path / "runs", "0001-mine"))
    (run.path / JOB_FILE).write_bytes(said)
    assert jobs.status(jobs.go_on(run)).state == "queued"
