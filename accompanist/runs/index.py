"""All runs of a folder in a line each, from `runs.db`, an index in SQLite beside them.

The directories are the truth. Each look compares them with the index by the times and sizes of their files, and reads
again what has changed; an index that is missing, damaged or of another version is made anew, with a word.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from accompanist.errors import AccompanistError
from accompanist.runs import checkpoints
from accompanist.runs.folder import RunFolder
from accompanist.runs.status import status_of

DATABASE = "runs.db"
VERSION = 1
"""Of the table below; an index of another version is made anew."""
_TABLE = """
CREATE TABLE runs (
    name TEXT PRIMARY KEY, seen TEXT NOT NULL, model TEXT NOT NULL, sources TEXT NOT NULL, tags TEXT NOT NULL,
    begun TEXT NOT NULL, epochs INTEGER NOT NULL, step INTEGER NOT NULL, epoch REAL NOT NULL, trained_s REAL NOT NULL,
    metrics TEXT NOT NULL, best_step INTEGER, best_metrics TEXT NOT NULL, problem TEXT NOT NULL
) STRICT
"""
_UNREADABLE = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR)
_NO_PLACE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_FULL)


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """A run in a line.

    Args:
        name: Of its folder.
        path: The folder.
        number: Its number; None for a folder of another name.
        state: See `accompanist.runs.status.Status`.
        reason: Why it stands so; may be empty.
        model: The recipe.
        sources: Of its music.
        tags: That its songs were chosen by.
        begun: When, ISO 8601, UTC.
        epochs: Asked for.
        step: Of its newest checkpoint.
        epoch: Of its newest checkpoint.
        trained_s: Seconds of training up to there.
        metrics: Of the last sampled epoch.
        best_step: Of its best checkpoint; None where there is none.
        best_metrics: Of that checkpoint.
        problem: What of it cannot be read; empty where all of it can.
    """

    name: str
    path: Path
    number: int | None
    state: Literal["queued", "running", "stopped", "finished", "failed"]
    reason: str
    model: str
    sources: tuple[str, ...]
    tags: tuple[str, ...]
    begun: str
    epochs: int
    step: int
    epoch: float
    trained_s: float
    metrics: dict[str, float]
    best_step: int | None
    best_metrics: dict[str, float]
    problem: str


class RunIndex:
    """The index of a folder of runs.

    Args:
        runs: The folder, which need not exist.
        tell: Told in a sentence when the index is made anew.
    """

    def __init__(self, runs: Path, tell: Callable[[str], None] = lambda _: None) -> None:
        self.runs = runs
        self._tell = tell

    def rows(self) -> list[RunRow]:
        """Every run, ascending by name, as it stands at this moment."""
        if not self.runs.is_dir():
            return []
        try:
            with self._connected() as database:
                return self._rows(database)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF in _NO_PLACE:  # as good, only slower
                with closing(sqlite3.connect(":memory:")) as database:
                    database.execute(_TABLE)
                    return self._rows(database)
            if error.sqlite_errorcode & 0xFF not in _UNREADABLE:
                raise
            self._tell(f"{self.runs / DATABASE} was damaged ({error}): it is made anew from the runs' folders")
        for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"):
            (self.runs / name).unlink(missing_ok=True)
        with self._connected(quiet=True) as database:
            return self._rows(database)

    @contextmanager
    def _connected(self, *, quiet: bool = False) -> Iterator[sqlite3.Connection]:
        path = self.runs / DATABASE
        new = not path.exists()
        with closing(sqlite3.connect(path, timeout=10.0)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version != VERSION:
                if not quiet and (not new or any(self.runs.glob("*/config.toml"))):
                    what = "was not there" if new else f"is of version {version}, not {VERSION}"
                    self._tell(f"{path} {what}: it is made anew from the runs' folders")
                with database:
                    database.execute("DROP TABLE IF EXISTS runs")
                    database.execute(_TABLE)
                    database.execute(f"PRAGMA user_version = {VERSION}")
            yield database

    def _rows(self, database: sqlite3.Connection) -> list[RunRow]:
        database.row_factory = sqlite3.Row
        known = {row["name"]: row for row in database.execute("SELECT * FROM runs")}
        there = {run.path.name: run for run in RunFolder.all_in(self.runs)}
        fresh = []
        for name, run in there.items():
            seen = _seen(run)
            if name not in known or known[name]["seen"] != seen:
                known[name] = {"name": name, "seen": seen, **_read(run)}
                fresh.append(known[name])
        gone = [(name,) for name in known if name not in there]
        if fresh or gone:
            with database:
                database.executemany("DELETE FROM runs WHERE name = ?", gone)
                for row in fresh:
                    marks = ", ".join(f":{key}" for key in row)
                    database.execute(f"INSERT OR REPLACE INTO runs ({', '.join(row)}) VALUES ({marks})", row)  # noqa: S608 (our own names)
        return [_row(run, known[name]) for name, run in there.items()]


def _seen(run: RunFolder) -> str:
    """What changes whenever something changes that the index holds."""
    newest = checkpoints.all_in(run.checkpoints)
    files = [run.path / "config.toml", run.path / "data.json", *(path / "state.json" for path in newest)]
    return " ".join(_stamp(file) for file in files)


def _stamp(file: Path) -> str:
    try:
        found = file.stat()
    except OSError:
        return f"{file.parent.name}:none"
    return f"{file.parent.name}:{found.st_mtime_ns}:{found.st_size}"


def _read(run: RunFolder) -> dict[str, Any]:
    """A run's line of the table, without its name."""
    kept = run.kept()
    newest = kept[-1].state if kept else None
    train, epochs, problem = None, 0, ""
    try:
        train, epochs = run.config().train, run.epochs()
        best = checkpoints.best_of(kept, train.best_by)
    except AccompanistError as error:
        best, problem = None, error.message
    return {
        "model": train.model if train else "",
        "sources": json.dumps(train.data if train else ()),
        "tags": json.dumps(train.tag if train else ()),
        "begun": _begun(run),
        "epochs": epochs,
        "step": newest.step if newest else 0,
        "epoch": newest.epoch if newest else 0.0,
        "trained_s": newest.trained_s if newest else 0.0,
        "metrics": json.dumps(newest.metrics if newest else {}),
        "best_step": best.state.step if best else None,
        "best_metrics": json.dumps(best.state.metrics if best else {}),
        "problem": problem,
    }


def _begun(run: RunFolder) -> str:
    """When its folder was made: its model's file is written then, and never again."""
    file = run.path / "model.json"
    made_s = (file if file.exists() else run.path).stat().st_mtime
    return datetime.fromtimestamp(made_s, tz=UTC).isoformat(timespec="seconds")


def _row(run: RunFolder, found: Any) -> RunRow:
    status = status_of(run.path, complete=found["epochs"] > 0 and found["epoch"] >= found["epochs"])
    return RunRow(
        name=found["name"],
        path=run.path,
        number=run.number,
        state=status.state,
        reason=status.reason,
        model=found["model"],
        sources=tuple(json.loads(found["sources"])),
        tags=tuple(json.loads(found["tags"])),
        begun=found["begun"],
        epochs=found["epochs"],
        step=found["step"],
        epoch=found["epoch"],
        trained_s=found["trained_s"],
        metrics=json.loads(found["metrics"]),
        best_step=found["best_step"],
        best_metrics=json.loads(found["best_metrics"]),
        problem=found["problem"],
    )
