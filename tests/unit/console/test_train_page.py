from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from support.console import app_at, browser, services_at

pytest.importorskip("dbos", reason="needs the jobs extra: pip install -e '.[jobs]'")

import asyncio

from accompanist.config import TrainConfig
from accompanist.console.queue import Queue
from accompanist.errors import JobError


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with browser(app_at(tmp_path)) as client:
        yield client


def test_the_form_is_told_with_its_presets(client: TestClient) -> None:
    told = client.get("/api/train/form").json()
    assert {field["name"] for field in told["fields"]} >= {"model", "epochs", "learning_rate", "seed"}
    assert [preset["name"] for preset in told["presets"]] == ["Try it", "Classic", "Shipped model"]


def test_the_defaults_are_those_of_the_settings_file(client: TestClient, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[train]\nepochs = 7\n", encoding="utf-8")
    fields = {field["name"]: field for field in client.get("/api/train/form").json()["fields"]}
    assert fields["epochs"]["default"] == 7


def test_values_are_checked_by_the_server_too(client: TestClient) -> None:
    assert client.post("/api/train/check", json={"values": {"epochs": 3}}).json() == {}
    assert set(client.post("/api/train/check", json={"values": {"epochs": -3}}).json()) == {"epochs"}


@pytest.mark.parametrize("values", [{"epochs": -1}, {"runs": "/elsewhere"}, {"nonsense": 1}, {"epochs": "many"}])
def test_what_is_wrong_is_not_launched(client: TestClient, values: dict[str, Any], tmp_path: Path) -> None:
    assert client.post("/api/train/launch", json={"values": values}).status_code == 422
    assert not (tmp_path / "runs").exists()


def test_a_training_is_launched_cancelled_and_resumed(client: TestClient) -> None:
    job = client.post("/api/train/launch", json={"values": {"name": "ska", "epochs": 2}}).json()
    assert (job["title"], job["state"]) == ("ska", "queued")
    at = f"/api/train/jobs/{job['id']}"
    assert client.post(f"{at}/resume").status_code == 409
    assert client.post(f"{at}/cancel").json()["state"] == "cancelled"
    assert client.post(f"{at}/resume").json()["state"] == "queued"
    assert client.post("/api/train/jobs/none/cancel").status_code == 409


def test_the_queue_is_watched_and_a_worker_that_cannot_work_is_told_once(tmp_path: Path) -> None:
    """The command that unit tests have instead of `accompanist` fails at once."""
    services = services_at(tmp_path)

    async def watched() -> list[dict[str, Any]]:
        seen: list[dict[str, Any]] = []
        async with services.queue.lifespan():
            await services.queue.submit(TrainConfig(name="ska"))
            async for event in services.queue.watch(None):
                seen.append(json.loads(bytes(event.data)))
                if seen[-1]["problem"]:
                    services.stopping.set()
        return seen

    seen = asyncio.run(watched())
    assert [job["title"] for job in seen[-1]["jobs"]] == ["ska"]
    assert "no command is run here" in seen[-1]["problem"]
    assert seen[-1]["workers"] == 0


def test_who_has_seen_the_queue_is_not_told_the_same_again(tmp_path: Path) -> None:
    services = services_at(tmp_path)

    async def watched() -> list[str]:
        async with services.queue.lifespan():
            await services.queue.submit(TrainConfig(name="ska"))
            async for event in services.queue.watch(None):
                first = event
                if json.loads(bytes(first.data))["problem"]:
                    break
            again = services.queue.watch(first.id)
            coming = asyncio.ensure_future(anext(again))
            _, waiting = await asyncio.wait({coming}, timeout=0)
            coming.cancel()
            return [first.id] if waiting else []

    assert asyncio.run(watched())


def test_a_queue_is_left_alone_while_the_first_page_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/jobs.db").touch()
    queue = services_at(tmp_path).queue

    async def started() -> bool:
        async with queue.lifespan():
            await asyncio.sleep(0)
            before = queue._jobs is None
            await queue.submit(TrainConfig(name="ska"))
            return before and queue._jobs is not None

    assert asyncio.run(started())


def test_a_queue_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    stopping = asyncio.Event()
    queue = Queue(tmp_path / "runs", None, "postgresql://nobody@127.0.0.1:1/none", stopping)

    async def cancelled() -> None:
        await queue.cancel("x")

    with pytest.raises(JobError, match="does not answer"):
        asyncio.run(cancelled())
