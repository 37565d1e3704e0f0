"""The player's top line as a roll that grows: what can no longer change is encoded once.

A model may be given 64 bars of melody on every beat. Only the last few bars of them can still change: a key is down, a
legato is not over. Everything before is settled: it stands in an array, and a question copies it.

What comes out is `encode(top_line(without_doubles(legato undone)))` of all notes: each edge on its nearest step, the
upper line alone, and a note that is held up to a step into the next one ends where that begins, or the top line would
lose the lower note of every descending legato step.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from accompanist.music.note import Note
from accompanist.music.roll import HELD, ONSET, PITCHES, BoolRoll
from accompanist.music.time import TICKS_PER_STEP

MOST_WAITING = 512
"""Notes kept at most that are not settled; those taken longest ago are forgotten first. Only a flood has so many."""


Stroke = tuple[int, int, int]
"""A note on the grid: first step, pitch, first step at which it no longer sounds. Plain, for there are hundreds."""


class _Last(NamedTuple):
    """The last note of the line: a later one may still end it.

    Args:
        stroke: Itself.
        is_newest: No note has begun after it, in the line or under it: its legato may still be undone.
    """

    stroke: Stroke
    is_newest: bool


def nearest_step(tick: int) -> int:
    """The step whose beginning is nearest to a tick."""
    return (tick + TICKS_PER_STEP // 2) // TICKS_PER_STEP


def on_grid(note: Note) -> Stroke:
    """A note with its edges on their nearest steps, at least one step long."""
    start_tick, pitch, end_tick, _ = note
    start_step = nearest_step(start_tick)
    return start_step, pitch, max(nearest_step(end_tick), start_step + 1)


class Line:
    """The top line of all notes that were taken.

    Args:
        window_steps: The longest stretch that is asked for, and how far back one reaches.
    """

    def __init__(self, window_steps: int) -> None:
        self._window_steps = window_steps
        self._cells = np.zeros((2, 2 * window_steps, PITCHES), dtype=np.bool_)
        self.clear(0)

    def clear(self, first_step: int, strokes: Iterable[Stroke] = ()) -> None:
        """Begin anew.

        Args:
            first_step: Only what begins here or later is taken from now on.
            strokes: Notes to begin with.
        """
        self._cells[:] = False
        self._first_step = first_step  # of the cells
        self.settled_step = first_step
        """Nothing that begins before may be taken any more."""
        self._last: _Last | None = None
        self._waiting: dict[int, int] = {}  # by start and pitch: where it ends
        for stroke in strokes:
            self._add(stroke)

    def take(self, stroke: Stroke) -> None:
        """A note that has ended; of two that begin together on one pitch the longer stays."""
        self._add(stroke)
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]

    def _add(self, stroke: Stroke) -> None:
        start_step, pitch, end_step = stroke
        key = start_step * PITCHES + pitch
        if self._waiting.get(key, start_step) < end_step:
            self._waiting[key] = end_step

    def settle(self, step: int) -> None:
        """Nothing that begins before a step will be taken any more."""
        if step <= self.settled_step:
            return
        self._make_room(step)
        over = [key for key in self._waiting if key < step * PITCHES]
        line, self._last = _continued(self._last, [_stroke(key, self._waiting.pop(key)) for key in over])
        _paint(self._cells, line, self._first_step)
        self.settled_step = step

    def roll(self, begin_step: int, end_step: int, sounding: Iterable[Stroke] = ()) -> BoolRoll:
        """A stretch of the line.

        Args:
            begin_step: Its first step; at most a window before `settled_step`.
            end_step: First step after it.
            sounding: Notes that have not ended yet, as if they had.

        Returns:
            Booleans, (2 planes, steps, 128).
        """
        roll = np.zeros((2, end_step - begin_step, PITCHES), dtype=np.bool_)
        first, last = max(begin_step, self._first_step), min(end_step, self.settled_step)
        if first < last:
            roll[:, first - begin_step : last - begin_step] = self._cells[
                :, first - self._first_step : last - self._first_step
            ]
        waiting = [_stroke(key, end_step) for key, end_step in self._waiting.items()]
        line, final = _continued(self._last, [*waiting, *sounding])
        _paint(roll, line if final is None else [*line, final.stroke], begin_step)
        return roll

    def _make_room(self, step: int) -> None:
        """Move the cells on where the line reaches their end, the last window with them."""
        length = 2 * self._window_steps
        moved = step - self._window_steps - self._first_step
        if step - self._first_step <= length:
            return
        if moved < length:
            self._cells[:, : length - moved] = self._cells[:, moved:].copy()
            self._cells[:, length - moved :] = False
        else:
            self._cells[:] = False
        self._first_step += moved

    def __len__(self) -> int:
        return len(self._waiting)


def _stroke(key: int, end_step: int) -> Stroke:
    start_step, pitch = divmod(key, PITCHES)
    return start_step, pitch, end_step


def top_strokes(notes: Iterable[Note]) -> list[Stroke]:
    """The top line of some notes on the grid."""
    line, last = _continued(None, [on_grid(note) for note in notes])
    return line if last is None else [*line, last.stroke]


def encoded(notes: Iterable[Note], begin_step: int, end_step: int) -> BoolRoll:
    """A stretch of the top line of some notes: booleans, (2 planes, steps, 128)."""
    roll = np.zeros((2, end_step - begin_step, PITCHES), dtype=np.bool_)
    _paint(roll, top_strokes(notes), begin_step)
    return roll


def _continued(last: _Last | None, strokes: list[Stroke]) -> tuple[list[Stroke], _Last | None]:
    """The line goes on.

    Args:
        last: Its last note so far.
        strokes: All that begin later, in any order.

    Returns:
        The notes that no later one can change, and the last one.
    """
    if not strokes:
        return [], last
    starts = sorted({start for start, _, _ in strokes})
    if last is not None:
        (start, pitch, end), is_newest = last
        last = _Last((start, pitch, _detached(end, starts[0]) if is_newest else end), is_newest=False)
    following = dict(pairwise(starts))
    # The highest first of those that begin together, and of two on one pitch the longer.
    order = sorted([(start, -pitch, -_detached(end, following.get(start))) for start, pitch, end in strokes])
    line: list[Stroke] = []
    before = None if last is None else last.stroke
    for start, minus_pitch, minus_end in order:
        if before is not None:
            if start < before[2]:
                if -minus_pitch < before[1] or start == before[0]:
                    continue
                before = before[0], before[1], start
            line.append(before)
        before = start, -minus_pitch, -minus_end
    return line, None if before is None else _Last(before, is_newest=before[0] == starts[-1])


def _detached(end_step: int, following_step: int | None) -> int:
    """Legato undone: a note that reaches one step into the next one ends where that begins."""
    return following_step if following_step is not None and end_step - following_step == 1 else end_step


def _paint(roll: BoolRoll, line: list[Stroke], first_step: int) -> None:
    """Write notes that do not overlap into a roll whose first step is `first_step`; what lies outside is left out."""
    if not line:
        return
    starts, pitches, ends = np.array(line, dtype=np.int64).T
    begins = starts - first_step
    inside = (begins >= 0) & (begins < roll.shape[1])
    roll[ONSET, begins[inside], pitches[inside]] = True
    lengths = ends - starts
    steps = np.repeat(begins - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
    inside = (steps >= 0) & (steps < roll.shape[1])
    roll[HELD, steps[inside], np.repeat(pitches, lengths)[inside]] = True
