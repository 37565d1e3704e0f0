from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from support.console import app_at, browser

from accompanist.console import events
from accompanist.console.events import Event
from accompanist.console.page import Page

SONG = ["do", "re", "mi", "fa"]


async def _song(after: str | None) -> AsyncIterator[Event]:
    first = int(after) + 1 if after and after.isdigit() else 0
    for place, name in enumerate(SONG[first:], start=first):
        yield Event({"note": name}, str(place), "note")


def _page(stopping: asyncio.Event) -> Page:
    async def stream(request: Request) -> Response:
        return events.stream(request, _song, stopping)

    return Page("shell", "Song", [Route("/api/song", stream)])


def test_events_arrive_with_their_places_and_an_end(tmp_path: Path) -> None:
    with browser(app_at(tmp_path, [_page(asyncio.Event())])) as client:
        answer = client.get("/api/song")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [line[4:] for line in answer.text.splitlines() if line.startswith("id: ")] == ["0", "1", "2", "3"]
    assert answer.text.endswith("event: end\ndata: null\n\n")
    assert 'id: 1\nevent: note\ndata: {"note":"re"}\n\n' in answer.text


def test_after_a_break_they_go_on_where_they_broke_off(tmp_path: Path) -> None:
    with browser(app_at(tmp_path, [_page(asyncio.Event())])) as client:
        by_header = client.get("/api/song", headers={"last-event-id": "1"}).text
        by_address = client.get("/api/song?after=1").text
    assert by_header == by_address
    assert "mi" in by_header
    assert "re" not in by_header.replace("retry", "")


def test_a_stream_ends_when_the_console_does() -> None:
    async def endless(_after: str | None) -> AsyncIterator[Event]:
        yield Event(1)
        await asyncio.Event().wait()

    async def listened() -> list[bytes]:
        stopping = asyncio.Event()
        answer = events.stream(Request({"type": "http", "headers": [], "query_string": b""}), endless, stopping)
        parts: list[bytes] = []
        async for part in answer.body_iterator:
            parts.append(part)  # type: ignore[arg-type]
            if b"data: 1" in bytes(part):  # type: ignore[arg-type]
                stopping.set()
        return parts

    assert len(asyncio.run(listened())) == 2


def test_a_source_that_ends_because_the_console_does_is_not_told_as_ended() -> None:
    stopping = asyncio.Event()

    async def until_the_end(_after: str | None) -> AsyncIterator[Event]:
        yield Event(1)
        await stopping.wait()

    async def listened() -> list[bytes]:
        answer = events.stream(Request({"type": "http", "headers": [], "query_string": b""}), until_the_end, stopping)
        parts: list[bytes] = []
        async for part in answer.body_iterator:
            parts.append(bytes(part))  # type: ignore[arg-type]
            if b"data: 1" in parts[-1]:
                asyncio.get_running_loop().call_soon(stopping.set)
        return parts

    assert not any(b"event: end" in part for part in asyncio.run(listened()))


def test_an_id_never_breaks_the_protocol() -> None:
    assert Event("a\nb", "1\n\ndata: x", "n").encoded() == b'id: 1data:x\nevent: n\ndata: "a\\nb"\n\n'
