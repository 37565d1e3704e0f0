from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result
from support.fake_midi import FakeMidiSystem

from accompanist.cli import cli
from accompanist.commands import doctor as module
from accompanist.errors import NoMidiSystem
from accompanist.runtime import selection
from accompanist.runtime.choice import Timing, Way, choose
from accompanist.runtime.clock import ManualClock


@pytest.fixture(autouse=True)
def healthy(monkeypatch: pytest.MonkeyPatch, tiny_model: Path, tmp_path: Path) -> None:
    """A machine with a model and a MIDI system; no real second passes while providers are timed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "MonotonicClock", ManualClock)
    monkeypatch.setattr(module, "default_model_path", lambda: tiny_model)
    monkeypatch.setattr(module, "open_system", lambda *_: FakeMidiSystem(outputs=("Synth",)))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["doctor", *arguments], standalone_mode=False, catch_exceptions=False)


def findings() -> dict[str, Any]:
    return {finding["what"]: finding for finding in json.loads(run("--json").stdout)["findings"]}


def test_a_healthy_machine_is_told_so() -> None:
    result = run()
    assert result.return_value == 0
    assert "ok       MIDI system: Fake MIDI by fake, 0 ports in, 1 out" in result.stdout
    assert "BROKEN" not in result.stdout
    assert "ms on the CPU, in time up to 300 BPM" in findings()["shipped model"]["seen"]
    assert findings()["provider cpu"]["state"] == "ok"


def test_without_its_model_it_is_broken_and_the_code_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "default_model_path", lambda: tmp_path / "none.onnx")
    result = run()
    assert result.return_value == 1
    assert "BROKEN   shipped model" in result.stdout
    assert json.loads(run("--json").stdout)["ok"] is False


def test_without_a_midi_system_the_rest_still_works(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise NoMidiSystem("there is none", hint="start one")

    monkeypatch.setattr(module, "open_system", none)
    result = run()
    assert result.return_value == 0
    assert "missing  MIDI system: there is none\n         -> start one" in result.stdout


def test_a_missing_extra_comes_with_its_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "symusic" else real(name))
    found = findings()["extra [train]"]
    assert found["state"] == "missing"
    assert "symusic" in found["seen"]
    assert found["advice"] == "pip install -e '.[train]'"


@pytest.mark.parametrize("extra", ["train", "export", "audio", "link", "test"])
def test_every_extra_a_user_may_want_is_told_of(extra: str) -> None:
    assert findings()[f"extra [{extra}]"]["state"] in ("ok", "missing")


def test_a_provider_that_does_not_load_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def why(name: str) -> str:
        return "" if name == "cpu" else "there is no driver"

    monkeypatch.setattr(module, "why_provider_fails", why)
    monkeypatch.setattr(selection, "why_provider_fails", why)
    monkeypatch.setattr(module.platform, "system", lambda: "Linux")
    found = findings()
    assert found["provider cpu"]["seen"].endswith("auto takes it")
    cuda = found["provider cuda"]
    assert (cuda["state"], cuda["seen"]) == ("missing", "there is no driver")
    assert "onnxruntime-gpu[cuda,cudnn]" in cuda["advice"]
    assert not {"provider coreml", "provider directml"} & found.keys()  # made for other systems
    assert "provider tensorrt" not in found  # without CUDA there is nothing to say of it


def test_every_way_that_was_timed_says_how_long_and_whether_it_is_taken(
    monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    timings = [
        Timing(Way("cpu"), 0.036, (0.036, 0.038)),
        Timing(Way("cuda"), 0.01, (0.098, 0.1)),
        Timing(Way("cuda", kept_warm=True), 0.01, (0.01, 0.01), 0.012),
    ]
    choice = choose(timings, {"tensorrt": "a library is missing"})
    asked: dict[str, Any] = {}

    def select(path: Path, *, tell: Callable[[str], None], **how: Any) -> selection.Selected:
        asked.update(how, path=path)
        tell("timing")
        return selection.Selected(cast("Any", None), choice)

    monkeypatch.setattr(module, "select", select)
    monkeypatch.setattr(module.platform, "system", lambda: "Linux")
    result = run()
    assert (asked["path"], asked["provider"], asked["afresh"]) == (tiny_model, "auto", True)
    assert result.stderr == "timing\n"
    assert (
        "ok       provider cpu: 38.0 ms at worst of 2 answers, one a beat; 36.0 without a pause; "
        "auto passes it over for cuda kept warm\n"
    ) in result.stdout
    assert "provider cuda kept warm: 22.0 ms at worst of 2 answers" in result.stdout
    assert "without a pause; auto takes it\n" in result.stdout
    assert "missing  provider tensorrt: a library is missing\n" in result.stdout


def test_without_fluidsynth_it_says_what_is_used_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(module, "find_sound_font", lambda: None)
    found = findings()
    assert "built-in synthesiser" in found["FluidSynth"]["seen"]
    assert "ACCOMPANIST_SOUND_FONT" in found["sound font"]["advice"]


def test_two_packages_that_overwrite_each_other_are_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_version", lambda _: "1.0")
    assert findings()["onnxruntime"]["state"] == "broken"
