from __future__ import annotations

from typing import Any

import pytest

from accompanist.errors import NoMidiSystem, PortLost
from accompanist.runtime import rtmidi_ports
from accompanist.runtime.ports import PortChoice
from accompanist.runtime.rtmidi_ports import RtMidiSystem

rtmidi = pytest.importorskip("rtmidi", exc_type=ImportError, reason="python-rtmidi does not load (it needs libasound2)")


class FakeRtMidi:
    """Stands in for rtmidi.MidiIn and rtmidi.MidiOut."""

    made: list[FakeRtMidi]
    there: tuple[str, ...] = ()
    dead_apis: tuple[int, ...] = ()

    def __init__(self, api: int, name: str) -> None:
        if api in self.dead_apis:
            raise rtmidi.SystemError("no server")
        self.api, self.name = api, name
        self.calls: list[tuple[Any, ...]] = []
        self.made.append(self)

    def get_ports(self) -> list[str]:
        return list(self.there)

    def __getattr__(self, method: str) -> Any:
        return lambda *arguments, **named: self.calls.append((method, *arguments, *named.items()))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeRtMidi]:
    """rtmidi with ALSA only, and no port."""
    kind = type("Fake", (FakeRtMidi,), {"made": [], "dead_apis": (rtmidi.API_UNIX_JACK,)})
    monkeypatch.setattr(rtmidi, "MidiIn", kind)
    monkeypatch.setattr(rtmidi, "MidiOut", kind)
    monkeypatch.setattr(rtmidi, "get_compiled_api", lambda: [rtmidi.API_LINUX_ALSA, rtmidi.API_UNIX_JACK])
    monkeypatch.setattr(rtmidi_ports.sys, "platform", "linux")
    monkeypatch.setattr(rtmidi_ports, "silence_jack", lambda: None)
    return kind


def test_jack_is_taken_where_a_server_runs_else_alsa(fake: type[FakeRtMidi]) -> None:
    assert RtMidiSystem().name == "ALSA"
    fake.dead_apis = ()
    assert RtMidiSystem().name == "JACK"


def test_without_any_midi_system_the_hint_says_what_to_start(fake: type[FakeRtMidi]) -> None:
    fake.dead_apis = (rtmidi.API_UNIX_JACK, rtmidi.API_LINUX_ALSA)
    with pytest.raises(NoMidiSystem, match="neither a JACK server nor the ALSA sequencer") as caught:
        RtMidiSystem()
    assert "jackd" in caught.value.hint
    assert "modprobe snd-seq" in caught.value.hint


def test_midi_clock_is_not_filtered_and_messages_come_as_bytes(fake: type[FakeRtMidi]) -> None:
    got: list[bytes] = []
    port = RtMidiSystem().open_input(PortChoice("Keyboard", exists=False), got.append, role="in")
    midi = fake.made[-1]
    assert ("ignore_types", ("sysex", True), ("timing", False), ("active_sense", True)) in midi.calls
    callback = next(call[1] for call in midi.calls if call[0] == "set_callback")
    callback(([0xF8], 0.0), None)
    assert got == [b"\xf8"]
    assert [call[0] for call in midi.calls].index("set_callback") < len(midi.calls) - 1  # before it is opened
    assert port.name == "Accompanist in:Keyboard"


def test_a_port_that_is_there_is_connected_to_and_one_that_is_not_is_made(fake: type[FakeRtMidi]) -> None:
    fake.there = ("Synth:in", "fluid:midi_00")
    system = RtMidiSystem()
    port = system.open_output(PortChoice("fluid:midi_00", exists=True), role="out")
    assert ("open_port", 1, ("name", "fluid midi_00")) in fake.made[-1].calls
    assert port.is_there()
    fake.there = ("Synth:in",)
    assert not port.is_there()
    virtual = system.open_output(PortChoice("a:b", exists=False), role="out")
    assert ("open_virtual_port", "a b") in fake.made[-1].calls  # a colon would split the name
    assert virtual.is_there()


def test_a_port_that_vanished_since_it_was_listed_is_told(fake: type[FakeRtMidi]) -> None:
    fake.there = ()
    with pytest.raises(PortLost, match="'Synth:in' cannot be opened"):
        RtMidiSystem().open_output(PortChoice("Synth:in", exists=True), role="out")


def test_a_second_instance_takes_a_client_name_of_its_own(fake: type[FakeRtMidi]) -> None:
    fake.there = ("Accompanist in:Keyboard",)
    system = RtMidiSystem()
    system.ports()
    port = system.open_input(PortChoice("Keys", exists=False), lambda _: None, role="in")
    assert port.name == "Accompanist in 2:Keys"


def test_a_listing_leaves_out_our_own_probes(fake: type[FakeRtMidi]) -> None:
    fake.there = ("Accompanist probe:x", "Synth:in")
    assert RtMidiSystem().ports().outputs == ("Synth:in",)


def test_a_port_is_closed_unless_its_server_has_died(fake: type[FakeRtMidi]) -> None:
    system = RtMidiSystem()
    port = system.open_output(PortChoice("DAW", exists=False), role="out")
    system.lost = True
    port.close()
    assert ("close_port",) not in fake.made[-1].calls
    system.lost = False
    port.close()
    assert fake.made[-1].calls[-2:] == [("close_port",), ("delete",)]


def test_a_failing_send_is_a_lost_port(fake: type[FakeRtMidi]) -> None:
    port = RtMidiSystem().open_output(PortChoice("DAW", exists=False), role="out")

    def fail(_: bytes) -> None:
        raise rtmidi.SystemError("gone")

    fake.made[-1].send_message = fail
    with pytest.raises(PortLost, match="'Accompanist out:DAW' is gone"):
        port.send(b"\xf8")


def test_windows_makes_no_virtual_ports(fake: type[FakeRtMidi], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtmidi_ports.sys, "platform", "win32")
    monkeypatch.setattr(rtmidi, "get_compiled_api", lambda: [rtmidi.API_WINDOWS_MM])
    system = RtMidiSystem()
    assert (system.name, system.can_make_ports) == ("Windows MM", False)
    assert fake.made
