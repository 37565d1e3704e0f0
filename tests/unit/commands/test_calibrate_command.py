from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.fake_midi import FakeMidiSystem

from accompanist.cli import cli
from accompanist.errors import PortError
from accompanist.runtime.calibration import Circuit, Trips


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeMidiSystem:
    fake = FakeMidiSystem(inputs=("Studio:From DAW",), outputs=("Studio:DAW",))
    monkeypatch.setattr("accompanist.commands.calibrate.open_system", lambda *_: fake)
    monkeypatch.setattr(Circuit, "find", lambda *_: None)
    monkeypatch.setattr(Circuit, "measure", lambda _, notes, progress: Trips((0.010, 0.012, 0.014), notes - 3))  # noqa: ARG005
    monkeypatch.chdir(tmp_path)
    return fake


def calibrate(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["calibrate", *arguments], standalone_mode=False)


def test_it_says_what_was_measured_and_what_to_do(system: FakeMidiSystem, tmp_path: Path) -> None:
    result = calibrate("--out", "DAW", "--in", "From DAW", "--notes", "4")
    assert result.exception is None
    assert "round trip 12.00 ms, spread 4.00 ms, 1 of 4 notes lost" in result.stdout
    assert "--advance-ms 6.0" in result.stdout
    assert list(system.opened) == ["Studio:DAW", "Studio:From DAW"]
    assert system.closed
    assert not (tmp_path / "config.toml").exists()


def test_it_writes_the_setting_and_leaves_the_rest_of_the_file(system: FakeMidiSystem, tmp_path: Path) -> None:  # noqa: ARG001
    path = tmp_path / "config.toml"
    path.write_text("# mine\n[serve]\nthru = true  # on stage\n", encoding="utf-8")
    result = calibrate("--out", "DAW", "--in", "From DAW", "--write", "--json")
    found = json.loads(result.stdout)
    assert (found["advance_ms"], found["written"]) == (6.0, "config.toml")
    text = path.read_text(encoding="utf-8")
    assert "# mine" in text
    assert "thru = true  # on stage" in text
    assert "advance_ms = 6.0" in text


def test_whatever_fails_all_is_closed(system: FakeMidiSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Callable[[], None]:
        raise PortError("no note came back")

    monkeypatch.setattr(Circuit, "find", fail)
    assert isinstance(calibrate("--in", "From DAW").exception, PortError)
    assert system.closed
