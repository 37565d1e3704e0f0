from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from support.console import app_at, browser
from support.run_folders import add_checkpoint, add_epoch, add_steps, make_run

from accompanist.jobs.belonging import job_of
from accompanist.music import midifile
from accompanist.music.note import Note
from accompanist.music.song import MidiSong, MidiTrack
from accompanist.runs import RunFolder

MELODY = "1-ode"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with two sampled epochs, one of them damaged."""
    folder = make_run(tmp_path / "runs", "0001-a", settings='learning_rate = 0.01\nname = "a"')
    add_epoch(folder, 0, 0, coupling=0.1)
    add_steps(folder, 1, 3, critic=0.5, generator=1.0)
    add_checkpoint(folder, 3, 1.0, coupling=0.2)
    song = MidiSong((MidiTrack("melody", (Note(0, 60, 480, 80),)), MidiTrack("bass", (Note(0, 36, 960, 70),), 33, 1)))
    for epoch in (0, 1):
        (folder / "samples" / f"epoch-{epoch:04d}").mkdir()
    midifile.write(song, folder / f"samples/epoch-0000/{MELODY}.mid")
    (folder / f"samples/epoch-0001/{MELODY}.mid").write_bytes(b"MThd")
    return folder


@pytest.fixture
def client(tmp_path: Path, run: Path) -> Iterator[TestClient]:
    assert run.is_dir()
    with browser(app_at(tmp_path)) as client:
        yield client


def test_all_runs_are_listed_the_newest_first(client: TestClient, run: Path) -> None:
    make_run(run.parent, "0002-b")
    rows = client.get("/api/runs").json()
    assert [row["name"] for row in rows] == ["0002-b", "0001-a"]
    assert [row["state"] for row in rows] == ["queued", "stopped"]


def test_one_run_is_told_whole(client: TestClient) -> None:
    told = client.get("/api/runs/0001-a").json()
    assert told["settings"]["learning_rate"] == 0.01
    assert told["tracks"] == ["bass", "piano", "strings"]
    assert told["exported"] is False
    assert told["standing"]["samples"] == {"epochs": [0, 1], "melodies": [MELODY]}
    curves = client.get("/api/runs/0001-a/curves").json()
    assert set(curves["losses"]) == {"critic", "generator"}
    assert client.get(f"/api/runs/0001-a/curves?after={curves['place']}").json()["rows"] == []


def test_its_settings_go_back_into_the_form(client: TestClient) -> None:
    settings = client.get("/api/runs/0001-a/settings").json()
    assert settings["learning_rate"] == 0.01
    assert "runs" not in settings
    assert "name" not in settings
    assert client.post("/api/train/check", json={"values": settings}).json() == {}


def test_a_sample_is_seen_heard_and_downloaded(client: TestClient, run: Path) -> None:
    at = f"/api/runs/0001-a/samples/0/{MELODY}"
    song = client.get(f"{at}/song").json()
    assert [track["name"] for track in song["tracks"]] == ["melody", "bass"]
    assert song["tracks"][1]["notes"] == [[0, 36, 960, 70]]
    sound = client.get(f"{at}/sound")
    assert sound.headers["content-type"] == "audio/wav"
    assert sound.content.startswith(b"RIFF")
    part = client.get(f"{at}/sound", headers={"range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"RIFF")
    midi = client.get(f"{at}/midi")
    assert midi.content == (run / f"samples/epoch-0000/{MELODY}.mid").read_bytes()
    assert "0001-a-epoch-0-1-ode.mid" in midi.headers["content-disposition"]


def test_sound_that_training_rendered_is_taken_as_it_is(client: TestClient, run: Path) -> None:
    (run / f"samples/epoch-0000/{MELODY}.wav").write_bytes(b"rendered")
    assert client.get(f"/api/runs/0001-a/samples/0/{MELODY}/sound").content == b"rendered"


def test_a_damaged_sample_is_told(client: TestClient) -> None:
    for what in ("song", "sound"):
        answer = client.get(f"/api/runs/0001-a/samples/1/{MELODY}/{what}")
        assert answer.status_code == 422
        assert "error" in answer.json()


@pytest.mark.parametrize(
    "name", ["none", "1", "a", "..", "%2e%2e", "0001-a%2f..", "..%2fruns%2f0001-a", "0001-a%00", "*", "0001-*"]
)
def test_a_run_is_looked_up_and_never_a_path(client: TestClient, name: str) -> None:
    for what in ("", "/settings", "/curves", "/events", f"/samples/0/{MELODY}/midi"):
        assert client.get(f"/api/runs/{name}{what}").status_code == 404
    for what in ("export", "report", "resume", "cancel"):
        assert client.post(f"/api/runs/{name}/{what}").status_code == 404
    assert client.get(f"/runs/{name}/report").status_code == 404


@pytest.mark.parametrize("at", ["9/1-ode", "-1/1-ode", "0000/1-ode", "0/..", "0/*", "0/1-ode.mid", "..%2f0/1-ode"])
def test_so_is_a_sample(client: TestClient, at: str) -> None:
    for what in ("song", "sound", "midi"):
        assert client.get(f"/api/runs/0001-a/samples/{at}/{what}").status_code == 404


def test_a_report_is_written_anew_only_where_the_run_went_on(client: TestClient, run: Path) -> None:
    missing = client.get("/runs/0001-a/report", headers={"accept": "text/html"})
    assert missing.status_code == 404
    assert "no report yet" in missing.text
    assert client.post("/api/runs/0001-a/report").json()["state"] == "running"
    report = RunFolder(run).report
    report.write_text("<script>alert(1)</script>", encoding="utf-8")
    assert client.post("/api/runs/0001-a/report").json()["state"] == "done"
    past_ns = (run / "metrics.jsonl").stat().st_mtime_ns - 1
    os.utime(report, ns=(past_ns, past_ns))
    assert client.post("/api/runs/0001-a/report").json()["state"] == "running"


def test_a_report_can_do_nothing_in_the_console_s_name(client: TestClient, run: Path) -> None:
    RunFolder(run).report.write_text("<script>alert(1)</script>", encoding="utf-8")
    answer = client.get("/runs/0001-a/report")
    assert answer.text == "<script>alert(1)</script>"
    policy = answer.headers["content-security-policy"].split("; ")
    assert policy[:2] == ["sandbox allow-scripts", "default-src 'none'"]  # of no site; and no network
    assert not any(part.startswith("connect-src") for part in policy)
    assert answer.headers["x-frame-options"] == "DENY"
    assert "sandbox" not in client.get("/runs/0001-a").headers["content-security-policy"]


def test_a_run_begun_by_hand_is_resumed_as_a_job_and_cancelled(client: TestClient, run: Path) -> None:
    pytest.importorskip("dbos", reason="needs the jobs extra: pip install -e '.[jobs]'")
    by_hand = client.post("/api/runs/0001-a/cancel")
    assert by_hand.status_code == 409
    assert "begun by hand" in by_hand.json()["error"]
    job = client.post("/api/runs/0001-a/resume").json()
    assert (job["state"], job["title"]) == ("queued", "0001-a")
    again = client.post("/api/runs/0001-a/resume")
    assert (again.status_code, job_of(run)) == (409, job["id"])
    assert client.post("/api/runs/0001-a/cancel").json()["state"] == "cancelled"
    assert client.post("/api/runs/0001-a/resume").json()["id"] == job["id"]


def test_what_is_trained_or_at_its_end_is_not_resumed(client: TestClient, run: Path) -> None:
    fcntl = pytest.importorskip("fcntl", reason="no lock tells here who trains")
    add_checkpoint(run, 6, 2.0, coupling=0.3)
    finished = client.post("/api/runs/0001-a/resume")
    assert finished.status_code == 409
    assert "come to its end" in finished.json()["error"]
    with (run / "metrics.jsonl").open("ab") as record:
        fcntl.flock(record, fcntl.LOCK_EX)
        assert "at this moment" in client.post("/api/runs/0001-a/resume").json()["error"]


def test_a_damaged_run_is_told_and_does_not_hide_the_others(client: TestClient, run: Path) -> None:
    broken = make_run(run.parent, "0002-b")
    (broken / "config.toml").write_text("[train", encoding="utf-8")
    assert client.get("/api/runs/0002-b").status_code == 422
    rows = {row["name"]: row for row in client.get("/api/runs").json()}
    assert rows["0002-b"]["problem"]
    assert not rows["0001-a"]["problem"]
