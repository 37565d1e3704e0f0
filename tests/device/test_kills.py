"""kill -9 at fifty random instants of real processes: nothing but the last interval is lost, and the same is learnt."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")

from accompanist.runs import checkpoints
from accompanist.runs.folder import RunFolder

pytestmark = [pytest.mark.device, pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL and no fork")]

KILLS, SEED = 50, 9
SAMPLED = (0, 2, 3, 5, 6, 8, 9)
"""The steps after which a checkpoint is written."""


def test_a_run_killed_fifty_times_learns_the_same(tmp_path: Path) -> None:
    tests = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "support.kills", str(tmp_path), str(KILLS), str(SEED)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent)]), "OMP_NUM_THREADS": "1"},
        check=False,
        capture_output=True,
        timeout=1800,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    sessions = [json.loads(line) for line in done.stdout.splitlines()]
    assert sum(session["killed"] for session in sessions) == KILLS
    assert all(session["killed"] or session["code"] == 0 for session in sessions), done.stderr

    before: dict[str, int] = {}
    for session in sessions:
        kept = -1 if session["kept"] is None else session["kept"]
        assert kept >= before.get(session["run"], -1), session  # a kill takes back nothing that was kept
        assert session["recorded"] <= min(step for step in (*SAMPLED, 99) if step > kept), session  # one interval
        before[session["run"]] = kept

    (whole,) = RunFolder.all_in(tmp_path / "whole")
    killed = RunFolder.all_in(tmp_path / "killed")
    assert len({session["run"] for session in sessions if session["killed"]}) >= 2
    for run in killed:
        assert run.record.read_bytes() == whole.record.read_bytes()
        last, expected = (checkpoints.all_in(each.checkpoints)[-1] for each in (run, whole))
        assert checkpoints.read_state(last).sums == checkpoints.read_state(expected).sums
        assert not list(run.path.rglob("*.damaged"))
