"""MIDI ports: what they are to the rest of the program.

The back ends are `runtime.rtmidi_ports` and, on Linux, `runtime.jack_ports`; tests have another. `runtime.systems`
chooses between them, `runtime.port_names` says which port a name means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, cast


class Receive(Protocol):
    """Where a back end leaves what comes in, in a thread of its own.

    It must only stamp it, where that is not done, append and wake: no logging, no parsing, no lock held.
    """

    def __call__(self, data: bytes, at_s: float | None = None, /) -> None:
        """Take a message.

        Args:
            data: The raw bytes.
            at_s: When it arrived, where the back end knows better than the clock does now.
        """
        ...


class Departure(NamedTuple):
    """A message that a port was to send at its time has left.

    Args:
        tag: What it was given with.
        at_s: When it left.
    """

    tag: object
    at_s: float


class OutputPort(Protocol):
    """Where MIDI leaves."""

    @property
    def name(self) -> str:
        """Its full name."""
        ...

    @property
    def ahead_s(self) -> float:
        """How long before a message leaves the port wants it; 0: it can only send now. Above 0 it is a `TimedPort`."""
        ...

    def send(self, data: bytes) -> None:
        """Send one message now.

        Raises:
            PortLost: the port is gone.
        """
        ...


class TimedPort(OutputPort, Protocol):
    """A port that sends at an exact time of its own."""

    @property
    def period_s(self) -> float:
        """Its grain: what came in leaves again so much later, at the same place within it."""
        ...

    def send_at(self, data: bytes, due_s: float, tag: object = None) -> None:
        """Send one message at a second; as soon as it can where that is past.

        Args:
            data: The raw bytes.
            due_s: When. Messages due together leave in the order they were given.
            tag: Comes back in its `Departure`; None: nobody wants to know.

        Raises:
            PortLost: the port is gone.
        """
        ...

    def departures(self) -> Sequence[Departure]:
        """What has left since the last call, and when."""
        ...

    def flush(self) -> None:
        """Wait until everything given has left, or can't any more."""
        ...


class ChangingPort:
    """A port before another, that changes what it is given: override `change`.

    Args:
        port: The other.
    """

    def __init__(self, port: OutputPort) -> None:
        self._port = port

    def change(self, data: bytes) -> bytes:
        """What to send instead."""
        return data

    @property
    def name(self) -> str:
        """The other's."""
        return self._port.name

    @property
    def ahead_s(self) -> float:
        """The other's."""
        return self._port.ahead_s

    @property
    def period_s(self) -> float:
        """The other's."""
        return cast(TimedPort, self._port).period_s

    def send(self, data: bytes) -> None:
        """Send one message now, changed."""
        self._port.send(self.change(data))

    def send_at(self, data: bytes, due_s: float, tag: object = None) -> None:
        """Send one message at a second, changed."""
        cast(TimedPort, self._port).send_at(self.change(data), due_s, tag)

    def departures(self) -> Sequence[Departure]:
        """What has left of the other, and when."""
        return cast(TimedPort, self._port).departures()

    def flush(self) -> None:
        """Wait until everything the other was given has left."""
        cast(TimedPort, self._port).flush()


class Port(OutputPort, Protocol):
    """An open port; one that was opened for listening is never sent to."""

    def is_there(self) -> bool:
        """Whether the other side still exists; a virtual port of our own always does."""
        ...

    def is_connected(self) -> bool:
        """Whether we are still connected to the other side; for a virtual port of our own whether anybody is connected.

        True where nobody can tell.
        """
        ...

    def close(self) -> None:
        """Close it; nothing that sounds is ended by that."""
        ...


class PortChoice(NamedTuple):
    """What a name given by the user stands for.

    Args:
        name: The port's full name; for one to be made, the name it will have.
        exists: Another program's port, to be connected to; else a virtual port of our own.
        nth: Which of several ports of the very same name, from 0.
    """

    name: str
    exists: bool
    nth: int = 0


class PortListing(NamedTuple):
    """The ports other programs and devices offer.

    Args:
        inputs: Those one can listen to.
        outputs: Those one can play to.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class MidiSystem(Protocol):
    """Where ports come from."""

    @property
    def name(self) -> str:
        """JACK, ALSA, CoreMIDI or Windows MM."""
        ...

    @property
    def backend(self) -> str:
        """What speaks to it: jack or rtmidi."""
        ...

    @property
    def can_make_ports(self) -> bool:
        """Whether virtual ports can be made."""
        ...

    @property
    def failures(self) -> int:
        """Exceptions in what the system calls in its own threads."""
        ...

    @property
    def lost(self) -> bool:
        """Whether the whole system went away while ports were open."""
        ...

    def watch(self, lost: Callable[[], None]) -> None:
        """Be told, in another thread, when the whole system goes away, where that can be known."""
        ...

    def ports(self) -> PortListing:
        """The ports other programs and devices offer now; our own are left out.

        Raises:
            PortLost: the MIDI system has gone.
        """
        ...

    def devices(self) -> frozenset[str] | None:
        """Full names of the ports that are a device's, not a program's; None where the system does not tell."""
        ...

    def open_input(self, choice: PortChoice, receive: Receive, *, role: str) -> Port:
        """Listen to a port.

        Args:
            choice: Which, from `port_names.choose`.
            receive: Called in a thread of the system's with each message.
            role: What the port is for, part of our client's name where the system has such.

        Raises:
            PortLost: it went away since it was listed, or cannot be opened.
        """
        ...

    def open_output(self, choice: PortChoice, *, role: str) -> Port:
        """Play to a port.

        Args:
            choice: Which, from `port_names.choose`.
            role: What the port is for, part of our client's name where the system has such.

        Raises:
            PortLost: it went away since it was listed, or cannot be opened.
        """
        ...

    def close(self) -> None:
        """Leave the system; the ports are closed before."""
        ...

    def again(self) -> MidiSystem:
        """A new one of the same kind, for when this one is lost and closed.

        Raises:
            NoMidiSystem: it does not answer yet.
        """
        ...
