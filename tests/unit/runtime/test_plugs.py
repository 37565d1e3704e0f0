from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fake_midi import FakeMidiSystem, FakePort, FakeTimedPort
from support.tiny import TINY_SPEC

from accompanist.config import ServeConfig
from accompanist.engine.clock_out import CLOCK_TRACK
from accompanist.engine.part import parts_of
from accompanist.engine.protocol import PortChange
from accompanist.errors import PortLost, PortNotFound
from accompanist.runtime.clock import ManualClock
from accompanist.runtime.loop import Inbox
from accompanist.runtime.plugs import OutputPlug
from accompanist.runtime.ports import PortChoice, PortListing
from accompanist.runtime.wiring import Wires

SETUP = (b"\xc0\x21", b"\xc1\x00", b"\xc2\x30")
HERE = PortListing(("Keys 20:0", "Pad"), ("Synth 128:0",))
NOBODY = PortListing(("Pad",), ())


def rig(system: FakeMidiSystem, **options: Any) -> Wires:
    serve = ServeConfig(**{"melody": "Keys", "band": "Synth", **options})
    wires = Wires(system, TINY_SPEC, serve, parts_of(TINY_SPEC, serve))
    wires.listen(ManualClock(), Inbox())
    return wires


def system_here() -> FakeMidiSystem:
    return FakeMidiSystem(*HERE)


def look(wires: Wires) -> list[tuple[str, str, bool]]:
    changes = wires.look(7.0, lambda: None)
    assert all(isinstance(change, PortChange) and change.at_s == 7.0 for change in changes)
    return [(change.role, change.name, change.there) for change in changes]


def reasons(wires: Wires) -> list[str]:
    return [change.why for change in wires.look(7.0, lambda: None)]


def waiting(system: FakeMidiSystem, **options: Any) -> Wires:
    return rig(system, wait=True, **options)


def pull_out(system: FakeMidiSystem, name: str, then: PortListing) -> None:
    system.opened[name].there = False
    system.listing = then


def test_while_all_is_there_nothing_is_said() -> None:
    system = system_here()
    wires = rig(system)
    system.listing = PortListing((*HERE.inputs, "Another"), HERE.outputs)
    assert look(wires) == []
    assert wires.away == ()


def test_what_was_away_for_less_than_a_look_is_found_under_its_new_number() -> None:
    system = system_here()
    wires = rig(system)
    look(wires)
    pull_out(system, "Synth 128:0", PortListing(HERE.inputs, ("Synth 129:0",)))  # and in again, before anyone looked
    assert look(wires) == [("out", "Synth 128:0", False)]
    assert look(wires) == [("out", "Synth 129:0", True)]


def test_what_was_away_for_less_than_a_look_and_has_its_old_name_is_known_by_its_cut_connection() -> None:
    system = system_here()
    wires = rig(system)
    wires.outputs[1].send(b"\x91\x3c\x40")
    system.opened["Synth 128:0"].connected = False
    assert look(wires) == []  # perhaps it is just being connected
    assert look(wires) == [("out", "Synth 128:0", False)]
    assert look(wires) == [("out", "Synth 128:0", True)]
    assert system.opened["Synth 128:0"].sent == [b"\x81\x3c\x40", b"\xb1\x40\x00", b"\xb1\x7b\x00", *SETUP]
    assert [look(wires) for _ in range(3)] == [[], [], []]


def cut(system: FakeMidiSystem, wires: Wires, *at_s: float) -> list[tuple[bool, str]]:
    """The keyboard's cable is out of the patchbay; what is said at those looks."""
    system.opened["Keys 20:0"].connected = False
    changes = [change for moment_s in at_s for change in wires.look(moment_s, lambda: None)]
    assert {change.name for change in changes} <= {"Keys 20:0"}
    return [(change.there, change.why) for change in changes]


def test_a_cable_that_is_taken_out_again_at_once_is_left_out() -> None:
    system = system_here()
    wires = rig(system)
    lost, back = (False, ""), (True, "")
    left = (False, "something disconnects it from us; left so until it is connected again")
    assert cut(system, wires, 1.0, 1.25, 1.5) == [lost, back]
    assert cut(system, wires, 4.0, 4.25, 4.5, 9.0, 90.0) == [left]  # told once
    assert wires.away == ()
    system.opened["Keys 20:0"].connected = True  # its owner put it in again
    assert wires.look(91.0, lambda: None) == []
    assert cut(system, wires, 101.0, 101.25, 101.5) == [lost, back]  # as much later as an accident


def virtual(system: FakeMidiSystem, *, connected: bool) -> Wires:
    """Ports of our own, to which others may connect."""
    wires = rig(system, melody="Accompanist In", band="Accompanist Out")
    assert wires.look(0.5, lambda: None) == []
    for port in system.opened.values():
        port.connected = connected
    wires.look(1.0, lambda: None)
    for port in system.opened.values():
        port.sent.clear()
    return wires


def test_a_keyboard_that_leaves_our_own_port_lets_its_keys_go() -> None:
    system = FakeMidiSystem()
    wires = virtual(system, connected=True)
    system.opened["Accompanist In"].connected = False
    (change,) = wires.look(2.0, lambda: None)
    assert change == PortChange(2.0, "in", "Accompanist In", there=False, why="nobody is connected to it any more")
    assert wires.away == ()
    assert wires.look(3.0, lambda: None) == []
    system.opened["Accompanist In"].connected = True
    (change,) = wires.look(4.0, lambda: None)
    assert change == PortChange(4.0, "in", "Accompanist In", there=True, why="somebody is connected to it")
    assert not system.opened["Accompanist In"].closed


def test_a_daw_that_comes_back_to_our_own_port_is_silenced_and_readied() -> None:
    system = FakeMidiSystem()
    wires = virtual(system, connected=True)
    port = system.opened["Accompanist Out"]
    wires.outputs[1].send(b"\x91\x3c\x40")
    port.connected = False
    assert reasons(wires) == ["nobody is connected to it any more"]
    wires.outputs[1].send(b"\x81\x3c\x40")  # nobody hears it
    wires.outputs[1].send(b"\x91\x40\x40")
    port.sent.clear()
    port.connected = True
    assert reasons(wires) == ["somebody is connected to it"]
    assert port.sent == [b"\x81\x3c\x40", b"\xb1\x40\x00", b"\xb1\x7b\x00", *SETUP]
    wires.outputs[1].send(b"\x81\x40\x40")
    assert reasons(wires) == []


def test_who_connects_to_our_own_port_before_the_music_misses_nothing() -> None:
    system = FakeMidiSystem()
    wires = virtual(system, connected=False)
    port = system.opened["Accompanist Out"]
    port.connected = True
    wires.outputs[0].send(b"\xc0\x21")  # the opening, before anyone looked who is there
    wires.outputs[0].send(b"\x90\x24\x40")
    (change,) = wires.look(2.0, lambda: None)
    assert (change.role, change.there, change.tracks) == ("out", True, ())
    assert port.sent == [b"\xc0\x21", b"\x90\x24\x40"]
    assert wires.look(3.0, lambda: None) == []


def test_who_connects_to_our_own_port_in_mid_song_gets_the_instruments_before_the_next_note() -> None:
    system = FakeMidiSystem()
    wires = virtual(system, connected=False)
    port = system.opened["Accompanist Out"]
    wires.outputs[0].send(b"\xc0\x21")
    wires.outputs[0].send(b"\x90\x24\x40")
    port.sent.clear()
    port.connected = True
    wires.outputs[0].send(b"\x90\x26\x40")
    assert port.sent == [b"\xb0\x40\x00", b"\xb0\x7b\x00", *SETUP, b"\x90\x26\x40"]
    (change,) = wires.look(4.0, lambda: None)
    assert (change.role, change.there, change.tracks) == ("out", True, (0, 1, 2))
    assert len(port.sent) == 6


def test_who_ends_on_a_loss_ends_on_a_cut_connection_too() -> None:
    system = system_here()
    wires = rig(system)
    system.opened["Keys 20:0"].connected = False
    assert wires.missing(1.0) is None
    lost = wires.missing(1.25)
    assert lost is not None
    assert lost.message == "the MIDI port 'Keys 20:0' was disconnected from us"


def test_a_synth_that_went_gets_nothing_and_is_found_under_its_new_number() -> None:
    system = system_here()
    wires = rig(system)
    wires.outputs[1].send(b"\x91\x3c\x40")
    first = system.opened["Synth 128:0"]
    pull_out(system, "Synth 128:0", NOBODY)
    assert look(wires) == [("out", "Synth 128:0", False)]
    assert wires.away == ("Synth 128:0",)
    assert first.closed
    wires.outputs[1].send(b"\x81\x3c\x40")  # nobody hears it
    assert look(wires) == []
    system.listing = PortListing(("Pad",), ("Synth 129:0",))
    assert look(wires) == [("out", "Synth 129:0", True)]
    assert wires.away == ()
    wires.outputs[0].send(b"\x90\x24\x40")
    assert system.opened["Synth 129:0"].sent == [
        b"\x81\x3c\x40", b"\xb1\x40\x00", b"\xb1\x7b\x00", *SETUP, b"\x90\x24\x40",
    ]  # fmt: skip


def test_without_setup_only_what_sounded_is_ended() -> None:
    system = system_here()
    wires = rig(system, setup=False)
    wires.outputs[1].send(b"\x91\x3c\x40")
    pull_out(system, "Synth 128:0", NOBODY)
    look(wires)
    system.listing = HERE
    look(wires)
    assert system.opened["Synth 128:0"].sent == [b"\x81\x3c\x40", b"\xb1\x40\x00", b"\xb1\x7b\x00"]


def test_before_the_first_note_there_is_nothing_to_end_and_the_opening_still_to_come() -> None:
    system = system_here()
    wires = rig(system)
    wires.outputs[0].send(b"\xf8")  # a clock begins no note
    pull_out(system, "Synth 128:0", NOBODY)
    look(wires)
    system.listing = HERE
    look(wires)
    assert system.opened["Synth 128:0"].sent == []


def test_a_port_that_refuses_is_lost_and_the_band_does_not_notice() -> None:
    system = system_here()
    wires = rig(system)
    system.opened["Synth 128:0"].breaks_after = 0
    wires.outputs[0].send(b"\x90\x24\x40")
    lost = wires.missing(1.0)
    assert lost is not None
    assert lost.message == "the MIDI port 'Synth 128:0' is gone"
    assert look(wires) == [("out", "Synth 128:0", False)]


def test_a_note_that_was_ended_after_the_port_had_gone_is_ended_when_it_is_back() -> None:
    system = system_here()
    wires = rig(system)
    wires.outputs[0].send(b"\x90\x24\x40")
    wires.outputs[0].send(b"\x80\x24\x40")
    for _ in range(2):  # two looks see that it is there: that end was heard
        assert look(wires) == []
    wires.outputs[1].send(b"\x91\x3c\x40")
    pull_out(system, "Synth 128:0", NOBODY)
    wires.outputs[1].send(b"\x81\x3c\x40")  # before anybody has looked
    assert look(wires) == [("out", "Synth 128:0", False)]
    system.listing = HERE
    assert look(wires) == [("out", "Synth 128:0", True)]
    ends = [data for data in system.opened["Synth 128:0"].sent if data[0] & 0xF0 == 0x80]
    assert ends == [b"\x81\x3c\x40"]


def test_what_is_ended_when_a_port_is_back_is_ended_later_where_it_goes_again_meanwhile() -> None:
    port, again, last = FakePort("Synth"), FakePort("Synth"), FakePort("Synth")
    ports = iter((port, again, last))
    plug = OutputPlug("out", "Synth", PortChoice("Synth", exists=True), setup=(), open_port=lambda *_: next(ports))
    system = FakeMidiSystem(outputs=("Synth",))
    plug.open(system)
    for pitch in (60, 64, 67):
        plug.send(bytes((0x90, pitch, 80)))
    plug.close()
    again.breaks_after = 1
    with pytest.raises(PortLost):
        plug.open(system)
    plug.open(system)
    assert [data for data in last.sent if data[0] == 0x80] == [bytes((0x80, pitch, 64)) for pitch in (60, 64, 67)]


def test_a_port_that_refused_is_lost_once_and_found_when_it_is_back() -> None:
    system = system_here()
    wires = rig(system)
    system.opened["Synth 128:0"].breaks_after = 0
    wires.outputs[1].send(b"\x91\x3c\x40")
    system.listing = NOBODY
    assert look(wires) == [("out", "Synth 128:0", False)]
    assert look(wires) == []
    system.listing = PortListing(NOBODY.inputs, ("Synth 129:0",))
    assert look(wires) == [("out", "Synth 129:0", True)]


def test_a_port_that_refused_and_is_there_all_the_same_is_opened_anew() -> None:
    system = system_here()
    wires = rig(system)
    wires.outputs[1].send(b"\x91\x3c\x40")
    system.opened["Synth 128:0"].breaks_after = 1
    wires.outputs[1].send(b"\x81\x3c\x40")
    assert look(wires) == [("out", "Synth 128:0", False)]
    assert look(wires) == [("out", "Synth 128:0", True)]
    assert b"\x81\x3c\x40" in system.opened["Synth 128:0"].sent


def test_a_port_that_fails_again_while_it_is_opened_is_tried_again() -> None:
    system = system_here()
    wires = rig(system)
    pull_out(system, "Keys 20:0", NOBODY)
    look(wires)
    system.refuses = {"Keys 20:0"}
    system.listing = HERE
    assert look(wires) == []
    system.refuses = set()
    assert look(wires) == [("in", "Keys 20:0", True)]


def test_another_keyboard_of_that_name_that_stood_by_is_left_alone() -> None:
    system = FakeMidiSystem(("Keys 20:0", "Keys 24:0"), ("Synth",))
    wires = rig(system, melody="Keys #1")
    pull_out(system, "Keys 20:0", PortListing(("Keys 24:0",), ("Synth",)))
    assert look(wires) == [("in", "Keys 20:0", False)]
    assert look(wires) == []
    system.listing = PortListing(("Keys 24:0", "Keys 28:0"), ("Synth",))
    assert look(wires) == [("in", "Keys 28:0", True)]


def test_the_clocks_port_comes_back_with_its_callback() -> None:
    system = FakeMidiSystem(("Keys", "Drums"), ("Synth",))
    wires = rig(system, clock="Drums")
    pull_out(system, "Drums", PortListing(("Keys",), ("Synth",)))
    assert look(wires) == [("clock", "Drums", False)]
    system.listing = PortListing(("Drums", "Keys"), ("Synth",))
    del system.receivers["Drums"]
    assert look(wires) == [("clock", "Drums", True)]
    system.receivers["Drums"](b"\xf8")


def test_when_the_system_dies_all_is_let_go_and_opened_anew_in_its_successor() -> None:
    system, second = system_here(), FakeMidiSystem(*NOBODY)
    wires = rig(system)
    wires.outputs[2].send(b"\x92\x3c\x40")
    system.die()
    assert look(wires) == [("out", "Synth 128:0", False), ("in", "Keys 20:0", False)]
    assert not system.closed
    assert look(wires) == []
    assert system.closed
    assert look(wires) == []  # it does not answer yet
    system.successor = second
    assert look(wires) == []  # it does, but those it had are not there yet
    second.listing = HERE
    assert look(wires) == [("out", "Synth 128:0", True), ("in", "Keys 20:0", True)]
    assert second.opened["Synth 128:0"].sent == [b"\x82\x3c\x40", b"\xb2\x40\x00", b"\xb2\x7b\x00", *SETUP]
    wires.close()
    wires.system.close()
    assert second.closed


def test_virtual_ports_are_made_again_when_the_system_is_back() -> None:
    system, second = FakeMidiSystem(), FakeMidiSystem()
    wires = rig(system)
    system.die()
    look(wires)
    system.successor = second
    assert look(wires) == [("out", "Synth", True), ("in", "Keys", True)]
    second.die()  # and again
    assert look(wires) == [("out", "Synth", False), ("in", "Keys", False)]


def test_a_port_that_keeps_exact_time_keeps_its_look_ahead_while_it_is_away() -> None:
    ports = [FakeTimedPort("Synth"), FakeTimedPort("Synth")]
    left = iter(ports)
    plug = OutputPlug(
        "out", "Synth", PortChoice("Synth", exists=True), setup=SETUP, open_port=lambda _system, _choice: next(left)
    )
    system = FakeMidiSystem(outputs=("Synth",))
    plug.open(system)
    plug.send_at(b"\x90\x3c\x40", 5.0, "tag")
    plug.lose(NOBODY, NOBODY)
    assert (plug.ahead_s, plug.period_s) == (0.02, 0.005)
    plug.send_at(b"\x80\x3c\x40", 6.0, "tag")
    plug.flush()
    assert plug.departures() == ()
    assert plug.find(system, system.ports())
    assert ports[1].sent[0] == b"\x80\x3c\x40"
    plug.send_at(b"\x90\x40\x40", 7.0)
    assert ports[1].given == [(7.0, b"\x90\x40\x40", None)]


def test_a_callback_that_throws_something_else_is_a_lost_port_too() -> None:
    class Odd(FakePort):
        def send(self, data: bytes) -> None:
            raise ValueError(data)

    odd = Odd("Synth")
    plug = OutputPlug(
        "out", "Synth", PortChoice("Synth", exists=True), setup=(), open_port=lambda _system, _choice: odd
    )
    plug.open(FakeMidiSystem())
    plug.send(b"\x90\x3c\x40")
    with pytest.raises(PortLost, match="'Synth' failed"):
        raise plug.why_gone(1.0) or AssertionError


NOTES = st.tuples(st.sampled_from([0x80, 0x90]), st.integers(0, 2), st.sampled_from([60, 64]))


@given(course=st.lists(st.one_of(NOTES, st.sampled_from(["lose", "find"])), max_size=40))
def test_whenever_it_went_nothing_goes_on_sounding_that_nobody_will_end(course: list[Any]) -> None:
    """A listener that keeps what it was sent, as a synthesiser does that stays on while its cable is out."""
    system = FakeMidiSystem(outputs=("Synth",))
    wanted: set[tuple[int, int]] = set()  # what the band holds, by what it has sent
    heard: set[tuple[int, int]] = set()
    plug = OutputPlug(
        "out", "Synth", PortChoice("Synth", exists=True), setup=SETUP,
        open_port=lambda system, choice: system.open_output(choice, role="out"),
    )  # fmt: skip
    plug.open(system)
    taken = 0
    for step in [*course, "find"]:
        if step == "lose" and plug.there:
            plug.lose(NOBODY, NOBODY)
        elif step == "find" and not plug.there:
            assert plug.find(system, system.ports())
        elif not isinstance(step, str):
            kind, channel, pitch = step
            (wanted.add if kind == 0x90 else wanted.discard)((channel, pitch))
            plug.send(bytes((kind | channel, pitch, 64)))
        for _, data in system.log[taken:]:
            kind, key = data[0] & 0xF0, (data[0] & 0x0F, data[1])
            if kind == 0x90:
                heard.add(key)
            elif kind == 0x80:
                heard.discard(key)
            elif data[:2] == bytes((data[0], 123)):
                heard = {other for other in heard if other[0] != key[0]}
        taken = len(system.log)
        assert not plug.there or heard <= wanted


def test_what_is_not_there_at_the_start_is_waited_for() -> None:
    system = FakeMidiSystem(*NOBODY)
    wires = waiting(system)
    assert system.opened == {}
    assert wires.away == ("Synth", "Keys")
    wires.outputs[0].send(b"\xc0\x21")  # the opening, heard by nobody
    wires.outputs[0].send(b"\x90\x24\x40")
    assert look(wires) == []
    system.listing = PortListing(("Keys 20:0", "Pad"), ())
    assert look(wires) == [("in", "Keys 20:0", True)]
    system.listing = HERE
    assert look(wires) == [("out", "Synth 128:0", True)]
    assert wires.away == ()
    # Nothing sounds there yet, but the instruments are readied, though the music has begun.
    assert system.opened["Synth 128:0"].sent == [b"\xb0\x40\x00", b"\xb0\x7b\x00", *SETUP]


def test_before_the_music_begins_a_port_that_comes_gets_no_opening_twice() -> None:
    system = FakeMidiSystem(*NOBODY)
    wires = waiting(system)
    system.listing = HERE
    look(wires)
    assert system.opened["Synth 128:0"].sent == []


def test_what_is_there_at_the_start_is_opened_at_once_and_our_own_ports_are_made() -> None:
    system = FakeMidiSystem(("Keys 20:0",), ())
    wires = waiting(system, band="Accompanist Out", control="Pads")
    assert list(system.opened) == ["Accompanist Out", "Keys 20:0"]
    assert wires.away == ("Pads",)
    system = FakeMidiSystem(can_make_ports=False)
    assert waiting(system, band="Accompanist Out").away == ("Accompanist Out", "Keys")


def test_the_second_of_two_is_waited_for_though_the_first_is_there() -> None:
    system = FakeMidiSystem(("Keys 20:0",), ("Synth",))
    wires = waiting(system, melody="Keys 20:0", control="Keys #2")
    assert wires.away == ("Keys #2",)
    too_few = "'Keys #2' asks for port 2 of those that match 'Keys'; there are: Keys 20:0"
    assert [reasons(wires) for _ in range(3)] == [[too_few], [], []]
    system.listing = PortListing(("Keys 20:0", "Keys 24:0"), ("Synth",))
    assert look(wires) == [("control", "Keys 24:0", True)]
    with pytest.raises(PortNotFound, match="empty"):
        waiting(system, control=" ", melody=" ")


def test_a_system_that_is_yet_to_come_is_waited_for() -> None:
    system, real = FakeMidiSystem(), FakeMidiSystem(*HERE)
    system.lost = True
    wires = waiting(system)
    assert (wires.away, look(wires)) == (("Synth", "Keys"), [])
    system.successor = real
    assert look(wires) == [("out", "Synth 128:0", True), ("in", "Keys 20:0", True)]
    assert wires.system is real


def test_a_port_that_keeps_exact_time_is_told_as_far_ahead_as_it_asks_when_it_comes() -> None:
    system = FakeMidiSystem(("Keys",), ())
    wires = waiting(system)
    assert wires.ahead_s == 0
    system.listing = PortListing(("Keys",), ("Synth",))
    system.keeps_time = True
    (change,) = wires.look(7.0, lambda: None)
    assert change == PortChange(7.0, "out", "Synth", there=True, ahead_s=FakeTimedPort.ahead_s, tracks=(0, 1, 2))


def test_which_tracks_leave_by_a_port_that_is_back_is_told() -> None:
    system = FakeMidiSystem(("Keys",), ("Synth",))
    wires = waiting(system, clock_out="Drums", thru=True)
    system.listing = PortListing(("Keys",), ("Synth", "Drums"))
    (change,) = wires.look(7.0, lambda: None)
    assert (change.role, change.tracks) == ("clock out", (CLOCK_TRACK,))


def test_why_a_port_that_is_there_cannot_be_opened_is_told_once_when_it_is_sure() -> None:
    system = system_here()
    wires = rig(system)
    pull_out(system, "Keys 20:0", NOBODY)
    look(wires)
    system.refuses, system.listing = {"Keys 20:0"}, HERE
    refused = "the MIDI port 'Keys 20:0' cannot be opened"
    assert [reasons(wires) for _ in range(4)] == [[], [refused], [], []]  # at the first look it may be just coming
    assert wires.away == ("Keys 20:0 (cannot be opened)",)
    system.listing = PortListing(("Pad", "Keys 24:0", "Keys 28:0"), HERE.outputs)
    several = "several MIDI ports match 'Keys': Keys 24:0, Keys 28:0; name one of them in full"
    assert [reasons(wires) for _ in range(3)] == [[], [several], []]
    system.listing = NOBODY
    assert reasons(wires) == []
    assert wires.away == ("Keys 20:0",)
    system.listing, system.refuses = HERE, set()
    assert look(wires) == [("in", "Keys 20:0", True)]
