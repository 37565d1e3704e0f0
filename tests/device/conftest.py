from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.device import JackServer, why_no_jack


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
