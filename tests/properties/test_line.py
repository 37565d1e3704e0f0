"""The melody that grows is the melody encoded anew, whatever is played and however often it is asked for."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from accompanist.engine.bars import LATELY_STEPS, BarBuffer
from accompanist.engine.line import Line, encoded, on_grid
from accompanist.music.note import Note, top_line, without_doubles
from accompanist.music.roll import BoolRoll, encode
from accompanist.music.time import TICKS_PER_STEP

CONTEXT, AHEAD = 80, 8
LOST_TICKS = 2 * LATELY_STEPS * TICKS_PER_STEP


def plainly(notes: list[Note], begin_tick: int, steps: int) -> BoolRoll:
    """From the definition, all notes at once."""

    def step_of(tick: int) -> int:
        return (tick + TICKS_PER_STEP // 2) // TICKS_PER_STEP * TICKS_PER_STEP

    placed = [
        note._replace(
            start_tick=step_of(note.start_tick),
            end_tick=max(step_of(note.end_tick), step_of(note.start_tick) + TICKS_PER_STEP),
        )
        for note in notes
    ]
    following = dict(pairwise(sorted({note.start_tick for note in placed})))
    detached = [
        note._replace(end_tick=following[note.start_tick])
        if note.start_tick in following and 0 < note.end_tick - following[note.start_tick] <= TICKS_PER_STEP
        else note
        for note in placed
    ]
    return encode(top_line(without_doubles(detached)), steps, start_tick=begin_tick)


class Act(NamedTuple):
    """What happens next.

    Args:
        after_ticks: So long after what came before; below 0 where a message came late.
        what: "on", "off" or "ask".
        pitch: Of a key.
    """

    after_ticks: int
    what: str
    pitch: int


@st.composite
def acts(draw: st.DrawFn, *, late: bool) -> list[Act]:
    """A player: legato lines, chords, rests, keys that stay down, and a question now and then."""
    rng = draw(st.randoms(use_true_random=False))
    longest = draw(st.sampled_from([60, 240, 700]))
    played = []
    for _ in range(draw(st.integers(1, 120))):
        what = rng.choice(["on", "on", "on", "off", "off", "ask"])
        after = rng.choice([0, rng.randrange(40), rng.randrange(longest), rng.randrange(longest)])
        if rng.random() < 0.03:
            after = rng.choice([3000, 9000, 30_000])
        if late and rng.random() < 0.2:
            after = -rng.randrange(9000 if what == "on" else 3000)  # a key taken as up is up
        played.append(Act(after, what, rng.randrange(60, 65)))
    return played


class Rehearsal:
    """A bar buffer, and beside it every note that was played."""

    def __init__(self) -> None:
        self.bars = BarBuffer(CONTEXT, ahead_steps=AHEAD)
        self.ended: list[Note] = []
        self.running: dict[int, int] = {}  # pitch: when it went down
        self.end_tick = 0

    def play(self, act: Act, tick: int) -> None:
        if act.what in ("on", "off") and act.pitch in self.running:
            start = self.running.pop(act.pitch)
            end = min(tick, start + LOST_TICKS)
            if tick > start:
                self.ended.append(Note(start, act.pitch, end))
        if act.what == "on":
            self.running[act.pitch] = tick
            self.bars.note_on(0, act.pitch, 80, tick)
        elif act.what == "off":
            self.bars.note_off(0, act.pitch, tick)

    def ask(self, tick: int, *, forget: bool) -> None:
        self.end_tick = max(self.end_tick, -(-tick // 480) * 480)
        if forget:
            self.bars.forget_before(self.end_tick)
        held = [
            Note(start, pitch, min(self.end_tick, start + LOST_TICKS))
            for pitch, start in self.running.items()
            if start < self.end_tick
        ]
        begin_tick = self.end_tick - CONTEXT * TICKS_PER_STEP
        expected = plainly([*self.ended, *held], begin_tick, CONTEXT)
        roll = self.bars.melody(self.end_tick)
        assert np.array_equal(roll[:, :CONTEXT], expected)
        assert not roll[:, CONTEXT:].any()
        known_tick = self.end_tick - 3 * TICKS_PER_STEP
        known = self.bars.melody(self.end_tick, known_tick=known_tick)
        assert np.array_equal(known[:, : CONTEXT - 3], expected[:, : CONTEXT - 3])
        assert not known[:, CONTEXT - 3 :].any()


@given(acts(late=False))
def test_on_time_it_is_the_same_however_long_it_is_played(played: list[Act]) -> None:
    rehearsal, tick = Rehearsal(), 0
    for act in played:
        tick += act.after_ticks
        rehearsal.play(act, tick)
        if act.what == "ask":
            rehearsal.ask(tick, forget=True)
    rehearsal.ask(tick, forget=True)


@given(acts(late=True))
def test_messages_that_came_late_are_heard_where_they_belong(played: list[Act]) -> None:
    rehearsal, tick = Rehearsal(), 0
    for act in played:
        tick += max(act.after_ticks, 0)
        rehearsal.play(act, max(tick + min(act.after_ticks, 0), 0))
        if act.what == "ask":
            rehearsal.ask(tick, forget=False)
    rehearsal.ask(tick, forget=False)


@st.composite
def lines(draw: st.DrawFn) -> list[Note]:
    """Notes that overlap now and then, by a sixteenth or by more."""
    rng = draw(st.randoms(use_true_random=False))
    played, tick = [], 0
    for _ in range(draw(st.integers(0, 60))):
        tick += rng.choice([0, 120, 120, 240, rng.randrange(300)])
        played.append(Note(tick, rng.randrange(60, 65), tick + rng.choice([120, 240, 360, rng.randrange(1, 900)])))
    return played


@given(lines(), st.lists(st.integers(0, 90), max_size=6))
def test_where_it_is_settled_changes_nothing(played: list[Note], settled: list[int]) -> None:
    line = Line(24)
    waiting = sorted(map(on_grid, played))
    for step in sorted(settled):
        while waiting and waiting[0][0] < step:
            line.take(waiting.pop(0))
        line.settle(step)
        begin = step - 24
        until = [note for note in played if on_grid(note)[0] < step]
        assert np.array_equal(line.roll(begin, step + 9), plainly(until, begin * TICKS_PER_STEP, 33))
    begin = max(line.settled_step - 24, 0)
    assert np.array_equal(line.roll(begin, 90, waiting), plainly(played, begin * TICKS_PER_STEP, 90 - begin))
    assert np.array_equal(encoded(played, 5, 70), plainly(played, 5 * TICKS_PER_STEP, 65))
