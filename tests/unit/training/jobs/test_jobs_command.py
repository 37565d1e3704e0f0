"""`accompanist jobs`, as a user meets it who has no worker yet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")
pytest.importorskip("dbos", reason="needs the jobs extra: pip install -e '.[jobs]'")

from support.run_folders import make_run
from support.runs import splits

from accompanist import cli
from accompanist.jobs.belonging import job_of
from accompanist.jobs.job import Doing, JobStatus
from training import catalog
from training.commands.jobs import line
from training.rundir import RunDir


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ACCOMPANIST_DATABASE", raising=False)
    return tmp_path


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main(list(arguments))
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return int(stop.value.code or 0), out, err


def test_submitted_listed_cancelled_resumed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("config.toml").write_text("[train]\nseed = 7\n")
    _, out, _ = call(capsys, "jobs", "submit", "--epochs", "3", "--name", "ska", "--json")
    job = json.loads(out)
    assert (job["title"], job["state"]) == ("ska", "queued")
    assert (here / "runs/jobs.db").is_file()
    code, out, err = call(capsys, "jobs", "list")
    assert code == 0
    assert out == f"{job['id']}  queued       ska\n"
    assert "1 job, 0 workers" in err
    assert "start a worker: accompanist jobs work" in err
    _, out, _ = call(capsys, "jobs", "cancel", job["id"][:5])
    assert f"accompanist jobs resume {job['id']}" in out
    _, out, _ = call(capsys, "jobs", "watch", job["id"])
    assert "was cancelled" in out
    assert call(capsys, "jobs", "resume", job["id"])[0] == 0
    _, out, _ = call(capsys, "jobs", "list", "--json")
    found = json.loads(out)
    assert (found["workers"], found["jobs"][0]["state"]) == (0, "queued")


def test_a_run_begun_in_a_terminal_is_gone_on_with(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(here / "runs", "0001-mine", epochs=7)
    code, out, err = call(capsys, "jobs", "submit", "--resume", "1", "--epochs", "9")
    assert code == 2
    assert "no other setting" in err
    code, out, _ = call(capsys, "jobs", "submit", "--resume", "mine", "--json")
    assert code == 0
    assert (json.loads(out)["title"], json.loads(out)["id"]) == ("0001-mine", job_of(run))
    assert "0001-mine is queued already" in call(capsys, "jobs", "submit", "--resume", "1")[2]
    assert "no training run 2" in call(capsys, "jobs", "submit", "--resume", "2")[2]
    other = make_run(here / "elsewhere", "0001-mine")
    code, _, err = call(capsys, "jobs", "submit", "--resume", str(other))
    assert code == 2
    assert f"--runs {other.parent}" in err
    assert job_of(other) == ""


def test_errors_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, "jobs", "watch", "nobody")
    assert code == 11
    assert "there is no job 'nobody'" in err
    code, _, err = call(capsys, "jobs", "list", "--database", "redis://x/y")
    assert code == 2
    assert "accepted: postgresql://USER@HOST/NAME" in err
    code, _, err = call(capsys, "jobs", "submit", "--learning-rate", "7")
    assert code == 2
    assert "--learning-rate is 7.0; accepted: number, > 0, <= 1" in err


def test_a_database_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, "jobs", "list", "--database", "postgresql://me:secret@127.0.0.1:9/music")
    assert code == 11
    assert "the database postgresql://me@127.0.0.1:9/music does not answer: connection failed" in err
    assert "secret" not in err


def test_a_job_begins_one_run_however_often_it_is_begun(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(catalog, "load", lambda *_, **__: splits())
    Path("job.toml").write_text('[train]\nwidth = 4\ndata = ["chorales"]\ndevice = "cpu"\n')
    begun = [call(capsys, "--config", "job.toml", "jobs", "begin", name)[1] for name in ("a1", "a1", "b2")]
    runs = [json.loads(out)["run"] for out in begun]
    assert runs == ["runs/0001-musegan-chorales", "runs/0001-musegan-chorales", "runs/0002-musegan-chorales"]
    assert RunDir.open(Path(runs[0])).config().train.width == 4


def test_a_line_of_the_list() -> None:
    doing = Doing(step="train", run="0003-x", epoch=1.25, epochs=8, metrics={"coupling": 0.21}, left_s=125.0)
    running = JobStatus(id="3f2a", state="running", title="x", doing=doing)
    assert line(running) == "3f2a  running      0003-x  train  epoch 1.2/8  coupling 0.21  2:05 min left"
    assert line(JobStatus(id="3f2a", state="failed", title="x", error="the disk is full")).endswith("the disk is full")
