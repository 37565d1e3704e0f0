"""Learning a control by its being touched: which message it was, and how its button behaves."""

from __future__ import annotations

from accompanist.engine.mapping import CONTROL, DOWN, NOTE_ON, PROGRAM
from accompanist.engine.player import is_channel_message
from accompanist.music.theory import pitch_name

KNOBS = ("density", "temperature")
"""Functions that a range of values belongs to."""
LET_GO_S = 1.5
"""A button that says nothing within this, when it has been pressed and is let go again, latches by itself."""
_PEDALS = range(64, 70)
"""Sustain, portamento, sostenuto, soft, legato, second hold (MIDI 1.0)."""
_MODES = 120
"""Controllers from here on are channel mode messages, and no control (MIDI 1.0)."""


class Learner:
    """Listens until it knows a control.

    Args:
        name: The function it is for: "mute", "density", ...
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._pressed: tuple[int, int, float] | None = None  # controller, channel, second
        self.control = ""
        """As the settings name it, once it is known."""

    def hear(self, data: bytes, at_s: float) -> None:
        """Take a message; only what can be a control of this function counts.

        Args:
            data: Any message.
            at_s: When it arrived.
        """
        self.wait(at_s)
        if self.control or not is_channel_message(data):
            return
        kind, channel = data[0] & 0xF0, (data[0] & 0x0F) + 1
        if kind == CONTROL and data[1] < _MODES:
            self._turned(data[1], data[2], channel, at_s)
        elif self._name in KNOBS or self._pressed is not None:
            return
        elif kind == PROGRAM:
            self.control = (
                f"program channel {channel}" if self._name == "style" else f"program {data[1]} channel {channel}"
            )
        elif kind == NOTE_ON and data[2] > 0 and self._name != "style":
            self.control = f"note {pitch_name(data[1])} channel {channel}"

    def wait(self, now_s: float) -> None:
        """Time has passed: a button that has not been let go by now latches."""
        if self._pressed is not None and now_s >= self._pressed[2] + LET_GO_S and not self.control:
            number, channel, _ = self._pressed
            self.control = f"cc {number} channel {channel} held"

    @property
    def decides_at_s(self) -> float | None:
        """When `wait` will have something to decide."""
        return None if self._pressed is None or self.control else self._pressed[2] + LET_GO_S

    def _turned(self, number: int, value: int, channel: int, at_s: float) -> None:
        if self._name in (*KNOBS, "style"):
            self.control = f"cc {number} channel {channel}"
        elif number in _PEDALS:
            self.control = f"pedal {number} channel {channel}"
        elif self._pressed is None:
            # A button that begins with its release has latched before.
            self._pressed = number, channel, at_s
            if value < DOWN:
                self.control = f"cc {number} channel {channel} held"
        elif self._pressed[:2] == (number, channel):
            self.control = f"cc {number} channel {channel}"
