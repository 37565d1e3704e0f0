from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from accompanist.cli import cli
from accompanist.config import Config
from accompanist.engine.protocol import PortChange
from accompanist.errors import ConfigError, PortLost
from accompanist.runtime.daemon import Outcome, Ready
from accompanist.runtime.telemetry import Telemetry

READY = Ready("JACK", "Accompanist in:Keys", None, ("a:DAW bass", "b:DAW piano"), "m.onnx", "cpu", 0.0123)


class FakeDaemon:
    """Remembers what it is started with; says that it is ready and ends."""

    started: list[Config]
    outcome = Outcome(143, None, Telemetry().summary())
    is_ready = READY

    def __init__(self, config: Config, _system: object, _clock: object, display: Any) -> None:
        self.started.append(config)
        self._display = display

    def run(self) -> Outcome:
        self._display.ready(self.is_ready)
        self._display.status(Telemetry())
        return self.outcome


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[FakeDaemon]:
    """The daemon that `serve` starts, in a folder without settings."""
    kind = type("Fake", (FakeDaemon,), {"started": []})
    monkeypatch.setattr("accompanist.commands.serve.Daemon", kind)
    monkeypatch.setattr("accompanist.commands.serve.open_system", lambda *_: object())
    monkeypatch.chdir(tmp_path)
    return kind


def serve(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["serve", *arguments], standalone_mode=False)


def test_flags_lie_over_the_settings_file(daemon: type[FakeDaemon]) -> None:
    Path("config.toml").write_text("[engine]\nbpm = 90\nseed = 4\n[serve]\nthru = true\n", encoding="utf-8")
    result = serve(
        "--in", "Keys", "--out", "DAW", "--clock", "Drums", "--bpm", "96.5", "--channel", "3", "--no-thru",
        "--no-setup", "--exit-on-lost", "--split-ports", "--model", "m.onnx", "--provider", "cpu", "--lead-steps", "2",
        "--replan-steps", "16", "--beats-per-bar", "3", "--log", "tonight.jsonl",
    )  # fmt: skip
    assert result.return_value == 143
    (config,) = daemon.started
    engine = config.engine
    assert (config.serve.melody, config.serve.band, config.serve.clock) == ("Keys", "DAW", "Drums")
    assert (engine.bpm, engine.seed, engine.lead_steps, engine.beats_per_bar) == (96.5, 4, 2, 3)
    assert engine.replan_steps == 16
    its = config.serve
    assert (its.channel, its.thru, its.split_ports, its.model, its.provider) == (3, False, True, "m.onnx", "cpu")
    assert (its.setup, its.exit_on_lost) == (False, True)
    assert its.log == "tonight.jsonl"


def test_without_flags_the_defaults_hold(daemon: type[FakeDaemon]) -> None:
    serve()
    assert daemon.started == [Config()]
    assert (Config().serve.melody, Config().serve.band) == ("Accompanist In", "Accompanist Out")


def test_sync_follows_the_players_port(daemon: type[FakeDaemon]) -> None:
    serve("--sync")
    assert daemon.started[0].serve.follows_clock


PORTS = '[serve]\nin = "Keys"\nout = "DAW"\n'


@pytest.mark.parametrize(
    ("more", "flags", "ports"),
    [
        ("", (), ("Keys", "DAW", "", False)),
        ("", ("--in", "Pad"), ("Pad", "DAW", "", False)),
        ('clock = "Drums"', (), ("Keys", "DAW", "Drums", False)),
        ('clock = "Drums"', ("--clock", "Mixer"), ("Keys", "DAW", "Mixer", False)),
        ('clock = "Drums"', ("--clock", ""), ("Keys", "DAW", "", False)),
        ('clock = "Drums"', ("--sync",), ("Keys", "DAW", "", True)),  # the flag wins
        ("sync = true", (), ("Keys", "DAW", "", True)),
        ("sync = true", ("--clock", "Drums"), ("Keys", "DAW", "Drums", False)),
    ],
)
def test_the_settings_file_names_the_ports(
    daemon: type[FakeDaemon], more: str, flags: tuple[str, ...], ports: tuple[str, str, str, bool]
) -> None:
    Path("config.toml").write_text(PORTS + more, encoding="utf-8")
    assert serve(*flags).exception is None
    its = daemon.started[0].serve
    assert (its.melody, its.band, its.clock, its.sync) == ports
    assert its.follows_clock == bool(its.clock or its.sync)


def test_the_settings_file_may_be_named_behind_the_command(daemon: type[FakeDaemon]) -> None:
    Path("stage.toml").write_text(PORTS, encoding="utf-8")
    Path("other.toml").write_text('[serve]\nin = "Other"\n', encoding="utf-8")
    assert serve("--config", "stage.toml").exception is None
    both = CliRunner().invoke(cli, ["--config", "other.toml", "serve", "--config", "stage.toml"], standalone_mode=False)
    assert both.exception is None
    assert [config.serve.melody for config in daemon.started] == ["Keys", "Keys"]


def test_two_clocks_are_refused(daemon: type[FakeDaemon]) -> None:
    assert isinstance(serve("--sync", "--clock", "Drums").exception, click.UsageError)
    Path("config.toml").write_text(PORTS + 'clock = "Drums"\nsync = true\n', encoding="utf-8")
    result = serve()
    assert isinstance(result.exception, ConfigError)
    assert "serve: clock is 'Drums' and sync is true; accepted" in result.exception.message
    assert daemon.started == []
    Path("config.toml").unlink()
    result = serve("--sync", "--clock-out", "Drums")
    assert isinstance(result.exception, ConfigError)
    assert "clock_out is 'Drums' and a MIDI clock leads" in result.exception.message


def test_a_count_in_needs_our_own_tempo(daemon: type[FakeDaemon]) -> None:
    serve("--count-in", "2", "--listen-bars", "4")
    assert (daemon.started[0].serve.count_in_bars, daemon.started[0].engine.listen_bars) == (2, 4)
    result = serve("--sync", "--count-in", "2")
    assert isinstance(result.exception, ConfigError)
    assert "count_in_bars is 2 and a MIDI clock leads" in result.exception.message


def test_our_clock_leaves_by_the_port_named(daemon: type[FakeDaemon]) -> None:
    serve("--clock-out", "Drums")
    assert daemon.started[0].serve.clock_out == "Drums"


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--bpm", "5"), "--bpm is 5.0; accepted: number, >= 30, <= 300"),
        (("--bpm", "nan"), "--bpm is nan; accepted: number, >= 30"),
        (("--channel", "17"), "--channel is 17; accepted: whole number, >= 0, <= 16"),
        (("--provider", "quantum"), "--provider is 'quantum'; accepted: auto | cpu"),
        (("--lead-steps", "0"), "--lead-steps is 0; accepted: whole number, >= 1"),
    ],
)
def test_a_flag_out_of_range_is_refused(daemon: type[FakeDaemon], flags: tuple[str, ...], told: str) -> None:
    result = serve(*flags)
    assert isinstance(result.exception, ConfigError)
    assert told in result.exception.message
    assert daemon.started == []


@pytest.mark.usefixtures("daemon")
def test_the_hand_shake_and_the_summary_are_on_stdout() -> None:
    lines = serve().stdout.splitlines()
    assert lines[0] == 'ready: in "Accompanist in:Keys", out "a:DAW bass", "b:DAW piano" (JACK)'
    assert lines[1].startswith("0 bars: 0 notes in")


@pytest.mark.usefixtures("daemon")
def test_for_scripts_both_are_json() -> None:
    result = serve("--json")
    ready, summary = (json.loads(line) for line in result.stdout.splitlines())
    assert ready == {"event": "ready", **READY._asdict(), "band": list(READY.band), "waiting": []}
    assert (summary["event"], summary["exit_code"], summary["notes_out"]) == ("summary", 143, 0)


@pytest.mark.usefixtures("daemon")
def test_ports_that_come_and_go_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(self: FakeDaemon) -> Outcome:
        self._display.port(PortChange(1.0, "in", "Keys", there=False))
        self._display.port(PortChange(2.0, "in", "Keys", there=False, why="several match"))
        self._display.port(PortChange(3.0, "in", "Keys 2", there=True))
        return self.outcome

    monkeypatch.setattr("accompanist.commands.serve.Daemon.run", run)
    result = serve("--json")
    assert [json.loads(line) for line in result.stdout.splitlines()[:3]] == [
        {"event": "lost", "role": "in", "port": "Keys"},
        {"event": "refused", "role": "in", "port": "Keys", "why": "several match"},
        {"event": "back", "role": "in", "port": "Keys 2"},
    ]
    assert result.stderr.splitlines() == [
        "lost: in 'Keys'; waiting until it is back",
        "in 'Keys': several match",
        "back: in 'Keys 2'",
    ]
    assert "lost" not in serve().stdout


def test_a_lost_port_is_an_error_after_the_summary(daemon: type[FakeDaemon]) -> None:
    daemon.outcome = Outcome(3, PortLost("gone"), Telemetry().summary())
    result = serve()
    assert isinstance(result.exception, PortLost)
    assert "0 bars" in result.stdout


@pytest.mark.parametrize(("flags", "waits"), [((), False), (("--wait",), True), (("--wait", "--no-wait"), False)])
def test_it_waits_where_it_is_told_to(
    daemon: type[FakeDaemon], monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...], *, waits: bool
) -> None:
    awaited = list[str]()
    monkeypatch.setattr("accompanist.commands.serve.await_system", lambda backend, *_: awaited.append(backend))
    assert serve(*flags, "--backend", "jack").exception is None
    assert daemon.started[0].serve.wait is waits
    assert awaited == (["jack"] if waits else [])


def test_what_it_waits_for_is_said(daemon: type[FakeDaemon]) -> None:
    daemon.is_ready = READY._replace(waiting=("Keys", "Synth"))
    assert "waiting for 'Keys', 'Synth'" in serve().stderr.splitlines()


def test_to_wait_and_to_end_on_a_loss_do_not_go_together(daemon: type[FakeDaemon]) -> None:
    result = serve("--wait", "--exit-on-lost")
    assert isinstance(result.exception, ConfigError)
    assert "wait is true and exit_on_lost is true; accepted: one of the two" in result.exception.message
    assert daemon.started == []
