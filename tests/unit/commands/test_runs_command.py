"""`accompanist runs`, as a user meets it; nothing here needs torch."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec
import pytest
from support.run_folders import add_checkpoint, add_epoch, add_steps, make_run

from accompanist import cli
from accompanist.runs.status import Outcome

if sys.platform != "win32":
    import fcntl


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two finished runs of different rates, and one that failed."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs"
    for number, rate, best in ((1, 0.001, 0.25), (2, 0.01, 0.5)):
        run = make_run(
            folder, f"000{number}-musegan-chorales", settings=f'learning_rate = {rate}\nbest_by = "coupling"'
        )
        add_epoch(run, 0, 0, coupling=0.0)
        add_steps(run, 1, 40, critic=-10.0 * number)
        add_epoch(run, 1, 20, coupling=best)
        add_epoch(run, 2, 40, coupling=best / 2)
        add_checkpoint(run, 20, 1.0, coupling=best)
        add_checkpoint(run, 40, 2.0, coupling=best / 2)
        (run / "samples" / "epoch-0002").mkdir()
    failed = make_run(folder, "0003-broken")
    add_steps(failed, 1, 1, critic=0.0)
    outcome = Outcome(state="failed", step=1, reason="the disk is full", hint="free some space")
    (failed / "outcome.json").write_bytes(msgspec.json.encode(outcome))
    return folder


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main(["runs", *arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return int(stop.value.code or 0), out, err


@pytest.mark.usefixtures("runs")
def test_runs_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "list")
    assert code == 0
    first, _, third, why = [line.rstrip() for line in out.splitlines()[1:]]
    assert first.split()[:5] == ["0001-musegan-chorales", "finished", "chorales", "2.0/2", "0.125"]
    assert "0.250 at step 20" in first
    assert "2:00 min" in first
    assert third.split()[:2] == ["0003-broken", "failed"]
    assert why == "0003-broken: the disk is full"
    assert "made anew" in err
    code, out, err = run(capsys, "list", "--json")
    rows = json.loads(out)
    assert [row["name"] for row in rows] == ["0001-musegan-chorales", "0002-musegan-chorales", "0003-broken"]
    assert rows[1]["best_metrics"] == {"coupling": 0.5}
    assert rows[0]["path"] == "runs/0001-musegan-chorales"
    assert err == ""


def test_no_runs_are_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--runs", str(tmp_path / "nowhere"), "list")
    assert code == 0
    assert "holds no runs" in out


@pytest.mark.usefixtures("runs")
def test_a_run_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "show", "2")
    assert code == 0
    for said in (
        "runs/0002-musegan-chorales: finished",
        "learning_rate 0.01",
        "12 training windows",
        "40 steps, epoch 2.0 of 2, 2:00 min",
        "critic 20",
        "coupling                         0.250   music 1.000",
        "step-00000020, epoch 1.0, the best",
        "epochs 2",
    ):
        assert said in out
    code, out, _ = run(capsys, "show", "broken")
    assert "runs/0003-broken: failed, the disk is full" in out
    assert "free some space" in out
    _, out, _ = run(capsys, "show", "2", "--json")
    found = json.loads(out)
    assert (found["state"], found["step"], found["losses"], found["metrics"]) == (
        "finished", 40, {"critic": 20.0}, {"coupling": 0.25},
    )  # fmt: skip
    assert [each["best"] for each in found["checkpoints"]] == [True, False]


@pytest.mark.usefixtures("runs")
def test_an_unknown_run_is_told_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "show", "9")
    assert code == 5
    assert "0003-broken" in err


@pytest.mark.usefixtures("runs")
def test_runs_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "compare", "1", "2")
    assert code == 0
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.strip()}
    assert rows["learning_rate"] == ["0.001", "0.01"]
    assert "epochs" not in rows  # in which they do not differ
    curves = [line for line in out.splitlines() if line.split()[:1] == ["coupling"]]
    assert curves[0].split()[1:] == ["0.250", "0.500", "1.000"]
    _, one, two, low, high = curves[1].split()
    assert (low, high) == ("0", "0.5")
    assert len(one) == len(two) == 24
    assert max(one) < max(two)  # on one scale the better one stands higher
    _, out, _ = run(capsys, "compare", "1", "2", "--json")
    columns = json.loads(out)
    assert columns[0]["settings"] == {"learning_rate": 0.001}
    assert columns[1]["metrics"]["coupling"]["values"] == [0.0, 0.5, 0.25]
    assert columns[1]["losses"]["critic"]["steps"][-1] == 40


def test_a_page_of_comparison_is_one_file_that_needs_nothing_else(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("chartkick", reason="brings Chart.js (extra: console)")
    (runs / "0001-musegan-chorales").rename(runs / "0001-<b>&")
    code, out, _ = run(capsys, "compare", "1", "2", "--html", "compared.html")
    assert code == 0
    assert "compared.html opens in any browser" in out
    text = Path("compared.html").read_text(encoding="utf-8")
    assert "0001-&lt;b&gt;&amp;" in text
    assert "<b>" not in text
    assert "Chart.js" in text
    head, _, rest = text.partition('<script type="application/json" id="charts">')
    charts = json.loads(rest.partition("</script>")[0])
    assert [line["name"] for line in charts[-1]["lines"]][::2] == ["0001-<b>&", "0002-musegan-chorales"]
    assert "src=" not in head
    assert "http" not in head


@pytest.mark.usefixtures("runs")
def test_without_the_chart_library_that_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "chartkick", None)
    code, _, err = run(capsys, "compare", "1", "2", "--html", "compared.html")
    assert code == 8
    assert "need the package chartkick" in err
    assert not Path("compared.html").exists()


def test_a_run_is_removed_when_that_is_confirmed(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def refuse(text: str, *, abort: bool) -> None:
        asked.append(text)
        assert abort
        raise cli.click.Abort

    with monkeypatch.context() as patch:
        patch.setattr(cli.click, "confirm", refuse)
        code, _, _ = run(capsys, "rm", "3")
    assert code == 130
    assert asked == ["remove runs/0003-broken, failed, 0 MB?"]
    assert (runs / "0003-broken").is_dir()
    code, out, _ = run(capsys, "rm", "3", "1", "--yes")
    assert code == 0
    assert out.splitlines() == ["removed runs/0003-broken", "removed runs/0001-musegan-chorales"]
    assert [path.name for path in runs.iterdir()] == ["0002-musegan-chorales"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such lock")
def test_a_running_run_is_left_alone(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (runs / "0002-musegan-chorales" / "metrics.jsonl").open("ab") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        code, _, err = run(capsys, "rm", "1", "2", "--yes")
    assert code == 7
    assert "is being trained, and is left alone" in err
    assert (runs / "0001-musegan-chorales").is_dir()


def test_the_overview_loads_nothing_of_training(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert "compare" in out
    assert "report.html" in out
