"""What all stage pages look at together: one connection and one reader of the log, while anybody looks."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool

from accompanist.console.events import Event
from accompanist.console.stage.daemon import DaemonLink, Sleep
from accompanist.console.stage.follow import LogTail
from accompanist.console.stage.picture import StagePicture
from accompanist.runtime.control_address import Address

LOOK_S = 0.1
"""Between two looks into the log, and at most between two events to a page."""
_LONGEST_NUMBER = 18
"""Digits; nothing was ever told so often."""


class Watch:
    """The daemon that is there, as pages see it.

    Args:
        addresses: Where one may be, the best first.
        sleep: Lets so many seconds go by.
    """

    def __init__(self, addresses: Callable[[], Sequence[Address]], sleep: Sleep) -> None:
        self.link = DaemonLink(addresses, sleep)
        self._sleep = sleep
        self.picture = StagePicture()
        self._name = secrets.token_hex(4)  # of this console's numbering: after a restart numbers mean something else
        self._log = ""
        self._lookers = 0
        self._tasks: list[asyncio.Task[None]] = []

    @contextlib.asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        """Follow the daemon for as long as somebody is inside."""
        self._lookers += 1
        if self._lookers == 1:
            self._tasks = [asyncio.create_task(self.link.run()), asyncio.create_task(self._follow())]
        try:
            yield
        finally:
            self._lookers -= 1
            if self._lookers == 0:
                tasks, self._tasks = self._tasks, []
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def events(self, last_id: str | None, band: Callable[[], dict[str, Any]]) -> AsyncIterator[Event]:
        """Everything for one page, from the last item it has seen on.

        Args:
            last_id: As `Event.id` had it.
            band: How the band started here stands.
        """
        name, _, number_text = (last_id or "").partition("-")
        ours = name == self._name and number_text.isdecimal() and len(number_text) <= _LONGEST_NUMBER
        number = int(number_text) if ours else -1
        told, standing = -1, None
        async with self.looking():
            while True:
                now_standing = {"about": self.link.about, "band": band()}
                if now_standing != standing:
                    standing = now_standing
                    yield Event(standing, name="standing")
                items, whole = self.picture.since(number)
                if items or whole:
                    number = self.picture.number
                    yield Event({"whole": whole, "items": items}, id=f"{self._name}-{number}", name="items")
                if self.link.told != told and self.link.status is not None:
                    told = self.link.told
                    yield Event(self.link.status, name="status")
                await self._sleep(LOOK_S)

    async def _follow(self) -> None:
        tail: LogTail | None = None
        while True:
            about = self.link.about
            if about is not None and about.log != self._log:
                self._log = about.log
                tail = LogTail(Path(self._log)) if self._log else None
            elif tail is None and self._log:
                tail = LogTail(Path(self._log))
            if tail is not None and about is not None:
                await self._read(tail, about.drums)
            await self._sleep(LOOK_S)

    async def _read(self, tail: LogTail, drums: Sequence[str]) -> None:
        try:
            records, anew = await run_in_threadpool(tail.read)
        except (OSError, ValueError):  # not there yet, or gone
            return
        if anew:
            self.picture = StagePicture(drums, number=self.picture.number + 1)  # one more: no page has seen all of it
        for record in records:
            self.picture.take(record)
