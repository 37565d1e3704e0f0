"""A running `serve` as its control socket tells it: who it is, and how it stands, ten times a second."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from accompanist.runtime.control_address import Address

EVERY_S = 0.1
"""Between two words of how it stands."""
ANSWER_S = 3.0
"""A daemon that says nothing for so long is taken as gone."""
AGAIN_S = 1.0
"""Between two looks for a daemon."""
_LONGEST_LINE = 1 << 16

Sleep = Callable[[float], Awaitable[None]]
"""Lets so many seconds go by: `asyncio.sleep`, or a test's own."""


class About(msgspec.Struct, frozen=True):
    """What of a daemon stays as it is.

    Args:
        program: Version of Accompanist.
        pid: Its process.
        log: Full path of its performance log; empty: it writes none.
        tracks: Names of the band's tracks.
        drums: Those of them that are drums.
        styles: That the model knows.
    """

    program: str = ""
    pid: int = 0
    log: str = ""
    tracks: tuple[str, ...] = ()
    drums: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()


class DaemonLink:
    """The connection to a daemon, made again and again.

    Args:
        addresses: Where one may be, the best first; asked anew for each look.
        sleep: Lets so many seconds go by.
    """

    def __init__(self, addresses: Callable[[], Sequence[Address]], sleep: Sleep) -> None:
        self._addresses = addresses
        self._sleep = sleep
        self.address: Address | None = None
        """Of the daemon that is there."""
        self.about: About | None = None
        """What stays as it is; None while there is none."""
        self.status: dict[str, Any] | None = None
        self.told = 0
        """Counts how often its status was told."""

    async def run(self) -> None:
        """Find a daemon and listen to it, until cancelled."""
        while True:
            for address in self._addresses():
                with contextlib.suppress(OSError, ValueError, KeyError, msgspec.MsgspecError):
                    await self._listen(address)
                self.address = self.about = self.status = None
            await self._sleep(AGAIN_S)

    async def _listen(self, address: Address) -> None:
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await _connected(address)
        try:
            for asked in ({"command": "about"}, {"command": "subscribe", "every_s": EVERY_S}):
                writer.write(msgspec.json.encode(asked) + b"\n")
            # A daemon that does not know the word can be commanded all the same: then all of it is empty.
            self.about = msgspec.convert((await _line(reader)).get("about", {}), About)
            self.address = address
            while True:
                said = await _line(reader)
                if said.get("event") == "status":
                    self.status = said["status"]
                    self.told += 1
        finally:
            writer.close()


async def _connected(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if address.path is not None:
        return await asyncio.open_unix_connection(str(address.path), limit=_LONGEST_LINE)
    return await asyncio.open_connection(address.host, address.port, limit=_LONGEST_LINE)


async def _line(reader: asyncio.StreamReader) -> dict[str, Any]:
    async with asyncio.timeout(ANSWER_S):
        line = await reader.readline()
    if not line.endswith(b"\n"):
        raise OSError("it hung up")
    return msgspec.json.decode(line, type=dict[str, Any])
