from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accompanist.errors import NoMidiSystem, PortLost
from accompanist.runtime import jack_ports
from accompanist.runtime.clock import ManualClock
from accompanist.runtime.jack_ports import JackOutput, JackSystem
from accompanist.runtime.ports import Departure, PortChoice

RATE, PERIOD = 48_000, 256
CYCLE_S = PERIOD / RATE
OURS, THEIRS = PortChoice("DAW", exists=False), PortChoice("synth:in", exists=True)
ON, OFF = b"\x90\x3c\x40", b"\x80\x3c\x40"


class JackError(Exception):
    """JACK-Client's."""


class OwnPort:
    """A port of the client, with what is in its buffer in this cycle."""

    def __init__(self, client: Client, shortname: str) -> None:
        self.shortname, self.name = shortname, f"{client.name}:{shortname}"
        self.buffer: list[tuple[int, bytes]] = []
        self.room = 1000
        self.registered = True
        self._client = client

    def incoming_midi_events(self) -> Iterator[tuple[int, Any]]:
        yield from ((offset, memoryview(data)) for offset, data in self.buffer)

    def clear_buffer(self) -> None:
        self.buffer.clear()

    def write_midi_event(self, offset: int, data: bytes) -> None:
        if len(self.buffer) >= self.room:
            raise JackError("no room")
        assert not self.buffer or offset >= self.buffer[-1][0], "JACK refuses what is out of order"
        assert 0 <= offset < PERIOD
        self.buffer.append((offset, data))

    @property
    def number_of_connections(self) -> int:
        return sum(self.name in ends for ends in self._client.connected)

    def is_connected_to(self, name: str) -> bool:
        return any({self.name, name} == set(ends) for ends in self._client.connected)

    def unregister(self) -> None:
        self.registered = False


class Ports(list[OwnPort]):
    """A kind of ports of the client."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client

    def register(self, name: str) -> OwnPort:
        port = OwnPort(self._client, name)
        self.append(port)
        return port


class Client:
    """Stands in for jack.Client: its cycles come when a test says so."""

    made: list[Client]
    samplerate, blocksize = RATE, PERIOD

    def __init__(self, name: str, *, no_start_server: bool) -> None:
        assert no_start_server
        self.name = name
        self.midi_inports, self.midi_outports = Ports(self), Ports(self)
        self.others: dict[str, list[str]] = {"is_output": [], "is_input": []}
        self.connected: list[tuple[str, str]] = []
        self.last_frame_time = 0
        self.frames_since_cycle_start = 0
        self.calls: list[str] = []
        self.made.append(self)

    def set_process_callback(self, callback: Callable[[int], None]) -> None:
        self.process = callback

    def activate(self) -> None:
        self.calls.append("activate")

    def close(self, *, ignore_errors: bool) -> None:
        assert ignore_errors
        self.calls.append("close")

    def get_ports(self, *, is_midi: bool, **way: bool) -> list[Any]:
        assert is_midi
        if "is_physical" in way:
            return [SimpleNamespace(name="system:midi_capture_1")]
        ours = ["Accompanist out:DAW", "Accompanist in:Keys"]
        return [SimpleNamespace(name=name) for name in [*self.others[next(iter(way))], *ours]]

    def owns(self, port: Any) -> bool:
        return bool(port.name.startswith(f"{self.name}:"))

    def get_port_by_name(self, name: str) -> None:
        if name not in [*self.others["is_output"], *self.others["is_input"]]:
            raise JackError("none")

    def connect(self, source: Any, target: Any) -> None:
        names = tuple(end if isinstance(end, str) else end.name for end in (source, target))
        for name in names:
            if not name.startswith("Accompanist"):
                self.get_port_by_name(name)
        self.connected.append((names[0], names[1]))


class End:
    """The server's end, when a test says so."""

    def __init__(self, lost: Callable[[], None]) -> None:
        self.lost = lost
        self.watched: list[int] = []
        self.closed = False

    def watch(self, client: int) -> None:
        self.watched.append(client)

    def close(self) -> None:
        self.closed = True


class Rig:
    """A system on a client whose cycles begin when the clock says so."""

    def __init__(self) -> None:
        self.clock = ManualClock(100.0)
        self.system = JackSystem(self.clock)
        self.player, self.listener = Client.made
        self.listener.others = self.player.others

    def cycle(self, *, late_s: float = 0.0) -> None:
        """A cycle begins, and its callback runs some time later; then the clock goes on to the next one's beginning."""
        self.player.frames_since_cycle_start = round(late_s * RATE)
        self.clock.advance(late_s)
        for client in (self.player, self.listener):
            client.process(PERIOD)
            client.last_frame_time += PERIOD
        self.clock.advance(CYCLE_S - late_s)


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    kind = type("FakeClient", (Client,), {"made": Client.__dict__.get("made", [])})
    monkeypatch.setattr(Client, "made", [], raising=False)
    fake = SimpleNamespace(Client=kind, JackError=JackError, JackOpenError=JackError)
    monkeypatch.setattr(jack_ports, "jack", fake, raising=False)
    monkeypatch.setattr(jack_ports, "_WHY_NOT", "")
    monkeypatch.setattr(jack_ports, "silence_jack", lambda: None)
    monkeypatch.setattr(jack_ports, "_address", id)
    monkeypatch.setattr(jack_ports, "ServerEnd", End)
    monkeypatch.setattr(jack_ports, "_LAST_CALLBACK_S", 0.0)
    kind.made = Client.made
    return Rig()


def test_what_is_due_leaves_at_its_frame_however_late_the_callback_runs(rig: Rig) -> None:
    port = rig.system.open_output(OURS, role="out")
    rig.cycle()
    port.send_at(ON, 100.0 + CYCLE_S + 10 / RATE)
    port.send_at(OFF, 100.0 + CYCLE_S + 255.4 / RATE)
    rig.cycle(late_s=0.004)
    assert port.own.buffer == [(10, ON), (255, OFF)]


def test_what_is_due_later_waits_for_its_cycle(rig: Rig) -> None:
    port = rig.system.open_output(OURS, role="out")
    port.send_at(ON, 100.0 + 255.5 / RATE)  # nearer to the next cycle's first frame
    rig.cycle()
    assert port.own.buffer == []
    rig.cycle()
    assert port.own.buffer == [(0, ON)]
    rig.cycle()
    assert port.own.buffer == []  # and leaves once


def test_what_comes_too_late_leaves_with_the_next_cycle_after_what_was_due_before(rig: Rig) -> None:
    port = rig.system.open_output(OURS, role="out")
    rig.cycle()
    port.send_at(OFF, 100.0 + 3 / RATE)
    port.send_at(ON, 100.0 + 2 / RATE)
    port.send(b"\xc0\x01")
    rig.cycle()
    assert [data for _, data in port.own.buffer] == [ON, OFF, b"\xc0\x01"]
    assert {offset for offset, _ in port.own.buffer} == {0}


def test_a_note_that_is_ended_before_it_began_does_not_leave(rig: Rig) -> None:
    port = rig.system.open_output(OURS, role="out")
    other = b"\x90\x3e\x40"
    port.send_at(OFF, 100.0 + CYCLE_S + 10 / RATE, "the one before it ends")
    port.send_at(ON, 100.0 + CYCLE_S + 10 / RATE, "struck")
    port.send_at(other, 100.0 + CYCLE_S + 10 / RATE, "struck as well")
    rig.cycle()
    port.send_at(OFF, 100.0 + CYCLE_S + 10 / RATE, "the song has stopped")
    rig.cycle()
    assert port.own.buffer == [(10, OFF), (10, other)]
    port.send_at(ON, 100.0 + 2 * CYCLE_S + 1 / RATE)
    port.send_at(OFF, 100.0 + 2 * CYCLE_S + 2 / RATE)
    rig.cycle()
    assert port.own.buffer == [(1, ON), (2, OFF)]  # a short one is still a note


def test_it_tells_when_what_was_tagged_really_left(rig: Rig) -> None:
    port = rig.system.open_output(OURS, role="out")
    rig.cycle()
    port.send_at(ON, 100.0 + 5 / RATE, "late")
    port.send_at(OFF, 100.0 + CYCLE_S + 5 / RATE, "in time")
    rig.cycle()
    late, in_time = port.departures()
    assert late == Departure("late", pytest.approx(100.0 + CYCLE_S))
    assert in_time == Departure("in time", pytest.approx(100.0 + CYCLE_S + 5 / RATE))
    assert port.departures() == []


def test_what_finds_no_room_goes_with_the_next_cycle(rig: Rig) -> None:
    port = rig.system.open_output(OURS, role="out")
    port.own.room = 1
    port.send(ON)
    port.send(b"\xc0\x01")
    rig.cycle()
    assert [data for _, data in port.own.buffer] == [ON]
    rig.cycle()
    assert [data for _, data in port.own.buffer] == [b"\xc0\x01"]


def test_a_port_is_closed_when_the_cycle_is_over_that_took_its_last_message(rig: Rig) -> None:
    port = rig.system.open_output(OURS, role="out")
    waits: list[float] = []

    def wait(timeout_s: float) -> None:
        waits.append(timeout_s)
        while not port.emptied.is_set():
            rig.cycle()
            heard.append(list(port.own.buffer))

    heard: list[list[tuple[int, bytes]]] = []
    port.emptied.wait = wait  # type: ignore[method-assign,assignment]  # cycles go by while one waits
    port.send_at(OFF, 100.0 + 1.5 * CYCLE_S)
    port.close()
    assert heard == [[], [(128, OFF)], []]
    assert len(waits) == 1
    assert not port.own.registered


def test_what_comes_in_is_stamped_with_the_second_of_its_frame(rig: Rig) -> None:
    got: list[tuple[bytes, float | None]] = []
    port = rig.system.open_input(OURS, lambda data, at_s=None, /: got.append((data, at_s)), role="in")
    port.own.buffer = [(7, ON), (8, b"\xf0\x7e\xf7"), (9, b"\xfe"), (200, OFF)]  # the bytes in between say nothing
    rig.cycle(late_s=0.001)
    assert got == [(ON, pytest.approx(100.0 + 7 / RATE)), (OFF, pytest.approx(100.0 + 200 / RATE))]


def test_an_exception_in_the_callback_is_counted_and_the_next_cycle_comes(rig: Rig) -> None:
    def fail(_data: bytes, _at_s: float | None = None, /) -> None:
        raise ValueError("no")

    port = rig.system.open_input(OURS, fail, role="in")
    port.own.buffer = [(7, ON)]
    rig.cycle()
    rig.cycle()
    assert rig.system.failures == 2
    assert str(rig.system.first_failure) == "no"


def test_other_clients_ports_are_listed_and_connected_to(rig: Rig) -> None:
    rig.player.others |= {"is_output": ["keys:out"], "is_input": ["synth:in"]}
    assert rig.system.ports() == (("keys:out",), ("synth:in",))
    assert rig.system.devices() == {"system:midi_capture_1"}
    out = rig.system.open_output(THEIRS, role="out")
    listen = rig.system.open_input(PortChoice("keys:out", exists=True), lambda *_: None, role="in")
    assert (out.name, listen.name) == ("synth:in", "keys:out")
    assert rig.player.connected == [("Accompanist out:out", "synth:in")]
    assert rig.listener.connected == [("keys:out", "Accompanist in:in")]
    assert rig.player.calls == rig.listener.calls == ["activate"]
    assert (out.is_connected(), listen.is_connected()) == (True, True)
    rig.listener.connected.clear()  # it went and came back, or somebody took the cable out
    assert (out.is_connected(), listen.is_connected()) == (True, False)
    rig.player.others["is_input"] = []
    assert (out.is_there(), listen.is_there()) == (False, True)


def test_two_ports_of_one_name_are_told_apart(rig: Rig) -> None:
    melody, clock = (rig.system.open_input(OURS, lambda *_: None, role=role) for role in ("in", "clock"))
    assert not melody.is_connected()  # nobody came yet
    rig.listener.connected.append(("keys:out", melody.name))
    assert melody.is_connected()
    assert (melody.name, clock.name) == ("Accompanist in:DAW", "Accompanist in:DAW 2")
    assert rig.system.open_output(OURS, role="out").name == "Accompanist out:DAW"


def test_a_port_that_went_away_cannot_be_opened_and_leaves_none_of_ours(rig: Rig) -> None:
    with pytest.raises(PortLost, match="'synth:in'"):
        rig.system.open_output(THEIRS, role="out")
    assert not rig.player.midi_outports[0].registered


def test_the_servers_death_is_told_and_nothing_more_is_asked_of_it_but_to_be_left(rig: Rig) -> None:
    told: list[bool] = []
    rig.system.watch(lambda: told.append(rig.system.lost))
    port = rig.system.open_output(THEIRS._replace(exists=False), role="out")
    port.send(ON)
    end = rig.system._end
    assert end.watched == [id(rig.player), id(rig.listener)]  # type: ignore[attr-defined]
    end.lost()  # type: ignore[attr-defined]
    assert told == [True]
    port.send(OFF)  # vanishes
    assert port.is_there()
    with pytest.raises(PortLost, match="server has gone"):
        rig.system.ports()
    port.close()  # waits for no cycle: none will come
    assert port.own.registered
    rig.system.close()
    assert rig.player.calls[-1] == rig.listener.calls[-1] == "close"


def test_without_a_server_the_hint_says_what_to_start(monkeypatch: pytest.MonkeyPatch, rig: Rig) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise JackError("no server")

    monkeypatch.setattr(jack_ports.jack, "Client", refuse)
    with pytest.raises(NoMidiSystem, match="no JACK server answers") as caught:
        JackSystem(rig.clock)
    assert "jackd" in caught.value.hint


def test_without_its_library_the_hint_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jack_ports, "_WHY_NOT", "libjack not found")
    with pytest.raises(NoMidiSystem, match="libjack not found") as caught:
        JackSystem(ManualClock())
    assert "libjack-jackd2-0" in caught.value.hint


@given(st.lists(st.tuples(st.floats(-0.02, 0.1), st.integers(0, 8)), max_size=40))
def test_everything_leaves_once_in_order_and_never_before_its_frame(plan: list[tuple[float, int]]) -> None:
    """Messages of any due time, given at any cycle: JACK's own rules are checked by the port that takes them."""
    client = SimpleNamespace(name="Accompanist out")
    system = SimpleNamespace(period_s=CYCLE_S, lost=False)
    port = JackOutput(system, OURS, OwnPort(client, "DAW"), ManualClock())  # type: ignore[arg-type]  # all they ask for
    heard: list[tuple[float, bytes]] = []
    for cycle in range(40):
        for i, (due_s, given_at) in enumerate(plan):
            if given_at == cycle:
                port.send_at(bytes((i,)), due_s, i)
        port.write(cycle * CYCLE_S, PERIOD)
        heard += [(cycle * CYCLE_S + offset / RATE, data) for offset, data in port.own.buffer]
    assert sorted(data[0] for _, data in heard) == list(range(len(plan)))
    left = {departure.tag: departure.at_s for departure in port.departures()}
    for at_s, data in heard:
        due_s, given_at = plan[data[0]]
        in_time = due_s >= given_at * CYCLE_S
        assert abs(at_s - due_s) <= 0.500001 / RATE if in_time else at_s == pytest.approx(given_at * CYCLE_S)
        assert left[data[0]] == pytest.approx(at_s)
