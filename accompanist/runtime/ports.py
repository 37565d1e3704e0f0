"""MIDI ports: what they are to the rest of the program, and which one a name means.

The one back end is `runtime.rtmidi_ports`; tests have another.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from typing import NamedTuple, Protocol

from accompanist.errors import PortNotFound


class OutputPort(Protocol):
    """Where MIDI leaves."""

    @property
    def name(self) -> str:
        """Its full name."""
        ...

    def send(self, data: bytes) -> None:
        """Send one message now.

        Raises:
            PortLost: the port is gone.
        """
        ...


class Port(OutputPort, Protocol):
    """An open port; one that was opened for listening is never sent to."""

    def is_there(self) -> bool:
        """Whether the other side still exists; a virtual port of our own always does."""
        ...

    def close(self) -> None:
        """Close it; nothing that sounds is ended by that."""
        ...


class PortChoice(NamedTuple):
    """What a name given by the user stands for.

    Args:
        name: The port's full name; for one to be made, the name it will have.
        exists: Another program's port, to be connected to; else a virtual port of our own.
    """

    name: str
    exists: bool


class PortListing(NamedTuple):
    """The ports other programs and devices offer.

    Args:
        inputs: Those one can listen to.
        outputs: Those one can play to.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def choose(asked: str, there: tuple[str, ...], *, can_make: bool) -> PortChoice:
    """Which port a name means: the one called so, else the only one whose name holds it, else a new virtual port.

    Args:
        asked: What the user typed.
        there: The ports there are.
        can_make: Whether virtual ports can be made here (on Windows they cannot).

    Raises:
        PortNotFound: the name is empty, several ports match, or none does and none can be made.
    """
    if not asked.strip():
        raise PortNotFound("the name of a MIDI port is empty", hint="see the names with: accompanist ports")
    readings: tuple[Callable[[str], bool], ...] = (
        lambda name: asked == name,
        lambda name: asked == _of_client(name),
        lambda name: asked in (_bare(name), _of_client(_bare(name))),
        lambda name: asked.casefold() in name.casefold(),
    )
    for fits in readings:
        matching = [name for name in there if fits(name)]
        if len(matching) == 1:
            return PortChoice(matching[0], exists=True)
        if matching:
            raise PortNotFound(
                f"several MIDI ports match {asked!r}: {', '.join(matching)}; name one of them in full",
                hint="see the names with: accompanist ports",
            )
    if can_make:
        return PortChoice(asked, exists=False)
    near = difflib.get_close_matches(asked, there, n=1, cutoff=0.4)
    nearest = f"; the nearest is {near[0]!r}" if near else ""
    raise PortNotFound(
        f"there is no MIDI port {asked!r}; there are: {', '.join(there) or 'none'}{nearest}",
        hint=f"make a port called {asked!r} with loopMIDI (Windows has no virtual ports of its own), then try again",
    )


def _of_client(name: str) -> str:
    """A port's own name, without its client's."""
    return name.partition(":")[2]


def _bare(name: str) -> str:
    """A name without what ALSA (" 128:0") and Windows (" 3") put behind it, which changes from one day to the next."""
    return re.sub(r" \d+(:\d+)?$", "", name)


class MidiSystem(Protocol):
    """Where ports come from."""

    @property
    def name(self) -> str:
        """JACK, ALSA, CoreMIDI or Windows MM."""
        ...

    @property
    def can_make_ports(self) -> bool:
        """Whether virtual ports can be made."""
        ...

    @property
    def lost(self) -> bool:
        """Whether the whole system went away while ports were open."""
        ...

    def watch(self, lost: Callable[[], None]) -> None:
        """Be told, in another thread, when the whole system goes away, where that can be known."""
        ...

    def ports(self) -> PortListing:
        """The ports other programs and devices offer now.

        Raises:
            PortLost: the MIDI system has gone.
        """
        ...

    def open_input(self, choice: PortChoice, receive: Callable[[bytes], None], *, role: str) -> Port:
        """Listen to a port.

        Args:
            choice: Which, from `choose`.
            receive: Called in a thread of the system's with the raw bytes of each message: it must only stamp them with
                the one clock, append and wake; no logging, no parsing, no lock held.
            role: What the port is for, part of our client's name where the system has such.

        Raises:
            PortLost: it went away since it was listed, or cannot be opened.
        """
        ...

    def open_output(self, choice: PortChoice, *, role: str) -> Port:
        """Play to a port.

        Args:
            choice: Which, from `choose`.
            role: What the port is for, part of our client's name where the system has such.

        Raises:
            PortLost: it went away since it was listed, or cannot be opened.
        """
        ...

    def close(self) -> None:
        """Leave the system; the ports are closed before."""
        ...
