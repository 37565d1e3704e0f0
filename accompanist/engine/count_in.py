"""The count-in: a click on each beat of the bars before the song, so that everybody begins together.

The song is running while it is counted in: its first tick lies ahead, and the clicks stand before it.
"""

from __future__ import annotations

import math

from accompanist.engine.outbox import Outbox
from accompanist.engine.protocol import Message
from accompanist.engine.schedule import RELEASE_VELOCITY
from accompanist.engine.transport import Transport
from accompanist.music.time import PPQ

CLICK_TRACK = -3
"""The track of the clicks; -1 is the player's own melody, -2 our clock."""
HIGH, LOW = 76, 77
"""Wood blocks of General MIDI's percussion: the first beat of a bar, and the others."""
_LOUD, _SOFT = 110, 90
_DRUMS = 9
_CLICK_S = 0.05


class Clicks:
    """Clicks before the song.

    Args:
        outbox: Takes the messages.
        bars: So many; 0: none.
        beats_per_bar: Clicks in a bar.
        ahead_s: How long before they are due they are told.
    """

    def __init__(self, outbox: Outbox, *, bars: int, beats_per_bar: int, ahead_s: float) -> None:
        self._outbox = outbox
        self._beats_per_bar = beats_per_bar
        self.ahead_s = ahead_s
        self.ticks = bars * beats_per_bar * PPQ
        self._next_tick = 0  # of the next click; all have been told from 0 on

    def begin(self) -> None:
        """The song has been started, `ticks` before its first."""
        self._next_tick = -self.ticks

    def next_s(self, transport: Transport) -> float:
        """When the next click is to be told; infinite where there is none."""
        return transport.s_at(self._next_tick) - self.ahead_s if self._next_tick < 0 else math.inf

    def play(self, transport: Transport, at_s: float) -> None:
        """Tell the clicks that are due up to the look-ahead after a moment; none is left where the song was stopped."""
        if not transport.running:
            self._next_tick = 0
        while self._next_tick < 0 and (due_s := transport.s_at(self._next_tick)) <= at_s + self.ahead_s:
            first = self._next_tick // PPQ % self._beats_per_bar == 0
            pitch, velocity = (HIGH, _LOUD) if first else (LOW, _SOFT)
            self._outbox.lead(Message(due_s, CLICK_TRACK, bytes((0x90 | _DRUMS, pitch, velocity)), 0))
            self._outbox.lead(
                Message(due_s + _CLICK_S, CLICK_TRACK, bytes((0x80 | _DRUMS, pitch, RELEASE_VELOCITY)), 0)
            )
            self._next_tick += PPQ
