"""How a run stands: by its lock, by its last word, by its checkpoints."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest
from support.run_folders import add_checkpoint, add_steps, make_run

from accompanist.runs.folder import RunFolder
from accompanist.runs.status import OUTCOME, Outcome

if sys.platform != "win32":
    import fcntl


def test_a_run_that_has_not_begun_is_queued(tmp_path: Path) -> None:
    assert RunFolder(make_run(tmp_path, "0001-a")).status().state == "queued"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such lock")
def test_a_run_whose_record_is_locked_is_running(tmp_path: Path) -> None:
    run = RunFolder(make_run(tmp_path, "0001-a"))
    _end(run, Outcome(state="failed", reason="of before"))
    with run.record.open("ab") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        assert run.status().state == "running"
    assert run.status().state == "failed"


@pytest.mark.parametrize("state", ["finished", "stopped", "failed"])
def test_the_last_word_of_a_session_is_told(tmp_path: Path, state: str) -> None:
    run = RunFolder(make_run(tmp_path, "0001-a"))
    add_steps(run.path, 1, 1, critic=0.0)
    _end(run, msgspec.convert({"state": state, "reason": "so it was", "hint": "do this"}, Outcome))
    assert run.status() == (state, "so it was", "do this")


def test_a_process_that_was_killed_left_no_word(tmp_path: Path) -> None:
    run = RunFolder(make_run(tmp_path, "0001-a", epochs=2))
    add_steps(run.path, 1, 1, critic=0.0)
    add_checkpoint(run.path, 5, 1.5)
    status = run.status()
    assert status.state == "stopped"
    assert "without a word" in status.reason
    assert "--resume" in status.hint


def test_an_older_run_is_finished_where_its_last_checkpoint_is(tmp_path: Path) -> None:
    run = RunFolder(make_run(tmp_path, "0001-a", epochs=2))
    add_steps(run.path, 1, 1, critic=0.0)
    add_checkpoint(run.path, 9, 2.0)
    assert run.status().state == "finished"


def test_the_epochs_of_a_live_run_are_both_phases(tmp_path: Path) -> None:
    path = make_run(tmp_path, "0001-a", epochs=3)
    text = (path / "config.toml").read_text().replace('"musegan"', '"live"')
    (path / "config.toml").write_text(f"{text}adversarial_epochs = 4\n")
    assert RunFolder(path).epochs() == 7


def test_checkpoints_and_samples_are_listed_in_order(tmp_path: Path) -> None:
    run = RunFolder(make_run(tmp_path, "0012-a"))
    for epoch in (10, 0, 2):
        (run.samples / f"epoch-{epoch:04d}").mkdir()
    (run.samples / "epoch-0003.part").mkdir()
    add_checkpoint(run.path, 2, 0.5)
    add_checkpoint(run.path, 1, 0.25)
    damaged = add_checkpoint(run.path, 3, 1.0)
    (damaged / "state.json").write_bytes(b"\x00")
    assert [epoch for epoch, _ in run.sampled()] == [0, 2, 10]
    assert [kept.state.step for kept in run.kept()] == [1, 2]
    assert run.number == 12


def _end(run: RunFolder, outcome: Outcome) -> None:
    (run.path / OUTCOME).write_bytes(msgspec.json.encode(outcome))
