"""`accompanist console` as a program, with everything of the user's in a folder of the test's; and a browser on it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from support.device import Program

if TYPE_CHECKING:
    from playwright.sync_api import Page

PATIENCE_MS = 60_000
DESKTOP, PHONE = (1366, 900), (390, 844)


def why_no_browser() -> str:
    """Why there is no browser here; empty where there is one."""
    if find_spec("playwright") is None:
        return "needs playwright: pip install -e '.[test]'"
    return "" if shutil.which("chromium") else "needs Chromium (Debian: apt install chromium)"


@contextmanager
def opened(address: str, size: tuple[int, int] = DESKTOP) -> Iterator[Page]:
    """A page in the system's Chromium; an exception of its scripts fails the test.

    Args:
        address: Of the page.
        size: Width and height of the window in pixels.
    """
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 (an extra of the tests)

    thrown: list[str] = []
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # with one, Chromium refuses to run as root
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=sandbox)
        try:
            page = browser.new_page(viewport={"width": size[0], "height": size[1]})
            page.set_default_timeout(PATIENCE_MS)
            page.on("pageerror", lambda error: thrown.append(str(error)))
            page.goto(address)
            yield page
        finally:
            browser.close()
    assert thrown == []


def own_folders(folder: Path) -> dict[str, str]:
    """Environment in which everything of the user's stands in a folder."""
    places = {"XDG_RUNTIME_DIR": "runtime", "XDG_DATA_HOME": "data", "XDG_CACHE_HOME": "cache"}
    return {variable: str(folder / name) for variable, name in places.items()}


class ConsoleProgram:
    """A console on a port of its own.

    Args:
        environment: Of the process.
        folder: Its settings and runs.
    """

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        (folder / "config.toml").touch()
        settings = ("--config", str(folder / "config.toml"))
        run = [sys.executable, "-m", "accompanist", *settings, "console", "--port", "0", "--json"]
        self.program = Program([*run, "--runs", str(folder / "runs")], environment)
        self.address: str = json.loads(self.program.line_with("ready"))["address"]
        self.pid = self.program._process.pid

    def stop(self) -> int:
        """End it as Ctrl-C does; returns its exit code."""
        self.program.signal(signal.SIGINT)
        return self.program.ends()
