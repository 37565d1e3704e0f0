from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accompanist.engine.figures import Figures, Source, Tally

BEAT = 480


def test_of_nothing_there_is_no_share() -> None:
    assert Tally().figures() == Figures()
    assert Figures().isr is None


def test_each_beat_counts_where_it_comes_from() -> None:
    tally = Tally()
    sources: list[Source] = ["plan", "plan", "rest", "hold", "silence"]
    for i, source in enumerate(sources):
        tally.decided(source, i * BEAT, now_tick=i * BEAT - 20)
    tally.decided("silence", 5 * BEAT, now_tick=20 * BEAT, beats=3)
    figures = tally.figures()
    assert (figures.planned_beats, figures.rest_beats, figures.held_beats, figures.silent_beats) == (3, 1, 1, 4)


def test_the_share_is_of_ticks_the_song_moved_through() -> None:
    tally = Tally()
    tally.decided("plan", 0, now_tick=-20)
    tally.decided("hold", BEAT, now_tick=BEAT - 20)
    tally.played(BEAT + 160)
    assert (tally.figures().due_ticks, tally.figures().planned_ticks) == (BEAT + 160, BEAT)
    assert tally.figures().isr == 0.75
    tally.jumped()
    tally.played(10 * BEAT)
    assert tally.figures().due_ticks == BEAT + 160


def test_a_beat_that_was_decided_late_was_not_there_in_time() -> None:
    tally = Tally()
    tally.decided("plan", 0, now_tick=120)
    tally.played(BEAT)
    assert tally.figures().isr == 0.75


def test_the_age_of_what_plays_is_from_what_its_plan_heard() -> None:
    tally = Tally()
    tally.decided("plan", 960, now_tick=940, heard_tick=840)
    tally.decided("hold", 1440, now_tick=1420, heard_tick=840)
    tally.decided("silence", 1920, now_tick=1900, heard_tick=840)
    assert (tally.figures().staleness_mean_steps, tally.figures().staleness_max_steps) == (3.0, 5.0)


beats = st.lists(st.tuples(st.sampled_from(["plan", "rest", "hold", "silence"]), st.integers(-30, 480)), min_size=1)


@given(beats, st.lists(st.integers(0, 1000), max_size=50))
def test_however_often_one_looks_every_tick_counts_once(decided: list[tuple[Source, int]], strides: list[int]) -> None:
    watched, at_once = Tally(), Tally()
    for tally in (watched, at_once):
        for i, (source, late) in enumerate(decided):
            tally.decided(source, i * BEAT, now_tick=i * BEAT + late)
    tick = 0
    for stride in strides:
        tick += stride
        watched.played(tick)
    watched.played(10**9)
    at_once.played(10**9)
    assert watched.figures() == at_once.figures()
    figures = at_once.figures()
    assert figures.due_ticks == len(decided) * BEAT
    assert figures.planned_ticks == sum(BEAT - max(late, 0) for source, late in decided if source in ("plan", "rest"))
    assert figures.isr == pytest.approx(figures.planned_ticks / figures.due_ticks)
    assert len(watched) == 0


def test_after_a_jump_back_that_nobody_told_what_was_decided_further_on_is_void() -> None:
    tally = Tally()
    tally.decided("plan", 100 * BEAT, now_tick=100 * BEAT - 20)
    for beat in range(8):
        tally.decided("plan", beat * BEAT, now_tick=beat * BEAT - 20)
        tally.played((beat + 1) * BEAT)
        assert len(tally) == 0
    assert tally.figures().isr == 1.0
