"""From committed notes to messages in time: every note-on gets its note-off, whatever happens in between."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from typing import NamedTuple

from accompanist.engine.protocol import Committed, Message
from accompanist.music.time import TICKS_PER_CLOCK

COMMIT_LEAD_TICKS = TICKS_PER_CLOCK
"""How long before a beat it is committed: one MIDI clock."""
RELEASE_VELOCITY = 64
"""What a note-off says where nothing is known of the release (MIDI 1.0, note-off velocity)."""


class _Sounding(NamedTuple):
    track: int
    end_tick: int


class Schedule:
    """Committed notes, and those that sound.

    Args:
        channels: MIDI channel of each track, 0 to 15.
    """

    def __init__(self, channels: Iterable[int]) -> None:
        self._channels = tuple(channels)
        self._waiting: list[tuple[int, int, int, int, int]] = []  # heap: start, track, pitch, end, velocity
        self._sounding: dict[tuple[int, int], _Sounding] = {}  # by channel and pitch

    def commit(self, notes: Iterable[Committed]) -> None:
        """Take notes that will be played as they are."""
        for track, note in notes:
            heapq.heappush(self._waiting, (note.start_tick, track, note.pitch, note.end_tick, note.velocity))

    @property
    def next_tick(self) -> int | None:
        """Tick of the next message; None where none is left."""
        ticks = [sounding.end_tick for sounding in self._sounding.values()]
        if self._waiting:
            ticks.append(self._waiting[0][0])
        return min(ticks, default=None)

    def due(self, s_at: Callable[[int], float], now_s: float) -> list[Message]:
        """What has become due, in order of ticks; at one tick note-offs stand before note-ons.

        Args:
            s_at: The moment of a tick, in seconds.
            now_s: The present.
        """
        messages: list[Message] = []
        while (tick := self.next_tick) is not None and (due_s := s_at(tick)) <= now_s:
            beginning = self._take_beginning(tick)
            for key, sounding in list(self._sounding.items()):
                # A new onset of a sounding pitch ends the old one first: no synthesiser knows two copies apart.
                if sounding.end_tick <= tick or key in beginning:
                    messages.append(self._off(key, due_s, tick))
            for (channel, pitch), (track, end_tick, velocity) in beginning.items():
                self._sounding[channel, pitch] = _Sounding(track, end_tick)
                messages.append(Message(due_s, track, bytes((0x90 | channel, pitch, velocity)), tick))
        return messages

    def _take_beginning(self, tick: int) -> dict[tuple[int, int], tuple[int, int, int]]:
        """Notes that begin at a tick, by channel and pitch: (track, end, velocity); of two copies the longer."""
        beginning: dict[tuple[int, int], tuple[int, int, int]] = {}
        while self._waiting and self._waiting[0][0] <= tick:
            _, track, pitch, end_tick, velocity = heapq.heappop(self._waiting)
            key = self._channels[track], pitch
            if key not in beginning or beginning[key][1] < end_tick:
                beginning[key] = track, end_tick, velocity
        return beginning

    def _off(self, key: tuple[int, int], due_s: float, tick: int) -> Message:
        channel, pitch = key
        sounding = self._sounding.pop(key)
        return Message(due_s, sounding.track, bytes((0x80 | channel, pitch, RELEASE_VELOCITY)), tick)

    def silence(self, now_s: float, tick: int) -> list[Message]:
        """Note-offs for everything that sounds, now. What waits goes on waiting."""
        return [self._off(key, now_s, tick) for key in list(self._sounding)]

    def drop_waiting(self) -> None:
        """Forget what was committed and has not begun: the song goes on from another place."""
        self._waiting.clear()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._sounding)
