"""The routes of the page Compose."""

from __future__ import annotations

import io
import shutil
import wave
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from support.console import app_at, browser

from accompanist.console.compose.sources import ready_midi
from accompanist.console.compose.worker import Arrange, Failed, Read, answer
from accompanist.console.pages import compose
from accompanist.errors import DataError
from accompanist.melodies import MELODIES, ODE_TO_JOY, TWINKLE
from accompanist.music import midifile


class InProcess:
    """The composing process, without a process."""

    asked = 0

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        yield

    async def begin(self) -> None:
        pass

    async def read(self, midi: bytes) -> Any:
        return self._answered(Read(midi))

    async def arrange(self, question: Arrange) -> Any:
        InProcess.asked += 1
        return self._answered(question)

    @staticmethod
    def _answered(question: Read | Arrange) -> Any:
        given = answer(question)
        if isinstance(given, Failed):
            raise DataError(given.message, hint=given.hint)
        return given


@pytest.fixture
def client(tmp_path: Path, live_model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr(compose, "Arranger", InProcess)
    monkeypatch.setattr(InProcess, "asked", 0)
    monkeypatch.setenv("ACCOMPANIST_SOUND_FONT", str(tmp_path / "none.sf2"))
    (tmp_path / "runs/0001-mine").mkdir(parents=True)
    shutil.copy(live_model, tmp_path / "runs/0001-mine/model.onnx")
    with browser(app_at(tmp_path)) as client:
        yield client


def made(client: TestClient, **asked: Any) -> Any:
    source = client.post("/api/compose/ready/twinkle").json()["source"]
    return client.post("/api/compose/takes", json={"source": source, "model": "0001-mine", **asked})


def test_there_is_something_to_choose_from(client: TestClient) -> None:
    choices = client.get("/api/compose").json()
    assert [melody["name"] for melody in choices["melodies"]] == list(MELODIES)
    mine = next(model for model in choices["models"] if model["id"] == "0001-mine")
    assert mine["styles"] == ["pop", "folk"]


def test_a_file_is_brought_accompanied_and_downloaded(client: TestClient) -> None:
    octets = {"content-type": "application/octet-stream"}
    brought = client.post("/api/compose/files?name=ode.mid", content=ready_midi(ODE_TO_JOY), headers=octets).json()
    assert (brought["title"], brought["tracks"], brought["melody"]) == ("ode.mid", [["melody", 62]], 0)
    take = client.post("/api/compose/takes", json={"source": brought["source"], "model": "0001-mine"}).json()
    assert [track["name"] for track in take["song"]["tracks"]] == ["melody", "bass", "piano", "strings", "drums"]
    download = client.get(f"/api/compose/takes/{take['take']}/midi?mute=4,2")
    assert download.headers["content-disposition"] == 'attachment; filename="ode-mid-accompanied.mid"'
    assert [track.name for track in midifile.parse(download.content).tracks] == ["melody", "bass", "strings"]


def test_the_same_is_made_once_and_another_style_anew(client: TestClient) -> None:
    first, again, folk = made(client).json(), made(client).json(), made(client, style="folk").json()
    assert first["take"] == again["take"] != folk["take"]
    assert InProcess.asked == 2
    assert first["song"] != folk["song"]


def test_what_was_played_is_accompanied(client: TestClient) -> None:
    notes = [{"pitch": 60 + i, "start_s": i * 0.5, "end_s": i * 0.5 + 0.4} for i in range(8)]
    brought = client.post("/api/compose/played", json={"notes": notes, "bpm": 120}).json()
    assert brought["tracks"] == [["played here", 8]]


def test_it_is_heard_without_what_is_muted(client: TestClient) -> None:
    take = made(client).json()["take"]
    everything = client.get(f"/api/compose/takes/{take}/sound")
    alone = client.get(f"/api/compose/takes/{take}/sound?mute=1,2,3,4")
    assert everything.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(alone.content)) as sound:
        seconds = sound.getnframes() / sound.getframerate()
    length_s = TWINKLE.bars * 4 * 60 / TWINKLE.bpm
    assert length_s <= seconds < length_s + 10
    assert everything.content != alone.content
    part = client.get(f"/api/compose/takes/{take}/sound", headers={"range": "bytes=0-99"})
    assert (part.status_code, len(part.content)) == (206, 100)  # a browser seeks by asking for parts


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/compose/files", b"RIFF", 422),
        ("POST", "/api/compose/files", bytes(midifile.MAX_FILE_BYTES + 1), 413),
        ("POST", "/api/compose/ready/polka", b"{}", 404),
        ("POST", "/api/compose/played", b'{"notes": [], "bpm": 120}', 422),
        ("POST", "/api/compose/played", b'{"notes": [{"pitch": 300, "start_s": 0, "end_s": 1}], "bpm": 120}', 422),
        ("POST", "/api/compose/takes", b'{"source": "../../etc/passwd"}', 404),
        ("POST", "/api/compose/takes", b'{"source": "x", "seed": -1}', 422),
        ("GET", "/api/compose/takes/none/midi", b"", 404),
        ("GET", "/api/compose/takes/..%2f..%2fetc/sound", b"", 404),
    ],
)
def test_what_cannot_be_had_is_refused(client: TestClient, method: str, path: str, body: bytes, status: int) -> None:
    kind = "application/octet-stream" if path.endswith("files") else "application/json"
    refused = client.request(method, path, content=body, headers={"content-type": kind})
    assert refused.status_code == status
    assert refused.json()["error"]


def test_a_style_or_model_there_is_not_is_told_with_those_there_are(client: TestClient) -> None:
    style, model = made(client, style="polka"), made(client, model="0009-none")
    assert (style.status_code, model.status_code) == (422, 404)
    assert "pop, folk" in style.json()["error"]
    assert client.get(f"/api/compose/takes/{made(client).json()['take']}/sound?mute=0,1,2,3,4").status_code == 422
