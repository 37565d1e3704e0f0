from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.chromium import chromium, why_no_chromium
from support.device import Program
from support.music_files import pop909_grid, pop909_song, write_pop909

PATIENCE_S = 120.0
SETTINGS = """
[train]
batch = 4
critic_updates = 1
threads = 1
device = "cpu"
[data]
home = "."
cache = "cache"
"""


class Console:
    """A console that a user has started.

    Args:
        folder: Its working folder.
        port: 0: any free one.
    """

    def __init__(self, folder: Path, port: int = 0) -> None:
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
        environment |= {"XDG_DATA_HOME": str(folder / "data"), "XDG_CACHE_HOME": str(folder / "user-cache")}
        command = [sys.executable, "-m", "accompanist", "console", "--port", str(port), "--json"]
        self.program = Program(command, environment)
        self.address = json.loads(self.program.line_with('"ready"', PATIENCE_S))["address"].rstrip("/")

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.address.rpartition(":")[2])

    def stop(self) -> None:
        """As a service manager does."""
        self.program.signal(signal.SIGTERM)
        self.program.ends(PATIENCE_S)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with settings and a few songs."""
    if reason := why_no_chromium():
        pytest.skip(reason)
    monkeypatch.chdir(tmp_path)
    numbers = [f"{number:03d}" for number in range(1, 7)]
    songs = {number: pop909_song(bars=5) for number in numbers}
    write_pop909(tmp_path, songs, {number: pop909_grid(bars=5) for number in numbers})
    (tmp_path / "config.toml").write_text(SETTINGS, encoding="utf-8")
    return tmp_path


@pytest.fixture
def console(folder: Path) -> Iterator[Console]:
    console = Console(folder)
    try:
        yield console
    finally:
        console.program.stop()


@pytest.fixture
def page(console: Console) -> Iterator[object]:
    assert console
    with chromium() as page:
        yield page
