"""`accompanist train`, as a user meets it."""

from __future__ import annotations

import io
import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")

from rich.console import Console  # noqa: E402
from safetensors.torch import load  # noqa: E402
from support.live_runs import corpus as live_corpus  # noqa: E402
from support.runs import splits  # noqa: E402

from accompanist import cli  # noqa: E402
from accompanist.commands import use  # noqa: E402
from accompanist.config import TrainConfig, settings  # noqa: E402
from accompanist.runs.duration import duration  # noqa: E402
from training import catalog, samples  # noqa: E402
from training.explain import explained, flag_of  # noqa: E402
from training.live import corpus, sampler  # noqa: E402
from training.plan import Progress  # noqa: E402
from training.progress_line import ProgressLine  # noqa: E402
from training.recipe import OWN  # noqa: E402
from training.rundir import RunDir  # noqa: E402
from training.step import ClassicStep  # noqa: E402

FLAGS = ["--width", "4", "--batch", "4", "--critic-updates", "2", "--epochs", "1", "--threads", "1", "--device", "cpu"]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[TrainConfig]]:
    """An empty working folder, and small music in place of the sources; holds what was asked of them."""
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    calls: list[TrainConfig] = []

    def load(config: TrainConfig, *_: object, **__: object) -> catalog.Splits:
        calls.append(config)
        return splits()

    monkeypatch.setattr(catalog, "load", load)
    yield calls
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)  # hypothesis, for one, refuses to work without small numbers


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """No sound and no pictures, which take longer than the training."""
    monkeypatch.setattr(samples, "render_wav", lambda *_: None)
    monkeypatch.setattr(samples, "draw_roll", lambda *_, **__: None)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main(["train", *arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return int(stop.value.code or 0), out, err


def test_every_setting_is_a_flag_with_its_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == 0
    shown = re.sub(r"\s+", " ", out)
    for setting in settings():
        stage, _, name = setting.key.partition(".")
        if stage == "train":
            assert f"{flag_of(name)} " in shown
            assert setting.meaning[1:] in shown
    assert "accompanist train --resume" in out


def test_every_setting_is_explained_in_a_musicians_words(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--explain")
    assert code == 0
    assert out.strip() == explained()
    shown = re.sub(r"\s+", " ", out)
    for setting in settings():
        stage, _, name = setting.key.partition(".")
        if stage == "train":
            assert setting.plain, f"{setting.key} has no words for a musician"
            assert f"{flag_of(name)} [{setting.kind}; default " in shown
            assert setting.plain in shown
    assert "--epochs [whole number, >= 0; default musegan 20; live 40]" in shown


@pytest.mark.usefixtures("asked", "silent")
def test_a_mix_tells_what_is_heard(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, *FLAGS, "--data", "test=3")
    assert code == 0
    assert "what it hears: test 100 %" in err
    assert json.loads(Path("runs/0001-musegan-test/data.json").read_text())["weights"] == ["test=3"]
    code, _, err = run(capsys, *FLAGS, "--data", "test=often")
    assert code == 2
    assert "the weight is 'often'; accepted: a number above 0" in err


@pytest.mark.usefixtures("asked", "silent")
def test_a_run_goes_on_from_another(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, *FLAGS)
    code, _, err = run(capsys, "--from", "1", *FLAGS[2:], "--name", "mine")
    assert code == 0
    assert "it begins from runs/0001-musegan-chorales/checkpoints/step-00000002" in err
    fine = RunDir.find("mine", Path("runs"))
    assert fine.config().train.width == 4
    first = load((fine.checkpoints / "step-00000000" / "generator.safetensors").read_bytes())
    taught = load((Path("runs/0001-musegan-chorales/checkpoints/step-00000002/generator.safetensors")).read_bytes())
    assert all(torch.equal(first[name], taught[name]) for name in taught)
    code, _, err = run(capsys, "--from", "1", "--width", "8")
    assert code == 2
    assert "--width is 8, and runs/0001-musegan-chorales/checkpoints/step-00000002 has 4" in err
    code, _, err = run(capsys, "--from", "nobody")
    assert code == 5
    assert "there is no training run nobody" in err


def test_nothing_is_trained_where_a_model_is_there(
    asked: list[TrainConfig], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[object] = []
    monkeypatch.setattr(use.use, "callback", lambda **given: used.append(given))
    code, _, _ = run(capsys, "--pretrained")
    code_too, _, _ = run(capsys, "--pretrained", "mine.onnx", "--json")
    assert (code, code_too, asked) == (0, 0, [])
    assert used == [
        {"model": "default", "runs": None, "as_json": False},
        {"model": "mine.onnx", "runs": None, "as_json": True},
    ]


def test_it_trains_and_says_where(asked: list[TrainConfig], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, *FLAGS)
    assert code == 0
    folder = Path("runs/0001-musegan-chorales")
    assert f"{folder}: 12 windows to train on, 3 to check with" in err
    assert "epoch 1.0/1 | step 2/2 | critic" in err
    assert "accompanist export runs/0001-musegan-chorales" in out
    assert re.search(r"coupling +-?0\.\d+ +data +-?0\.\d+", out)
    assert re.search(r"similarity +0\.\d+ +data +0\.\d+", out)
    assert "Too early to tell by the similarity index" in out
    assert {path.name for path in folder.iterdir()} == {
        "config.toml", "model.json", "data.json", "origin.json",
        "metrics.jsonl", "outcome.json", "losses.png", "report.html", "checkpoints", "samples",
    }  # fmt: skip
    kinds = {path.suffix for path in (folder / "samples/epoch-0001").iterdir()}
    assert kinds == {".mid", ".png", ".wav"}
    assert asked[0].data == ("chorales",)


@pytest.mark.usefixtures("silent")
def test_defaults_then_the_file_then_the_flags(asked: list[TrainConfig], capsys: pytest.CaptureFixture[str]) -> None:
    Path("config.toml").write_text('[train]\nseed = 7\nplanes = 2\ndata = ["mine"]\nname = "from file"\n')
    code, _, _ = run(capsys, *FLAGS, "--planes", "1", "--data", "a", "--data", "b", "--tag", "meter=4/4")
    assert code == 0
    expected = {"seed": 7, "planes": 1, "data": ("a", "b"), "tag": ("meter=4/4",), "learning_rate": 1e-3, "width": 4}
    assert {name: getattr(asked[0], name) for name in expected} == expected
    assert RunDir.find("1", Path("runs")).config().train == asked[0]


@pytest.mark.usefixtures("asked", "silent")
def test_json_is_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, *FLAGS, "--json", "--name", "x")
    found = json.loads(out)
    assert (found["run"], found["finished"], found["step"]) == ("runs/0001-x", True, 2)
    assert found["metrics"].keys() == found["data"].keys()


@pytest.mark.usefixtures("asked", "silent")
def test_ctrl_c_finishes_the_step_and_resume_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT)
    run(capsys, *FLAGS, "--epochs", "3", "--name", "whole")
    update = ClassicStep.generator_update

    def interrupted(self: ClassicStep, *arguments: Any) -> torch.Tensor:
        signal.raise_signal(signal.SIGINT)
        return update(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClassicStep, "generator_update", interrupted)
        code, out, _ = run(capsys, *FLAGS, "--epochs", "3", "--name", "stopped")
    assert code == 130
    assert "stopped at step 1 of 5" in out
    assert "accompanist train --resume runs/0002-stopped" in out
    assert signal.getsignal(signal.SIGINT) is before

    code, out, err = run(capsys, "--resume", "2")
    assert code == 0
    assert "going on with runs/0002-stopped at step 1 of 5" in err
    records = [Path(f"runs/{name}/metrics.jsonl").read_bytes() for name in ("0001-whole", "0002-stopped")]
    assert records[0] == records[1]


@pytest.mark.usefixtures("asked", "silent")
def test_a_finished_run_says_so_and_takes_more_epochs(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, *FLAGS)
    _, out, _ = run(capsys, "--resume", "1")
    assert "already at its end, 1 epoch;" in out
    _, out, _ = run(capsys, "--resume", "1", "--epochs", "2")
    assert "3 steps, 2 epochs" in out
    assert RunDir.find("1", Path("runs")).config().train.epochs == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--width", "2"], 2, "--width is 2; the classic recipe accepts 4 to 256"),
        (["--width", "much"], 2, "Invalid value for '--width'"),
        (["--planes", "3"], 2, "Invalid value for '--planes'"),
        (["--resume", "9"], 5, "there is no training run 9; runs holds none"),
        (["--runs", "file/runs"], 9, "cannot write a new run"),
    ],
)
def test_mistakes_are_told_in_plain_words(
    asked: list[TrainConfig], capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str
) -> None:
    Path("file").write_text("in the way")
    found, out, err = run(capsys, *arguments)
    assert found == code
    assert words in err
    assert not out
    assert not asked  # nothing was read for nothing


@pytest.mark.usefixtures("asked")
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_missing_device_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, *FLAGS, "--device", "cuda")
    assert code == 2
    assert "no CUDA device" in err


def test_the_line_refreshes_in_a_terminal_and_keeps_quiet_in_a_log() -> None:
    progress = Progress(30, 100, 1.5, 5, {"critic": -2.5, "generator": 0.75}, {"note_in_chord": 0.5}, 60.0, 30)
    later = progress._replace(step=40)
    shown = {}
    for terminal in (True, False):
        now = [0.0]
        out = io.StringIO()
        console = Console(file=out, force_terminal=terminal, width=200)
        with ProgressLine(console, lambda now=now: now[0]) as line:
            line(progress)
            now[0] = 4.0
            line(later)
        shown[terminal] = out.getvalue()
    assert (
        "epoch 1.5/5 | step 40/100 | critic -2.50 | generator 0.75 | in chord 0.50 | 2.50 steps/s | 24 s left"
        in (shown[True])
    )
    assert "step 30/100" in shown[False]
    assert "step 40/100" not in shown[False]


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (61, "1:01 min"), (7380, "2:03 h")])
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.usefixtures("silent")
def test_the_live_model_is_trained_by_the_same_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(corpus, "load", lambda *_, **__: live_corpus())
    monkeypatch.setattr(sampler, "MEASURED_BEATS", 16)
    threads = torch.get_num_threads()
    small = ["--width", "32", "--layers", "1", "--batch", "4", "--stretch-beats", "32", "--threads", "1"]
    asked = ["--model", "live", *small, "--epochs", "1", "--adversarial-epochs", "1", "--device", "cpu"]
    code, out, err = run(capsys, *asked)
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)
    assert code == 0
    assert "runs/0001-live-5-sources: 232 beats to train on, 56 to check with" in err
    assert "4 steps, 2 epochs" in out
    assert "accompanist export runs/0001-live-5-sources" in out


def test_the_help_tells_each_recipes_own(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "--help")
    shown = re.sub(r"\s+", " ", out)
    for own in OWN.values():
        for source in own["data"]:
            assert source in shown
        for setting, unit in (("epochs", "{} epochs"), ("batch", "{} "), ("width", "a width of {}")):
            assert unit.format(own[setting]) in shown
