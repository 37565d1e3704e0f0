"""Server-sent events that go on where they broke off.

A source is asked with the id of the last event that arrived (the browser's `Last-Event-ID`, or `?after=` in the
address; None at the first time) and gives the events after it, as they come. So an id should say a place in something
that is kept, such as a byte of a file, and never a count of what this process has sent.

Source: HTML Standard, section 9.2, server-sent events.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import StreamingResponse

QUIET_S = 15.0
"""After so long without an event a comment is sent, so that both sides notice a connection that is gone."""
RETRY_MS = 1000
"""How long the browser waits before it asks again."""


class Event(NamedTuple):
    """One event.

    Args:
        data: What msgspec can write as JSON.
        id: A place to go on from; empty: none.
        name: Kind; the browser listens by it.
    """

    data: Any
    id: str = ""
    name: str = "message"

    def encoded(self) -> bytes:
        """As the protocol writes it; an id cannot hold a line's end."""
        place = f"id: {''.join(self.id.split())}\n" if self.id else ""
        return f"{place}event: {self.name}\ndata: {msgspec.json.encode(self.data, enc_hook=str).decode()}\n\n".encode()


Source = Callable[[str | None], AsyncIterator[Event]]


def last_id(request: Request) -> str | None:
    """The id of the last event that arrived, where there was one."""
    return request.headers.get("last-event-id") or request.query_params.get("after") or None


def stream(request: Request, source: Source, stopping: asyncio.Event) -> StreamingResponse:
    """An answer that gives a source's events until the source ends, the reader goes, or the console ends.

    Args:
        request: Says where to go on from.
        source: The events.
        stopping: Set when the console ends.
    """
    return StreamingResponse(
        _encoded(source(last_id(request)), stopping),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _encoded(events: AsyncIterator[Event], stopping: asyncio.Event) -> AsyncIterator[bytes]:
    yield f"retry: {RETRY_MS}\n\n".encode()
    ending = asyncio.ensure_future(stopping.wait())
    coming: asyncio.Future[Event] | None = None
    try:
        while not stopping.is_set():
            coming = coming or asyncio.ensure_future(anext(events))
            waited_for: set[asyncio.Future[Any]] = {coming, ending}
            await asyncio.wait(waited_for, timeout=QUIET_S, return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                yield b": still here\n\n"
                continue
            try:
                event = coming.result()
            except StopAsyncIteration:
                if not stopping.is_set():  # else there is more to come, from the next console
                    yield b"event: end\ndata: null\n\n"  # the browser would ask for more for ever
                return
            coming = None
            yield event.encoded()
    finally:
        for task in (coming, ending):
            if task is not None and not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        close = getattr(events, "aclose", None)
        if close:
            await close()


async def pause(stopping: asyncio.Event, wait_s: float) -> bool:
    """Wait a while, for a source that looks again and again; False when the console ends meanwhile."""
    with suppress(TimeoutError):
        async with asyncio.timeout(wait_s):  # wait_for, up to Python 3.11, may swallow a cancellation
            await stopping.wait()
    return not stopping.is_set()
