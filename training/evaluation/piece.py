"""A song to accompany: notes from its first bar on, cut to bars of one length.

An inserted half bar shifts every bar line behind it, which a player at an instrument can't tell a program. So of a song
with bars of several lengths its longest run of the usual ones is taken.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from accompanist.music.note import Note
from accompanist.music.roll import BoolRoll, encode
from accompanist.music.time import PPQ, STEPS_PER_BEAT, TICKS_PER_STEP
from training.evaluation.measures import DRUMS, MOST_STEPS_PER_BAR, SongMeasures, measure
from training.read import MELODY, SongTable

_MOST_BEATS_PER_BAR = MOST_STEPS_PER_BAR // STEPS_PER_BEAT

Tracks = Mapping[str, Sequence[Note]]
"""What was played, by the names of the tracks; ticks of 1/480 quarter note."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A song to accompany, its first bar at tick 0.

    Args:
        label: Source and name, such as pop909/001.
        melody: Sorted notes.
        parts: How people accompany it.
        beats_per_bar: Quarter notes in each bar.
        bars: How many there are.
        chords: (beats, 12) tones of the chord written down for each beat; None where none are.
    """

    label: str
    melody: tuple[Note, ...]
    parts: Mapping[str, tuple[Note, ...]]
    beats_per_bar: int
    bars: int
    chords: NDArray[np.bool_] | None = None

    @property
    def steps(self) -> int:
        """Its length in sixteenths."""
        return self.bars * self.beats_per_bar * STEPS_PER_BEAT

    @property
    def end_tick(self) -> int:
        """Where its last bar ends."""
        return self.steps * TICKS_PER_STEP

    def rolls(self, tracks: Tracks) -> dict[str, BoolRoll]:
        """Notes as rolls of the song's length."""
        return {name: encode(notes, self.steps) for name, notes in tracks.items()}

    def measured(self, rolls: Mapping[str, BoolRoll], drums: Collection[str] = DRUMS) -> SongMeasures:
        """What was played, measured beside its melody: see `measures.measure`."""
        melody = encode(self.melody, self.steps)
        return measure(melody, rolls, beats_per_bar=self.beats_per_bar, drums=drums, chords=self.chords)


class Run(NamedTuple):
    """Bars of one length, one after the other."""

    start_tick: int
    ticks_per_bar: int
    bars: int


def piece_of(table: SongTable, chords: NDArray[np.bool_] | None = None) -> Piece:
    """A song cut to its longest run of regular bars.

    Args:
        table: A song that has one.
        chords: (beats of the whole song, 12) tones of the chord written down for each.

    Raises:
        ValueError: it has none.
    """
    run = longest_run(table.bars)
    if run is None:
        raise ValueError(f"{table.label} has no regular bars of whole beats")
    end_tick = run.bars * run.ticks_per_bar
    lines = {}
    for part, name in enumerate(table.parts):
        rows = table.notes[table.notes[:, 0] == part, 1:].astype(np.int64) - [run.start_tick, 0, run.start_tick, 0]
        rows = rows[(rows[:, 2] > TICKS_PER_STEP // 2) & (rows[:, 0] < end_tick - TICKS_PER_STEP // 2)]
        rows[:, 0] = np.maximum(rows[:, 0], 0)
        rows[:, 2] = np.minimum(rows[:, 2], end_tick)
        lines[name] = tuple(Note(*row) for row in rows.tolist())
    first_beat, beats = run.start_tick // PPQ, end_tick // PPQ
    return Piece(
        table.label,
        lines.pop(MELODY),
        {name: notes for name, notes in lines.items() if notes},
        run.ticks_per_bar // PPQ,
        run.bars,
        chords[first_beat : first_beat + beats] if chords is not None and not run.start_tick % PPQ else None,
    )


def longest_run(bars: NDArray[np.int32]) -> Run | None:
    """The longest run of bars of the commonest length.

    Args:
        bars: Start tick of each bar, ascending, and the end of the last one.

    Returns:
        The run; None where that length is not 2 to 12 whole beats.
    """
    lengths = np.diff(bars)
    if not len(lengths):
        return None
    values, counts = np.unique(lengths, return_counts=True)
    usual = int(values[counts.argmax()])
    if usual % PPQ or not 2 <= usual // PPQ <= _MOST_BEATS_PER_BAR:
        return None
    best = Run(0, usual, 0)
    at = 0
    for regular, group in groupby((lengths == usual).tolist()):
        many = len(list(group))
        if regular and many > best.bars:
            best = Run(int(bars[at]), usual, many)
        at += many
    return best
