"""How well the music was planned, in numbers: where each beat came from, how old it was, how much was there in time."""

from __future__ import annotations

from collections import deque
from typing import Literal, NamedTuple

from accompanist.music.time import PPQ, TICKS_PER_STEP

Source = Literal["plan", "rest", "hold", "silence"]
"""Where a beat comes from: the newest plan, the rest of an older one, the last harmony held, nowhere."""


class Figures(NamedTuple):
    """The numbers so far.

    Args:
        planned_beats: Beats from a plan, those from the rest of an older one included.
        rest_beats: Of these, beats from the rest of an older plan, where a newer one was due.
        held_beats: Beats without a plan, in which the last harmony was held.
        silent_beats: Beats without a plan, left silent.
        due_ticks: Ticks the song moved through since the first plan was due.
        planned_ticks: Of these, ticks at which committed material from a plan was there.
        deadline_misses: Answers that came after their deadline.
        staleness_mean_steps: Mean age of what the beats play: sixteenths from the end of the melody its plan heard to
            the beat; 0 before the first.
        staleness_max_steps: The oldest.
    """

    planned_beats: int = 0
    rest_beats: int = 0
    held_beats: int = 0
    silent_beats: int = 0
    due_ticks: int = 0
    planned_ticks: int = 0
    deadline_misses: int = 0
    staleness_mean_steps: float = 0.0
    staleness_max_steps: float = 0.0

    @property
    def isr(self) -> float | None:
        """In-time share: ticks with committed material from a plan, of all that were due; None before the first."""
        return self.planned_ticks / self.due_ticks if self.due_ticks else None


class _Stretch(NamedTuple):
    begin_tick: int
    planned_tick: int  # from here on there is material
    end_tick: int


class Tally:
    """Counts as the song goes."""

    def __init__(self) -> None:
        self.deadline_misses = 0
        self._beats = {"plan": 0, "rest": 0, "hold": 0, "silence": 0}
        self._due_ticks = self._planned_ticks = 0
        self._ages = 0
        self._age_sum_ticks = self._age_max_ticks = 0
        self._ahead: deque[_Stretch] = deque()  # decided and not yet played through: a beat, after a stall some more

    def decided(self, source: Source, beat_tick: int, *, now_tick: int, heard_tick: int = 0, beats: int = 1) -> None:
        """It is settled what beats will play.

        Args:
            source: Where it comes from.
            beat_tick: First tick of the first of them.
            now_tick: Where the song is: what a plan brings for ticks before this comes too late for them.
            heard_tick: End of the melody that the plan heard; of no account for silence.
            beats: How many.
        """
        self._beats[source] += beats
        end_tick = beat_tick + beats * PPQ
        from_plan = source in ("plan", "rest")
        while self._ahead and self._ahead[-1].begin_tick >= beat_tick:  # of before a jump that nobody told
            self._ahead.pop()
        self._ahead.append(_Stretch(beat_tick, max(beat_tick, now_tick) if from_plan else end_tick, end_tick))
        if source != "silence":
            age_ticks = beat_tick - heard_tick
            self._ages += 1
            self._age_sum_ticks += age_ticks
            self._age_max_ticks = max(self._age_max_ticks, age_ticks)

    def played(self, tick: int) -> None:
        """The song has moved on to a tick."""
        while self._ahead and self._ahead[0].begin_tick < tick:
            begin, planned, end = self._ahead.popleft()
            until = min(end, tick)
            self._due_ticks += until - begin
            self._planned_ticks += max(until - planned, 0)
            if until < end:
                self._ahead.appendleft(_Stretch(until, max(planned, until), end))

    def jumped(self) -> None:
        """The song goes on from somewhere else: what was decided and not played is void."""
        self._ahead.clear()

    @property
    def isr(self) -> float | None:
        """As `Figures.isr`."""
        return self._planned_ticks / self._due_ticks if self._due_ticks else None

    def figures(self) -> Figures:
        """The numbers so far."""
        beats = self._beats
        return Figures(
            beats["plan"] + beats["rest"],
            beats["rest"],
            beats["hold"],
            beats["silence"],
            self._due_ticks,
            self._planned_ticks,
            self.deadline_misses,
            self._age_sum_ticks / self._ages / TICKS_PER_STEP if self._ages else 0.0,
            self._age_max_ticks / TICKS_PER_STEP,
        )

    def __len__(self) -> int:
        return len(self._ahead)
