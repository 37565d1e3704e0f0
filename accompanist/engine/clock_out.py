"""MIDI clock for others to follow (MIDI 1.0, "System Real Time Messages", "Song Position Pointer").

Twenty-four clocks to a beat while the song moves, each due at its tick; start, stop, continue and song position as the
song's course has it. They leave like every note, as messages of the engine, so a new tempo is in the next clock.

Who was away meanwhile (a cable pulled out) is told where the song is and goes on with it at one of the next sixteenths,
because a song position counts those.
"""

from __future__ import annotations

import math

from accompanist.engine.outbox import Outbox
from accompanist.engine.protocol import Message
from accompanist.engine.transport import Transport, Turn
from accompanist.music.time import TICKS_PER_CLOCK, TICKS_PER_SONG_POSITION

CLOCK_TRACK = -2
"""The track of these messages; the player's own melody is -1."""
CLOCK, START, CONTINUE, STOP = b"\xf8", b"\xfa", b"\xfb", b"\xfc"
_SONG_POSITION = 0xF2
_LAST_POSITION = 2**14 - 1
"""Of a song position, in sixteenths: 1023 bars of 4/4."""


class ClockOut:
    """Says where the song is, as MIDI clock.

    Args:
        outbox: Takes the messages.
        ahead_s: How long before they are due they are told.
    """

    def __init__(self, outbox: Outbox, *, ahead_s: float) -> None:
        self._outbox = outbox
        self.ahead_s = ahead_s
        self._next_tick = 0  # of the next clock
        self._starting = False  # the song was started, and its first tick is not there yet
        self._going = False  # whoever follows has been started, and not stopped
        self._away = False  # and was away since: what it was told before it does not know
        self._join_tick: int | None = None  # where it is told to go on, while clocks are sent already

    def next_s(self, transport: Transport) -> float:
        """When the next clock is to be told; infinite while the song rests."""
        return transport.s_at(self._next_tick) - self.ahead_s if transport.running else math.inf

    def play(self, transport: Transport, at_s: float) -> None:
        """Tell the clocks that are due up to the look-ahead after a moment."""
        horizon_s = max(min(at_s + self.ahead_s, transport.end_s), at_s)
        if self._starting and transport.running and (due_s := transport.s_at(0)) <= horizon_s:
            self._say(START, due_s)
            self._starting, self._going, self._away = False, True, False
        while transport.running and (due_s := transport.s_at(self._next_tick)) <= horizon_s:
            if self._next_tick == self._join_tick:
                self._go(due_s)
            self._say(CLOCK, due_s)
            self._next_tick += TICKS_PER_CLOCK

    def turn(self, turn: Turn, transport: Transport) -> None:
        """The song's course changes.

        Args:
            turn: How.
            transport: Where the song is now.
        """
        if turn.name == "start":
            self._next_tick, self._starting, self._join_tick = 0, True, None
        elif turn.jump:
            self._stop(turn.at_s)
            self._locate(transport.tick_at(turn.at_s), turn.at_s)
            if transport.running:
                self._continue(turn.at_s)
        elif turn.name == "continue":
            self._continue(turn.at_s)
        elif turn.name in ("stop", "stopped"):
            self._stop(turn.at_s)

    def back(self, at_s: float) -> None:
        """Whoever follows was away: it rests, or runs on from where it was."""
        joins = self._going or self._join_tick is not None
        self._away, self._going = True, False
        self._say(STOP, at_s)  # it may have missed that the song stopped
        if joins:
            self._join(at_s)

    def _locate(self, tick: int, at_s: float) -> None:
        """Where it goes on, in sixteenths; the clocks up to the next one are the song's own affair."""
        sixteenths = -(-tick // TICKS_PER_SONG_POSITION)
        self._next_tick = sixteenths * TICKS_PER_SONG_POSITION
        self._tell_position(sixteenths, at_s)

    def _tell_position(self, sixteenths: int, at_s: float) -> None:
        if sixteenths <= _LAST_POSITION:
            self._say(bytes((_SONG_POSITION, sixteenths & 0x7F, sixteenths >> 7)), at_s)

    def _continue(self, at_s: float) -> None:
        if self._next_tick % TICKS_PER_SONG_POSITION == 0:  # it can be told: then who missed a clock is right again
            self._locate(self._next_tick, at_s)
            self._go(at_s)
        elif self._away:
            self._join(at_s)
        else:
            self._go(at_s)

    def _join(self, at_s: float) -> None:
        """Tell a place at least a sixteenth ahead, so that there is time to go there; at it, to go on."""
        sixteenths = self._next_tick // TICKS_PER_SONG_POSITION + 2
        self._tell_position(sixteenths, at_s)
        self._join_tick = sixteenths * TICKS_PER_SONG_POSITION

    def _go(self, at_s: float) -> None:
        self._say(CONTINUE, at_s)
        self._going, self._away, self._join_tick = True, False, None

    def _stop(self, at_s: float) -> None:
        self._starting, self._join_tick = False, None
        if self._going:
            self._say(STOP, at_s)
            self._going = False

    def _say(self, data: bytes, due_s: float) -> None:
        self._outbox.lead(Message(due_s, CLOCK_TRACK, data, self._next_tick))
