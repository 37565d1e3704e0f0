from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")

from support.runs import TINY, begin

from accompanist.jobs.job import Doing
from accompanist.runs import RunFolder
from training.jobs.progress import Pace
from training.rundir import RunDir


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    return begin(tmp_path, TINY)


def record(run: RunDir, *lines: dict[str, object]) -> None:
    with run.record.open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def step(number: int, epoch: float) -> dict[str, object]:
    return {"kind": "step", "step": number, "epoch": epoch, "critic": -float(number), "generator": 0.5}


def test_nothing_is_known_before_the_first_step(run: RunDir) -> None:
    doing = Pace(RunFolder.open(run.path), lambda: 0.0).seen(Doing(step="train", run="x"))
    assert doing == Doing(step="train", run="x", epochs=3)


def test_speed_tells_the_time_left(run: RunDir) -> None:
    now_s = 0.0
    pace = Pace(RunFolder.open(run.path), lambda: now_s)
    record(run, step(1, 0.5))
    assert pace.seen(Doing(step="train")).left_s is None
    now_s = 4.0
    assert pace.seen(Doing(step="train")).left_s is None  # nothing new
    record(run, step(2, 1.0), {"kind": "epoch", "step": 2, "epoch": 1, "metrics": {"coupling": 0.2}, "data": {}})
    now_s = 10.0
    doing = pace.seen(Doing(step="train"))
    assert (doing.epoch, doing.epochs, doing.trained_steps) == (1.0, 3, 2)
    assert doing.losses == {"critic": -2.0, "generator": 0.5}
    assert doing.metrics == {"coupling": 0.2}
    assert doing.left_s == 40.0  # half an epoch in 10 s, two to go


def test_a_record_that_is_cut_back_is_followed(run: RunDir) -> None:
    pace = Pace(RunFolder.open(run.path), lambda: 0.0)
    record(run, step(1, 0.5), step(2, 1.0))
    assert pace.seen(Doing(step="train")).trained_steps == 2
    run.record.write_text(json.dumps(step(1, 0.5)) + "\n")
    doing = pace.seen(Doing(step="train"))
    assert (doing.trained_steps, doing.epoch) == (1, 0.5)


def test_the_last_step_may_reach_beyond_the_last_epoch(run: RunDir) -> None:
    now_s = 0.0
    pace = Pace(RunFolder.open(run.path), lambda: now_s)
    record(run, step(1, 2.5))
    pace.seen(Doing(step="train"))
    now_s = 1.0
    record(run, step(2, 3.2))
    doing = pace.seen(Doing(step="train"))
    assert (doing.epoch, doing.left_s) == (3.0, 0.0)
