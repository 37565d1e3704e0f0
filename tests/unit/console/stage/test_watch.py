"""A page on the stage, and a daemon it looks at: a control socket and a log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.performance import HEADER
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.console.events import Event
from accompanist.console.stage.watch import Watch
from accompanist.engine.engine import Engine
from accompanist.engine.protocol import Command
from accompanist.runtime.clock import MonotonicClock
from accompanist.runtime.control import ControlServer
from accompanist.runtime.control_address import Address
from accompanist.runtime.log_records import MessageRecord

PATIENCE_S = 20.0


def daemon(address: Address, log: Path, submit: Callable[[Command], None] = lambda _: None) -> ControlServer:
    standing = Engine(TINY_SPEC, EngineConfig()).status(0.0)
    return ControlServer(address, TINY_SPEC, MonotonicClock(), submit, lambda: standing, log=str(log))


async def until(events: Any, wanted: Callable[[Event], bool]) -> list[Event]:
    """Events up to one."""
    seen = []

    async def gathered() -> None:
        async for event in events:
            seen.append(event)
            if wanted(event):
                return

    await asyncio.wait_for(gathered(), PATIENCE_S)
    return seen


def written(log: Path, *records: msgspec.Struct) -> None:
    with log.open("ab") as file:
        file.write(b"".join(msgspec.json.encode(record) + b"\n" for record in records))


def test_a_page_sees_the_daemon_its_log_and_its_end(tmp_path: Path) -> None:
    address, log = Address(tmp_path / "band.sock"), tmp_path / "log.jsonl"
    written(log, HEADER, MessageRecord(1.0, 1.0, 480, 0, "902440"))

    async def seen() -> None:
        watch = Watch(lambda: [address], asyncio.sleep)
        events = watch.events(None, dict)
        first = await until(events, lambda event: event.name == "standing")
        assert first[-1].data == {"about": None, "band": {}}
        playing = daemon(address, log)
        try:
            told = await until(
                events, lambda event: event.name == "items" and ["on", 0, 36, 480, 64] in event.data["items"]
            )
            there = [event.data["about"] for event in told if event.name == "standing" and event.data["about"]]
            assert [about.log for about in there] == [str(log)]
            assert [about.tracks for about in there] == [tuple(track.name for track in TINY_SPEC.tracks)]
            (status,) = await until(events, lambda event: event.name == "status")
            assert status.data["controls"]["density"] == 1.0
            written(log, MessageRecord(2.0, 2.0, 960, 0, "802440"))
            (more,) = [e for e in await until(events, lambda e: e.name == "items") if e.name == "items"]
            assert more.data == {"whole": False, "items": [["lateness", 1, 0.0], ["off", 0, 36, 960]]}
            again = watch.events(told[-1].id, dict)  # the page's connection broke off, and it asks for the rest
            (rest,) = [e for e in await until(again, lambda e: e.name == "items") if e.name == "items"]
            assert rest.data == more.data
            await again.aclose()
        finally:
            await asyncio.to_thread(playing.close)
        await until(events, lambda event: event.name == "standing" and event.data["about"] is None)
        await events.aclose()
        assert watch._tasks == []

    asyncio.run(seen())


@pytest.mark.parametrize("number", ["9" * 5000, "-1", "x", ""])
def test_a_number_that_is_none_gets_everything(tmp_path: Path, number: str) -> None:
    async def seen() -> None:
        watch = Watch(lambda: [Address(tmp_path / "nobody.sock")], asyncio.sleep)
        events = watch.events(f"{watch._name}-{number}", dict)
        (told,) = [event for event in await until(events, lambda e: e.name == "items") if event.name == "items"]
        assert told.data == {"whole": True, "items": []}
        await events.aclose()

    asyncio.run(seen())


def test_an_id_of_another_console_gets_everything(tmp_path: Path) -> None:
    address, log = Address(tmp_path / "band.sock"), tmp_path / "log.jsonl"
    written(log, HEADER)

    async def seen() -> None:
        events = Watch(lambda: [address], asyncio.sleep).events("deadbeef-12", dict)
        told = await until(events, lambda event: event.name == "items" and bool(event.data["items"]))
        assert told[-1].data["items"][0][0] == "performance"
        await events.aclose()

    playing = daemon(address, log)
    try:
        asyncio.run(seen())
    finally:
        playing.close()
