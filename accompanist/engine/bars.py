"""What the player has played of late, as the melody roll a model is given.

When the song jumps, what was heard is remembered by its place. A DAW's loop comes back to bars that were played before,
and the band need not fall silent there until it has listened anew: what led to the place, and what was played there the
last time, are known. What is played now takes the place of what was remembered, bar by bar.
"""

from __future__ import annotations

from collections import deque
from itertools import chain, pairwise

from accompanist.engine.memory import Memory
from accompanist.music.note import Note, top_line, without_doubles
from accompanist.music.roll import BoolRoll, encode
from accompanist.music.time import PPQ, TICKS_PER_STEP

MOST_NOTES = 2048
"""Ended notes kept at most: far above what a hand plays in any window, so only a flood meets it."""


class BarBuffer:
    """The player's notes of the last window.

    Args:
        context_steps: Length of the window in steps.
    """

    def __init__(self, context_steps: int) -> None:
        self._context_steps = context_steps
        self._context_ticks = context_steps * TICKS_PER_STEP
        self._ended: deque[Note] = deque(maxlen=MOST_NOTES)
        self._running: dict[tuple[int, int], Note] = {}  # (channel, pitch): a note whose end is not known yet
        self._first_tick = 0
        self._last_tick = 0  # when a key last went down or up
        self._before: list[Note] = []  # what led to the place where the song last jumped to
        self._memory = Memory()
        self._remembered_tick = 0  # up to here this course of the song is remembered

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
        if self._memory.knows(tick - self._context_ticks, tick):
            self._before = self._memory.notes(tick - self._context_ticks, tick)
        else:
            just_now = [*self._ended, *(note._replace(end_tick=left_tick) for note in self._running.values())]
            self._before = [
                note.shifted(tick - left_tick)
                for note in just_now
                if left_tick - self._context_ticks <= note.start_tick < note.end_tick
            ]
        self._before = [note._replace(end_tick=min(note.end_tick, tick)) for note in self._before]
        self._ended.clear()
        self._first_tick = self._last_tick = tick
        self._remembered_tick = -(-(tick - TICKS_PER_STEP) // PPQ) * PPQ
        self._running = {key: note._replace(start_tick=tick, end_tick=tick) for key, note in self._running.items()}

    def _remember(self, until_tick: int) -> None:
        """Whole beats, up to a tick."""
        until_tick = until_tick // PPQ * PPQ
        if until_tick > self._remembered_tick:
            held = [note._replace(end_tick=max(until_tick, note.start_tick + 1)) for note in self._running.values()]
            self._memory.take(self._remembered_tick, until_tick, chain(self._ended, held))
            self._remembered_tick = until_tick

    def forget(self) -> None:
        """Another piece begins: what was played at its places before means nothing."""
        self._memory.clear()
        self._before.clear()

    def note_on(self, channel: int, pitch: int, velocity: int, tick: int) -> None:
        """A key goes down; a key that is down already is taken as struck again."""
        self.note_off(channel, pitch, tick)
        tick = max(tick, self._first_tick)
        self._running[channel, pitch] = Note(tick, pitch, tick, velocity)
        self._last_tick = tick

    def note_off(self, channel: int, pitch: int, tick: int) -> None:
        """A key goes up.

        A note that begins and ends on one tick leaves no trace: it was played while the song stood still, or is
        shorter than a millisecond or so.
        """
        note = self._running.pop((channel, pitch), None)
        if note is not None:
            self._last_tick = max(tick, self._first_tick)
        if note is not None and tick > note.start_tick:
            self._ended.append(note._replace(end_tick=tick))

    def all_off(self, channel: int, tick: int) -> None:
        """Every key of a channel goes up (MIDI 1.0, channel mode messages)."""
        for held_channel, pitch in list(self._running):
            if held_channel == channel:
                self.note_off(channel, pitch, tick)

    def melody(self, end_tick: int) -> BoolRoll:
        """The melody of the window that ends at a tick, what is still held going on up to there.

        A key held since before the window before this one is left out: most likely its note-off was lost, and it must
        not hide the melody under it.

        Args:
            end_tick: First tick after the window; on the grid of steps.

        Returns:
            Booleans, (2 planes, context_steps, 128).
        """
        begin_tick = end_tick - self._context_ticks
        held = [note._replace(end_tick=end_tick) for note in self._held(end_tick)]
        return self._encoded([*self._before, *self._ended, *held], begin_tick)

    def recalled(self, end_tick: int) -> BoolRoll | None:
        """The same as it was played when the song was there last; None where it was not, or not all through."""
        begin_tick = end_tick - self._context_ticks
        if not self.knows(begin_tick, end_tick):
            return None
        # A beat more, for what sounds on into the window.
        return self._encoded(self._memory.notes(begin_tick - PPQ, end_tick), begin_tick)

    def knows(self, begin_tick: int, end_tick: int) -> bool:
        """The song went all through a stretch before it last jumped."""
        return self._memory.knows(begin_tick, end_tick)

    def window_is_whole(self, end_tick: int) -> bool:
        """The song has run through the whole window before a tick since it last jumped."""
        return end_tick - self._context_ticks >= self._first_tick

    def _encoded(self, notes: list[Note], begin_tick: int) -> BoolRoll:
        line = top_line(without_doubles(_detached([_on_grid(note) for note in notes])))
        return encode(line, self._context_steps, start_tick=begin_tick)

    def forget_before(self, tick: int) -> None:
        """Drop what no window that ends after a tick can reach."""
        # One step more, because a note's edge may be moved up to half a step at encoding.
        reach_tick = tick - (self._context_steps + 1) * TICKS_PER_STEP
        self._remember(reach_tick)
        if self._first_tick < reach_tick:
            self._before.clear()
        while self._ended and self._ended[0].end_tick < reach_tick:
            self._ended.popleft()

    def _held(self, end_tick: int) -> list[Note]:
        """The keys that are down, but for those held for longer than two windows."""
        return [n for n in self._running.values() if end_tick - 2 * self._context_ticks <= n.start_tick < end_tick]

    def sounded_until(self, tick: int) -> int:
        """The last tick up to this one at which the player sounded; where the song began if that is later."""
        return tick if self._held(tick) else min(self._last_tick, tick)

    def notes_per_beat(self, tick: int) -> float:
        """How busy the player has been in the window before a tick; what is struck within a step counts once."""
        begin_tick = max(tick - self._context_ticks, self._first_tick)
        starts = {n.start_tick // TICKS_PER_STEP for n in chain(self._ended, self._running.values())}
        heard = sum(1 for step in starts if begin_tick <= step * TICKS_PER_STEP < tick)
        return heard * PPQ / max(tick - begin_tick, PPQ)

    def mean_velocity(self) -> float | None:
        """How loud the player has been in the last window, 1 to 127; None where nothing was played."""
        velocities = [note.velocity for note in chain(self._ended, self._running.values())]
        return sum(velocities) / len(velocities) if velocities else None

    def __len__(self) -> int:
        return len(self._ended) + len(self._running) + len(self._before)


def _on_grid(note: Note) -> Note:
    """Edges on their nearest step, as `encode` would move them, at least one step long."""
    start = _nearest_step(note.start_tick)
    return note._replace(start_tick=start, end_tick=max(_nearest_step(note.end_tick), start + TICKS_PER_STEP))


def _nearest_step(tick: int) -> int:
    return (tick + TICKS_PER_STEP // 2) // TICKS_PER_STEP * TICKS_PER_STEP


def _detached(notes: list[Note]) -> list[Note]:
    """Legato undone: a note held up to a step into the next one ends where that begins.

    Without this the top line would lose the lower note of every descending legato step.
    """
    starts = sorted({note.start_tick for note in notes})
    following = dict(pairwise(starts))
    return [
        note._replace(end_tick=following[note.start_tick])
        if note.start_tick in following and 0 < note.end_tick - following[note.start_tick] <= TICKS_PER_STEP
        else note
        for note in notes
    ]
