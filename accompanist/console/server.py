"""The console's process: one socket, one event loop, and an end that leaves nothing behind."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from accompanist.errors import ConfigError, ConsoleError

GRACE_S = 2
"""How long answers that are under way may take when the console ends."""


def check_address(host: str, token: str) -> None:
    """Others on the network may come in with a token only.

    Raises:
        ConfigError: the address can be reached from elsewhere and there is no token.
    """
    if not token and not is_loopback(host):
        raise ConfigError(
            f"--host {host} can be reached from other machines and there is no --token",
            hint=f"accompanist console --host {host} --token A-SECRET-OF-YOURS",
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def name_of(host: str) -> str:
    """The host as an address in the browser has it; of "any address" this machine's name."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 (compared, not listened at)
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Args:
        host: Name or address.
        port: 0: any that is free.

    Raises:
        ConsoleError: it cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        there = socket.socket(family, kind, protocol)
        try:
            there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            there.bind(address)
            there.listen(128)
        except BaseException:
            there.close()
            raise
    except OSError as error:
        raise ConsoleError(
            f"the console cannot be opened at {host} port {port}: {error.strerror or error}",
            hint="another one may be running; choose another port with --port, or any free one with --port 0",
        ) from error
    return there


class Server(uvicorn.Server):
    """uvicorn, which tells open streams of events to end before it waits for them."""

    def __init__(self, app: ASGIApp, stopping: asyncio.Event) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                lifespan="on",
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._stopping = stopping
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Know the loop, to wake it from the signal handler."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ctrl-C or SIGTERM."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
        super().handle_exit(sig, frame)
