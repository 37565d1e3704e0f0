"""What the player played, by its place in the song: for when the song comes back there, in a loop or after a rewind."""

from __future__ import annotations

from collections.abc import Iterable

from accompanist.music.note import Note
from accompanist.music.time import PPQ

MOST_BEATS = 1024
"""Beats remembered at most, 256 bars of 4/4; those heard longest ago are forgotten first."""
MOST_NOTES = 32
"""Notes remembered of a beat at most: only a flood has more."""


class Memory:
    """Beats of the song as they were last heard."""

    def __init__(self) -> None:
        self._beats: dict[int, tuple[Note, ...]] = {}  # by number, in the order in which they were heard

    def take(self, begin_tick: int, end_tick: int, notes: Iterable[Note]) -> None:
        """The song ran through a stretch: what was remembered of it gives way to what was played now.

        Args:
            begin_tick: Where it began; on a beat.
            end_tick: Where it ended; on a beat.
            notes: What was played; those that begin elsewhere are passed over.
        """
        last = end_tick // PPQ
        first = max(begin_tick // PPQ, last - MOST_BEATS)
        heard: dict[int, list[Note]] = {beat: [] for beat in range(first, last)}
        for note in notes:
            if note.start_tick // PPQ in heard:
                heard[note.start_tick // PPQ].append(note)
        for beat, its in heard.items():
            self._beats.pop(beat, None)
            self._beats[beat] = tuple(its[:MOST_NOTES])
        while len(self._beats) > MOST_BEATS:
            del self._beats[next(iter(self._beats))]

    def knows(self, begin_tick: int, end_tick: int) -> bool:
        """Every beat of a stretch was heard, played in or not."""
        return all(beat in self._beats for beat in range(begin_tick // PPQ, -(-end_tick // PPQ)))

    def known_from(self, begin_tick: int, end_tick: int) -> int:
        """Where a stretch that ends at a tick begins to be known all through; `end_tick` where its last beat is not.

        Args:
            begin_tick: No further back than the beat of this tick is looked.
            end_tick: End of the stretch.
        """
        first, beat = begin_tick // PPQ, -(-end_tick // PPQ)
        while beat > first and beat - 1 in self._beats:
            beat -= 1
        return min(beat * PPQ, end_tick)

    def notes(self, begin_tick: int, end_tick: int) -> list[Note]:
        """What began in a stretch, its first beat taken whole."""
        beats = range(begin_tick // PPQ, -(-end_tick // PPQ))
        return [note for beat in beats for note in self._beats.get(beat, ()) if note.start_tick < end_tick]

    def clear(self) -> None:
        """Forget everything: another piece begins."""
        self._beats.clear()

    def __len__(self) -> int:
        return sum(1 + len(notes) for notes in self._beats.values())
