"""Where the song is: ticks as a function of time, from the engine's own tempo map.

`InternalTransport` keeps its own time; `accompanist.engine.follower.ClockFollower` follows a MIDI clock. Both answer
the same questions (`Transport`), so that the rest of the engine never asks which one leads.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple, Protocol

from accompanist.music.time import PPQ, TempoMap, bpm_of

SHORTEST_BEAT_US = 20_000
"""3000 BPM. A faster tempo change is held here: no music has it, and it would ask for thousands of beats a second."""
LONGEST_BEAT_US = 0xFFFFFF
"""3.6 BPM, the slowest tempo a MIDI file can state (Standard MIDI Files 1.0, set tempo)."""
LAST_TICK = 2**40
"""Tempo changes from here on (36 years at 120 BPM) are passed over."""
HISTORY_S = 2.0
"""How far back the map stays exact: stamped inputs may be drained that much later than they came."""


class Turn(NamedTuple):
    """A change in the course of the song, as the transport tells it to the engine.

    Args:
        at_s: When.
        name: Name of the event: "start", "stop", "continue", "position", "locked", "clock_lost", "stopped".
        silence: What sounds must end at once.
        jump: The song goes on from somewhere else: what was heard and planned so far is void.
    """

    at_s: float
    name: str
    silence: bool = False
    jump: bool = False


class Transport(Protocol):
    """What the engine asks of whatever leads."""

    @property
    def running(self) -> bool:
        """The song moves."""

    @property
    def bpm(self) -> float:
        """Tempo in beats per minute."""

    @property
    def lock(self) -> str:
        """One of "internal", "waiting", "locked", "lost"."""

    @property
    def deadline_s(self) -> float:
        """When `expire` must be called; infinite where nothing runs out."""

    @property
    def end_s(self) -> float:
        """When the song will end by itself, nothing of it sounding beyond; infinite where it goes on."""

    def tick_at(self, s: float) -> int:
        """The last tick that has begun at a moment; where the song rests while it does not run."""

    def s_at(self, tick: int) -> float:
        """The moment of a tick, as far as can be foreseen now; infinite while it cannot."""

    def settle(self, now_s: float) -> None:
        """Take note that everything up to a moment has been told to the world and can no longer change."""

    def expire(self, at_s: float) -> tuple[Turn, ...]:
        """A deadline has passed."""

    def receive(self, data: bytes, at_s: float) -> tuple[Turn, ...]:
        """Take a system message: clock, start, continue, stop, song position."""

    def player_began(self, at_s: float) -> tuple[Turn, ...]:
        """The player's first note."""

    def change_tempo(self, us_per_beat: int, tick: int | None) -> None:
        """A tempo that holds from a tick on, at the earliest from now on; from now on where None."""

    def stop(self, at_s: float) -> tuple[Turn, ...]:
        """End the performance."""


class InternalTransport:
    """The engine's own time: a tempo map that begins when the player does.

    Args:
        bpm: Tempo until a change says otherwise.
    """

    lock = "internal"
    deadline_s = math.inf
    end_s = math.inf

    def __init__(self, bpm: float) -> None:
        self._map = TempoMap.constant(bpm)
        self._running = False
        self._rest_tick = 0
        self._settled_s = -math.inf

    @property
    def running(self) -> bool:
        """The song moves."""
        return self._running

    @property
    def bpm(self) -> float:
        """Tempo in beats per minute at the moment last settled."""
        return bpm_of(self._map.us_per_beat_at(self.tick_at(self._settled_s)))

    def tick_at(self, s: float) -> int:
        """The last tick that has begun at a moment, never below 0."""
        return max(self._map.tick_at(s), 0) if self._running else self._rest_tick

    def s_at(self, tick: int) -> float:
        """The moment of a tick; infinite while stopped."""
        return self._map.s_at(tick) if self._running else math.inf

    def settle(self, now_s: float) -> None:
        """Make the past final, and forget the tempo changes of long ago."""
        self._settled_s = max(self._settled_s, now_s)
        changes = self._map.changes
        if not self._running or len(changes) < 2:
            return
        old_tick = self._map.tick_at(self._settled_s - HISTORY_S)
        past = sum(1 for tick, _ in changes[1:] if tick <= old_tick)
        if past:
            # The segment in force becomes the first: its line is drawn back to the tick 0 it would have had.
            start, us = changes[past]
            origin_s = self._map.s_at(start) - start * us / PPQ / 1e6
            self._map = TempoMap(((0, us), *changes[past + 1 :]), PPQ, origin_s)

    def expire(self, at_s: float) -> tuple[Turn, ...]:  # noqa: ARG002  the other transport has deadlines
        """Nothing runs out here."""
        return ()

    def receive(self, data: bytes, at_s: float) -> tuple[Turn, ...]:  # noqa: ARG002  the other transport listens
        """A clock from outside is not followed."""
        return ()

    def player_began(self, at_s: float) -> tuple[Turn, ...]:
        """Tick 0 is now."""
        self._map = replace(self._map, origin_s=at_s)
        self._running = True
        self._settled_s = max(self._settled_s, at_s)
        return (Turn(at_s, "start", jump=True),)

    def start(self, at_s: float, count_in_ticks: int = 0) -> tuple[Turn, ...]:
        """From the beginning, now or after a count-in, at the present tempo."""
        at_s = max(at_s, self._settled_s)
        us = self._map.us_per_beat_at(self.tick_at(at_s))
        self._map = TempoMap(((0, us),), PPQ, at_s + count_in_ticks * us / PPQ / 1e6)
        self._running, self._settled_s = True, at_s
        return (Turn(at_s, "start", silence=True, jump=True),)

    def go_on(self, at_s: float) -> tuple[Turn, ...]:
        """From where it stopped, now."""
        if self._running:
            return ()
        at_s = max(at_s, self._settled_s)
        rested_s = at_s - self._map.s_at(self._rest_tick)
        self._map = replace(self._map, origin_s=self._map.origin_s + rested_s)
        self._running, self._settled_s = True, at_s
        return (Turn(at_s, "continue"),)

    def change_tempo(self, us_per_beat: int, tick: int | None) -> None:
        """Insert a tempo change; those that lie further ahead stay.

        Args:
            us_per_beat: Microseconds per beat, held within the limits above.
            tick: Where it begins to hold; the first tick not yet begun where None or already past.
        """
        first = self._next_tick() if self._running else 0
        at = first if tick is None else max(tick, first)
        if at >= LAST_TICK:
            return
        changes = dict(self._map.changes)
        changes[at] = min(max(us_per_beat, SHORTEST_BEAT_US), LONGEST_BEAT_US)
        self._map = TempoMap(tuple(sorted(changes.items())), PPQ, self._map.origin_s)

    def _next_tick(self) -> int:
        tick = self.tick_at(self._settled_s)
        return tick if self._map.s_at(tick) >= self._settled_s - 1e-9 else tick + 1

    def stop(self, at_s: float) -> tuple[Turn, ...]:
        """Rest where the song is."""
        if not self._running:
            return ()
        self._rest_tick = self.tick_at(max(at_s, self._settled_s))
        self._running = False
        return (Turn(at_s, "stop", silence=True),)
