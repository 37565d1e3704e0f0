"""Answers: JSON, refusals with their way out, and bodies that are read with a bound and a type."""

from __future__ import annotations

import html
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from accompanist.console.page import frame
from accompanist.errors import AccompanistError, ConfigError, DataError, MissingExtra, StorageError

_T = TypeVar("_T")
MOST_JSON_BYTES = 256 * 1024
"""A form's values are some hundred bytes."""


class Refusal(Exception):
    """A request that is not answered as asked.

    Args:
        status: HTTP status, 400 to 499 or 501 to 599.
        message: What happened, the value seen, what is accepted.
        hint: What to do, or an empty string.
    """

    def __init__(self, status: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.hint = hint


class JSON(Response):
    """Anything that msgspec can write: structs, named tuples as lists, dates, paths."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The content as JSON; numbers that are no numbers become null."""
        return msgspec.json.encode(content, enc_hook=str)


def refused(request: Request, status: int, message: str, hint: str = "") -> Response:
    """A refusal as a page where a person asked, as JSON where a program did."""
    if "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/"):
        body = f"<h1>{html.escape(message)}</h1>" + (f"<p>{html.escape(hint)}</p>" if hint else "")
        body += '<p><a class="button" href="/">To the start</a></p>'
        return HTMLResponse(frame("error", "Not possible", body), status_code=status)
    return JSON({"error": message, "hint": hint}, status_code=status)


def status_of(error: AccompanistError) -> int:
    """The HTTP status that says of what kind an error is."""
    if isinstance(error, ConfigError | DataError):
        return 422
    if isinstance(error, MissingExtra):
        return 501
    return 507 if isinstance(error, StorageError) else 409


async def read_json(request: Request, kind: type[_T]) -> _T:
    """A request's body as a struct.

    Raises:
        Refusal: it is too large, no JSON, or not of that kind.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refusal(415, "the body is no JSON", "send it as application/json")
    body = await read_bytes(request, MOST_JSON_BYTES)
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise Refusal(422, f"the body is not as expected: {error}") from error
    except UnicodeDecodeError as error:
        raise Refusal(422, "the body is no UTF-8") from error


async def read_bytes(request: Request, most: int) -> bytes:
    """A request's body, never more of it in memory than it may have.

    Args:
        request: Not read yet.
        most: Bytes it may have.

    Raises:
        Refusal: it has more.
    """
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > most:
        raise _too_large(most)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise _too_large(most)
    return bytes(body)


def _too_large(most: int) -> Refusal:
    size = f"{most // 1024} KiB" if most < 1024**2 else f"{most / 1024**2:g} MiB"
    return Refusal(413, f"this is larger than {size}, the most that is accepted here")
