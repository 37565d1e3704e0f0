"""Which port carries what: the names the user gave, looked up, opened and tied to the tracks and to the inbox."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from accompanist.config import ServeConfig
from accompanist.engine.clock_out import CLOCK_TRACK
from accompanist.engine.part import Part
from accompanist.engine.player import THRU_TRACK
from accompanist.engine.protocol import Message, Received
from accompanist.music.spec import ModelSpec
from accompanist.runtime.clock import Clock
from accompanist.runtime.loop import Inbox
from accompanist.runtime.port_names import choose
from accompanist.runtime.ports import ChangingPort, MidiSystem, OutputPort, Port, PortChoice
from accompanist.runtime.sender import look_ahead_s

_DRUM_CHANNEL = 9
_SYSTEM = 0xF0


class Wires:
    """The open ports of a performance. Opens outputs only; `listen` opens the inputs, when someone is there to hear.

    All names are looked up before one port of ours exists, or a name could find our own.

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
        self._system = system
        self._open: list[Port] = []
        there = system.ports()
        find = partial(choose, can_make=system.can_make_ports, system=system.name)
        self._melody = find(serve.melody, there.inputs)
        self._clock = find(serve.clock, there.inputs) if serve.clock else None
        self._control = find(serve.control, there.inputs) if serve.control else None
        roles = dict(enumerate(track.name for track in spec.tracks))
        names = dict(enumerate(part.port for part in parts))
        if serve.thru:
            roles[THRU_TRACK] = "melody"
            names[THRU_TRACK] = f"{serve.band} melody" if serve.split_ports else serve.band
        if serve.clock_out:
            roles[CLOCK_TRACK], names[CLOCK_TRACK] = "clock out", serve.clock_out
        choices = {track: find(name, there.outputs) for track, name in names.items()}
        try:
            self.outputs = self._open_outputs(choices, roles)
        except BaseException:  # also Ctrl-C: what is open is closed
            self.close()
            raise
        if serve.thru:
            taken = {part.channel for track, part in enumerate(parts) if choices[track] == choices[THRU_TRACK]}
            self.outputs[THRU_TRACK] = BesideTheBand(self.outputs[THRU_TRACK], taken)
        self.advance_s = {track: part.advance_s for track, part in enumerate(parts)}
        self.ahead_s = look_ahead_s(self.outputs, self.advance_s)

    def _open_outputs(self, choices: dict[int, PortChoice], roles: dict[int, str]) -> dict[int, OutputPort]:
        opened: dict[PortChoice, Port] = {}
        for choice in choices.values():
            if choice not in opened:
                opened[choice] = self._system.open_output(choice, role=_role(choice, choices, roles))
                self._open.append(opened[choice])
        return {track: opened[choice] for track, choice in choices.items()}

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
            Full names of the player's port and of the clock's own, if it has one.

        Raises:
            PortLost: a port cannot be opened.
        """
        separate_clock = self._clock is not None and self._clock != self._melody

        def from_player(data: bytes, at_s: float | None = None, /) -> None:
            # Where the clock has a port of its own, a second one on this port would be one too many.
            if data[0] < _SYSTEM or not separate_clock:
                inbox.receive(Received(clock.now() if at_s is None else at_s, data))

        def from_clock(data: bytes, at_s: float | None = None, /) -> None:
            inbox.receive(Received(clock.now() if at_s is None else at_s, data, from_clock=True))

        def from_control(data: bytes, at_s: float | None = None, /) -> None:
            inbox.receive(Received(clock.now() if at_s is None else at_s, data, from_control=True))

        melody = self._system.open_input(self._melody, from_player, role="in")
        self._open.append(melody)
        if self._control is not None and self._control != self._melody:
            self._open.append(self._system.open_input(self._control, from_control, role="control"))
        if self._clock is None or not separate_clock:
            return melody.name, None
        clock_port = self._system.open_input(self._clock, from_clock, role="clock")
        self._open.append(clock_port)
        return melody.name, clock_port.name

    def missing(self) -> str | None:
        """Name of a port whose other side has gone, or None."""
        return next((port.name for port in self._open if not port.is_there()), None)

    def close(self) -> None:
        """Close all, the inputs first."""
        for port in reversed(self._open):
            port.close()
        self._open.clear()


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
        self._free = min(set(range(16)) - taken - {_DRUM_CHANNEL}, default=0)

    def change(self, data: bytes) -> bytes:
        """Another channel where that is taken."""
        return bytes((data[0] & 0xF0 | self._free,)) + data[1:] if data[0] & 0x0F in self._taken else data


def opening(parts: Sequence[Part]) -> list[Message]:
    """What readies the instrument of each track."""
    return [Message(0.0, track, data, 0) for track, part in enumerate(parts) for data in part.setup()]
