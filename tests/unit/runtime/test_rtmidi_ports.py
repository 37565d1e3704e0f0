from __future__ import annotations

from typing import Any

import pytest

from accompanist.errors import NoMidiSystem, PortLost, PortNotFound
from accompanist.runtime import rtmidi_ports
from accompanist.runtime.port_names import choose
from accompanist.runtime.ports import PortChoice
from accompanist.runtime.rtmidi_ports import RtMidiSystem

rtmidi = pytest.importorskip("rtmidi", exc_type=ImportError, reason="python-rtmidi does not load (it needs libasound2)")


class FakeRtMidi:
    """Stands in for rtmidi.MidiIn and rtmidi.MidiOut."""

    made: list[FakeRtMidi]
    there: tuple[str | None, ...] = ()
    dead_apis: tuple[int, ...] = ()

    def __init__(self, api: int, name: str) -> None:
        if api in self.dead_apis:
            raise rtmidi.SystemError("no server")
        self.api, self.name = api, name
        self.calls: list[tuple[Any, ...]] = []
        self.made.append(self)

    def get_ports(self, encoding: str) -> list[str | None]:
        assert encoding == "utf-8"  # what python-rtmidi chooses by itself is wrong on macOS and Windows
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
    third = system.open_input(PortChoice("Pad", exists=False), lambda _: None, role="in")
    assert third.name == "Accompanist in 3:Pad"
    port.close()
    again = system.open_input(PortChoice("Keys", exists=False), lambda _: None, role="in")
    assert again.name == "Accompanist in 2:Keys"  # whoever was connected to it may find it again


def test_a_listing_leaves_out_our_own_probes_and_ports(fake: type[FakeRtMidi]) -> None:
    fake.there = ("Accompanist probe:x", "Accompanist out:DAW 130:0", "Accompanist out 2:DAW 131:0", "Synth:in")
    system = RtMidiSystem()
    assert system.ports().outputs == ("Accompanist out:DAW 130:0", "Accompanist out 2:DAW 131:0", "Synth:in")
    system.open_output(PortChoice("DAW", exists=False), role="out")  # it becomes "Accompanist out 3"
    fake.there = (*fake.there, "Accompanist out 3:DAW 132:0")
    assert system.ports().outputs == ("Accompanist out:DAW 130:0", "Accompanist out 2:DAW 131:0", "Synth:in")


def test_while_a_port_is_open_it_is_asked_and_no_client_comes_and_goes(fake: type[FakeRtMidi]) -> None:
    fake.there = ("Synth:in",)
    system = RtMidiSystem()
    system.ports()
    made = len(fake.made)
    system.ports()
    assert len(fake.made) == made  # those that looked around do it again
    port = system.open_output(PortChoice("Synth:in", exists=True), role="out")
    scouts = [midi for midi in fake.made if midi.name == "Accompanist probe"]
    assert all(("delete",) in midi.calls for midi in scouts)
    made = len(fake.made)
    assert system.ports().outputs == ("Synth:in",)
    assert len(fake.made) == made
    port.close()
    system.ports()
    assert len(fake.made) > made
    system.close()
    assert all(("delete",) in midi.calls for midi in fake.made)


def test_of_ports_of_the_very_same_name_the_right_one_is_opened(fake: type[FakeRtMidi]) -> None:
    fake.there = ("Keys", None, "Keys")  # the middle one has a name that rtmidi cannot tell
    system = RtMidiSystem()
    assert system.ports().inputs == ("Keys", "Keys")
    system.open_output(PortChoice("Keys", exists=True, nth=1), role="out")
    assert ("open_port", 2, ("name", "Keys")) in fake.made[-1].calls
    with pytest.raises(PortLost, match="'Keys' cannot be opened: it went away"):
        system.open_output(PortChoice("Keys", exists=True, nth=2), role="out")


def test_a_system_that_has_died_lists_nothing(fake: type[FakeRtMidi]) -> None:
    system = RtMidiSystem()
    system.lost = True
    made = len(fake.made)
    with pytest.raises(PortLost, match="ALSA no longer answers"):
        system.ports()
    assert len(fake.made) == made


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


@pytest.fixture
def windows(fake: type[FakeRtMidi], monkeypatch: pytest.MonkeyPatch) -> type[FakeRtMidi]:
    """Windows MM as its documentation and rtmidi's describe it: names of 31 characters, each with its number."""
    monkeypatch.setattr(rtmidi_ports.sys, "platform", "win32")
    monkeypatch.setattr(rtmidi, "get_compiled_api", lambda: [rtmidi.API_WINDOWS_MM])
    fake.there = ("Microsoft GS Wavetable Synth 0", "2- A Keyboard with a Very Long  1", "loopMIDI Port \u65e5\u672c 2")
    return fake


def test_windows_makes_no_virtual_ports(windows: type[FakeRtMidi]) -> None:
    system = RtMidiSystem()
    assert (system.name, system.can_make_ports, system.devices()) == ("Windows MM", False, None)
    with pytest.raises(PortNotFound, match="no MIDI port 'DAW'") as caught:
        choose("DAW", system.ports().outputs, can_make=system.can_make_ports, system=system.name)
    assert "loopMIDI" in caught.value.hint
    assert windows.made


def test_windows_ports_are_found_by_the_names_their_makers_gave_them(windows: type[FakeRtMidi]) -> None:
    system = RtMidiSystem()
    for place, asked in enumerate(("microsoft gs wavetable synth", "A Keyboard with a Very Long Name", "日本")):
        choice = choose(asked, system.ports().outputs, can_make=False, system=system.name)
        port = system.open_output(choice, role="out")
        assert next(call for call in windows.made[-1].calls if call[0] == "open_port")[1] == place
        assert port.name == windows.there[place]
        port.close()


def test_a_port_another_program_holds_on_windows_says_what_to_do(
    windows: type[FakeRtMidi], monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(*_: object, **__: object) -> None:
        raise rtmidi.SystemError("MidiOutWinMM::openPort: error creating Windows MM MIDI output port.")

    system = RtMidiSystem()
    monkeypatch.setattr(windows, "open_port", held, raising=False)
    with pytest.raises(PortLost, match="error creating Windows MM MIDI output port") as caught:
        system.open_output(PortChoice("Microsoft GS Wavetable Synth 0", exists=True), role="out")
    assert "one program at a time" in caught.value.hint


@pytest.fixture
def mac(fake: type[FakeRtMidi], monkeypatch: pytest.MonkeyPatch) -> type[FakeRtMidi]:
    """CoreMIDI: names without a client or a number, alike where two devices are, accents apart from their letters."""
    monkeypatch.setattr(rtmidi_ports.sys, "platform", "darwin")
    monkeypatch.setattr(rtmidi, "get_compiled_api", lambda: [rtmidi.API_MACOSX_CORE])
    fake.there = ("IAC Driver Bus 1", "Clavier e\u0301lectrique", "Keys Port 1", "Keys Port 1")
    return fake


def test_macos_makes_virtual_ports_and_a_listing_leaves_them_out(mac: type[FakeRtMidi]) -> None:
    system = RtMidiSystem()
    assert (system.name, system.can_make_ports, system.devices()) == ("CoreMIDI", True, None)
    port = system.open_output(PortChoice("Band", exists=False), role="out")
    assert port.name == "Band"  # it has no client in front
    mac.there = (*mac.there, "Band")
    assert "Band" not in system.ports().outputs
    assert port.is_there()


def test_macos_tells_that_a_port_has_gone_only_by_leaving_it_out(mac: type[FakeRtMidi]) -> None:
    system = RtMidiSystem()
    choice = choose("Clavier \u00e9lectrique", system.ports().inputs, can_make=True, system=system.name)
    port = system.open_input(choice, lambda _: None, role="in")
    assert port.is_there()
    mac.there = mac.there[:1]
    assert not port.is_there()
    port.send(b"\x90\x3c\x40")  # no error: CoreMIDI takes it and drops it
