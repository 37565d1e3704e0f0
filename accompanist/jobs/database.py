"""Where the queue is kept: a SQLite file among the runs, or a Postgres database that several machines share."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from accompanist.errors import ConfigError, JobError, StorageError

FILE = "jobs.db"
LOCKS = ".jobs"
CONNECT_S = 10
"""Seconds after which a database that does not answer is given up."""
_POSTGRES = ("postgresql", "postgres", "postgresql+psycopg")


@dataclass(frozen=True)
class Database:
    """A queue's database.

    Args:
        url: As SQLAlchemy has it; may hold a password, so show `shown` instead.
        locks: Folder for what only one process of a machine may do at a time.
    """

    url: str
    locks: Path

    @classmethod
    def at(cls, chosen: str, runs: Path, file: str = FILE) -> Database:
        """The one asked for.

        Args:
            chosen: A URL, postgresql://USER@HOST/NAME; empty: the file among the runs.
            runs: Folder that holds the runs.
            file: Name of that file.

        Raises:
            ConfigError: it is another kind of URL.
        """
        locks = runs.absolute() / LOCKS
        if not chosen:
            return cls(f"sqlite:///{runs.absolute() / file}", locks)
        parts = urlsplit(chosen)
        if parts.scheme not in _POSTGRES or not parts.path.strip("/"):
            raise ConfigError(
                f"--database is {_without_password(chosen)!r}; accepted: postgresql://USER@HOST/NAME",
                hint="leave it out for a file among the runs",
            )
        query = dict(parse_qsl(parts.query))
        query.setdefault("connect_timeout", str(CONNECT_S))
        return cls(urlunsplit(parts._replace(scheme="postgresql", query=urlencode(query))), locks)

    @property
    def file(self) -> Path | None:
        """The SQLite file; None where it is Postgres."""
        return Path(self.url.removeprefix("sqlite:///")) if self.url.startswith("sqlite:") else None

    @property
    def shown(self) -> str:
        """For the eye: without a password."""
        return str(self.file or _without_password(self.url))

    def prepare(self) -> None:
        """Make the queue's tables where they are not there yet, or are of an older version.

        Raises:
            JobError: it does not answer, or lets nobody in.
            StorageError: the file cannot be written.
        """
        from dbos import DBOS  # noqa: PLC0415 (takes 0.5 s; whoever only wants --help does not wait for it)

        quiet()
        self.prepare_file()
        with self.told():
            DBOS.migrate(self.url)

    def prepare_file(self) -> None:
        """Make the file, where it is one, so that who looks never waits for who writes.

        Raises:
            StorageError: it cannot be written.
        """
        if self.file is None:
            return
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.file, timeout=CONNECT_S)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")  # the file remembers it
        except (OSError, sqlite3.Error) as error:
            raise StorageError(
                f"cannot open {self.file}: {error}", hint="check the path and the permissions"
            ) from error

    @contextmanager
    def told(self) -> Iterator[None]:
        """Tell in plain words that the database does not answer.

        Raises:
            JobError: so it is.
        """
        from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 (see `prepare`)

        try:
            yield
        except DBAPIError as error:
            said = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
            raise JobError(
                f"the database {self.shown} does not answer: {said[0]}",
                hint="check the URL, and that the database runs and lets you in",
            ) from error


def quiet(*, verbose: bool = False) -> None:
    """Let DBOS tell what it does only where that is asked for: we tell what concerns a user ourselves."""
    logging.getLogger("dbos").setLevel(logging.INFO if verbose else logging.CRITICAL)


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}{at}{host}", query=""))
