from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.run_folders import add_epoch, add_steps, make_run

from accompanist.console.curves import MOST_POINTS, Followed
from accompanist.runs import RunFolder


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = make_run(tmp_path, "0001-a")
    add_epoch(folder, 0, 0, coupling=0.1)
    add_steps(folder, 1, 3, critic=0.5)
    return RunFolder(folder)


def test_who_comes_first_is_told_all(run: RunFolder) -> None:
    told = Followed().since(run, None)
    assert told.anew
    assert told.losses == {"critic": ([1, 2, 3], [0.1, 0.2, 0.3], [1.5, 2.5, 3.5])}
    assert told.rows == [{"step": 0, "epoch": 0, "metrics": {"coupling": 0.1}}]
    assert told.data == {"coupling": 1.0}
    assert told.verdict == "Too few steps to tell by the critic's loss."


def test_who_was_told_is_told_what_is_new(run: RunFolder) -> None:
    followed = Followed()
    place = followed.since(run, None).place
    assert followed.since(run, place).empty
    add_steps(run.path, 4, 5, critic=0.5)
    add_epoch(run.path, 1, 5, coupling=0.2)
    told = followed.since(run, place)
    assert not told.anew
    assert told.losses["critic"][0] == [4, 5]
    assert [row["epoch"] for row in told.rows] == [1]


def test_the_place_holds_for_another_console_too(run: RunFolder) -> None:
    place = Followed().since(run, None).place
    add_steps(run.path, 4, 4, critic=0.5)
    assert Followed().since(run, place).losses["critic"][0] == [4]


def test_a_record_that_was_cut_back_is_told_anew(run: RunFolder) -> None:
    followed = Followed()
    place = followed.since(run, None).place
    lines = run.record.read_text().splitlines(keepends=True)
    run.record.write_text("".join(lines[:-2]))
    add_steps(run.path, 2, 9, critic=7.0)
    told = followed.since(run, place)
    assert told.anew
    assert told.losses["critic"][2] == [1.5, *(7.0 + step for step in range(2, 10))]


@pytest.mark.parametrize("place", ["", "x", "0:1", "0:99:0", "0:1:99", "0:-1:0", "9" * 5000, "0:²:0"])
def test_a_place_that_is_none_begins_anew(run: RunFolder, place: str) -> None:
    assert Followed().since(run, place).anew


def test_a_run_before_its_first_step_has_nothing(tmp_path: Path) -> None:
    run = RunFolder(make_run(tmp_path, "0002-b"))
    followed = Followed()
    told = followed.since(run, None)
    assert (told.losses, told.rows) == ({}, [])
    assert followed.since(run, told.place).empty
    add_steps(run.path, 1, 1, critic=0.0)
    assert followed.since(run, told.place).losses["critic"][0] == [1]


def test_a_long_curve_is_thinned_and_keeps_its_spike(tmp_path: Path) -> None:
    run = RunFolder(make_run(tmp_path, "0003-c"))
    steps = [{"kind": "step", "step": i, "epoch": i / 100, "loss": 99.0 if i == 5000 else 1.0} for i in range(1, 9001)]
    run.record.write_text("".join(json.dumps(step) + "\n" for step in steps))
    shown, _, values = Followed().since(run, None).losses["loss"]
    assert len(shown) <= MOST_POINTS
    assert max(values) == 99.0
