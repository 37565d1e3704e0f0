from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.tiny import TINY_SPEC

from accompanist.cli import cli, tell
from accompanist.config import EngineConfig
from accompanist.engine.engine import Engine
from accompanist.engine.protocol import Command
from accompanist.errors import ControlError
from accompanist.runtime.clock import ManualClock
from accompanist.runtime.control import ControlServer
from accompanist.runtime.control_address import Address


class Serving:
    """A `serve` as its control socket sees it: an engine, stepped when it is asked how it stands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.commands: list[Command] = []
        self.engine = Engine(TINY_SPEC, EngineConfig())
        self.server = ControlServer(
            Address(path), TINY_SPEC, ManualClock(), self.commands.append, lambda: self.engine.status(0.0)
        )

    def control(self, *words: str) -> Result:
        return CliRunner().invoke(cli, ["control", "--socket", str(self.path), *words])


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    band = Serving(tmp_path / "control.sock")
    yield band
    band.server.close()


def test_words_become_commands(serving: Serving) -> None:
    typed = ["mute bass", "mute bass off", "solo piano toggle", "hold", "listen off", "density 0.5", "bpm 96", "panic"]
    for words in typed:
        result = serving.control(*words.split())
        assert (result.exit_code, result.output) == (0, ""), words
    assert [(c.name, c.value, c.track) for c in serving.commands] == [
        ("mute", 1.0, 0),
        ("mute", 0.0, 0),
        ("solo", None, 1),
        ("hold", 1.0, -1),
        ("listen", 0.0, -1),
        ("density", 0.5, -1),
        ("bpm", 96.0, -1),
        ("panic", None, -1),
    ]


def test_how_it_stands(serving: Serving) -> None:
    serving.engine.step(0.0, [Command(0.0, "mute", 1, 0), Command(0.0, "hold", 1), Command(0.0, "listen", 0)])
    assert serving.control("status").output.splitlines() == [
        "stopped, 120.0 BPM (internal)",
        "density 1, temperature 1, muted: bass, harmony held, the band rests",
    ]
    told = json.loads(serving.control("status", "--json").output)
    assert told["status"]["controls"]["muted"] == ["bass"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("dance", "there is no command 'dance'; accepted: mute, solo"),
        ("mute", "mute needs a track; accepted: bass, piano, strings"),
        ("mute tuba", "'tuba' is none; accepted: bass, piano, strings"),
        ("density", "density is None; accepted: 0 to 1"),
        ("density 2", "density is 2.0; accepted: 0 to 1"),
        ("style swing", "the model has no styles"),
        ("panic now", "panic is followed by 'now'; accepted behind it: nothing"),
        ("mute bass off please", "accepted behind it: a track and a value"),
    ],
)
def test_what_is_wrong_is_told_with_what_is_accepted(serving: Serving, words: str, message: str) -> None:
    result = serving.control(*words.split())
    assert isinstance(result.exception, ControlError)
    assert message in result.exception.message
    assert result.exception.hint
    assert serving.commands == []


def test_where_nobody_listens_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = CliRunner().invoke(cli, ["control", "--socket", str(tmp_path / "nobody.sock"), "panic"])
    assert isinstance(result.exception, ControlError)
    assert tell(result.exception) == 10
    assert "nobody takes commands on" in capsys.readouterr().err


def test_the_settings_say_where_it_listens(serving: Serving, tmp_path: Path) -> None:
    settings = tmp_path / "stage.toml"
    settings.write_text(f'[serve]\ncontrol_socket = "{serving.path}"\n', encoding="utf-8")
    assert CliRunner().invoke(cli, ["--config", str(settings), "control", "fill"]).exit_code == 0
    assert [command.name for command in serving.commands] == ["fill"]
