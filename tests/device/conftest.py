from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.device import HostStalled, JackServer, why_no_jack
from support.music_files import pop909_grid, pop909_song, write_pop909
from support.postgres import Postgres, why_no_postgres

STALLED_S = 0.02
"""A machine that stands still for longer (a virtual one whose host is busy) is no place to judge time."""
RERUNS = 3


@pytest.hookimpl(tryfirst=True)  # before they are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("device"):
            item.add_marker(pytest.mark.flaky(reruns=RERUNS, only_rerun=["HostStalled"]))
        if "jack_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.jack)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    try:
        return (yield)
    except HostStalled as failure:  # a test that knows it by itself
        if item.execution_count > RERUNS:
            pytest.skip(str(failure))
        raise
    except AssertionError as failure:
        server = getattr(item, "funcargs", {}).get("jack_server")
        if server is None or server.stalled_s <= STALLED_S:
            raise
        stalled = f"the machine stood still for {server.stalled_s:.3f} s meanwhile: {str(failure).splitlines()[0]}"
        if item.execution_count > RERUNS:
            pytest.skip(stalled)
        raise HostStalled(stalled) from failure


@pytest.fixture
def songs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a few songs, for a tiny model to learn from."""
    monkeypatch.chdir(tmp_path)
    numbers = [f"{number:03d}" for number in range(1, 7)]
    songs = {number: pop909_song(bars=5) for number in numbers}
    write_pop909(tmp_path, songs, {number: pop909_grid(bars=5) for number in numbers})
    return tmp_path


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A Postgres server of one's own."""
    if reason := why_no_postgres():
        pytest.skip(reason)
    server = Postgres()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def jack_server(tmp_path: Path) -> Iterator[JackServer]:
    """A private JACK server."""
    if reason := why_no_jack():
        pytest.skip(reason)
    server = JackServer(f"accompanist-{os.getpid()}", tmp_path)
    try:
        yield server
    finally:
        server.stop()
