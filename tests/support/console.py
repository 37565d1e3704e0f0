"""A console to ask things of, without a socket."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.testclient import TestClient

from accompanist.config import Config
from accompanist.console.app import create_app
from accompanist.console.guard import TOKEN_HEADER, Access
from accompanist.console.page import Page
from accompanist.console.services import Services

PORT = 8765
BASE = f"http://127.0.0.1:{PORT}"
NO_PROGRAM = (sys.executable, "-c", "raise SystemExit('error: no command is run here')")
"""Instead of `accompanist`: a unit test starts neither training nor an evaluation."""
SESSION = "the-session-of-this-test"


def services_at(folder: Path) -> Services:
    """Services whose files stand in a folder."""
    settings = folder / "config.toml"
    settings.touch()
    return Services.at(
        Config(),
        settings,
        runs=folder / "runs",
        cache=folder / "cache",
        kept=folder / "kept",
        clock=lambda: 0.0,
        sleep=asyncio.sleep,
        program=NO_PROGRAM,
        today=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )


def access(token: str = "", hosts: Sequence[str] = ()) -> Access:
    """The rules of the console of this test."""
    return Access(frozenset(hosts), token, SESSION, f"accompanist-{PORT}")


def app_at(
    folder: Path, pages: Sequence[Page] | None = None, *, token: str = "", hosts: Sequence[str] = ()
) -> Starlette:
    """The console, its files in a folder."""
    return create_app(services_at(folder), access(token, hosts), pages)


@contextmanager
def browser(app: Starlette, *, writes: bool = True) -> Iterator[TestClient]:
    """A browser on one of its pages: it has the cookie, and sends the token with every request."""
    with TestClient(app, base_url=BASE, follow_redirects=False) as client:
        if writes:
            client.cookies.set(f"accompanist-{PORT}", SESSION)
            client.headers[TOKEN_HEADER] = SESSION
        yield client
