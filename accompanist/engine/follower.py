"""Following a MIDI clock: the song's position from pulses that arrive late, early and in clumps.

The count of clocks is exact, their times are not: read through JACK, each is late by up to one period (21 ms at 1024
frames). So the position between two clocks is a straight line, steered towards the one that `PulseLine` draws through
the last beats of clocks, and never turned back.
"""

from __future__ import annotations

import math
from typing import Literal

from accompanist.engine.pulses import SHORTEST_PERIOD_S, PulseLine
from accompanist.engine.transport import Turn
from accompanist.music.time import CLOCKS_PER_BEAT, TICKS_PER_CLOCK, TICKS_PER_SONG_POSITION

SONG_POSITION, CLOCK, START, CONTINUE, STOP = 0xF2, 0xF8, 0xFA, 0xFB, 0xFC

LOCK_CLOCKS = CLOCKS_PER_BEAT
"""With this many clocks heard the tempo counts as known."""
STEER_CLOCKS = 5
"""An error of position is halved about every seventh of a beat: so it has gone within one."""
CLUMP_S = SHORTEST_PERIOD_S / 2
"""Clocks closer together were held up on their way."""
SILENCE_CLOCKS, SILENCE_S = 12, 0.25
"""A clock that is silent for longer than both is lost."""
STALL_S = 1.0
"""One that is back within this was held up: none of its clocks is missing. After longer the cable was out."""


class ClockFollower:
    """The transport a MIDI clock leads (MIDI 1.0, "System Real Time Messages" and "Song Position Pointer").

    Start and Continue only arm; the first clock after them moves the song. Clocks that come while it stands still tell
    the tempo and no more.

    Args:
        bpm: Tempo assumed until clocks tell it.
        lost_clock_beats: Beats to go on at the last tempo when the clock falls silent.
        ticks_per_position: What the master's song position counts: sixteenths, as the standard has it.
    """

    def __init__(self, bpm: float, lost_clock_beats: int, ticks_per_position: int = TICKS_PER_SONG_POSITION) -> None:
        self._line = PulseLine(60 / bpm / CLOCKS_PER_BEAT)
        self._lost_clock_beats = lost_clock_beats
        self._ticks_per_position = ticks_per_position
        self._state: Literal["stopped", "armed", "running"] = "stopped"
        self._lock: Literal["waiting", "locked", "lost"] = "waiting"
        self._heard_s: float | None = None  # the last clock, while clocks are arriving
        self._silent_since_s = -math.inf  # the last clock before it was lost
        self._end_s = math.inf  # when a song without a clock ends
        self._returning = False  # the clock was lost, and comes back in a clump
        self._settled_s = -math.inf
        self._rest_tick = 0  # the position while not running
        self._clock_tick = 0  # where the next clock falls
        # While running the position is a line from here, and never beyond the cap.
        self._from_tick, self._from_s, self._ticks_per_s, self._cap_tick = 0.0, 0.0, 0.0, math.inf

    @property
    def running(self) -> bool:
        """The song moves."""
        return self._state == "running"

    @property
    def bpm(self) -> float:
        """Tempo in beats per minute, as estimated."""
        return 60 / (self._line.period_s * CLOCKS_PER_BEAT)

    @property
    def lock(self) -> str:
        """How the clock is heard: "waiting" for it, "locked" to it, or "lost" while the song ran."""
        return self._lock

    @property
    def deadline_s(self) -> float:
        """When the clock counts as lost, or when a song without a clock ends."""
        if self._heard_s is not None:
            return self._heard_s + max(SILENCE_CLOCKS * self._line.period_s, SILENCE_S)
        return self.end_s

    @property
    def end_s(self) -> float:
        """When a song whose clock was lost ends."""
        return self._end_s if self.running else math.inf

    def tick_at(self, s: float) -> int:
        """The last tick that has begun at a moment; where the song rests while it does not run."""
        if not self.running:
            return self._rest_tick
        return max(math.floor(self._position(s) + 1e-6), 0)

    def _position(self, s: float) -> float:
        tick = self._from_tick + self._ticks_per_s * (s - self._from_s)
        return min(tick, max(self._cap_tick, self._from_tick))

    def s_at(self, tick: int) -> float:
        """The moment of a tick, as the last clocks foretell it; infinite while stopped, and where a clock must come."""
        if not self.running:
            return math.inf
        if tick <= self._from_tick:
            return self._from_s - (self._from_tick - tick) * self._line.period_s / TICKS_PER_CLOCK
        if tick > self._cap_tick or self._ticks_per_s <= 0:
            return math.inf
        return self._from_s + (tick - self._from_tick) / self._ticks_per_s

    def settle(self, now_s: float) -> None:
        """Take note that positions up to a moment have been told and may not be taken back."""
        self._settled_s = max(self._settled_s, now_s)

    def expire(self, at_s: float) -> tuple[Turn, ...]:
        """The clock has been silent for too long: first lost, then the end."""
        if self._heard_s is not None:
            beat_s = CLOCKS_PER_BEAT * self._line.period_s
            # Half a clock less than whole beats: the one that would begin there does not.
            self._end_s = max(self._heard_s + self._lost_clock_beats * beat_s - self._line.period_s / 2, at_s)
            self._silent_since_s, self._heard_s = self._heard_s, None
            self._lock = "lost" if self.running else "waiting"
            return (Turn(at_s, "clock_lost"),) if self.running else ()
        self._rest(at_s)
        return (Turn(at_s, "stopped", silence=True),)

    def receive(self, data: bytes, at_s: float) -> tuple[Turn, ...]:
        """Take a system message; anything else is ignored.

        Args:
            data: One whole message.
            at_s: When it arrived.
        """
        if data[0] == CLOCK:
            return self._clock(at_s)
        if data[0] == START:
            self._state, self._rest_tick, self._clock_tick = "armed", 0, 0
            return (Turn(at_s, "start", silence=True, jump=True),)
        if data[0] == CONTINUE and self._state == "stopped":
            self._state = "armed"
            return (Turn(at_s, "continue"),)
        if data[0] == STOP and self._state != "stopped":
            return self.stop(at_s)
        if data[0] == SONG_POSITION and len(data) == 3 and max(data[1:]) < 0x80:
            return self._locate((data[1] | data[2] << 7) * self._ticks_per_position, at_s)
        return ()

    def _locate(self, tick: int, at_s: float) -> tuple[Turn, ...]:
        """Go to a position. A song position counts sixteenths, so one less than a sixteenth away is where we are."""
        here = self.tick_at(max(at_s, self._settled_s))
        near = abs(tick - here) <= TICKS_PER_SONG_POSITION
        if self.running and near:
            return ()
        if self.running:
            self._state = "armed"
        self._rest_tick = self._clock_tick = tick
        return (Turn(at_s, "position", silence=not near, jump=not near),)

    def _clock(self, at_s: float) -> tuple[Turn, ...]:
        turns = []
        before_s = self._heard_s
        if before_s is None and at_s - self._silent_since_s > STALL_S:
            self._line.clear()
        elif self._state == "armed":
            self._line.begin(at_s)
        self._heard_s = at_s
        self._line.add(at_s)
        if self._lock != "locked" and len(self._line) >= LOCK_CLOCKS:
            self._lock = "locked"
            turns.append(Turn(at_s, "locked"))
        lost = math.isfinite(self._end_s) and at_s - self._silent_since_s > STALL_S
        clump = self._returning and before_s is not None and at_s - before_s < CLUMP_S
        self._returning = self.running and (lost or clump)
        if self._returning:
            # The clock is back. The song went on without it, so what is missing are clocks, not time; and those that
            # come together now were only held up, so they are none to count.
            self._clock_tick = round(self._position(at_s) / TICKS_PER_CLOCK) * TICKS_PER_CLOCK
        self._end_s = math.inf
        if self._state != "stopped":
            self._steer(at_s)
        return tuple(turns)

    def _steer(self, at_s: float) -> None:
        """Draw the position's line anew from where it is, towards where the clocks say it should be."""
        here_s = max(at_s, self._settled_s)
        ticks_per_s = TICKS_PER_CLOCK / self._line.period_s
        target = self._clock_tick + ticks_per_s * (here_s - self._line.last_s)
        if self.running:
            here = self._position(here_s)
        else:
            here = max(target, self._clock_tick, self._rest_tick)
            self._state = "running"
        self._clock_tick += TICKS_PER_CLOCK
        # Twice the tempo at most, and standing still rather than running back.
        correction = (target - here) / (STEER_CLOCKS * self._line.period_s)
        self._ticks_per_s = min(max(ticks_per_s + correction, 0.0), 2 * ticks_per_s)
        self._from_tick, self._from_s = here, here_s
        self._cap_tick = math.inf if self._line.usable else self._clock_tick

    def _rest(self, at_s: float) -> None:
        self._rest_tick = self.tick_at(max(at_s, self._settled_s))
        self._state = "stopped"
        self._end_s = math.inf

    def stop(self, at_s: float) -> tuple[Turn, ...]:
        """Rest where the song is."""
        if self._state == "stopped":
            return ()
        self._rest(at_s)
        return (Turn(at_s, "stop", silence=True),)

    def player_began(self, at_s: float) -> tuple[Turn, ...]:  # noqa: ARG002  the other transport waits for the player
        """The clock begins the song, not the player."""
        return ()

    def change_tempo(self, us_per_beat: int, tick: int | None) -> None:
        """The clock sets the tempo."""
