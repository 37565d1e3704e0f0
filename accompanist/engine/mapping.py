"""Which key, knob or pedal does what: MIDI messages that are commands and no melody.

A mapped message is taken out of the player's music as a whole: with a mapped key also its note-off and its pressure.
Nothing here happens twice: a button that sends 127 when it is pressed and 0 when it is let go turns a switch once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from accompanist.config_controls import ControlsConfig
from accompanist.engine.controls import TRACK_SWITCHES, TRIGGERS
from accompanist.engine.player import is_channel_message
from accompanist.engine.protocol import Command, Received
from accompanist.errors import ConfigError
from accompanist.music.spec import ModelSpec
from accompanist.music.theory import pitch_number

NOTE_OFF, NOTE_ON, PRESSURE, CONTROL, PROGRAM = 0x80, 0x90, 0xA0, 0xB0, 0xC0
DOWN = 64
"""From this value on a button or pedal counts as pressed (MIDI 1.0, switch controllers)."""
_SAID_BY = {"cc": (CONTROL,), "note": (NOTE_OFF, NOTE_ON, PRESSURE), "program": (PROGRAM,)}
"""Kinds of messages by kind of control."""
AS_TRAINED = 64
"""The middle of a knob, where temperature is 1."""


class Touch(NamedTuple):
    """A control as the settings name it.

    Args:
        kind: "cc", "note" or "program"; a pedal is a cc.
        number: Controller, key or program; -1: any program.
        channel: 0 to 15; -1: any.
        held: A switch is on while it is pressed; otherwise each press turns it the other way.
    """

    kind: str
    number: int
    channel: int
    held: bool

    @classmethod
    def parse(cls, text: str) -> Touch:
        """Read what `ControlsConfig` let through, such as "cc 20", "note C1 channel 10", "pedal 66" or "program"."""
        words = text.lower().split()
        channel = int(words[words.index("channel") + 1]) - 1 if "channel" in words else -1
        kind = words[0]
        number = -1
        if len(words) > 1 and re.fullmatch(r"-?\d+", words[1]):
            number = int(words[1])
        elif kind == "note":
            number = pitch_number(words[1])
        held = words[-1] == "held" or (kind == "pedal" and words[-1] != "toggle")
        return cls("cc" if kind == "pedal" else kind, number, channel, held)

    def reads(self, data: bytes) -> int | None:
        """The value it says: 0 to 127, a program's number where any is meant; None where the message is another's."""
        kind, channel = data[0] & 0xF0, data[0] & 0x0F
        if self.channel not in (-1, channel):
            return None
        if self.kind == "program" and kind == PROGRAM and self.number in (-1, data[1]):
            return data[1] if self.number == -1 else 127
        if self.number != data[1]:
            return None
        if self.kind == "cc" and kind == CONTROL:
            return data[2]
        if self.kind == "note" and kind in (NOTE_OFF, NOTE_ON):
            return data[2] if kind == NOTE_ON else 0 if kind == NOTE_OFF else None
        return None

    def means(self, data: bytes) -> bool:
        """A message is this control's: one that it reads, or the pressure on its key, which says nothing."""
        return self.reads(data) is not None or (
            self.kind == "note"
            and data[0] & 0xF0 == PRESSURE
            and data[1] == self.number
            and self.channel in (-1, data[0] & 0x0F)
        )


class Binding(NamedTuple):
    """A control and what it does.

    Args:
        touch: The control.
        name: The command.
        track: The track it means, or -1.
    """

    touch: Touch
    name: str
    track: int


class ControlMap:
    """Turns the player's MIDI messages into commands.

    Args:
        controls: The mapping as the settings have it.
        spec: The model's tracks and styles.

    Raises:
        ConfigError: it names a track the model does not have, or a style where it has none.
    """

    def __init__(self, controls: ControlsConfig, spec: ModelSpec) -> None:
        self._styles = len(spec.styles)
        self._bindings = [
            Binding(Touch.parse(text), name, track) for name, track, text in _entries(controls, spec) if text
        ]
        self._pressed: set[Binding] = set()
        # By kind of message and number (-1: any program): looked up for each message of the player's.
        places = {(kind, its.touch.number) for its in self._bindings for kind in _SAID_BY[its.touch.kind]}
        self._near: dict[tuple[int, int], Sequence[Binding]] = {
            (kind, number): [
                its for its in self._bindings if kind in _SAID_BY[its.touch.kind] and its.touch.number in (number, -1)
            ]
            for kind, number in places
        }

    def owns(self, received: Received) -> bool:
        """A message that means a command, or the end of one."""
        data = received.data
        if received.from_clock or not is_channel_message(data):
            return False
        return any(binding.touch.means(data) for binding in self._meant(data))

    def commands(self, received: Received) -> list[Command]:
        """What a message that is `owns` ed asks for; often nothing, as when a button is let go."""
        found: list[Command] = []
        for binding in self._meant(received.data):
            value = binding.touch.reads(received.data)
            if value is not None:
                found += self._asked(binding, value, received)
        return found

    def _meant(self, data: bytes) -> Sequence[Binding]:
        """Those that a message may mean, its channel apart."""
        kind = data[0] & 0xF0
        return self._near.get((kind, data[1]), self._near.get((kind, -1), ()))

    def _asked(self, binding: Binding, value: int, received: Received) -> Iterable[Command]:
        touch, name, track = binding
        command = Command(received.at_s, name, None, track)
        if name == "density":
            return [command._replace(value=value / 127)]
        if name == "temperature":
            return [command._replace(value=min(value / AS_TRAINED, 2.0))]
        if name == "style":  # a program is a style's place, a knob goes through them all
            return [command._replace(value=value if touch.kind == "program" else value * self._styles // 128)]
        if touch.kind == "program":  # it is never let go
            return [command]
        return self._pressed_or_let_go(binding, value, command)

    def _pressed_or_let_go(self, binding: Binding, value: int, command: Command) -> Iterable[Command]:
        """A button says 127 and 0, a key its velocity and 0; only a change between up and down says something."""
        down, was_down = value >= (DOWN if binding.touch.kind == "cc" else 1), binding in self._pressed
        (self._pressed.add if down else self._pressed.discard)(binding)
        if down == was_down:
            return []
        if binding.touch.held and binding.name not in TRIGGERS:
            return [command._replace(value=float(down))]
        return [command] if down else []


def _entries(controls: ControlsConfig, spec: ModelSpec) -> Iterable[tuple[str, int, str]]:
    """(command, track, control as text) of every setting."""
    names = [track.name for track in spec.tracks]
    for name in controls.__struct_fields__:
        its: str | Mapping[str, str] = getattr(controls, name)
        if name not in TRACK_SWITCHES or isinstance(its, str):
            if name == "style" and its and not spec.styles:
                raise ConfigError(
                    f"controls.style is {its!r}, but the model has no styles",
                    hint="take the line out of the settings, or serve a model with styles: --model",
                )
            yield name, -1, str(its)
            continue
        for track, text in its.items():
            if track not in names:
                raise ConfigError(
                    f"controls.{name}.{track}: the model has no track {track!r}; it has {', '.join(names)}",
                    hint=f"name one of them, such as controls.{name}.{names[0]}",
                )
            yield name, names.index(track), text
