"""The desk: what the player has switched and turned, and what it means for the band.

Every control is a `Command`, whether a mapped key, the control socket or a script gave it. `checked` says whether a
command makes sense for a model; `Desk` keeps where everything stands.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from accompanist.engine.protocol import Command
from accompanist.music.spec import ModelSpec

TRACK_SWITCHES = ("mute", "solo")
SWITCHES = (*TRACK_SWITCHES, "hold", "listen")
"""On or off; the first two are a track's own."""
AMOUNTS = {"density": (0.0, 1.0), "temperature": (0.0, 2.0), "bpm": (30.0, 300.0)}
"""From least to most. `style` is an amount too, and its range is the model's."""
TRIGGERS = ("fill", "panic", "tap", "start", "stop", "continue")
"""What just happens."""
SONG = ("bpm", "tap", "start", "stop", "continue")
"""Commands to whatever leads the song."""
COMMANDS = (*SWITCHES, *AMOUNTS, "style", *TRIGGERS)


class Refused(ValueError):
    """A command that makes no sense.

    Args:
        message: What is wrong with it, with the value seen.
        accepted: What would be taken in its place.
    """

    def __init__(self, message: str, accepted: Sequence[str]) -> None:
        super().__init__(message)
        self.message = message
        self.accepted = tuple(accepted)


def checked(command: Command, spec: ModelSpec) -> Command:
    """The command itself, where it makes sense.

    Args:
        command: From anywhere.
        spec: The model's tracks and styles.

    Raises:
        Refused: there is no such command, track, style or value.
    """
    name, value = command.name, command.value
    if name not in COMMANDS:
        raise Refused(f"there is no command {name!r}", COMMANDS)
    if name in TRACK_SWITCHES and not 0 <= command.track < len(spec.tracks):
        raise Refused(f"{name} needs a track of the model's", [track.name for track in spec.tracks])
    if name in TRIGGERS or (name in SWITCHES and value in (None, 0, 1)):
        return command
    if name in SWITCHES:
        raise Refused(f"{name} is {value!r}", ("on", "off", "toggle"))
    if name == "style":
        if not spec.styles:
            raise Refused("the model has no styles", ())
        if value not in range(len(spec.styles)):
            raise Refused(f"style is {value!r}", spec.styles)
        return command
    least, most = AMOUNTS[name]
    if value is None or math.isnan(value) or not least <= value <= most:
        raise Refused(f"{name} is {value!r}", [f"{least:g} to {most:g}"])
    return command


def worded(name: str, track: object, value: object, spec: ModelSpec) -> Command:
    """A command from the words of a script or a person.

    Args:
        name: Of the command.
        track: Name of the track that a mute or a solo means; nothing otherwise.
        value: True, False, "on", "off", "toggle", a number, a number as text, the name of a style; nothing is "on".
        spec: The model's tracks and styles.

    Returns:
        The command, at second 0.

    Raises:
        Refused: it makes no sense.
    """
    names = [its.name for its in spec.tracks]
    if name in TRACK_SWITCHES and track not in names:
        raise Refused(f"{name} needs a track" + ("" if track is None else f", and {track!r} is none"), names)
    if name not in TRACK_SWITCHES and track is not None:
        raise Refused(f"{name} is not a track's own, and {track!r} is given", TRACK_SWITCHES)
    at = names.index(str(track)) if name in TRACK_SWITCHES else -1
    if name in TRIGGERS:
        return Command(0.0, name)
    if name in SWITCHES:
        word = {None: "on", True: "on", False: "off"}.get(value, value) if isinstance(value, bool | None) else value
        if word not in ("on", "off", "toggle"):
            raise Refused(f"{name} is {value!r}", ("on", "off", "toggle"))
        return Command(0.0, name, None if word == "toggle" else float(word == "on"), at)
    if name == "style" and value in spec.styles:
        return Command(0.0, name, float(spec.styles.index(str(value))))
    number = _number(value)
    try:
        return checked(Command(0.0, name, number), spec)
    except Refused as refused:
        if number is not None or not refused.accepted:
            raise
        raise Refused(f"{name} is {value!r}", refused.accepted) from refused


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def said(command: Command, spec: ModelSpec) -> str:
    """A command in words: "mute bass on", "density 0.5", "fill"."""
    words = [command.name]
    if command.name in TRACK_SWITCHES:
        words.append(spec.tracks[command.track].name)
    if command.name in SWITCHES:
        words.append("toggle" if command.value is None else "on" if command.value else "off")
    elif command.name == "style":
        words.append(spec.styles[int(command.value or 0)])
    elif command.value is not None and command.name in AMOUNTS:
        words.append(f"{command.value:g}")
    return " ".join(words)


class Setting(NamedTuple):
    """Where the controls stand, by name.

    Args:
        muted: Tracks muted.
        soloed: Tracks soloed.
        density: Share of the plan that plays, 0 to 1.
        temperature: Scales the model's noise, 0 to 2.
        style: Name of the style; empty where the model has none.
        hold: The harmony is held.
        listening: The band plays; it rests where this is off.
    """

    muted: tuple[str, ...] = ()
    soloed: tuple[str, ...] = ()
    density: float = 1.0
    temperature: float = 1.0
    style: str = ""
    hold: bool = False
    listening: bool = True


class Desk:
    """Where the controls stand. Triggers leave no trace here.

    Args:
        spec: The model's tracks and styles.
    """

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._tracks: dict[str, set[int]] = {name: set() for name in TRACK_SWITCHES}
        self._switches = {"hold": False, "listen": True}
        self.density = 1.0
        self.temperature = 1.0
        self.style = 0
        self._shown: Setting | None = None  # until something is turned

    @property
    def setting(self) -> Setting:
        """Where everything stands."""
        if self._shown is None:
            self._shown = self._setting()
        return self._shown

    @property
    def hold(self) -> bool:
        """The band stays on the harmony it has."""
        return self._switches["hold"]

    @property
    def listening(self) -> bool:
        """The band plays along."""
        return self._switches["listen"]

    @property
    def closed(self) -> frozenset[int]:
        """Tracks that are silent, as on a mixer: those muted, and where any is soloed all that are not."""
        soloed = self._tracks["solo"]
        others = set(range(len(self._spec.tracks))) - soloed if soloed else set()
        return frozenset(self._tracks["mute"] | others)

    def take(self, command: Command) -> Command:
        """Turn a control.

        Args:
            command: As `checked` approved it.

        Returns:
            The same, a toggled switch with where it stands now.
        """
        name, value = command.name, command.value
        self._shown = None
        if name in SWITCHES and value is None:
            on = command.track in self._tracks[name] if name in TRACK_SWITCHES else self._switches[name]
            command = command._replace(value=float(not on))
        if name in TRACK_SWITCHES:
            (self._tracks[name].add if command.value else self._tracks[name].discard)(command.track)
        elif name in SWITCHES:
            self._switches[name] = bool(command.value)
        elif name in ("density", "temperature") and value is not None:
            setattr(self, name, float(value))
        elif name == "style" and value is not None:
            self.style = int(value)
        return command

    def _setting(self) -> Setting:
        names = {name: tuple(self._spec.tracks[i].name for i in sorted(its)) for name, its in self._tracks.items()}
        style = self._spec.styles[self.style] if self._spec.styles else ""
        return Setting(names["mute"], names["solo"], self.density, self.temperature, style, self.hold, self.listening)
