"""A MIDI system made of lists: what the runtime is tested with where there is no real one."""

from __future__ import annotations

from collections.abc import Callable

from accompanist.errors import NoMidiSystem, PortLost
from accompanist.runtime.ports import Departure, PortChoice, PortListing, Receive


class FakePort:
    """A port that keeps what it is sent."""

    ahead_s = 0.0

    def __init__(self, name: str, log: list[tuple[str, bytes]] | None = None) -> None:
        self.name = name
        self.sent: list[bytes] = []
        self.there = True
        self.connected = True
        self.closed = False
        self.breaks_after: int | None = None
        self._log = log

    def send(self, data: bytes) -> None:
        assert not self.closed
        if self.breaks_after is not None and len(self.sent) >= self.breaks_after:
            raise PortLost(f"the MIDI port {self.name!r} is gone")
        self.sent.append(data)
        if self._log is not None:
            self._log.append((self.name, data))

    def is_there(self) -> bool:
        return self.there

    def is_connected(self) -> bool:
        return self.connected

    def close(self) -> None:
        self.closed = True


class FakeTimedPort(FakePort):
    """A port that sends at its own time: what was given leaves when a test says so."""

    ahead_s, period_s = 0.02, 0.005

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.given: list[tuple[float, bytes, object]] = []
        self.flushed = 0
        self._left: list[Departure] = []

    def send_at(self, data: bytes, due_s: float, tag: object = None) -> None:
        self.send(data)
        self.given.append((due_s, data, tag))

    def leave(self, *, late_s: float = 0.0) -> None:
        self._left += [Departure(tag, due_s + late_s) for due_s, _, tag in self.given if tag is not None]
        self.given.clear()

    def departures(self) -> list[Departure]:
        left, self._left = self._left, []
        return left

    def flush(self) -> None:
        self.flushed += 1
        self.leave()


class FakeMidiSystem:
    """Offers ports, remembers those opened, and can die."""

    name, backend = "Fake MIDI", "fake"
    failures = 0

    def __init__(
        self,
        inputs: tuple[str, ...] = (),
        outputs: tuple[str, ...] = (),
        *,
        can_make_ports: bool = True,
        devices: frozenset[str] | None = None,
    ) -> None:
        self.listing = PortListing(inputs, outputs)
        self.can_make_ports = can_make_ports
        self._devices = devices
        self.lost = False
        self.closed = False
        self.successor: FakeMidiSystem | None = None
        self.opened: dict[str, FakePort] = {}
        self.roles: dict[str, str] = {}
        self.receivers: dict[str, Receive] = {}
        self.log: list[tuple[str, bytes]] = []
        self.refuses: set[str] = set()
        self.keeps_time = False  # its ports send at an exact time of their own
        self._tell: Callable[[], None] = lambda: None

    def watch(self, lost: Callable[[], None]) -> None:
        self._tell = lost

    def die(self) -> None:
        self.lost = True
        self._tell()

    def ports(self) -> PortListing:
        if self.lost:
            raise PortLost("Fake MIDI no longer answers")
        return self.listing

    def devices(self) -> frozenset[str] | None:
        return self._devices

    def open_input(self, choice: PortChoice, receive: Receive, *, role: str) -> FakePort:
        self.receivers[choice.name] = receive
        return self._open(choice, role)

    def open_output(self, choice: PortChoice, *, role: str) -> FakePort:
        return self._open(choice, role)

    def _open(self, choice: PortChoice, role: str) -> FakePort:
        if choice.name in self.refuses:
            raise PortLost(f"the MIDI port {choice.name!r} cannot be opened")
        port = FakeTimedPort(choice.name) if self.keeps_time else FakePort(choice.name, self.log)
        self.opened[choice.name] = port
        self.roles[choice.name] = role
        return port

    def again(self) -> FakeMidiSystem:
        assert self.lost
        assert self.closed
        if self.successor is None:
            raise NoMidiSystem("Fake MIDI does not answer")
        return self.successor

    def close(self) -> None:
        assert all(port.closed for port in self.opened.values())
        self.closed = True
