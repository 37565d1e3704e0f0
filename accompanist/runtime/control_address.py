"""Where the control socket is: a path (Unix socket), or a port of this machine (TCP, for Windows)."""

from __future__ import annotations

import os
import re
import socket
import tempfile
from pathlib import Path
from typing import NamedTuple

from accompanist.errors import ControlError

AUTO = "auto"
"""Stands for the usual address of this machine."""
_TCP_PORT = 7642  # where there are no Unix sockets
_LOCAL = ("localhost", "127.0.0.1", "::1")


class Address(NamedTuple):
    """An address of a control socket.

    Args:
        path: Of a Unix socket; None where it is a TCP port.
        host: Of this machine.
        port: 1 to 65535.
    """

    path: Path | None
    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read "auto", a path, or HOST:PORT.

        Raises:
            ControlError: the host is another machine, the port no port or none, or the system has no Unix sockets.
        """
        if text == AUTO:
            return usual_address()
        match = re.fullmatch(r"(\[::1\]|[\w.]+):(\d+)", text)
        if match is None:
            if text.rpartition(":")[0].strip("[]") in _LOCAL:
                raise ControlError(
                    f"the control socket {text!r} has no port; accepted: a path, or localhost and a port",
                    hint=f"take --control-socket localhost:{_TCP_PORT}",
                )
            if not hasattr(socket, "AF_UNIX"):
                raise ControlError(
                    f"the control socket {text!r} is a path, and this system has no Unix sockets; accepted: HOST:PORT",
                    hint=f"take --control-socket localhost:{_TCP_PORT}",
                )
            return cls(Path(text).expanduser())
        host, port = match[1].strip("[]"), int(match[2])
        if host not in _LOCAL or not 1 <= port <= 65535:
            raise ControlError(
                f"the control socket {text!r} is not on this machine; accepted: a path, or localhost and a port",
                hint=f"take --control-socket localhost:{_TCP_PORT}",
            )
        return cls(None, host, port)

    def socket(self) -> socket.socket:
        """A socket of its family, neither bound nor connected."""
        if self.path is not None:
            return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        return socket.socket(socket.AF_INET6 if self.host == "::1" else socket.AF_INET, socket.SOCK_STREAM)

    @property
    def target(self) -> str | tuple[str, int]:
        """What `bind` and `connect` take."""
        return str(self.path) if self.path is not None else (self.host, self.port)

    def __str__(self) -> str:
        """As a user types it."""
        if self.path is not None:
            return str(self.path)
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def usual_address() -> Address:
    """Where `serve` listens and `control` asks when nothing else is said: the user's own runtime folder."""
    if not hasattr(socket, "AF_UNIX"):
        return Address(None, "127.0.0.1", _TCP_PORT)
    folder = os.environ.get("XDG_RUNTIME_DIR")
    if folder:
        return Address(Path(folder) / "accompanist.sock")
    return Address(Path(tempfile.gettempdir()) / f"accompanist-{os.getuid()}" / "control.sock")
