from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.fake_midi import FakeMidiSystem

from accompanist.cli import cli
from accompanist.commands import doctor as module
from accompanist.errors import NoMidiSystem


@pytest.fixture(autouse=True)
def healthy(monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> None:
    """A machine with a model and a MIDI system."""
    monkeypatch.setattr(module, "default_model_path", lambda: tiny_model)
    monkeypatch.setattr(module, "RtMidiSystem", lambda: FakeMidiSystem(outputs=("Synth",)))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["doctor", *arguments], standalone_mode=False, catch_exceptions=False)


def findings() -> dict[str, Any]:
    return {finding["what"]: finding for finding in json.loads(run("--json").stdout)["findings"]}


def test_a_healthy_machine_is_told_so() -> None:
    result = run()
    assert result.return_value == 0
    assert "ok       MIDI system: Fake MIDI, 0 ports in, 1 out" in result.stdout
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
    def none() -> None:
        raise NoMidiSystem("there is none", hint="start one")

    monkeypatch.setattr(module, "RtMidiSystem", none)
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


def test_a_provider_that_does_not_load_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "why_provider_fails", lambda name: "" if name == "cpu" else "there is no driver")
    monkeypatch.setattr(module.platform, "system", lambda: "Linux")
    found = findings()["provider cuda"]
    assert (found["state"], found["seen"]) == ("missing", "there is no driver")
    assert "onnxruntime-gpu[cuda,cudnn]" in found["advice"]
    assert "provider coreml" not in findings()  # made for another system


def test_without_fluidsynth_it_says_what_is_used_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(module, "find_sound_font", lambda: None)
    found = findings()
    assert "built-in synthesiser" in found["FluidSynth"]["seen"]
    assert "ACCOMPANIST_SOUND_FONT" in found["sound font"]["advice"]


def test_two_packages_that_overwrite_each_other_are_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_version", lambda _: "1.0")
    assert findings()["onnxruntime"]["state"] == "broken"
