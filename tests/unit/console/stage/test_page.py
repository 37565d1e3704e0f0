"""The routes of the page Stage, while nothing plays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from support.console import app_at, browser


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with browser(app_at(tmp_path)) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "body", "status", "told"),
    [
        ("command", {"command": "panic"}, 409, "nothing plays"),
        ("command", {"command": "mute", "speed": 3}, 422, "speed"),
        ("command", ["panic"], 422, "expected"),
        ("start", {"melody": "--log=/etc/passwd"}, 422, "melody"),
        ("start", {"bpm": 1000}, 422, "bpm"),
        ("start", {"model": "/etc/passwd"}, 422, "model"),
    ],
)
def test_what_makes_no_sense_is_refused(client: TestClient, path: str, body: object, status: int, told: str) -> None:
    refused = client.post(f"/api/stage/{path}", json=body)
    assert refused.status_code == status
    assert told in refused.json()["error"]


def test_a_stop_with_nothing_to_stop_changes_nothing(client: TestClient) -> None:
    assert client.post("/api/stage/stop").json() == {"started": False, "exit_code": None, "said": "", "ours": False}


def test_ports_that_cannot_be_listed_are_told_of(client: TestClient) -> None:
    refused = client.get("/api/stage/ports")
    assert refused.status_code == 409
    assert refused.json()["error"] == "no command is run here"
