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

MOST_WAITING = 1024
"""Notes kept at most that are not settled; those taken longest ago are forgotten first. Only a flood has so many."""


class Stroke(NamedTuple):
    """A note on the grid.

    Args:
        start_step: First step at which it sounds.
        pitch: MIDI note number.
        end_step: First step at which it no longer sounds; above `start_step`.
    """

    start_step: int
    pitch: int
    end_step: int


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
    start_step = nearest_step(note.start_tick)
    return Stroke(start_step, note.pitch, max(nearest_step(note.end_tick), start_step + 1))


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
        key = stroke.start_step * PITCHES + stroke.pitch
        self._waiting[key] = max(stroke.end_step, self._waiting.get(key, stroke.end_step))

    def settle(self, step: int) -> None:
        """Nothing that begins before a step will be taken any more."""
        if step <= self.settled_step:
            return
        self._make_room(step)
        over = [key for key in self._waiting if key < step * PITCHES]
        line, self._last = _continued(self._last, [_stroke(key, self._waiting.pop(key)) for key in over])
        for stroke in line:
            _paint(self._cells, stroke, self._first_step)
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
        for stroke in line if final is None else [*line, final.stroke]:
            _paint(roll, stroke, begin_step)
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
    return Stroke(start_step, pitch, end_step)


def encoded(notes: Iterable[Note], begin_step: int, end_step: int) -> BoolRoll:
    """A stretch of the top line of some notes: booleans, (2 planes, steps, 128)."""
    roll = np.zeros((2, end_step - begin_step, PITCHES), dtype=np.bool_)
    line, last = _continued(None, [on_grid(note) for note in notes])
    for stroke in line if last is None else [*line, last.stroke]:
        _paint(roll, stroke, begin_step)
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
    starts = sorted({stroke.start_step for stroke in strokes})
    if last is not None:
        last = _Last(_detached(last.stroke, starts[0]) if last.is_newest else last.stroke, is_newest=False)
    following = dict(pairwise(starts))
    detached = [_detached(stroke, following.get(stroke.start_step)) for stroke in strokes]
    line: list[Stroke] = []
    for stroke in sorted(detached, key=lambda its: (its.start_step, -its.pitch, -its.end_step)):
        if last is not None:
            before = last.stroke
            if stroke.start_step < before.end_step:
                if stroke.pitch < before.pitch or stroke.start_step == before.start_step:
                    continue
                before = before._replace(end_step=stroke.start_step)
            line.append(before)
        last = _Last(stroke, is_newest=stroke.start_step == starts[-1])
    return line, last


def _detached(stroke: Stroke, following_step: int | None) -> Stroke:
    """Legato undone: a note that reaches one step into the next one ends where that begins."""
    if following_step is not None and stroke.end_step - following_step == 1:
        return stroke._replace(end_step=following_step)
    return stroke


def _paint(roll: BoolRoll, stroke: Stroke, first_step: int) -> None:
    """Write a note into a roll whose first step is `first_step`; what lies outside is left out."""
    start, end = stroke.start_step - first_step, stroke.end_step - first_step
    if end <= 0 or start >= roll.shape[1]:
        return
    roll[HELD, max(start, 0) : end, stroke.pitch] = True
    if start >= 0:
        roll[ONSET, start, stroke.pitch] = True
