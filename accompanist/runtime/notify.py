"""Tell systemd how a service is doing: a datagram to the socket it names, as sd_notify(3) says.

Where no service manager waits for it nothing happens. Nothing of this is worth an error: a datagram that is not taken
is let go.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress

READY, STOPPING = "READY=1", "STOPPING=1"


def notify(*states: str) -> None:
    """Send states, such as `READY=1` or `STATUS=4.2 playing`, to whoever started us, if they listen."""
    where = os.environ.get("NOTIFY_SOCKET", "")
    if not where.startswith(("/", "@")) or not hasattr(socket, "AF_UNIX"):
        return
    address = f"\0{where[1:]}" if where.startswith("@") else where  # an abstract one begins with a zero
    text = "\n".join(state.replace("\n", " ") for state in states)
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as teller:
        teller.setblocking(False)
        teller.sendto(text.encode(), address)
