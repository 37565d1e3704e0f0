"""Ports that come and go: a keyboard is pulled out and comes back, a DAW is closed and opened, JACK is restarted.

One that is not there at the start may be waited for in the same way (`serve --wait`).

What the engine thread sends to is an `OutputPlug`, which stays the same throughout; the port behind it may be away, and
what is sent meanwhile goes nowhere. When it is back, what sounded there when it went is ended first, and the
instruments are readied again; then the band plays on.

Threads: the engine thread sends; the main thread notices, closes and opens. Between them stands one attribute, the
port: it is replaced whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, cast

from accompanist.errors import AccompanistError, PortLost
from accompanist.runtime.ledger import ALL_NOTES_OFF, SUSTAIN, Ledger
from accompanist.runtime.port_names import choose, found_again
from accompanist.runtime.ports import Departure, MidiSystem, Port, PortChoice, PortListing, TimedPort

_WORTH_TELLING = 2
"""Looks with the same hindrance: at the first the port may be just coming."""
_LOOSE = 2
"""Looks at a port without its connection: the first may be before JACK has made it."""
AGAIN_S = 10.0
"""A connection that is taken away again so soon is taken away on purpose."""


class Plug:
    """A port of ours, whether it is there or not.

    Args:
        role: What it is for: "in", "clock", "control", "out" or a track's name.
        asked: The name the user gave.
        choice: What it stands for; where that is not there yet, a port of that very name.
        listens: It is an input.
        open_port: Opens it.
    """

    def __init__(
        self,
        role: str,
        asked: str,
        choice: PortChoice,
        *,
        listens: bool,
        open_port: Callable[[MidiSystem, PortChoice], Port],
    ) -> None:
        self.role = role
        self.tracks: tuple[int, ...] = ()  # what leaves by it
        self.choice = choice
        self._asked = asked
        self._listens = listens
        self._open_port = open_port
        self._stood_by: tuple[str, ...] = ()
        self._port: Port | None = None
        self._name = choice.name
        self._had = False  # it was there once
        self._why = ""  # it is there, and the last look could not open it
        self._met: dict[str, int] = {}  # how often each such reason was met
        self._loose = 0  # looks in a row that found it there and not connected to us
        self._cut_s = -math.inf  # when its connection was found cut the last time
        self.let_be = False  # it was cut again at once: somebody wants it so
        self._visited = True  # somebody is connected, as far as anyone can tell; where not, it is a virtual port
        self._shown = True  # the same, as it was told last
        self._greetings: list[None] = []  # one for who comes to a deserted port: of two threads one may take it
        self.missed = False  # something was sent while nobody was connected

    @property
    def name(self) -> str:
        """Full name of the port; while it is away, the one it had."""
        return self._name

    @property
    def there(self) -> bool:
        """It is open."""
        return self._port is not None

    def open(self, system: MidiSystem) -> None:
        """Open it.

        Raises:
            PortLost: it went away since it was listed, or cannot be opened.
        """
        port = self._open_port(system, self.choice)
        try:
            self.begin(port)
        except BaseException:
            port.close()
            raise
        self._name = port.name
        self._shown = self._visited = self.choice.exists or port.is_connected()
        self._greetings = [] if self._visited else [None]
        self._port = port
        self._had = True
        self._why = ""
        self._met.clear()
        self._loose, self.let_be = 0, False

    def begin(self, port: Port) -> None:
        """Before a port is used; nothing for one that listens."""

    def why_gone(self, at_s: float) -> PortLost | None:
        """Why an open port can be used no more; None where it can, or was disconnected from us on purpose.

        Args:
            at_s: The present; the connection is looked at, which two looks in a row must find cut.
        """
        port = self._port
        if port is None:
            return None
        if not port.is_there():
            return PortLost(f"the MIDI port {self._name!r} has gone", hint="see what there is with: accompanist ports")
        if not self.choice.exists:
            return None
        self._loose = 0 if port.is_connected() else self._loose + 1
        if self._loose == 0:
            self.let_be = False
        if self._loose < _LOOSE or self.let_be:
            return None
        # It went and came back between two looks, or its cable was taken out in a patchbay.
        self.let_be, self._cut_s = at_s - self._cut_s < AGAIN_S, at_s
        return None if self.let_be else PortLost(f"the MIDI port {self._name!r} was disconnected from us")

    def visit(self) -> bool | None:
        """What became of a virtual port of ours since the last call: True somebody came, False all have left it."""
        port = self._port
        if port is None or self.choice.exists:
            return None
        if not self._visited:
            self._greet(port)
        elif not port.is_connected():
            self._visited = self.missed = False
            self._greetings.append(None)
        before, self._shown = self._shown, self._visited
        return self._shown if self._shown is not before else None

    def _greet(self, port: Port) -> None:
        """See whether somebody came, before the next message or at the next look, whichever is first."""
        if not port.is_connected():
            return
        try:
            self._greetings.pop()
        except IndexError:  # the other thread does it
            return
        self.begin(port)
        self._visited = True

    def lose(self, before: PortListing, there: PortListing) -> None:
        """Its other side has gone.

        Args:
            before: The ports there were while it was there.
            there: Those there are now. One that was there all the time is never taken for it.
        """
        others = list(self._of(before))
        if self.choice.name in others:
            others.remove(self.choice.name)
        now = self._of(there)
        self._stood_by = tuple(name for name in others if name in now)
        self.close()

    def find(self, system: MidiSystem, there: PortListing) -> bool:
        """Open it, if it is there; returns whether it is."""
        names = self._of(there)
        self._stood_by = tuple(name for name in self._stood_by if name in names)
        self._why = ""
        try:
            if self.choice.exists:
                found = self._meant(names, system.name)
                if found is None:
                    return False
                self.choice = found
            self.open(system)
        except Exception as error:  # noqa: BLE001 (it is just coming, or already going again: another look will tell)
            self._why = error.message if isinstance(error, AccompanistError) else f"{type(error).__name__}: {error}"
            self._met[self._why] = self._met.get(self._why, 0) + 1
            return False
        return True

    def _meant(self, names: tuple[str, ...], system: str) -> PortChoice | None:
        if self._had:
            return found_again(self._asked, self.choice, names, self._stood_by, system=system)
        found = choose(self._asked, names, can_make=True, system=system)
        return found if found.exists else None

    @property
    def hindrance(self) -> str:
        """Why it cannot be opened though it is there; empty where that is not so, or too new to be sure."""
        return self._why if self._met.get(self._why, 0) >= _WORTH_TELLING else ""

    @property
    def news(self) -> str:
        """The hindrance, if nobody was told of it before the last look."""
        return self._why if self._met.get(self._why) == _WORTH_TELLING else ""

    def close(self) -> None:
        """Close it; nothing that sounds is ended by that."""
        port, self._port = self._port, None
        if port is not None:
            port.close()

    def _of(self, there: PortListing) -> tuple[str, ...]:
        return there.inputs if self._listens else there.outputs


class OutputPlug(Plug):
    """What the band sends to, whether it is there or not: an output port of the loop's.

    Args:
        role: "out" or a track's name.
        asked: The name the user gave.
        choice: What it stands for.
        setup: What readies the instruments behind it, sent when it is back.
        open_port: Opens it.
    """

    def __init__(
        self,
        role: str,
        asked: str,
        choice: PortChoice,
        *,
        setup: Sequence[bytes],
        open_port: Callable[[MidiSystem, PortChoice], Port],
    ) -> None:
        super().__init__(role, asked, choice, listens=False, open_port=open_port)
        self._setup = tuple(setup)
        self._refused: PortLost | None = None
        self._ledger = Ledger(unsure=True)
        self._ahead_s = 0.0
        self._period_s = 0.0

    def begin(self, port: Port) -> None:
        """End what sounded when it went, and ready the instruments, where anything was meant for it already.

        For a virtual port of ours it is whoever connects to it that came.
        """
        self._refused = None
        self._ahead_s = port.ahead_s
        self._period_s = cast(TimedPort, port).period_s if self._ahead_s > 0 else 0.0
        for data in self._ledger.ends():
            port.send(data)
            self._ledger.note(data)  # one by one: it may go again meanwhile
        # Before the first message the opening is still to come.
        quiet = self._ledger.quiet(SUSTAIN, ALL_NOTES_OFF)
        for data in (*quiet, *(self._setup if self._ledger.channels else ())):
            port.send(data)

    def why_gone(self, at_s: float) -> PortLost | None:
        """Why an open port can be used no more; None where it can."""
        why = (self._refused or super().why_gone(at_s)) if self.there else None
        if why is None and self.there and self._loose == 0:
            self._ledger.sure()
        return why

    @property
    def ahead_s(self) -> float:
        """How long before a message leaves the port wants it; as it was while it is away."""
        return self._ahead_s

    @property
    def period_s(self) -> float:
        """Grain of a port that keeps exact time."""
        return self._period_s

    def send(self, data: bytes) -> None:
        """Send one message now; to nobody while the port is away."""
        port = self._port
        there = port is not None and self._refused is None
        if port is not None and there:
            try:
                self._expect(port)
                port.send(data)
            except Exception as error:  # noqa: BLE001 (a port that throws is one that is gone; the band plays on)
                there = self._refuse(error)
        self._ledger.note(data, heard=there and self._visited)

    def send_at(self, data: bytes, due_s: float, tag: object = None) -> None:
        """Send one message at a second; to nobody while the port is away."""
        port = self._port
        there = port is not None and self._refused is None
        if port is not None and there:
            try:
                self._expect(port)
                cast(TimedPort, port).send_at(data, due_s, tag)
            except Exception as error:  # noqa: BLE001 (as above)
                there = self._refuse(error)
        self._ledger.note(data, heard=there and self._visited)

    def _expect(self, port: Port) -> None:
        """Before a message: whoever came to a port of ours is to hear it, after what ends and readies."""
        if not self._visited:
            self._greet(port)
            self.missed = self.missed or not self._visited

    def departures(self) -> Sequence[Departure]:
        """What has left since the last call, and when."""
        port = self._port
        return cast(TimedPort, port).departures() if port is not None and self._ahead_s > 0 else ()

    def flush(self) -> None:
        """Wait until everything given has left, or can't any more."""
        port = self._port
        if port is not None and self._ahead_s > 0:
            cast(TimedPort, port).flush()

    def _refuse(self, error: Exception) -> Literal[False]:
        """It takes no more; returns whether it took this."""
        if not isinstance(error, PortLost):
            error = PortLost(f"the MIDI port {self._name!r} failed: {error}")
        self._refused = error
        return False
