"""Following an Ableton Link session: tempo, phase and start/stop, as the session's own thread tells them.

Link shares a beat timeline: every peer is at the same place in the bar. What it tells is exact, so no estimate is
needed; a small difference is steered out, and the position is never turned back.
"""

from __future__ import annotations

import math

from accompanist.engine.protocol import LinkState
from accompanist.engine.transport import Turn
from accompanist.music.time import PPQ

STEER_S = 0.1
"""An error of position falls to a third in this time."""
JUMP_TICKS = PPQ // 2
"""A session further away than this has been mapped anew: a jump, and nothing to steer."""


class LinkTransport:
    """The transport a Link session leads.

    Where nobody in the session starts and stops it (not all programs do), the player's first note begins the song, in
    the session's bar.

    Args:
        bpm: Tempo until the session tells it.
        beats_per_bar: Link's quantum.
    """

    deadline_s = math.inf
    end_s = math.inf

    def __init__(self, bpm: float, beats_per_bar: int) -> None:
        self._bpm = bpm
        self._bar_ticks = beats_per_bar * PPQ
        self._state: LinkState | None = None
        self._running = False
        self._playing = False  # what the session last said
        self._led = False  # the session has started or stopped us: the player no longer does
        self._origin_ticks = 0.0  # our tick less the session's
        self._rest_tick = 0
        self._settled_s = -math.inf
        self._from_tick, self._from_s, self._ticks_per_s = 0.0, 0.0, bpm * PPQ / 60

    @property
    def running(self) -> bool:
        """The song moves."""
        return self._running

    @property
    def bpm(self) -> float:
        """The session's tempo, in beats per minute."""
        return self._bpm

    @property
    def lock(self) -> str:
        """How the session is heard: "waiting" for it, then "locked"."""
        return "waiting" if self._state is None else "locked"

    def tick_at(self, s: float) -> int:
        """The last tick that has begun at a moment, never below 0; where the song rests while it does not run."""
        return max(math.floor(self._position(s) + 1e-6), 0) if self._running else self._rest_tick

    def _position(self, s: float) -> float:
        return self._from_tick + self._ticks_per_s * (s - self._from_s)

    def s_at(self, tick: int) -> float:
        """The moment of a tick at the present tempo; infinite while stopped."""
        if not self._running or self._ticks_per_s <= 0:
            return math.inf
        return self._from_s + (tick - self._from_tick) / self._ticks_per_s

    def settle(self, now_s: float) -> None:
        """Take note that positions up to a moment have been told and may not be taken back."""
        self._settled_s = max(self._settled_s, now_s)

    def heard(self, state: LinkState, at_s: float) -> tuple[Turn, ...]:
        """The session tells where it is.

        Args:
            state: Its beat, tempo and whether it plays.
            at_s: When that is taken in.
        """
        if not (math.isfinite(state.beat) and math.isfinite(state.bpm) and state.bpm > 0):
            return ()
        began, ended = state.playing and not self._playing, self._playing and not state.playing
        self._state, self._playing, self._bpm = state, state.playing, state.bpm
        if began:
            self._led = True
            self._origin_ticks = 0.0
            return self._begin(at_s)
        if ended:
            return self.stop(at_s)
        return self._steer(at_s) if self._running else ()

    def player_began(self, at_s: float) -> tuple[Turn, ...]:
        """The player's first note, where the session does not start and stop."""
        if self._led or self._running or self._state is None:
            return ()
        session = self._session_ticks(at_s)
        self._origin_ticks = -math.floor(session / self._bar_ticks) * self._bar_ticks
        return self._begin(at_s)

    def _session_ticks(self, s: float) -> float:
        assert self._state is not None  # noqa: S101  (callers have asked)
        return (self._state.beat + (s - self._state.at_s) * self._bpm / 60) * PPQ

    def _begin(self, at_s: float) -> tuple[Turn, ...]:
        here_s = max(at_s, self._settled_s)
        self._from_tick, self._from_s = self._session_ticks(here_s) + self._origin_ticks, here_s
        self._ticks_per_s = self._bpm * PPQ / 60
        self._running = True
        joined = self._from_tick > JUMP_TICKS  # a session that has been playing
        return (Turn(at_s, "continue" if joined else "start", silence=True, jump=True),)

    def _steer(self, at_s: float) -> tuple[Turn, ...]:
        here_s = max(at_s, self._settled_s)
        here, there = self._position(here_s), self._session_ticks(here_s) + self._origin_ticks
        ticks_per_s = self._bpm * PPQ / 60
        self._from_tick, self._from_s = here, here_s
        if abs(there - here) > JUMP_TICKS:
            self._from_tick, self._ticks_per_s = there, ticks_per_s
            return (Turn(at_s, "position", silence=True, jump=True),)
        # Twice the tempo at most, and standing still rather than running back.
        self._ticks_per_s = min(max(ticks_per_s + (there - here) / STEER_S, 0.0), 2 * ticks_per_s)
        return ()

    def stop(self, at_s: float) -> tuple[Turn, ...]:
        """Rest where the song is."""
        if not self._running:
            return ()
        self._rest_tick = self.tick_at(max(at_s, self._settled_s))
        self._running = False
        return (Turn(at_s, "stop", silence=True),)

    def expire(self, at_s: float) -> tuple[Turn, ...]:  # noqa: ARG002  the follower has deadlines
        """Nothing runs out here."""
        return ()

    def receive(self, data: bytes, at_s: float) -> tuple[Turn, ...]:  # noqa: ARG002  the follower listens
        """A MIDI clock is not followed."""
        return ()

    def change_tempo(self, us_per_beat: int, tick: int | None) -> None:
        """The session sets the tempo."""
