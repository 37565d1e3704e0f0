from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.fake_midi import FakeMidiSystem

from accompanist.config import Config, EngineConfig, ServeConfig, TrackConfig
from accompanist.engine.protocol import PortChange
from accompanist.errors import ConfigError, ModelError, PortLost, PortNotFound, StorageError
from accompanist.runtime import selection
from accompanist.runtime.clock import MonotonicClock
from accompanist.runtime.control_address import Address
from accompanist.runtime.control_client import ask
from accompanist.runtime.daemon import Daemon, Outcome, Ready, signals_put_into
from accompanist.runtime.infer import Session
from accompanist.runtime.log_records import End, EventRecord, Header, MessageRecord, Record
from accompanist.runtime.ports import PortListing
from accompanist.runtime.telemetry import Telemetry

ON, OFF, ALL_OFF = b"\x94\x3c\x40", b"\x84\x3c\x40", b"\xb4\x7b\x00"  # on a channel the band leaves free
SIGNALS = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]


class Script:
    """A display that does something when all is ready, and something else once a condition holds."""

    def __init__(self, begin: Callable[[], object], condition: Callable[[], bool], then: Callable[[], object]) -> None:
        self._begin, self._condition, self._then = begin, condition, then
        self.was_ready: Ready | None = None
        self.lines: list[str] = []
        self.changes: list[PortChange] = []
        self._done = False

    def ready(self, ready: Ready) -> None:
        self.was_ready = ready
        self._begin()

    def status(self, telemetry: Telemetry) -> None:
        assert telemetry.status is not None
        if not self._done and self._condition():
            self._done = True
            self._then()

    def port(self, change: PortChange) -> None:
        self.changes.append(change)

    def line(self, text: str) -> None:
        self.lines.append(text)


def config(model: Path, **serve: Any) -> Config:
    return Config(engine=EngineConfig(bpm=120), serve=ServeConfig(**{"model": str(model), "provider": "cpu", **serve}))


def perform(model: Path, system: FakeMidiSystem, then: Callable[[], object], **serve: Any) -> tuple[Outcome, Script]:
    """The player holds a note, which is sent on; then something happens."""
    script = Script(lambda: system.receivers["Keyboard"](ON), lambda: ("DAW", ON) in system.log, then)
    outcome = Daemon(
        config(model, melody="Keyboard", band="DAW", thru=True, **serve), system, MonotonicClock(), script
    ).run()
    return outcome, script


def sent(system: FakeMidiSystem) -> list[bytes]:
    return [data for _, data in system.log]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_every_note_closes_every_port_and_says_which_it_was(tiny_model: Path, number: int) -> None:
    system = FakeMidiSystem()
    handlers = [signal.getsignal(each) for each in SIGNALS]
    outcome, script = perform(tiny_model, system, lambda: signal.raise_signal(number))
    assert outcome.exit_code == 128 + number
    assert outcome.lost is None
    assert script.was_ready is not None
    assert (script.was_ready.melody, script.was_ready.band) == ("Keyboard", ("DAW",))
    assert (script.was_ready.system, script.was_ready.provider) == ("Fake MIDI", "cpu")
    assert sent(system).count(ON) == sent(system).count(OFF) == 1
    ending = sent(system)[sent(system).index(OFF) :]
    assert ending == [OFF, ALL_OFF, b"\xb0\x7b\x00", b"\xb1\x7b\x00", b"\xb2\x7b\x00"]  # then all used channels
    assert system.closed
    assert [signal.getsignal(each) for each in SIGNALS] == handlers
    assert {thread.name for thread in threading.enumerate()}.isdisjoint({"engine", "inference"})


def test_what_auto_takes_is_told_with_the_reason(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "built_in", lambda: ["cpu", "cuda"])
    monkeypatch.setattr(selection, "why_provider_fails", {"cpu": "", "cuda": "there is no NVIDIA driver"}.__getitem__)
    monkeypatch.setattr(selection, "_cores", lambda: 2)
    _, script = perform(tiny_model, FakeMidiSystem(), lambda: signal.raise_signal(signal.SIGINT), provider="auto")
    assert script.was_ready is not None
    assert script.was_ready.provider == "cpu"
    assert script.was_ready.provider_why == "cpu (nothing else loads); passed over cuda: there is no NVIDIA driver"


def test_a_provider_that_does_not_keep_the_arrays_is_told_with_the_reason(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Session, "why_unbound", "it copies")
    _, script = perform(tiny_model, FakeMidiSystem(), lambda: signal.raise_signal(signal.SIGINT))
    assert "cpu gets new arrays for each answer: it copies" in script.lines


def test_commands_arrive_by_the_control_socket(tiny_model: Path, tmp_path: Path) -> None:
    system, address = FakeMidiSystem(), Address(tmp_path / "control.sock")

    def density() -> float:
        share: float = ask(address, {"command": "status"})["status"]["controls"]["density"]
        return share

    def turn_down() -> None:
        assert density() == 1.0
        assert ask(address, {"command": "density", "value": 0.25}) == {"ok": True}
        while density() != 0.25:  # until the engine has taken it
            pass
        signal.raise_signal(signal.SIGINT)

    outcome, _ = perform(tiny_model, system, turn_down, control_socket=str(address))
    assert outcome.exit_code == 130
    assert list(tmp_path.iterdir()) == []
    assert "control" not in {thread.name for thread in threading.enumerate()}


def test_a_port_that_goes_away_ends_it(tiny_model: Path) -> None:
    system = FakeMidiSystem(outputs=("DAW",))

    def unplug() -> None:
        system.opened["Keyboard"].there = False

    outcome, _ = perform(tiny_model, system, unplug, exit_on_lost=True)
    assert outcome.exit_code == 3
    assert isinstance(outcome.lost, PortLost)
    assert "'Keyboard' has gone" in outcome.lost.message
    assert OFF in sent(system)  # the other port still works


def test_a_port_that_refuses_to_send_ends_it(tiny_model: Path) -> None:
    system = FakeMidiSystem()

    def break_and_play() -> None:
        system.opened["DAW"].breaks_after = len(system.opened["DAW"].sent)
        system.receivers["Keyboard"](OFF)

    outcome, _ = perform(tiny_model, system, break_and_play, exit_on_lost=True)
    assert outcome.lost is not None
    assert outcome.lost.message == "the MIDI port 'DAW' is gone"


def test_a_midi_system_that_dies_ends_it(tiny_model: Path) -> None:
    system = FakeMidiSystem()
    outcome, _ = perform(tiny_model, system, system.die, exit_on_lost=True)
    assert outcome.exit_code == 3
    assert outcome.lost is not None
    assert outcome.lost.message == "the Fake MIDI server has gone, and all ports with it"


class Course:
    """A display that goes on to the next step each time a condition holds, and ends the performance after the last."""

    def __init__(self, *steps: tuple[Callable[[], bool], Callable[[], object]]) -> None:
        self._steps = list(steps)
        self.changes: list[tuple[str, str, bool]] = []
        self.away: list[tuple[str, ...]] = []

    def ready(self, ready: Ready) -> None:
        self.was_ready = ready

    def status(self, telemetry: Telemetry) -> None:
        self.away.append(telemetry.away)
        if not self._steps:
            signal.raise_signal(signal.SIGTERM)
        elif self._steps[0][0]():
            self._steps.pop(0)[1]()

    def port(self, change: PortChange) -> None:
        self.changes.append((change.role, change.name, change.there))

    def line(self, text: str) -> None:
        pass


def test_a_keyboard_pulled_out_in_the_middle_of_a_note_comes_back(tiny_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    system = FakeMidiSystem(inputs=("Keyboard 20:0",), outputs=("DAW",))

    def unplug() -> None:
        system.opened["Keyboard 20:0"].there = False
        system.listing = PortListing((), ("DAW",))

    def plug_in() -> None:
        assert system.opened["Keyboard 20:0"].closed
        system.listing = PortListing(("Keyboard 24:0",), ("DAW",))

    course = Course(
        (lambda: True, lambda: system.receivers["Keyboard 20:0"](ON)),
        (lambda: ("DAW", ON) in system.log, unplug),
        (lambda: ("DAW", OFF) in system.log, plug_in),
        (lambda: "Keyboard 24:0" in system.opened, lambda: system.receivers["Keyboard 24:0"](ON)),
        (lambda: sent(system).count(ON) == 2, lambda: None),
    )
    settings = config(tiny_model, melody="Keyboard", band="DAW", thru=True, log=str(path))
    outcome = Daemon(settings, system, MonotonicClock(), course).run()
    assert outcome.exit_code == 143
    assert course.changes == [("in", "Keyboard 20:0", False), ("in", "Keyboard 24:0", True)]
    assert {(), ("Keyboard 20:0",)} == set(course.away)
    assert sent(system).count(ON) == sent(system).count(OFF) == 2
    events = [msgspec.json.decode(line, type=Record) for line in path.read_bytes().splitlines()]
    told = [(event.name, event.detail) for event in events if isinstance(event, EventRecord)]
    assert [each for each in told if "port" in each[0]] == [
        ("port_lost", "in: Keyboard 20:0"), ("port_back", "in: Keyboard 24:0"),
    ]  # fmt: skip


def test_a_midi_system_that_dies_is_waited_for_and_everything_opened_again(tiny_model: Path) -> None:
    system, second = FakeMidiSystem(), FakeMidiSystem()

    def bring_back() -> None:
        assert course.away[-1] == ("DAW", "Keyboard")
        system.successor = second

    course = Course(
        (lambda: True, lambda: system.receivers["Keyboard"](ON)),
        (lambda: ("DAW", ON) in system.log, system.die),
        (lambda: system.closed, bring_back),
        (lambda: set(second.opened) == {"DAW", "Keyboard"}, lambda: second.receivers["Keyboard"](ON)),
        (lambda: sent(second).count(ON) == 1, lambda: None),
    )
    settings = config(tiny_model, melody="Keyboard", band="DAW", thru=True)
    outcome = Daemon(settings, system, MonotonicClock(), course).run()
    assert outcome.exit_code == 143
    assert [(role, there) for role, _, there in course.changes] == [
        ("out", False), ("in", False), ("out", True), ("in", True),
    ]  # fmt: skip
    # What sounded when it died is ended first, and the instruments are readied, before anything else is sent.
    quiet = [bytes((0xB0 | channel, each, 0)) for channel in (0, 1, 2, 4) for each in (64, 123)]
    before = sent(second)[: sent(second).index(ON)]
    assert before == [OFF, *quiet, b"\xc0\x21", b"\xc1\x00", b"\xc2\x30"]
    assert sent(second).count(OFF) == 2
    assert second.closed


def test_a_service_begins_before_anything_is_plugged_in_and_before_there_is_midi(tiny_model: Path) -> None:
    system, real = FakeMidiSystem(), FakeMidiSystem(outputs=("DAW",))
    system.lost = True

    def bring() -> None:
        system.successor = real

    def plug_in() -> None:
        real.listing = PortListing(("Keyboard 20:0",), ("DAW",))

    course = Course(
        (lambda: True, bring),
        (lambda: "DAW" in real.opened, plug_in),
        (lambda: "Keyboard 20:0" in real.opened, lambda: real.receivers["Keyboard 20:0"](ON)),
        (lambda: sent(real).count(ON) == 1, lambda: None),
    )
    settings = config(tiny_model, melody="Keyboard", band="DAW", thru=True, wait=True)
    assert Daemon(settings, system, MonotonicClock(), course).run().exit_code == 143
    assert course.was_ready.waiting == ("DAW", "Keyboard")
    assert course.changes == [("out", "DAW", True), ("in", "Keyboard 20:0", True)]
    assert (course.away[0], course.away[-1]) == (("DAW", "Keyboard"), ())
    assert sent(real).count(OFF) == 1
    assert real.closed


def test_a_second_signal_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    exits: list[int] = []
    monkeypatch.setattr(os, "_exit", exits.append)
    ends: queue.SimpleQueue[int | PortLost] = queue.SimpleQueue()
    with signals_put_into(ends):
        signal.raise_signal(signal.SIGINT)
        assert exits == []
        signal.raise_signal(signal.SIGINT)
    assert ends.get_nowait() == 130
    assert exits == [130]


def test_instruments_are_readied_when_the_music_begins_or_not_at_all(tiny_model: Path) -> None:
    tracks = {"piano": TrackConfig(channel=7, program=5, volume=90)}
    for setup, expected in ((True, [b"\xc0\x21", b"\xc6\x04", b"\xb6\x07\x5a", b"\xc2\x30"]), (False, [])):
        system = FakeMidiSystem()
        perform(tiny_model, system, lambda: signal.raise_signal(signal.SIGTERM), setup=setup, tracks=tracks)
        assert [data for data in sent(system) if data[0] & 0xF0 == 0xC0 or data[:2] == b"\xb6\x07"] == expected


def test_our_clock_leaves_by_its_own_port_and_says_stop_at_the_end(tiny_model: Path) -> None:
    system = FakeMidiSystem()
    perform(tiny_model, system, lambda: signal.raise_signal(signal.SIGTERM), clock_out="Drum machine")
    clock = [data for name, data in system.log if name == "Drum machine"]
    assert clock[:2] == [b"\xfa", b"\xf8"]
    assert clock[-1] == b"\xfc"
    assert set(clock[1:-1]) == {b"\xf8"}
    assert not [data for name, data in system.log if name == "DAW" and data[0] >= 0xF0]


def test_it_counts_in_when_everything_is_open(tiny_model: Path) -> None:
    system = FakeMidiSystem()
    perform(tiny_model, system, lambda: signal.raise_signal(signal.SIGTERM), count_in_bars=1)
    assert ("DAW", bytes((0x99, 76, 110))) in system.log
    assert ("DAW", bytes((0x89, 76, 64))) in system.log  # whatever ends it


def test_settings_for_an_unknown_track_open_nothing(tiny_model: Path) -> None:
    system = FakeMidiSystem()
    with pytest.raises(ConfigError, match=r"serve\.tracks\.organ is for no track of this model; its tracks: bass"):
        perform(tiny_model, system, lambda: None, tracks={"organ": TrackConfig()})
    assert system.opened == {}


def test_without_its_model_it_opens_nothing(tmp_path: Path) -> None:
    system = FakeMidiSystem()
    with pytest.raises(ModelError, match="no such file"):
        perform(tmp_path / "none.onnx", system, lambda: None)
    assert system.opened == {}


def test_an_input_that_cannot_be_opened_leaves_nothing_open(tiny_model: Path) -> None:
    system = FakeMidiSystem()
    system.refuses = {"Keyboard"}
    with pytest.raises(PortLost, match="'Keyboard'"):
        perform(tiny_model, system, lambda: None)
    assert system.closed
    assert system.opened["DAW"].closed


def test_a_missing_port_leaves_nothing_running(tiny_model: Path) -> None:
    system = FakeMidiSystem(can_make_ports=False)
    with pytest.raises(PortNotFound):
        perform(tiny_model, system, lambda: None)
    assert system.closed
    assert {thread.name for thread in threading.enumerate()}.isdisjoint({"engine", "inference"})


def test_a_log_tells_the_whole_performance(tiny_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "tonight.jsonl"
    system = FakeMidiSystem()
    outcome, script = perform(tiny_model, system, lambda: signal.raise_signal(signal.SIGTERM), log=str(path))
    records = [msgspec.json.decode(line, type=Record) for line in path.read_bytes().splitlines()]
    header, end = records[0], records[-1]
    assert isinstance(header, Header)
    assert isinstance(end, End)
    assert (header.melody_port, header.band_ports, header.system) == ("Keyboard", ("DAW",), "Fake MIDI")
    assert (header.tracks, header.bpm, header.follows_clock) == (("bass", "piano", "strings"), 120, False)
    assert (end.exit_code, end.lost) == (outcome.exit_code, "")
    assert end.summary == outcome.summary._asdict()
    logged = [bytes.fromhex(record.data) for record in records if isinstance(record, MessageRecord)]
    assert logged == sent(system)
    assert [record.name for record in records if isinstance(record, EventRecord)] == ["start", "stop"]
    assert script.lines == [line for line in script.lines if "log" not in line]
    assert "log" not in {thread.name for thread in threading.enumerate()}


def test_a_log_that_cannot_be_written_is_told_before_anything_is_opened(tiny_model: Path, tmp_path: Path) -> None:
    system = FakeMidiSystem()
    with pytest.raises(StorageError, match="cannot write the log"):
        perform(tiny_model, system, lambda: None, log=str(tmp_path / "none" / "log.jsonl"))
    assert system.opened == {}
    assert system.closed


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full, the disk that is always full")
def test_a_full_disk_ends_the_log_and_not_the_music(tiny_model: Path) -> None:
    system = FakeMidiSystem()
    outcome, script = perform(tiny_model, system, lambda: signal.raise_signal(signal.SIGTERM), log="/dev/full")
    assert outcome.exit_code == 143
    assert sent(system).count(ON) == sent(system).count(OFF) == 1
    assert [line for line in script.lines if "log" in line] == [
        "the log /dev/full ends here: No space left on device; the music goes on"
    ]
