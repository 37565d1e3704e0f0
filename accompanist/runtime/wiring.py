"""Which port carries what: the names the user gave, looked up, opened and tied to the tracks and to the inbox."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from accompanist.config import ServeConfig
from accompanist.engine.player import THRU_TRACK
from accompanist.engine.protocol import Message, Received
from accompanist.errors import ConfigError
from accompanist.music.spec import ModelSpec
from accompanist.runtime.clock import Clock
from accompanist.runtime.loop import Inbox
from accompanist.runtime.port_names import choose
from accompanist.runtime.ports import ChangingPort, MidiSystem, OutputPort, Port, PortChoice
from accompanist.runtime.sender import look_ahead_s

_DRUM_CHANNEL = 9
_PROGRAM_CHANGE, _SYSTEM = 0xC0, 0xF0


class Wiring(NamedTuple):
    """Which ports to use.

    Args:
        melody: Name of the port the player is heard on.
        band: Name of the port the accompaniment leaves by.
        clock: Name of a port that brings MIDI clock, or None.
        sync: MIDI clock arrives on the melody's port.
        control: Name of a port of controls beside the melody's, or None.
    """

    melody: str
    band: str
    clock: str | None = None
    sync: bool = False
    control: str | None = None

    @classmethod
    def of(cls, serve: ServeConfig) -> Wiring:
        """The ports that the settings name.

        Raises:
            ConfigError: they name two clocks.
        """
        if serve.clock and serve.sync:
            raise ConfigError(
                f"serve.clock is {serve.clock!r} and serve.sync is true: these are two clocks; accepted: one of them",
                hint="see what they mean with: accompanist config explain",
            )
        return cls(serve.melody, serve.band, serve.clock or None, serve.sync, serve.control or None)

    @property
    def follows_clock(self) -> bool:
        """A MIDI clock leads."""
        return self.sync or self.clock is not None


class Wires:
    """The open ports of a performance. Opens outputs only; `listen` opens the inputs, when someone is there to hear.

    All names are looked up before one port of ours exists, or a name could find our own.

    Args:
        system: Where ports come from.
        wiring: Which to use.
        spec: The model's tracks.
        serve: `thru` and `split_ports`.

    Raises:
        PortNotFound: a name fits several ports, or there is none and none can be made.
        PortLost: a port cannot be opened.
    """

    def __init__(self, system: MidiSystem, wiring: Wiring, spec: ModelSpec, serve: ServeConfig) -> None:
        self._system = system
        self._open: list[Port] = []
        there = system.ports()
        find = partial(choose, can_make=system.can_make_ports, system=system.name)
        self._melody = find(wiring.melody, there.inputs)
        self._clock = find(wiring.clock, there.inputs) if wiring.clock else None
        self._control = find(wiring.control, there.inputs) if wiring.control else None
        roles = dict(enumerate(track.name for track in spec.tracks))
        if serve.thru:
            roles[THRU_TRACK] = "melody"
        names = {track: f"{wiring.band} {role}" if serve.split_ports else wiring.band for track, role in roles.items()}
        choices = {track: find(name, there.outputs) for track, name in names.items()}
        try:
            self.outputs = self._open_outputs(choices, roles, serve)
        except BaseException:  # also Ctrl-C: what is open is closed
            self.close()
            raise
        if serve.thru and not serve.split_ports:
            self.outputs[THRU_TRACK] = BesideTheBand(self.outputs[THRU_TRACK], {track.channel for track in spec.tracks})
        self.advance_s = dict.fromkeys(range(len(spec.tracks)), serve.advance_ms / 1000)
        self.ahead_s = look_ahead_s(self.outputs, self.advance_s)

    def _open_outputs(
        self, choices: dict[int, PortChoice], roles: dict[int, str], serve: ServeConfig
    ) -> dict[int, OutputPort]:
        opened: dict[PortChoice, Port] = {}
        for track, choice in choices.items():
            if choice not in opened:
                opened[choice] = self._system.open_output(choice, role=roles[track] if serve.split_ports else "out")
                self._open.append(opened[choice])
        return {track: opened[choice] for track, choice in choices.items()}

    @property
    def band_names(self) -> tuple[str, ...]:
        """Full names of the ports the accompaniment leaves by."""
        return tuple(dict.fromkeys(port.name for port in self.outputs.values()))

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


def programs(spec: ModelSpec) -> list[Message]:
    """The General MIDI program of each track, as messages."""
    return [
        Message(0.0, i, bytes((_PROGRAM_CHANGE | track.channel, track.program)), 0)
        for i, track in enumerate(spec.tracks)
    ]
