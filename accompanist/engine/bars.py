"""What the player has played of late, as the melody roll a model is given.

When the song jumps, what was heard is remembered by its place. A DAW's loop comes back to bars that were played before,
and the band need not fall silent there until it has listened anew: what led to the place, and what was played there the
last time, are known. What is played now takes the place of what was remembered, bar by bar.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from itertools import chain

from accompanist.engine.line import Line, Stroke, encoded, nearest_step, on_grid, top_strokes
from accompanist.engine.memory import Memory
from accompanist.music.note import Note
from accompanist.music.roll import BoolRoll
from accompanist.music.time import PPQ, TICKS_PER_STEP

MOST_NOTES = 2048
"""Ended notes kept at most: far above what a hand plays in any window, so only a flood meets it."""
LATELY_STEPS = 32
"""How far back the player's loudness and density are looked at; a key that is down for twice as long counts as up.

Most likely its note-off was lost, and it must not hide the melody under it for ever.
"""
MANY_WAITING = 128
"""From so many notes on that are not settled it is tried."""
_NEVER = sys.maxsize


class BarBuffer:
    """The player's notes of the last window.

    Args:
        context_steps: Length of the window in steps.
        ahead_steps: So many more the melody has, silent: what is still to come.
        enough_steps: A place is known where so much of what leads to it was heard; the whole window where None.
    """

    def __init__(self, context_steps: int, *, ahead_steps: int = 0, enough_steps: int | None = None) -> None:
        self._context_steps = context_steps
        self._ahead_steps = ahead_steps
        self._context_ticks = context_steps * TICKS_PER_STEP
        self._enough_ticks = self._context_ticks if enough_steps is None else enough_steps * TICKS_PER_STEP
        self._lately_ticks = min(context_steps, LATELY_STEPS) * TICKS_PER_STEP
        self._ended: deque[Note] = deque(maxlen=MOST_NOTES)  # in the order in which they ended
        self._running: dict[tuple[int, int], Note] = {}  # (channel, pitch): a note whose end is not known yet
        self._line = Line(context_steps)
        self._line_is_whole = True  # it has all that was played; a message of long ago came too late for it
        self._first_tick = 0
        self._last_tick = 0  # when a key last went down or up
        self._lately_tick = -_NEVER  # what ended before is not of late
        self._before: list[Stroke] = []  # the top line of what led to the place where the song last jumped to
        self._since_tick = 0  # what led there begins here
        self._memory = Memory()
        self._remembered_tick = 0  # up to here this course of the song is remembered

    @property
    def since_tick(self) -> int:
        """From here on the melody is known; nothing was before, or nobody knows what."""
        return self._since_tick

    def restart(self, tick: int, left_tick: int) -> None:
        """The song goes on from another place.

        What was heard is remembered; what is still held begins anew. What leads to the new place is what was played
        before it the last time; where the song never went through there, what was played just now.

        Args:
            tick: Where it goes on.
            left_tick: Where it was.
        """
        # A beat that was heard but for a sixteenth counts as heard: a loop may wrap within its last clocks.
        self._remember(left_tick + TICKS_PER_STEP)
        since_tick = self._memory.known_from(tick - self._context_ticks, tick)
        if since_tick <= tick - self._enough_ticks:
            before = self._memory.notes(since_tick, tick)
        else:
            just_now = [*self._ended, *(note._replace(end_tick=left_tick) for note in self._running.values())]
            before = [
                note.shifted(tick - left_tick)
                for note in just_now
                if left_tick - self._context_ticks <= note.start_tick < note.end_tick
            ]
            led_ticks = left_tick - max(self._since_tick, left_tick - self._context_ticks)
            since_tick = tick - max(led_ticks, 0)
        self._since_tick = since_tick
        before = [note if note.end_tick <= tick else note._replace(end_tick=tick) for note in before]
        self._before = top_strokes(before)
        self._ended.clear()
        self._first_tick = self._last_tick = tick
        self._lately_tick = -_NEVER
        self._remembered_tick = -(-(tick - TICKS_PER_STEP) // PPQ) * PPQ
        self._running = {key: note._replace(start_tick=tick, end_tick=tick) for key, note in self._running.items()}
        self._begin_line()

    def _begin_line(self) -> None:
        """Encode anew what led here and what was played since."""
        first_step = nearest_step(self._first_tick)
        self._line.clear(first_step - self._context_steps, [*self._before, *map(on_grid, self._ended)])
        self._line.settle(first_step)
        self._line_is_whole = True

    def _remember(self, until_tick: int) -> None:
        """Whole beats, up to a tick."""
        until_tick = until_tick // PPQ * PPQ
        if until_tick > self._remembered_tick:
            held = [note._replace(end_tick=max(until_tick, note.start_tick + 1)) for note in self._running.values()]
            self._memory.take(self._remembered_tick, until_tick, chain(self._ended_after(self._remembered_tick), held))
            self._remembered_tick = until_tick

    def forget(self) -> None:
        """Another piece begins: what was played before means nothing."""
        self._memory.clear()
        self._before.clear()
        self._ended.clear()
        self._remembered_tick = self._since_tick = _NEVER

    def note_on(self, channel: int, pitch: int, velocity: int, tick: int) -> None:
        """A key goes down; a key that is down already is taken as struck again."""
        self.note_off(channel, pitch, tick)
        tick = max(tick, self._first_tick)
        self._running[channel, pitch] = Note(tick, pitch, tick, velocity)
        self._last_tick = tick
        self._line_is_whole &= nearest_step(tick) >= self._line.settled_step

    def note_off(self, channel: int, pitch: int, tick: int) -> None:
        """A key goes up.

        A note that begins and ends on one tick leaves no trace: it was played while the song stood still, or is
        shorter than a millisecond or so.
        """
        note = self._running.pop((channel, pitch), None)
        if note is not None:
            self._last_tick = max(tick, self._first_tick)
        if note is not None and tick > note.start_tick:
            self._end(note, tick)
            # While the band listens nobody asks for the melody.
            step = nearest_step(tick) - LATELY_STEPS
            if len(self._line) > MANY_WAITING and step >= self._line.settled_step + LATELY_STEPS:
                self._settle(step)

    def _end(self, note: Note, tick: int) -> None:
        note = self._ending(note, tick)
        self._ended.append(note)
        self._line.take(on_grid(note))

    def _ending(self, note: Note, tick: int) -> Note:
        """A note that ends at a tick, or as soon as no key is down for so long."""
        return note._replace(end_tick=min(tick, note.start_tick + 2 * self._lately_ticks))

    def all_off(self, channel: int, tick: int) -> None:
        """Every key of a channel goes up (MIDI 1.0, channel mode messages)."""
        for held_channel, pitch in list(self._running):
            if held_channel == channel:
                self.note_off(channel, pitch, tick)

    def melody(self, end_tick: int, *, known_tick: int | None = None) -> BoolRoll:
        """The melody of the window that ends at a tick, what is still held going on up to there.

        Args:
            end_tick: First tick after the window; on the grid of steps.
            known_tick: From here on it is taken as unknown and left silent; on the grid. The window's end where None.

        Returns:
            Booleans, (2 planes, context_steps + ahead_steps, 128).
        """
        end_step = nearest_step(end_tick)
        begin_step = end_step - self._context_steps
        self._settle(end_step - LATELY_STEPS)
        sounding = [
            on_grid(self._ending(note, end_tick)) for note in self._running.values() if note.start_tick < end_tick
        ]
        roll = self._line.roll(begin_step, end_step + self._ahead_steps, sounding)
        roll[:, nearest_step(end_tick if known_tick is None else known_tick) - begin_step :] = False
        return roll

    def _settle(self, step: int) -> None:
        """Encode for good what begins before a step, where nothing that is still held can change it."""
        lost = [
            key for key, n in self._running.items() if n.start_tick + 2 * self._lately_ticks <= step * TICKS_PER_STEP
        ]
        for key in lost:
            self._end(self._running.pop(key), step * TICKS_PER_STEP)
        if lost:
            self._ended = deque(sorted(self._ended, key=lambda note: note.end_tick), maxlen=MOST_NOTES)
        if not self._line_is_whole:
            self._begin_line()
        self._line.settle(min([step, *(nearest_step(note.start_tick) for note in self._running.values())]))

    def recalled(self, end_tick: int) -> BoolRoll | None:
        """The same as it was played when the song was there last; None where it was not, or not all through."""
        begin_tick = end_tick - self._context_ticks
        if not self.knows(begin_tick, end_tick):
            return None
        # A beat more, for what sounds on into the window.
        notes = self._memory.notes(begin_tick - PPQ, end_tick)
        return encoded(notes, nearest_step(begin_tick), nearest_step(end_tick))

    def knows(self, begin_tick: int, end_tick: int) -> bool:
        """The song went all through a stretch before it last jumped."""
        return self._memory.knows(begin_tick, end_tick)

    def window_is_whole(self, end_tick: int) -> bool:
        """The song has run through the whole window before a tick since it last jumped."""
        return end_tick - self._context_ticks >= self._first_tick

    def forget_before(self, tick: int) -> None:
        """Drop what no window that ends after a tick can reach."""
        # One step more, because a note's edge may be moved up to half a step at encoding.
        reach_tick = tick - self._context_ticks - TICKS_PER_STEP
        self._lately_tick = tick - self._lately_ticks - TICKS_PER_STEP
        self._remember(self._lately_tick)
        if self._first_tick < reach_tick:
            self._before.clear()
        while self._ended and self._ended[0].end_tick < reach_tick:
            self._ended.popleft()

    def _ended_after(self, tick: int) -> Iterator[Note]:
        """What ended at a tick or later, the last first."""
        for note in reversed(self._ended):
            if note.end_tick < tick:
                return
            yield note

    def _lately(self) -> Iterator[Note]:
        """What was played of late, and what is still held."""
        return chain(self._ended_after(self._lately_tick), self._running.values())

    def sounded_until(self, tick: int) -> int:
        """The last tick up to this one at which the player sounded; where the song began if that is later."""
        held = any(tick - 2 * self._lately_ticks <= note.start_tick < tick for note in self._running.values())
        return tick if held else min(self._last_tick, tick)

    def notes_per_beat(self, tick: int) -> float:
        """How busy the player has been of late before a tick; what is struck within a step counts once."""
        begin_tick = max(tick - self._lately_ticks, self._first_tick)
        starts = {note.start_tick // TICKS_PER_STEP for note in self._lately()}
        heard = sum(1 for step in starts if begin_tick <= step * TICKS_PER_STEP < tick)
        return heard * PPQ / max(tick - begin_tick, PPQ)

    def mean_velocity(self) -> float | None:
        """How loud the player has been of late, 1 to 127; None where nothing was played."""
        velocities = [note.velocity for note in self._lately()]
        return sum(velocities) / len(velocities) if velocities else None

    def __len__(self) -> int:
        return len(self._ended) + len(self._running) + len(self._before)
