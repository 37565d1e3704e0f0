"""The last harmony held: what the band plays where no plan speaks for the coming beat.

The last planned beat comes again, beat by beat, for a bounded number of bars: the pitches that sounded in it, in the
rhythm in which they were struck there. What only sounded on from an earlier beat is struck at the beat's beginning, so
that each beat is complete in itself and a new plan can take over at any of them.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from accompanist.engine.protocol import Committed
from accompanist.music.note import Note
from accompanist.music.time import PPQ


class Hold:
    """The last planned beat, and how often it may still come again.

    Args:
        most_beats: Beats it is repeated at most; 0: never.
    """

    def __init__(self, most_beats: int) -> None:
        self._most_beats = most_beats
        self.clear()

    def clear(self) -> None:
        """The song goes on from somewhere else: its last harmony means nothing there."""
        self._sounded: tuple[Committed, ...] = ()
        self._begin_tick = 0
        self._left_beats = 0

    def planned(self, begin_tick: int, notes: Sequence[Committed]) -> None:
        """A beat was planned: from now on it is the one to hold.

        Args:
            begin_tick: First tick of the beat.
            notes: What sounds in it, also what sounds on from earlier beats.
        """
        self._sounded = tuple(notes)
        self._begin_tick = begin_tick
        self._left_beats = self._most_beats

    def pass_over(self, beats: int) -> None:
        """So many beats went by unplayed; they count towards the bound."""
        self._left_beats = max(self._left_beats - beats, 0)

    def take_beat(self, begin_tick: int) -> list[Committed] | None:
        """The held beat's notes at another beat; None where there is nothing to hold, or it was held long enough."""
        if self._left_beats == 0 or not self._sounded:
            return None
        self._left_beats -= 1
        return list(_moved(self._sounded, self._begin_tick, begin_tick))

    def take_on(self, begin_tick: int, bar_ticks: int, struck: Container[int]) -> list[Committed] | None:
        """The same, for a harmony that is to stay: what sounds through the whole beat is not struck in each of them.

        Args:
            begin_tick: First tick of the other beat.
            bar_ticks: Length of a bar: such notes last to its line.
            struck: Tracks that strike them in this beat.
        """
        notes = self.take_beat(begin_tick)
        if notes is None:
            return None
        bar_end_tick = begin_tick - begin_tick % bar_ticks + bar_ticks
        kept = []
        for its, (track, note) in zip(self._sounded, notes, strict=True):
            if not self._sounds_through(its.note):
                kept.append(Committed(track, note))
            elif track in struck:
                kept.append(Committed(track, note._replace(end_tick=bar_end_tick)))
        return kept

    def _sounds_through(self, note: Note) -> bool:
        """It fills the held beat and reaches beyond it on one side at least."""
        begin_tick, end_tick = self._begin_tick, self._begin_tick + PPQ
        fills = note.start_tick <= begin_tick and note.end_tick >= end_tick
        return fills and (note.start_tick, note.end_tick) != (begin_tick, end_tick)

    def __len__(self) -> int:
        return len(self._sounded)


def _moved(notes: Iterable[Committed], from_tick: int, to_tick: int) -> Iterable[Committed]:
    """What sounds of notes within one beat, in another beat."""
    for track, note in notes:
        start, end = max(note.start_tick - from_tick, 0), min(note.end_tick - from_tick, PPQ)
        yield Committed(track, note._replace(start_tick=to_tick + start, end_tick=to_tick + end))
