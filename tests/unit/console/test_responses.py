from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from support.console import app_at, browser

from accompanist.console.page import Page
from accompanist.console.responses import JSON, read_bytes, read_json
from accompanist.errors import AccompanistError, ConfigError, ControlError, MissingExtra, StorageError


class Wish(msgspec.Struct):
    tune: str


async def _wish(request: Request) -> Response:
    return JSON({"tune": (await read_json(request, Wish)).tune})


async def _bytes(request: Request) -> Response:
    return JSON(len(await read_bytes(request, 1000)))


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"tune": "Ode"}', "application/json", 200),
        (b'{"tune": "Ode"}', "application/json; charset=utf-8", 200),
        (b'{"tune": "Ode"}', "text/plain", 415),
        (b'{"tune": "Ode"}', "", 415),
        (b'{"tune": 1}', "application/json", 422),
        (b"{}", "application/json", 422),
        (b"", "application/json", 422),
        (b"[" * 5000, "application/json", 422),
        (b'{"tune": "\xff"}', "application/json", 422),
        (b'{"tune": "' + b"x" * 300_000 + b'"}', "application/json", 413),
    ],
)
def test_a_body_is_what_is_asked_for_or_is_refused(tmp_path: Path, body: bytes, kind: str, status: int) -> None:
    page = Page("shell", "Wish", [Route("/api/wish", _wish, methods=["POST"])])
    with browser(app_at(tmp_path, [page])) as client:
        answer = client.post("/api/wish", content=body, headers={"content-type": kind})
    assert answer.status_code == status
    assert ("error" in answer.json()) == (status != 200)


def test_an_upload_without_a_length_is_bounded_all_the_same(tmp_path: Path) -> None:
    page = Page("shell", "Bytes", [Route("/api/bytes", _bytes, methods=["POST"])])
    with browser(app_at(tmp_path, [page])) as client:
        assert client.post("/api/bytes", content=iter([b"x" * 500, b"x" * 500])).json() == 1000
        assert client.post("/api/bytes", content=iter([b"x" * 500, b"x" * 501])).status_code == 413
        assert client.post("/api/bytes", content=b"x" * 1001).status_code == 413


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigError("no", hint="try"), 422),
        (MissingExtra("no", hint="try"), 501),
        (StorageError("no", hint="try"), 507),
        (ControlError("no", hint="try"), 409),
    ],
)
def test_an_error_of_ours_is_told_in_its_words(tmp_path: Path, error: AccompanistError, status: int) -> None:
    async def fail(_request: Request) -> Response:
        raise error

    with browser(app_at(tmp_path, [Page("shell", "Fail", [Route("/api/fail", fail), Route("/fail", fail)])])) as client:
        answer = client.get("/api/fail")
        page = client.get("/fail", headers={"accept": "text/html"})
    assert (answer.status_code, answer.json()) == (status, {"error": "no", "hint": "try"})
    assert page.status_code == status
    assert "<h1>no</h1>" in page.text


def test_a_page_that_is_not_there_says_so_and_escapes_what_was_asked(tmp_path: Path) -> None:
    with browser(app_at(tmp_path, [])) as client:
        page = client.get("/<b>here", headers={"accept": "text/html"})
        answer = client.get("/api/none")
        wrong = client.delete("/api/alive")
    assert page.status_code == 404
    assert "<b>here" not in page.text
    assert "&lt;b&gt;here" in page.text
    assert answer.json()["error"] == "there is nothing at /api/none"
    assert wrong.status_code == 405
