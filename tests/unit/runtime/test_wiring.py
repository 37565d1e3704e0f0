from __future__ import annotations

from typing import Any

import pytest
from support.fake_midi import FakeMidiSystem, FakePort
from support.tiny import TINY_SPEC

from accompanist.config import ServeConfig, TrackConfig
from accompanist.engine.part import parts_of
from accompanist.engine.protocol import Received
from accompanist.errors import PortLost, PortNotFound
from accompanist.runtime.clock import ManualClock
from accompanist.runtime.loop import Inbox
from accompanist.runtime.wiring import BesideTheBand, Wires, opening


def wires(system: FakeMidiSystem, **options: Any) -> Wires:
    serve = ServeConfig(**{"melody": "Keyboard", "band": "DAW", **options})
    return Wires(system, TINY_SPEC, serve, parts_of(TINY_SPEC, serve))


def test_all_tracks_share_one_port() -> None:
    system = FakeMidiSystem()
    outputs = wires(system).outputs
    assert set(outputs) == {0, 1, 2}
    assert len({id(port) for port in outputs.values()}) == 1
    assert list(system.opened) == ["DAW"]


def test_split_ports_are_named_after_their_tracks() -> None:
    system = FakeMidiSystem(outputs=("Rack:DAW bass",))
    rig = wires(system, split_ports=True, thru=True)
    assert rig.band_names == ("Rack:DAW bass", "DAW piano", "DAW strings", "DAW melody")
    assert system.roles["DAW piano"] == "piano"
    rig.outputs[-1].send(b"\x90\x3c\x40")
    assert system.log == [("DAW melody", b"\x90\x3c\x40")]  # a port of its own needs no other channel


def test_a_name_never_finds_a_port_of_ours() -> None:
    system = FakeMidiSystem(inputs=("Keyboard:out",))
    rig = wires(system, band="Keyboard")
    assert rig.band_names == ("Keyboard",)
    assert rig.listen(ManualClock(), Inbox()) == ("Keyboard:out", None)


def test_what_arrives_is_stamped_and_left_in_the_inbox() -> None:
    system, inbox, clock = FakeMidiSystem(), Inbox(), ManualClock(5.0)
    assert wires(system, clock="Conductor").listen(clock, inbox) == ("Keyboard", "Conductor")
    system.receivers["Keyboard"](b"\x90\x3c\x40")
    clock.advance(1.0)
    system.receivers["Conductor"](b"\xf8")
    assert inbox.wake.is_set()
    assert inbox.take() == [Received(5.0, b"\x90\x3c\x40"), Received(6.0, b"\xf8", from_clock=True)]


def test_controls_may_have_a_port_of_their_own() -> None:
    system, inbox = FakeMidiSystem(), Inbox()
    wires(system, control="Pads").listen(ManualClock(), inbox)
    system.receivers["Pads"](b"\x90\x3c\x40")
    assert inbox.take() == [Received(0.0, b"\x90\x3c\x40", from_control=True)]


def test_controls_on_the_players_own_port_need_no_second_one() -> None:
    system, inbox = FakeMidiSystem(), Inbox()
    wires(system, control="Keyboard").listen(ManualClock(), inbox)
    system.receivers["Keyboard"](b"\x90\x3c\x40")
    assert inbox.take() == [Received(0.0, b"\x90\x3c\x40")]


def test_a_second_clock_on_the_players_port_is_not_heard() -> None:
    system, inbox = FakeMidiSystem(), Inbox()
    wires(system, clock="Conductor").listen(ManualClock(), inbox)
    for data in (b"\xf8", b"\xfa", b"\xfc", b"\xf2\x00\x00"):
        system.receivers["Keyboard"](data)
    assert inbox.take() == []


def test_one_port_may_bring_both_notes_and_clock() -> None:
    for options in ({"sync": True}, {"clock": "Keyboard"}):
        system, inbox = FakeMidiSystem(), Inbox()
        wires(system, **options).listen(ManualClock(), inbox)
        system.receivers["Keyboard"](b"\xf8")
        assert inbox.take() == [Received(0.0, b"\xf8")]


def test_where_one_port_fails_none_stays_open() -> None:
    system = FakeMidiSystem()
    system.refuses = {"DAW strings"}
    with pytest.raises(PortLost, match="DAW strings"):
        wires(system, split_ports=True)
    assert {port.closed for port in system.opened.values()} == {True}


def test_without_virtual_ports_a_missing_one_is_an_error() -> None:
    with pytest.raises(PortNotFound, match="'Keyboard'"):
        wires(FakeMidiSystem(can_make_ports=False))


def test_a_port_that_went_away_is_named() -> None:
    system = FakeMidiSystem()
    rig = wires(system)
    rig.listen(ManualClock(), Inbox())
    assert rig.missing(1.0) is None
    system.opened["Keyboard"].there = False
    lost = rig.missing(1.0)
    assert lost is not None
    assert lost.message == "the MIDI port 'Keyboard' has gone"


def test_the_melody_beside_the_band_moves_off_its_channels_only() -> None:
    port = FakePort("DAW")
    beside = BesideTheBand(port, {0, 1, 2})
    for data in (b"\x90\x3c\x40", b"\x81\x3c\x00", b"\x97\x3c\x40"):
        beside.send(data)
    assert port.sent == [b"\x93\x3c\x40", b"\x83\x3c\x00", b"\x97\x3c\x40"]


def test_the_melody_never_moves_to_the_drums() -> None:
    port = FakePort("DAW")
    BesideTheBand(port, set(range(9))).send(b"\x90\x3c\x40")
    assert port.sent == [b"\x9a\x3c\x40"]


def test_the_opening_readies_each_tracks_instrument() -> None:
    parts = parts_of(TINY_SPEC, ServeConfig(tracks={"piano": TrackConfig(volume=100)}))
    assert [(message.track, message.data) for message in opening(parts)] == [
        (0, b"\xc0\x21"),
        (1, b"\xc1\x00"),
        (1, b"\xb1\x07\x64"),
        (2, b"\xc2\x30"),
    ]


def test_a_track_may_have_a_port_of_its_own() -> None:
    system = FakeMidiSystem(outputs=("Rack:in",))
    rig = wires(system, tracks={"bass": TrackConfig(port="Rack", channel=1)}, thru=True)
    assert rig.band_names == ("Rack:in", "DAW")
    assert system.roles == {"Rack:in": "bass", "DAW": "out"}
    rig.outputs[0].send(b"\x90\x24\x40")
    rig.outputs[1].send(b"\x91\x3c\x40")
    rig.outputs[-1].send(b"\x90\x3c\x40")  # channel 1 is free on the band's port
    rig.outputs[-1].send(b"\x91\x3c\x40")  # channel 2 is not
    assert system.log == [
        ("Rack:in", b"\x90\x24\x40"), ("DAW", b"\x91\x3c\x40"), ("DAW", b"\x90\x3c\x40"), ("DAW", b"\x90\x3c\x40"),
    ]  # fmt: skip
