"""Which workers live. Each holds a lock for as long as it does, and the system frees it when it dies, however it dies.

A job whose worker's lock is free is gone on with by another worker; one whose worker's lock is held never is.

    SQLite      a file per worker beside the database, locked with flock
    Postgres    an advisory lock of a session that the worker keeps open. A machine that falls silent is given up by the
                server after 30 s; a worker that cannot reach the server ends itself after 10 s
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from accompanist.errors import JobError
from accompanist.jobs.database import Database

if TYPE_CHECKING:
    import psycopg

if sys.platform != "win32":
    import fcntl

Kind = Literal["workers", "sweeps"]
"""Of the processes that share a queue, or a study."""
_CLASSES: dict[Kind, int] = {"workers": 0x41434A42, "sweeps": 0x41435350}
"""Tell our advisory locks from those of others in the same database."""
_HELD = """
SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = %s
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_SERVER_GIVES_UP = "SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
_WORKER_GIVES_UP = {"keepalives_idle": 4, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}


class Liveness(Protocol):
    """The locks of one queue's workers."""

    def claim(self) -> str:
        """Begin to live; returns the worker's name.

        Raises:
            JobError: the lock cannot be had.
        """

    def held(self) -> bool:
        """Whether the lock of `claim` is still held; what a worker does without it may be done twice."""

    def alive(self, workers: Iterable[str]) -> set[str]:
        """Those of these workers that live.

        Raises:
            JobError: the database does not answer.
        """

    def count(self) -> int:
        """How many workers live.

        Raises:
            JobError: the database does not answer.
        """

    def close(self) -> None:
        """Let go of everything."""


def liveness_of(database: Database, kind: Kind = "workers") -> Liveness:
    """The locks of those who share a database.

    Raises:
        JobError: the database does not answer.
    """
    return FileLocks(database.locks / kind) if database.file else SessionLocks(database, kind)


def _name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.randbits(31):08x}"


class FileLocks:
    """Locked files in a folder, one per worker.

    Args:
        folder: Made where it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: tuple[int, Path] | None = None

    def claim(self) -> str:
        """See `Liveness`."""
        if sys.platform == "win32":
            raise JobError(
                "workers on a SQLite queue need Linux or macOS", hint="give all of them a Postgres: --database URL"
            )
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in self._folder.glob("*.lock"):  # left by those that died
            _remove_if_free(path)
        while True:
            path = self._folder / f"{_name()}.lock"
            handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
            fcntl.flock(handle, fcntl.LOCK_EX)
            self._held = (handle, path)
            if self.held():  # else somebody tidied it away in between
                return path.stem
            os.close(handle)

    def held(self) -> bool:
        """See `Liveness`."""
        if self._held is None:
            return False
        handle, path = self._held
        try:
            return os.path.samestat(os.fstat(handle), path.stat())
        except FileNotFoundError:
            return False

    def alive(self, workers: Iterable[str]) -> set[str]:
        """See `Liveness`."""
        return {worker for worker in workers if _is_locked(self._folder / f"{worker}.lock")}

    def count(self) -> int:
        """See `Liveness`."""
        return sum(_is_locked(path) for path in self._folder.glob("*.lock"))

    def close(self) -> None:
        """See `Liveness`."""
        if self._held is not None:
            handle, path = self._held
            path.unlink(missing_ok=True)
            os.close(handle)
            self._held = None


def _is_locked(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return not _lock(handle, shared=True)
    finally:
        os.close(handle)


def _remove_if_free(path: Path) -> None:
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return
    try:
        if _lock(handle, shared=False):
            path.unlink(missing_ok=True)
    finally:
        os.close(handle)


def _lock(handle: int, *, shared: bool) -> bool:
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class SessionLocks:
    """Advisory locks of Postgres, each held by a session that lives as long as its worker.

    Args:
        database: Theirs.
        kind: What they are.

    Raises:
        JobError: it does not answer.
    """

    def __init__(self, database: Database, kind: Kind) -> None:
        import psycopg  # noqa: PLC0415 (not needed for a queue on SQLite)

        self._connect = partial(psycopg.connect, database.url, autocommit=True, **_WORKER_GIVES_UP)  # type: ignore[arg-type]
        self._failure = psycopg.Error
        self._shown = database.shown
        self._class = _CLASSES[kind]
        self._claimed = False
        self._session = self._connected()

    def _connected(self) -> psycopg.Connection:
        try:
            session = self._connect()
            session.execute(_SERVER_GIVES_UP)
        except self._failure as error:
            raise JobError(
                f"the database {self._shown} does not answer: {str(error).strip().splitlines()[0]}",
                hint="check the URL, and that the database runs and lets you in",
            ) from error
        return session

    def claim(self) -> str:
        """See `Liveness`."""
        name = _name()
        self._session.execute("SELECT pg_advisory_lock(%s, %s)", (self._class, _key(name)))
        self._claimed = True
        return name

    def held(self) -> bool:
        """See `Liveness`; a server that does not answer for 10 s counts as one that is gone."""
        try:
            self._session.execute("SELECT 1")
        except self._failure:
            return False
        return self._claimed

    def alive(self, workers: Iterable[str]) -> set[str]:
        """See `Liveness`."""
        keys = self._keys()
        return {worker for worker in workers if _key(worker) in keys}

    def count(self) -> int:
        """See `Liveness`."""
        return len(self._keys())

    def close(self) -> None:
        """See `Liveness`."""
        self._session.close()

    def _keys(self) -> set[int]:
        """The locks that are held. Who holds none connects anew where the server was away; who does has lost it."""
        if self._session.closed and not self._claimed:
            self._session = self._connected()
        try:
            rows = self._session.execute(_HELD, (self._class,)).fetchall()
        except self._failure as error:
            raise JobError(f"the database {self._shown} does not answer any more", hint="try again") from error
        return {int(row[0]) for row in rows}


def _key(worker: str) -> int:
    """The number of a worker's lock, which its name ends in; -1 where it is no worker's name."""
    try:
        return int(worker.rpartition("-")[2], 16)
    except ValueError:
        return -1
