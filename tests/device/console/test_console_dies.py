"""The console ends, or is killed, while it trains: no step is lost, and what it should end with it has ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")
pytest.importorskip("dbos", reason="needs the jobs extra: pip install -e '.[jobs]'")

import httpx2 as httpx

from accompanist.console.guard import TOKEN_HEADER
from accompanist.jobs.client import Jobs
from accompanist.jobs.database import Database
from accompanist.jobs.job import JobStatus

if TYPE_CHECKING:
    from conftest import Console

pytestmark = pytest.mark.device

PATIENCE_S = 900.0
VALUES = {"data": ["pop909"], "width": 4, "epochs": 12, "name": "watched"}


def _launch(console: Console) -> None:
    with httpx.Client(base_url=console.address) as client:
        token = client.get("/api/session").json()["token"]
        headers = {TOKEN_HEADER: token}
        answer = client.post("/api/train/launch", json={"values": VALUES}, headers=headers, timeout=PATIENCE_S)
    assert answer.status_code == 201, answer.text


def _until(folder: Path, wanted: Any) -> JobStatus:
    deadline_s = time.monotonic() + PATIENCE_S
    with Jobs(Database.at("", folder / "runs")) as jobs:
        while not wanted(job := jobs.all()[0]):
            assert time.monotonic() < deadline_s, job
            assert job.state != "failed", job
            threading.Event().wait(0.1)
    return job


def _trains(job: JobStatus) -> bool:
    return job.state == "running" and job.doing is not None and job.doing.trained_steps > 0


def _learnt(folder: Path, run: str) -> list[str]:
    (path,) = folder.glob(f"runs/*-{run}/metrics.jsonl")
    return [line for line in path.read_text().splitlines() if '"kind": "speed"' not in line]


def _processes_of(folder: Path) -> list[str]:
    """Command lines of this folder's workers and trainings."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode().replace("\0", " ")
            if "accompanist" in command and (process / "cwd").resolve() == folder:
                found.append(command)
        except OSError:  # it has ended, or is somebody else's
            continue
    return found


def test_killed_while_it_trains_no_step_is_lost(console: Console, folder: Path) -> None:
    _launch(console)
    _until(folder, _trains)
    os.kill(console.program.pid, signal.SIGKILL)
    console.program.ends()
    finished = _until(folder, lambda job: job.over)
    assert finished.state == "finished"
    alone = [sys.executable, "-m", "accompanist", "train", "--data", "pop909", "--width", "4", "--epochs", "12"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    subprocess.run([*alone, "--name", "alone", "--json"], check=True, cwd=folder, env=environment, capture_output=True)
    assert _learnt(folder, "watched") == _learnt(folder, "alone")


def test_a_stop_leaves_no_process_and_a_start_goes_on(console: Console, folder: Path) -> None:
    _launch(console)
    _until(folder, _trains)
    assert any("jobs work" in command for command in _processes_of(folder))
    console.stop()
    assert _processes_of(folder) == []
    again = type(console)(folder)
    try:
        finished = _until(folder, lambda job: job.over)
        assert finished.state == "finished"
    finally:
        again.stop()
    assert _processes_of(folder) == []
