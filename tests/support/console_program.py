"""`accompanist console` as a program, with everything of the user's in a folder of the test's."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from support.device import Program


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
