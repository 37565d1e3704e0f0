"""Which port carries what: the names the user gave, looked up, opened and tied to the tracks and to the inbox."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from accompanist.config import ServeConfig
from accompanist.engine.clock_out import CLOCK_TRACK
from accompanist.engine.count_in import CLICK_TRACK
from accompanist.engine.part import Part
from accompanist.engine.player import THRU_TRACK
from accompanist.engine.protocol import Message, PortChange, Received
from accompanist.errors import NoMidiSystem, PortLost
from accompanist.music.song import DRUM_CHANNEL
from accompanist.music.spec import ModelSpec
from accompanist.runtime.clock import Clock
from accompanist.runtime.loop import Inbox
from accompanist.runtime.plugs import OutputPlug, Plug
from accompanist.runtime.port_names import wanted
from accompanist.runtime.ports import ChangingPort, MidiSystem, OutputPort, Port, PortChoice, PortListing, Receive
from accompanist.runtime.sender import look_ahead_s

_SYSTEM = 0xF0
_NONE = PortListing((), ())
_VISITED, _DESERTED = "somebody is connected to it", "nobody is connected to it any more"
_LEFT = "something disconnects it from us; left so until it is connected again"


class Wires:
    """The ports of a performance. Opens outputs only; `listen` opens the inputs, when someone is there to hear.

    All names are looked up before one port of ours exists, or a name could find our own. With `serve.wait` a name that
    nobody has yet is waited for, as is a system that is lost from the beginning.

    Args:
        system: Where ports come from.
        spec: The model's tracks.
        serve: Names of the ports to use.
        parts: How each track leaves, and by which port.

    Raises:
        PortNotFound: a name fits several ports, or there is none and none can be made.
        PortLost: a port cannot be opened.
    """

    def __init__(self, system: MidiSystem, spec: ModelSpec, serve: ServeConfig, parts: Sequence[Part]) -> None:
        self.system = system
        self._left = False  # the system was closed, after it was lost
        self._plugs: list[Plug] = []
        self._waits = serve.wait
        # The ports there were at the last look: what comes later is new.
        there = self._before = _NONE if system.lost else system.ports()
        find = partial(wanted, can_make=system.can_make_ports, waits=serve.wait, system=system.name)
        asked = {"in": serve.melody, "clock": serve.clock, "control": serve.control}
        self._inputs = {role: (name, find(name, there.inputs)) for role, name in asked.items() if name or role == "in"}
        roles = dict(enumerate(track.name for track in spec.tracks))
        names = dict(enumerate(part.port for part in parts))
        if serve.thru:
            roles[THRU_TRACK] = "melody"
            names[THRU_TRACK] = f"{serve.band} melody" if serve.split_ports else serve.band
        if serve.count_in_bars:
            roles[CLICK_TRACK] = "click"
            names[CLICK_TRACK] = f"{serve.band} click" if serve.split_ports else serve.band
        if serve.clock_out:
            roles[CLOCK_TRACK], names[CLOCK_TRACK] = "clock out", serve.clock_out
        choices = {track: find(name, there.outputs) for track, name in names.items()}
        opened: dict[PortChoice, OutputPlug] = {}
        try:
            for track, choice in choices.items():
                if choice not in opened:
                    its = [part for i, part in enumerate(parts) if choices[i] == choice]
                    setup = [data for part in its for data in part.setup()] if serve.setup else []
                    opened[choice] = self._output(_role(choice, choices, roles), names[track], choice, setup, there)
                    opened[choice].tracks = tuple(other for other in choices if choices[other] == choice)
        except BaseException:  # also Ctrl-C: what is open is closed
            self.close()
            raise
        self.outputs: dict[int, OutputPort] = {track: opened[choice] for track, choice in choices.items()}
        if serve.thru:
            taken = {part.channel for track, part in enumerate(parts) if choices[track] == choices[THRU_TRACK]}
            self.outputs[THRU_TRACK] = BesideTheBand(self.outputs[THRU_TRACK], taken)
        self.advance_s = {track: part.advance_s for track, part in enumerate(parts)}
        self.advance_s[CLICK_TRACK] = serve.advance_ms / 1000
        self.ahead_s = look_ahead_s(self.outputs, self.advance_s)

    def _output(
        self, role: str, asked: str, choice: PortChoice, setup: Sequence[bytes], there: PortListing
    ) -> OutputPlug:
        def open_port(system: MidiSystem, choice: PortChoice) -> Port:
            return system.open_output(choice, role=role)

        plug = OutputPlug(role, asked, choice, setup=setup, open_port=open_port)
        self._begin(plug, there)
        return plug

    def _begin(self, plug: Plug, there: PortListing) -> None:
        if not self._waits:
            plug.open(self.system)
        elif not self.system.lost:
            plug.find(self.system, there)
        self._plugs.append(plug)

    @property
    def band_names(self) -> tuple[str, ...]:
        """Full names of the ports the accompaniment leaves by."""
        return tuple(dict.fromkeys(port.name for track, port in self.outputs.items() if track != CLOCK_TRACK))

    @property
    def clock_out_name(self) -> str | None:
        """Full name of the port that our clock leaves by, if it does."""
        return self.outputs[CLOCK_TRACK].name if CLOCK_TRACK in self.outputs else None

    def listen(self, clock: Clock, inbox: Inbox) -> tuple[str, str | None]:
        """Open the inputs; what arrives is stamped and left in the inbox.

        Returns:
            Full names of the player's port and of the clock's own, if it has one; as asked for where it is waited for.

        Raises:
            PortLost: a port cannot be opened.
        """
        melody = self._inputs["in"][1]
        there = self._before = _NONE if self.system.lost else self.system.ports()
        separate = {role for role, (_, choice) in self._inputs.items() if choice != melody}

        def from_player(data: bytes, at_s: float | None = None, /) -> None:
            # Where the clock has a port of its own, a second one on this port would be one too many.
            if data[0] < _SYSTEM or "clock" not in separate:
                inbox.receive(Received(clock.now() if at_s is None else at_s, data))

        def from_clock(data: bytes, at_s: float | None = None, /) -> None:
            inbox.receive(Received(clock.now() if at_s is None else at_s, data, from_clock=True))

        def from_control(data: bytes, at_s: float | None = None, /) -> None:
            inbox.receive(Received(clock.now() if at_s is None else at_s, data, from_control=True))

        names: dict[str, str] = {}
        for role, receive in (("in", from_player), ("control", from_control), ("clock", from_clock)):
            if role == "in" or role in separate:
                names[role] = self._input(role, receive, there).name
        return names["in"], names.get("clock")

    def _input(self, role: str, receive: Receive, there: PortListing) -> Plug:
        def open_port(system: MidiSystem, choice: PortChoice) -> Port:
            return system.open_input(choice, receive, role=role)

        plug = Plug(role, *self._inputs[role], listens=True, open_port=open_port)
        self._begin(plug, there)
        return plug

    def missing(self, at_s: float) -> PortLost | None:
        """Why one of the open ports can be used no more; None where all can."""
        return next((why for plug in self._plugs if (why := plug.why_gone(at_s)) is not None), None)

    @property
    def away(self) -> tuple[str, ...]:
        """The ports that are waited for, by name; with a remark where one is there and cannot be opened."""
        return tuple(
            f"{plug.name} (cannot be opened)" if plug.hindrance else plug.name for plug in self._plugs if not plug.there
        )

    def look(self, at_s: float, lost: Callable[[], None]) -> list[PortChange]:
        """Close what has gone and open what is there again; called in the main thread, now and then.

        Args:
            at_s: When.
            lost: What a system that is back calls when it is lost again.
        """
        if self.system.lost and not self._is_back(lost):
            self._before = _NONE
            return [self._lose(plug, _NONE, at_s) for plug in self._plugs if plug.there]
        let_be = [plug for plug in self._plugs if plug.let_be]
        gone = [plug for plug in self._plugs if plug.why_gone(at_s) is not None]
        try:
            there = self.system.ports()
        except PortLost:  # the system is just going: the next look will tell
            return []
        changes = [self._lose(plug, there, at_s) for plug in gone]
        self._before = there
        left = [plug for plug in self._plugs if plug.let_be and plug not in let_be]
        changes += [PortChange(at_s, plug.role, plug.name, there=False, why=_LEFT) for plug in left]
        for plug in self._plugs:
            if (came := plug.visit()) is not None:
                # Who missed nothing needs no word on where the song is.
                tracks = plug.tracks if plug.missed else ()
                why = _VISITED if came else _DESERTED
                changes.append(PortChange(at_s, plug.role, plug.name, there=came, why=why, tracks=tracks))
        waiting = [plug for plug in self._plugs if not plug.there and plug not in gone]
        for plug in waiting:
            if plug.find(self.system, there):
                ahead_s = look_ahead_s(self.outputs, self.advance_s)
                changes.append(PortChange(at_s, plug.role, plug.name, there=True, ahead_s=ahead_s, tracks=plug.tracks))
            elif plug.news:
                changes.append(PortChange(at_s, plug.role, plug.name, there=False, why=plug.news))
        return changes

    def _is_back(self, lost: Callable[[], None]) -> bool:
        """Whether the MIDI system that was lost answers again; asked when all that was open in it is closed."""
        if any(plug.there for plug in self._plugs):
            return False
        if not self._left:
            self.system.close()
            self._left = True
        try:
            system = self.system.again()
        except NoMidiSystem:
            return False
        self.system, self._left = system, False
        system.watch(lost)
        return True

    def _lose(self, plug: Plug, there: PortListing, at_s: float) -> PortChange:
        plug.lose(self._before, there)
        return PortChange(at_s, plug.role, plug.name, there=False)

    def close(self) -> None:
        """Close all, the inputs first."""
        for plug in reversed(self._plugs):
            plug.close()
        self._plugs.clear()


def _role(choice: PortChoice, choices: dict[int, PortChoice], roles: dict[int, str]) -> str:
    """What an output is for: the one track that leaves by it, else "out"."""
    its = [roles[track] for track, other in choices.items() if other == choice]
    return its[0] if len(its) == 1 and len(choices) > 1 else "out"


class BesideTheBand(ChangingPort):
    """The player's own melody on the band's port: on a free channel where a track of the band has the player's.

    Args:
        port: The band's port.
        taken: Channels of the band, 0 to 15.
    """

    def __init__(self, port: OutputPort, taken: set[int]) -> None:
        super().__init__(port)
        self._taken = taken
        self._free = min(set(range(16)) - taken - {DRUM_CHANNEL}, default=0)

    def change(self, data: bytes) -> bytes:
        """Another channel where that is taken."""
        return bytes((data[0] & 0xF0 | self._free,)) + data[1:] if data[0] & 0x0F in self._taken else data


def opening(parts: Sequence[Part]) -> list[Message]:
    """What readies the instrument of each track."""
    return [Message(0.0, track, data, 0) for track, part in enumerate(parts) for data in part.setup()]
