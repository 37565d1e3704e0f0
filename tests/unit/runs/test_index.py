"""runs.db follows the directories, whatever becomes of it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.run_folders import add_checkpoint, add_steps, make_run

from accompanist.runs import index as module
from accompanist.runs.index import DATABASE, VERSION, RunIndex


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    first = make_run(tmp_path, "0001-a", settings='tag = ["mode=major"]\nbest_by = "coupling"')
    add_steps(first, 1, 9, critic=0.0)
    add_checkpoint(first, 5, 1.0, coupling=0.5)
    add_checkpoint(first, 9, 2.0, coupling=0.25)
    make_run(tmp_path, "0002-b", epochs=7)
    return tmp_path


def test_each_run_is_a_line(runs: Path) -> None:
    one, two = RunIndex(runs).rows()
    assert (one.name, one.number, one.path, one.state) == ("0001-a", 1, runs / "0001-a", "finished")
    assert (one.model, one.sources, one.tags, one.epochs) == ("musegan", ("chorales",), ("mode=major",), 2)
    assert (one.step, one.epoch, one.trained_s, one.metrics) == (9, 2.0, 120.0, {"coupling": 0.25})
    assert (one.best_step, one.best_metrics, one.problem) == (5, {"coupling": 0.5}, "")
    assert (two.name, two.state, two.step, two.best_step, two.epochs) == ("0002-b", "queued", 0, None, 7)
    with closing(sqlite3.connect(runs / DATABASE)) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_folder_that_is_not_there_holds_no_runs(tmp_path: Path) -> None:
    assert RunIndex(tmp_path / "nowhere").rows() == []
    assert not (tmp_path / "nowhere").exists()


def test_only_what_changed_is_read_again(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = RunIndex(runs)
    before = index.rows()
    read: list[str] = []
    real = module._read
    monkeypatch.setattr(module, "_read", lambda run: (read.append(run.path.name), real(run))[1])
    assert index.rows() == before
    assert read == []
    add_checkpoint(runs / "0002-b", 3, 0.5, coupling=0.1)
    shutil.rmtree(runs / "0001-a")
    make_run(runs, "0003-c")
    assert [(row.name, row.step) for row in index.rows()] == [("0002-b", 3), ("0003-c", 0)]
    assert read == ["0002-b", "0003-c"]


def test_a_missing_index_is_made_anew_with_a_word(runs: Path) -> None:
    told: list[str] = []
    before = RunIndex(runs).rows()
    (runs / DATABASE).unlink()
    assert RunIndex(runs, told.append).rows() == before
    assert len(told) == 1
    assert "was not there: it is made anew" in told[0]


def test_the_first_index_of_an_empty_folder_is_no_news(tmp_path: Path) -> None:
    told: list[str] = []
    assert RunIndex(tmp_path, told.append).rows() == []
    assert told == []


@pytest.mark.parametrize("damage", [b"no database at all" * 100, "torn"])
def test_a_damaged_index_is_made_anew_with_a_word(runs: Path, damage: bytes | str) -> None:
    told: list[str] = []
    before = RunIndex(runs).rows()
    path = runs / DATABASE
    path.write_bytes(damage if isinstance(damage, bytes) else path.read_bytes()[:100] + b"\xff" * 9000)
    assert RunIndex(runs, told.append).rows() == before
    assert len(told) == 1
    assert "was damaged" in told[0]
    assert RunIndex(runs, told.append).rows() == before
    assert len(told) == 1


def test_an_index_of_another_version_is_made_anew_with_a_word(runs: Path) -> None:
    told: list[str] = []
    before = RunIndex(runs).rows()
    with closing(sqlite3.connect(runs / DATABASE)) as database, database:
        database.execute("DROP TABLE runs")
        database.execute("CREATE TABLE runs (other TEXT)")
        database.execute(f"PRAGMA user_version = {VERSION + 1}")
    assert RunIndex(runs, told.append).rows() == before
    assert f"is of version {VERSION + 1}, not {VERSION}" in told[0]


def test_a_folder_that_cannot_be_written_is_listed_all_the_same(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = sqlite3.connect

    def connect(path: str | Path, **more: float) -> sqlite3.Connection:
        if path != ":memory:":
            return real(f"file:{runs}/nowhere/runs.db?mode=rw", uri=True)
        return real(path, **more)

    monkeypatch.setattr(module.sqlite3, "connect", connect)
    assert [row.name for row in RunIndex(runs).rows()] == ["0001-a", "0002-b"]


def test_a_run_with_damaged_settings_is_listed_with_its_problem(runs: Path) -> None:
    (runs / "0001-a" / "config.toml").write_text("[train]\nepochs = -1\n")
    one, two = RunIndex(runs).rows()
    assert "epochs" in one.problem
    assert one.step == 9
    assert two.problem == ""
