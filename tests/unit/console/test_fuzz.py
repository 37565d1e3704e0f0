"""Whatever is asked of the console's routes, the answer is one that was meant: no 500, and an error in words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from support.console import access, browser, services_at
from support.run_folders import add_epoch, add_steps, make_run
from support.tiny import TINY_SPEC

pytest.importorskip("dbos", reason="needs the jobs extra: pip install -e '.[jobs]'")

from accompanist.config import EngineConfig
from accompanist.console.app import create_app
from accompanist.console.page import Page
from accompanist.console.stage.watch import Watch
from accompanist.engine.controls import COMMANDS
from accompanist.engine.engine import Engine
from accompanist.runtime.clock import MonotonicClock
from accompanist.runtime.control import ControlServer
from accompanist.runtime.control_address import usual_address

GOOD = ("0001-a", "0002-broken", "default", "0", "1-ode", "x")
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
TEXT = st.text(max_size=6)
TRACKS = [track.name for track in TINY_SPEC.tracks]
VALUES = st.dictionaries(
    st.sampled_from(["epochs", "model", "data", "tag", "name", "runs", "songs"]), JSONS, max_size=3
)
TURNS = st.fixed_dictionaries(
    {"command": st.sampled_from(COMMANDS) | st.text(max_size=6)},
    optional={"track": st.sampled_from([*TRACKS, ""]) | JSONS, "value": JSONS, "more": JSONS},
)
STARTS = st.fixed_dictionaries(
    {},
    optional={
        "melody": TEXT, "band": TEXT, "clock": TEXT, "split": st.sampled_from(["C3", ""]) | TEXT,
        "leader": st.sampled_from(["own", "sync", "clock", "link"]) | TEXT,
        "bpm": st.floats(allow_nan=False) | JSONS, "beats_per_bar": st.integers(-1, 13), "thru": JSONS,
    },
)  # fmt: skip
BODIES = st.one_of(
    TURNS.map(json.dumps),
    STARTS.map(json.dumps),
    JSONS.map(json.dumps),
    VALUES.map(lambda values: json.dumps({"values": values})),
    VALUES.map(json.dumps),
).map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=40)
TEXTS = (
    st.sampled_from(GOOD)
    | st.text(max_size=12)
    | st.sampled_from(["..", "../..", "/etc/passwd", "\0", "%", "a" * 3000])
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "accept": st.sampled_from(["text/html", "*/*", "application/json"]),
        "content-type": st.sampled_from(["application/json", "text/plain", "application/octet-stream", ";", "x"]),
        "last-event-id": st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12),
        "range": st.sampled_from(["bytes=0-0", "bytes=5-1", "bytes=-1", "bytes=a-b", "x", "bytes=0-1,3-4"]),
        "if-none-match": st.just('"x"'),
        "origin": st.sampled_from(["http://127.0.0.1:8765", "null", "http://evil.example"]),
    },
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A console with runs whole and broken, and a band that plays: its control socket is a real one."""
    folder = tmp_path_factory.mktemp("console")
    run = make_run(folder / "runs", "0001-a")
    add_epoch(run, 0, 0, coupling=0.1)
    add_steps(run, 1, 5, critic=0.5)
    (run / "samples/epoch-0000").mkdir()
    (run / "samples/epoch-0000/1-ode.mid").write_bytes(b"no MIDI")
    (run / "model.onnx").write_bytes(b"no model")
    broken = make_run(folder / "runs", "0002-broken")
    for file in ("config.toml", "model.json", "metrics.jsonl"):
        (broken / file).write_bytes(b"{\xff")
    services = services_at(folder)
    services.stopping.set()  # a stream of events then ends after its first words: a client here waits for the end
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        standing = Engine(TINY_SPEC, EngineConfig()).status(0.0)
        band = ControlServer(
            usual_address(), TINY_SPEC, MonotonicClock(), lambda _: None, lambda: standing, log=str(folder / "no.jsonl")
        )
        app = create_app(services, access())
        with browser(app) as client:
            _watched(app).link.address = usual_address()  # as while a page looks on
            yield client
        band.close()


def _watched(app: Starlette) -> Watch:
    """What the stage's pages look at."""
    route = next(its for its in app.routes if isinstance(its, Route) and its.path == "/api/stage/command")
    watch = route.endpoint.__self__._watch
    assert isinstance(watch, Watch)
    return watch


def _paths(client: TestClient) -> list[str]:
    routes = client.app.routes  # type: ignore[attr-defined]
    paths = [route.path for route in routes if isinstance(route, (Route, Mount))]
    return sorted({*paths, "/static/{file}", "/{page}"})


@settings(max_examples=200)
@given(data=st.data())
def test_no_request_is_a_fault_of_the_console(client: TestClient, data: st.DataObject) -> None:
    template = data.draw(st.sampled_from(_paths(client)))
    path = re.sub(r"\{.*?\}", lambda _: quote(data.draw(TEXTS), safe=data.draw(st.sampled_from(["", "/"]))), template)
    asked: dict[str, Any] = {
        "params": data.draw(
            st.lists(st.tuples(st.sampled_from(["after", "source", "tag", "to", "token"]), TEXTS), max_size=3)
        ),
        "headers": data.draw(HEADERS),
    }
    method = data.draw(st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE"]))
    if method in ("POST", "PUT"):
        asked["content"] = data.draw(BODIES)
        if data.draw(st.booleans()):
            asked["headers"] = asked["headers"] | {"content-type": "application/json"}
    answer = client.request(method, path or "/", **asked)
    assert answer.status_code != 500, answer.text
    if answer.status_code >= 400 and answer.url.path.startswith("/api/") and method != "HEAD":
        assert answer.json()["error"]


@settings(max_examples=150)
@given(turn=TURNS)
def test_no_word_to_the_band_is_a_fault(client: TestClient, turn: dict[str, Any]) -> None:
    body = json.dumps(turn).encode()
    answer = client.post("/api/stage/command", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (200, 422), answer.text
    assert answer.status_code == 200 or answer.json()["error"]


def test_the_band_of_these_tests_does_take_commands(client: TestClient) -> None:
    turned = client.post("/api/stage/command", json={"command": "mute", "track": TRACKS[0], "value": True})
    assert turned.status_code == 200
    refused = client.post("/api/stage/command", json={"command": "density", "value": 7})
    assert (refused.status_code, refused.json()["hint"]) == (422, "accepted: 0 to 1")


def test_a_fault_would_be_seen(tmp_path: Path) -> None:
    """The test above can fail: a fault is answered with a 500 that says so."""

    async def faulty(_request: object) -> None:
        raise ZeroDivisionError("oh")

    app = create_app(services_at(tmp_path), access(), [Page("shell", "Fault", [Route("/api/fault", faulty)])])
    client = TestClient(app, base_url="http://127.0.0.1:8765", raise_server_exceptions=False)
    assert client.get("/api/fault").status_code == 500
    assert "ZeroDivisionError" in client.get("/api/fault").json()["error"]
