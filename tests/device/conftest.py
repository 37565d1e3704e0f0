from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.device import HostStalled, JackServer, why_no_jack

STALLED_S = 0.02
"""A machine that stands still for longer (a virtual one whose host is busy) is no place to judge time."""
RERUNS = 3


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("device"):
            item.add_marker(pytest.mark.flaky(reruns=RERUNS, only_rerun=["HostStalled"]))


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
def jack_server(tmp_path: Path) -> Iterator[JackServer]:
    """A private JACK server."""
    if reason := why_no_jack():
        pytest.skip(reason)
    server = JackServer(f"accompanist-{os.getpid()}", tmp_path)
    try:
        yield server
    finally:
        server.stop()
