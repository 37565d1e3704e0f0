"""A whole sweep on a real Postgres, as users start it: two processes share the trials, one of them is killed."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")
pytest.importorskip("psycopg", reason="needs the jobs extra: pip install -e '.[jobs]'")
pytest.importorskip("optuna", reason="needs the sweep extra: pip install -e '.[sweep]'")

from support.device import Program
from support.postgres import Postgres

from accompanist.runs.folder import RunFolder

pytestmark = pytest.mark.device

PATIENCE_S = 600.0
"""How long a sweep of seconds may take on a machine that has much else to do."""
TRIALS = 5
SETTINGS = """
[train]
data = ["pop909"]
width = 4
batch = 4
critic_updates = 1
epochs = 2
threads = 1
device = "cpu"
name = "s"
[data]
home = "."
cache = "cache"
"""


def test_a_sweep_that_loses_a_process_comes_to_its_end(songs_folder: Path, postgres: Postgres) -> None:
    (songs_folder / "config.toml").write_text(SETTINGS)
    postgres.create()
    environment = {
        **os.environ, "ACCOMPANIST_DATABASE": postgres.url, "PYTHONPATH": str(Path(__file__).parents[2]),
    }  # fmt: skip
    vary = ["--vary", "learning_rate=0.0001:0.01", "--vary", "critic_updates=1,2"]
    command = [sys.executable, "-m", "accompanist", "sweep", "--trials", str(TRIALS), *vary]
    killed = Program(command, environment)
    left = Program([*command, "--json"], environment)
    try:
        killed.line_with("trial ", PATIENCE_S)
        killed.line_with("in chord", PATIENCE_S)  # in the midst of its second, which has a checkpoint
        killed.signal(signal.SIGKILL)
        assert killed.ends(PATIENCE_S) == -signal.SIGKILL
        assert left.ends(PATIENCE_S) == 0, left.lines
    finally:
        killed.stop()
        left.stop()

    found = json.loads(next(line for line in left.lines if line.startswith("{")))
    trials = found["trials"]
    assert len(trials) >= TRIALS
    assert len({trial["run"] for trial in trials}) == len(trials)  # no run was two trials'
    assert len({trial["settings"]["learning_rate"] for trial in trials}) == len(trials)  # nothing is tried twice
    runs = RunFolder.all_in(songs_folder / "runs")
    assert {run.path.name for run in runs} == {trial["run"] for trial in trials}  # none was left behind
    for run in runs:
        steps = [json.loads(line) for line in run.record.read_text().splitlines()]
        numbered = [line["step"] for line in steps if line["kind"] == "step"]
        assert numbered == list(range(1, len(numbered) + 1))  # what was killed went on where it was
    page = songs_folder / found["report"]
    assert all(trial["run"] in page.read_text() for trial in trials)
