"""From committed notes to messages in time: every note-on gets its note-off, whatever happens in between."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Container, Iterable
from typing import NamedTuple

from accompanist.engine.part import Part
from accompanist.engine.protocol import Committed, Message
from accompanist.music.time import TICKS_PER_CLOCK

COMMIT_LEAD_TICKS = TICKS_PER_CLOCK
"""How long before a beat it is committed: one MIDI clock."""
RELEASE_VELOCITY = 64
"""What a note-off says where nothing is known of the release (MIDI 1.0, note-off velocity)."""


class _Sounding(NamedTuple):
    track: int
    start_tick: int
    end_tick: int


class Schedule:
    """Committed notes, and those that sound.

    Args:
        parts: How each track leaves. Tracks of one port and channel share its notes: the pitch that one of them begins
            ends the other's.
    """

    def __init__(self, parts: Iterable[Part]) -> None:
        self._parts = tuple(parts)
        places: dict[tuple[str, int], int] = {}  # a channel of a port: where no pitch may sound twice
        self._place_of = [places.setdefault((part.port, part.channel), len(places)) for part in self._parts]
        self._waiting: list[tuple[int, int, int, int, int]] = []  # heap: start, track, pitch, end, velocity
        self._sounding: dict[tuple[int, int], _Sounding] = {}  # by place and pitch

    def commit(self, notes: Iterable[Committed]) -> None:
        """Take notes that will be played, each at the pitch its part gives it."""
        for track, note in notes:
            pitch = self._parts[track].sounding(note.pitch)
            heapq.heappush(self._waiting, (note.start_tick, track, pitch, note.end_tick, note.velocity))

    def change(self, notes: Iterable[Committed]) -> None:
        """Notes committed earlier end elsewhere, where they have not ended yet.

        Args:
            notes: With their new ends; each is the last of its track and pitch, or that was begun later than it says.
        """
        for track, note in notes:
            its_pitch = self._parts[track].sounding(note.pitch)
            key = self._place_of[track], its_pitch
            sounding = self._sounding.get(key)
            if sounding is not None and sounding.track == track and sounding.start_tick >= note.start_tick:
                self._sounding[key] = sounding._replace(end_tick=note.end_tick)
            self._waiting = [
                (start, at, pitch, note.end_tick, velocity)
                if (at, pitch) == (track, its_pitch) and start >= note.start_tick
                else (start, at, pitch, end, velocity)
                for start, at, pitch, end, velocity in self._waiting
            ]
        heapq.heapify(self._waiting)

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
            for (place, pitch), (track, end_tick, velocity) in beginning.items():
                self._sounding[place, pitch] = _Sounding(track, tick, end_tick)
                on = bytes((0x90 | self._parts[track].channel, pitch, velocity))
                messages.append(Message(due_s, track, on, tick))
        return messages

    def _take_beginning(self, tick: int) -> dict[tuple[int, int], tuple[int, int, int]]:
        """Notes that begin at a tick, by place and pitch: (track, end, velocity); of two copies the longer."""
        beginning: dict[tuple[int, int], tuple[int, int, int]] = {}
        while self._waiting and self._waiting[0][0] <= tick:
            _, track, pitch, end_tick, velocity = heapq.heappop(self._waiting)
            key = self._place_of[track], pitch
            if key not in beginning or beginning[key][1] < end_tick:
                beginning[key] = track, end_tick, velocity
        return beginning

    def _off(self, key: tuple[int, int], due_s: float, tick: int) -> Message:
        track, pitch = self._sounding.pop(key).track, key[1]
        return Message(due_s, track, bytes((0x80 | self._parts[track].channel, pitch, RELEASE_VELOCITY)), tick)

    def silence(self, now_s: float, tick: int, tracks: Container[int] | None = None) -> list[Message]:
        """Note-offs for everything that sounds, or for some tracks, now. What waits goes on waiting."""
        ending = [key for key, its in self._sounding.items() if tracks is None or its.track in tracks]
        return [self._off(key, now_s, tick) for key in ending]

    def drop_waiting(self, tracks: Container[int] | None = None) -> None:
        """Forget what was committed and has not begun, of all tracks or of some."""
        self._waiting = [] if tracks is None else [waiting for waiting in self._waiting if waiting[1] not in tracks]
        heapq.heapify(self._waiting)

    def end_at(self, tick: int, tracks: frozenset[int]) -> None:
        """Tracks end at a tick, at the latest, what they sound and what they begin before it."""
        if not tracks:
            return
        for key, sounding in self._sounding.items():
            if sounding.track in tracks and sounding.end_tick > tick:
                self._sounding[key] = sounding._replace(end_tick=tick)
        self._waiting = [
            (start, track, pitch, min(end, tick) if start < tick and track in tracks else end, velocity)
            for start, track, pitch, end, velocity in self._waiting
        ]
        heapq.heapify(self._waiting)

    def __len__(self) -> int:
        return len(self._waiting) + len(self._sounding)
