from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from support.console import BASE, PORT, SESSION, access, app_at, browser

from accompanist.console.guard import TOKEN_HEADER
from accompanist.console.page import Page
from accompanist.console.responses import JSON

WORD = "opensesame"
COOKIE = f"accompanist-{PORT}"


async def _seen(request: Request) -> Response:
    return JSON({"method": request.method})


PROBE = Page("shell", "Probe", [Route("/api/probe", _seen, methods=["GET", "POST", "DELETE"])])


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[TestClient]:
    with browser(app_at(tmp_path, [PROBE], hosts=["studio"]), writes=False) as client:
        yield client


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[TestClient]:
    with browser(app_at(tmp_path, [PROBE], token=WORD), writes=False) as client:
        yield client


@pytest.mark.parametrize("host", ["localhost", "localhost:9", "127.0.0.1:8765", "[::1]:8765", "studio", "10.0.0.7:80"])
def test_a_host_that_is_served_is_answered(stranger: TestClient, host: str) -> None:
    assert stranger.get("/api/probe", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "studio.evil", "", "[::1", "a b"]
)
def test_a_name_that_others_may_point_at_us_is_refused(stranger: TestClient, host: str) -> None:
    answer = stranger.get("/api/probe", headers={"host": host})
    assert answer.status_code == 421
    assert "error" in answer.json()


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "http://localhost:8765", ""]
)
def test_another_sites_page_may_not_even_read(stranger: TestClient, origin: str) -> None:
    assert stranger.get("/api/probe", headers={"origin": origin}).status_code == 403


def test_our_own_page_may(stranger: TestClient) -> None:
    assert stranger.get("/api/probe", headers={"origin": BASE}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH", "NONSENSE"])
@pytest.mark.parametrize(
    ("cookie", "header"), [(None, None), (SESSION, None), (None, SESSION), (SESSION, "x"), ("x", SESSION), ("ü", "ü")]
)
def test_a_write_needs_the_secret_as_cookie_and_as_header(
    stranger: TestClient, method: str, cookie: str | None, header: str | None
) -> None:
    headers = {}
    if cookie is not None:
        headers["cookie"] = f"{COOKIE}={cookie}".encode()
    if header is not None:
        headers[TOKEN_HEADER] = header.encode()
    answer = stranger.request(method, "/api/probe", headers=headers)
    assert answer.status_code == 403
    assert "token" in answer.json()["error"]


def test_a_page_gets_its_token_and_writes(stranger: TestClient) -> None:
    token = stranger.get("/api/session").json()["token"]
    cookie = stranger.get("/shell").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert stranger.post("/api/probe", headers={TOKEN_HEADER: token}).json() == {"method": "POST"}


@given(st.text(max_size=40))
def test_a_cookie_header_of_any_kind_does_no_harm(given: str) -> None:
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"cookie", given.encode("utf-8"))]}
    assert access().knows(Request(scope)) == (given.strip() == f"{COOKIE}={SESSION}")


def test_another_programs_cookie_does_not_hide_ours(stranger: TestClient) -> None:
    headers = {"cookie": f'broken="{{; {COOKIE}={SESSION}', TOKEN_HEADER: SESSION}
    assert stranger.post("/api/probe", headers=headers).status_code == 200


def test_without_signing_in_nothing_is_given(guest: TestClient) -> None:
    assert guest.get("/api/probe").status_code == 401
    assert guest.get("/api/session").status_code == 401
    assert guest.get("/static/chart.js").status_code == 303
    page = guest.get("/shell")
    assert page.status_code == 303
    assert page.headers["location"] == "/sign-in?to=/shell"
    assert "set-cookie" not in page.headers


def test_signing_in_leads_where_one_wanted_to_go(guest: TestClient) -> None:
    answer = guest.post("/sign-in?to=/shell", data={"token": WORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/shell")
    assert guest.get("/api/probe").status_code == 200


def test_the_address_with_the_token_signs_in(guest: TestClient) -> None:
    assert guest.get("/sign-in?token=opensesame").headers["location"] == "/"
    assert guest.get("/shell").status_code == 200


@pytest.mark.parametrize("token", ["", "opensesame2", "OPENSESAME", "ü", "\udc80"])
def test_a_wrong_token_does_not_sign_in(guest: TestClient, token: str) -> None:
    answer = guest.post("/sign-in", content=b"token=" + token.encode("utf-8", "surrogatepass"))
    assert answer.status_code in (200, 403)
    assert "set-cookie" not in answer.headers
    assert guest.get("/api/probe").status_code == 401


@pytest.mark.parametrize("to", ["//evil.example/", "/\\evil.example", "http://evil.example", "evil"])
def test_signing_in_never_leads_to_another_site(guest: TestClient, to: str) -> None:
    answer = guest.post("/sign-in", params={"to": to}, data={"token": WORD})
    assert answer.headers["location"] == "/"


def test_a_console_without_a_token_has_no_way_to_sign_in(stranger: TestClient) -> None:
    assert "set-cookie" not in stranger.get("/sign-in?token=").headers


def test_a_sign_in_form_is_bounded(guest: TestClient) -> None:
    assert guest.post("/sign-in", content=b"token=" + b"x" * 10_000).status_code == 413


@pytest.mark.parametrize("path", ["/shell", "/api/probe", "/api/none", "/static/shell/shell.js", "/static/none"])
def test_every_answer_carries_the_policies(stranger: TestClient, path: str) -> None:
    headers = stranger.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static/shell/..%5c..%5capp.py",
        "/static//etc/passwd", "/static/%00", "/static/shell/%00.css", "/static/shell", "/static/",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_the_shells_files(stranger: TestClient, path: str) -> None:
    assert stranger.get(path).status_code == 404


def test_a_web_socket_is_closed(stranger: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect) as closed, stranger.websocket_connect("/api/probe"):
        pass
    assert closed.value.code == 1008


def test_no_page_of_ours_holds_inline_script_or_style(stranger: TestClient) -> None:
    text = stranger.get("/shell").text
    assert "style=" not in text
    assert "onclick" not in text
    assert "<script>" not in text
