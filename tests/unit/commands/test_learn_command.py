from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.fake_midi import FakeMidiSystem, FakePort

from accompanist.cli import cli
from accompanist.config import load_config
from accompanist.errors import ConfigError, ControlError, PortNotFound
from accompanist.runtime.ports import PortChoice, Receive

PRESS, LET_GO, KNOB = b"\xb0\x14\x7f", b"\xb0\x14\x00", b"\xb0\x15\x40"


class Touched(FakeMidiSystem):
    """A keyboard on which something is touched as soon as somebody listens."""

    def __init__(self, *messages: bytes) -> None:
        super().__init__(inputs=("Keys:out", "Pads:out"), can_make_ports=False)
        self._messages = messages

    def open_input(self, choice: PortChoice, receive: Receive, *, role: str) -> FakePort:
        port = super().open_input(choice, receive, role=role)
        for data in self._messages:
            receive(data)
        return port


@pytest.fixture
def learn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    settings = tmp_path / "stage.toml"
    settings.write_text('# mine\n[serve]\nin = "Keys"\n\n[controls]\nhold = "cc 20 channel 1"\n', encoding="utf-8")

    def run(system: FakeMidiSystem, *arguments: str, typed: str | None = None) -> Result:
        monkeypatch.setattr("accompanist.commands.learn.open_system", lambda *_: system)
        result = CliRunner().invoke(cli, ["--config", str(settings), "learn", *arguments], input=typed)
        assert system.closed or not system.opened
        return result

    return run


def test_a_touch_is_written_into_the_settings(learn: Callable[..., Result], tmp_path: Path) -> None:
    system = Touched(PRESS, LET_GO, KNOB)
    result = learn(system, "mute.bass", "density", "--in", "pads")
    assert result.exit_code == 0, result.output
    settings = tmp_path / "stage.toml"
    assert result.stdout.splitlines() == [
        f'{settings}: controls.mute.bass = "cc 20 channel 1"',
        f'{settings}: controls.density = "cc 21 channel 1"',
    ]
    assert "touch the control for mute.bass on 'Pads:out'" in result.stderr
    assert "the same control also does hold" in result.stderr
    assert system.opened["Pads:out"].closed
    written = settings.read_text(encoding="utf-8")
    assert written.startswith("# mine\n")
    assert load_config(settings).controls.mute == {"bass": "cc 20 channel 1"}
    assert load_config(settings).controls.density == "cc 21 channel 1"


def test_for_scripts(learn: Callable[..., Result], tmp_path: Path) -> None:
    result = learn(Touched(b"\x99\x24\x40"), "panic", "--json")
    assert json.loads(result.stdout) == {
        "function": "panic",
        "control": "note C2 channel 10",
        "file": str(tmp_path / "stage.toml"),
        "also": [],
    }


def test_without_a_function_it_asks(learn: Callable[..., Result], tmp_path: Path) -> None:
    assert learn(Touched(PRESS, LET_GO), typed="fill\n").exit_code == 0
    assert load_config(tmp_path / "stage.toml").controls.fill == "cc 20 channel 1"


@pytest.mark.parametrize("function", ["dance", "mute", "density.bass", "mute.", "mute.a b", ""])
def test_what_cannot_be_mapped_is_refused_before_anything_is_opened(
    learn: Callable[..., Result], function: str
) -> None:
    system = Touched(PRESS)
    result = learn(system, function)
    assert isinstance(result.exception, ConfigError)
    assert "accepted: mute.TRACK, solo.TRACK, density" in result.exception.message
    assert not system.opened


def test_where_nothing_is_touched_it_gives_up(learn: Callable[..., Result], tmp_path: Path) -> None:
    system = Touched(b"\x90\x40\x40")  # a key is no knob
    before = (tmp_path / "stage.toml").read_text(encoding="utf-8")
    result = learn(system, "density", "--timeout", "1")
    assert isinstance(result.exception, ControlError)
    assert "no control for density was touched within 1 s" in result.exception.message
    assert system.opened["Keys:out"].closed
    assert (tmp_path / "stage.toml").read_text(encoding="utf-8") == before


def test_a_port_that_is_not_there_is_told(learn: Callable[..., Result]) -> None:
    assert isinstance(learn(Touched(), "panic", "--in", "Tuba").exception, PortNotFound)


def test_ctrl_c_ends_it(
    learn: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("accompanist.commands.learn._learned", interrupted)
    system = Touched(PRESS)
    result = learn(system, "panic")
    assert result.exit_code == 1  # click's own; `accompanist` makes it 130, as for every command
    assert system.opened["Keys:out"].closed
    assert capsys.readouterr().err == ""
