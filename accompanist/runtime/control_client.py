"""The other side of the control socket: a question to a running `serve`, and its answer."""

from __future__ import annotations

import json
import socket
from typing import Any

from accompanist.errors import ControlError
from accompanist.runtime.control import MOST_UNREAD
from accompanist.runtime.control_address import Address

ANSWER_S = 5.0
"""More than `serve` takes for an answer on the busiest machine."""


def ask(address: Address, asked: dict[str, Any]) -> dict[str, Any]:
    """One question to a running `serve`.

    Raises:
        ControlError: nobody answers.
    """
    try:
        with address.socket() as connection:
            connection.settimeout(ANSWER_S)
            connection.connect(address.target)
            connection.sendall(json.dumps(asked).encode() + b"\n")
            answer: dict[str, Any] = json.loads(_line(connection))
            return answer
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or "it gave no answer"
        raise ControlError(
            f"nobody takes commands on {address}: {why}",
            hint="start one with: accompanist serve --control-socket ...",
        ) from error


def _line(connection: socket.socket) -> bytes:
    heard = b""
    while b"\n" not in heard and len(heard) <= MOST_UNREAD:
        data = connection.recv(4096)
        if not data:
            raise ConnectionError("it hung up")
        heard += data
    return heard.partition(b"\n")[0]
