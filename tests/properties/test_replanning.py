"""Plans that overlap: each sixteenth sounds as the plan says that was newest when its beat was settled."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.engine.part import Part
from accompanist.engine.planner import Planner
from accompanist.engine.protocol import Answer, Planned
from accompanist.engine.schedule import Schedule
from accompanist.music.note import Note, without_doubles

STEP, BEAT = 120, 4
SPEC = msgspec.structs.replace(TINY_SPEC, context_steps=4, plan_steps=8, lag_steps=0)
FIRST = 4
"""The first sixteenth with a plan."""
LENGTH = 48
"""Sixteenths that are played through."""
SILENCE = np.zeros((2, 4, 128), np.bool_)


class Said(NamedTuple):
    """A plan in sixteenths of the song.

    Args:
        start: First sixteenth it speaks for.
        end: First it does not.
        notes: Track, pitch, start, end, and whether it is struck.
    """

    start: int
    end: int
    notes: list[tuple[int, int, int, int, bool]]


@st.composite
def plans(draw: st.DrawFn) -> list[tuple[int, int, int, int, bool]]:
    """Notes of a plan as if it began at 0; no two copies of a pitch of one track."""
    found = []
    for track in (0, 1):
        some = draw(
            st.lists(
                st.builds(
                    lambda pitch, start, length: Note(start, pitch, min(start + length, 8)),
                    st.integers(60, 62),
                    st.integers(0, 7),
                    st.integers(1, 8),
                ),
                max_size=5,
            )
        )
        for note in without_doubles(some):
            struck = note.start_tick > 0 or draw(st.booleans())
            found.append((track, note.pitch, note.start_tick, note.end_tick, struck))
    return found


Reply = tuple[list[tuple[int, int, int, int, bool]], int | None]
delays = st.one_of(st.just(0), st.integers(0, 3), st.integers(0, 12), st.none())
"""Sixteenths an answer takes; None: it never comes."""


class Rehearsal:
    """A planner and a schedule, with everything noted that was said and heard.

    Args:
        replies: The plan for each question, and how long it takes; over and over.
        options: The settings.
    """

    def __init__(self, replies: list[Reply], **options: int) -> None:
        self.planner = Planner(SPEC, EngineConfig(**options))
        self.schedule = Schedule((Part(0), Part(1), Part(2)))
        self.replies = replies
        self.coming: list[tuple[int, Answer]] = []  # sixteenth at which it is there
        self.said: dict[int, Said] = {}
        self.voice: dict[int, int] = {}  # by sixteenth: the plan that was newest when its beat was settled
        self.heard: list[tuple[int, bool, int, int]] = []  # tick, begins, track, pitch

    def play(self, step: int) -> None:
        """All that happens from one sixteenth to the next."""
        while self.planner.ask_tick <= step * STEP:
            self.ask(step)
        for at, answer in [item for item in self.coming if item[0] <= step]:
            self.coming.remove((at, answer))
            self.take(answer)
        self.listen(step)
        if self.planner.next_beat_tick == (step + 1) * STEP:
            self.settle(step + 1)

    def ask(self, step: int) -> None:
        job = self.planner.ask(SILENCE, 0.0, step * STEP)
        notes, delay = self.replies[job.number % len(self.replies)]
        if delay is not None:
            begin = job.plan_tick
            told = sorted(
                Planned(t, Note(begin + a * STEP, p, begin + b * STEP), sounds_on=not struck)
                for t, p, a, b, struck in notes
            )
            self.coming.append((step + delay, Answer(0.0, job, tuple(told), 0.0)))

    def take(self, answer: Answer) -> None:
        first, free = answer.job.plan_tick // STEP, self.planner.next_beat_tick // STEP
        if self.planner.answered(answer) != "dropped_answer":
            notes, _ = self.replies[answer.job.number % len(self.replies)]
            mine = [(t, p, first + a, first + b, struck) for t, p, a, b, struck in notes]
            self.said[answer.job.number] = Said(max(first, free), first + 8, mine)

    def settle(self, first: int) -> None:
        for step in range(first, first + BEAT):
            speaking = [number for number, plan in self.said.items() if plan.start <= step < plan.end]
            if speaking:
                self.voice[step] = max(speaking)
        beat = self.planner.take_beat()
        if beat is not None:
            assert {note.note.start_tick // STEP // BEAT for note in beat.notes} <= {first // BEAT}
            self.schedule.change(beat.changed)
            self.schedule.commit(beat.notes)

    def listen(self, step: int) -> None:
        messages = self.schedule.due(lambda tick: tick, step * STEP)
        self.heard += [(m.tick, m.data[0] & 0xF0 == 0x90, m.track, m.data[1]) for m in messages]


@given(
    st.lists(st.tuples(plans(), delays), min_size=1, max_size=50),
    st.integers(1, 8),
    st.sampled_from([1, 2, 4, 6]),
)
@settings(deadline=None, max_examples=200)
def test_what_sounds_is_what_the_newest_plans_say(replies: list[Reply], replan_steps: int, lead_steps: int) -> None:
    rehearsal = Rehearsal(replies, replan_steps=replan_steps, lead_steps=lead_steps)
    for step in range(LENGTH):
        rehearsal.play(step)
    rehearsal.listen(2 * LENGTH)
    assert sorted(rehearsal.heard) == sorted(expected(rehearsal.said, rehearsal.voice, LENGTH + BEAT))


def expected(said: dict[int, Said], voice: dict[int, int], steps: int) -> list[tuple[int, bool, int, int]]:
    """The same from its definition, cell by cell."""
    found = []
    for track in (0, 1):
        for pitch in (60, 61, 62):
            sounds = False
            for step in range(steps + 8):
                number = voice.get(step)
                notes = said[number].notes if number is not None else []
                if number is None and voice and step > max(voice):
                    # Beyond the last settled beat what was begun sounds to its end.
                    notes = [note for note in said[voice[max(voice)]].notes if note[2] <= max(voice)]
                cell = [note for note in notes if note[:2] == (track, pitch) and note[2] <= step < note[3]]
                struck = bool(cell) and (not sounds or (cell[0][2] == step and cell[0][4]))
                if sounds and (struck or not cell):
                    found.append((step * STEP, False, track, pitch))
                if struck:
                    found.append((step * STEP, True, track, pitch))
                sounds = bool(cell)
    return found
