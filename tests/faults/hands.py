"""A nervous hand at mapped knobs, keys and pedals: MIDI messages that are commands."""

from __future__ import annotations

from faults.source import MOST_PER_SCENE, Source

from accompanist.config_controls import ControlsConfig

CONTROLS = ControlsConfig(
    mute={"bass": "cc 20", "piano": "note 36 channel 10", "strings": "cc 22 held"},
    solo={"bass": "program 5", "piano": "note 60 channel 2 held"},
    density="cc 21",
    temperature="cc 23 channel 1",
    hold="pedal 66",
    fill="note 37",
    panic="cc 25",
    listen="pedal 67 toggle",
    tap="cc 26",
    start="program 1 channel 3",
    stop="program 2",
    continue_="cc 27",
)
KNOBS = (20, 21, 22, 23, 24, 25, 26, 27, 66, 67)
TAP = 26
KEYS = ((9, 36), (1, 60), (0, 37), (7, 37))
"""Channel and key."""
PROGRAMS = ((0, 5), (4, 5), (2, 1), (11, 2))
"""Channel and program."""


def means_control(data: bytes, *, styles: bool) -> bool:
    """A message that the settings above take out of the music.

    Args:
        data: A whole channel message.
        styles: The style is mapped as well.
    """
    kind, channel, number = data[0] & 0xF0, data[0] & 0x0F, data[1]
    if kind == 0xB0:
        anywhere = number in KNOBS and number != 23 and (number != 24 or styles)
        return anywhere or (number == 23 and channel == 0)
    if kind in (0x80, 0x90, 0xA0):
        return number == 37 or (channel, number) in ((9, 36), (1, 60))
    return kind == 0xC0 and (number in (2, 5) or (channel, number) == (2, 1))


class Hands(Source):
    """Turns, presses, and forgets to let go."""

    MOODS = (("none", 4), ("some", 3), ("storm", 1))

    def act(self, length_s: float) -> None:
        """Play with the controls; between two scenes all stands as it should, more often than not."""
        rng = self.rng
        if self.mood == "none" or not self.world.stage.mapped:
            return
        gap_s = max(0.02 if self.mood == "storm" else 2.0, length_s / MOST_PER_SCENE)
        self.again(lambda: rng.expovariate(1 / gap_s), self._touch)

    def _touch(self) -> None:
        rng = self.rng
        self.world.note("mapped control")
        kind = rng.choice(("knob", "knob", "key", "program"))
        if kind == "knob":
            number, channel = rng.choice(KNOBS), rng.choice((0, 0, 3))
            if number == TAP and self.world.scenes.long:  # long scenes are slow
                return
            self._send(bytes((0xB0 | channel, number, rng.choice((0, 1, 63, 64, 100, 127)))))
        elif kind == "key":
            channel, key = rng.choice(KEYS)
            self._send(bytes((0x90 | channel, key, rng.choice((1, 100)))))
            if rng.random() < 0.3:
                self._send(bytes((0xA0 | channel, key, 90)))
            if rng.random() < 0.8:
                self._send(bytes((rng.choice((0x80, 0x90)) | channel, key, 0)))
        else:
            channel, program = rng.choice(PROGRAMS)
            self._send(bytes((0xC0 | channel, program)))

    def _send(self, data: bytes) -> None:
        pads = self.world.stage.own_pads and self.rng.random() < 0.7
        self.world.play(data, self.world.now(), role="control" if pads else "in")
