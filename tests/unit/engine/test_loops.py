"""Loops and jumps of a DAW, as a musician meets them: the seam, what the model is told there, and what is forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import pytest
from support.band import answered, at_once, chords, clocks, note, play
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.engine.engine import Engine
from accompanist.engine.protocol import Command, Input, Job, Received
from accompanist.music.roll import ONSET

BAR = 4 * 480
BAR_S = 2.0
ANTICIPATING = msgspec.structs.replace(TINY_SPEC, lag_steps=0)


def position(at_s: float, bar: int) -> Received:
    """Song position, in bars from 1."""
    sixteenths = (bar - 1) * 16
    return Received(at_s, bytes((0xF2, sixteenths & 0x7F, sixteenths >> 7)))


def bars(from_s: float, pitches: Sequence[int]) -> Iterator[Input]:
    """A clock that runs on, and in each bar a note on its first beat: 0 is a rest."""
    yield from clocks(from_s, 96 * len(pitches))
    for i, pitch in enumerate(pitches):
        if pitch:
            yield from note(from_s + i * BAR_S + 0.01, from_s + i * BAR_S + 0.4, pitch)


def struck(job: Job) -> list[tuple[int, int]]:
    """The melody a model was given: (bar of the window, pitch)."""
    return [(int(step) // 16, int(pitch)) for step, pitch in zip(*np.nonzero(job.melody[ONSET]), strict=True)]


def looped(engine: Engine, *passes: Sequence[int], first_bar: int = 1) -> list[Job]:
    """Play passes, each from `first_bar` on; the questions of the last one."""
    inputs: list[Input] = [position(0.0, first_bar), Received(0.01, b"\xfb")]
    at_s, last_s = 0.02, 0.0
    for pitches in passes:
        last_s = at_s
        if at_s > 1:
            inputs.append(position(at_s - 0.005, first_bar))
        inputs += bars(at_s, pitches)
        at_s += BAR_S * len(pitches)
    show = play(engine, inputs, at_s - 0.1)
    asked = {event.detail.split()[0]: event.at_s for event in show.events if event.name == "job"}
    return [job for job in show.jobs if asked[str(job.number)] > last_s - 0.01]


def follower(spec: msgspec.Struct = TINY_SPEC, **settings: int) -> Engine:
    return Engine(spec, EngineConfig(**settings), follow_clock=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("first_bar", [1, 5])
def test_at_the_seam_a_model_that_lags_is_given_these_bars_of_the_last_pass(first_bar: int) -> None:
    jobs = looped(follower(), (60, 62, 64, 65), (60, 62, 64, 65), first_bar=first_bar)
    assert jobs[0].plan_tick == (first_bar - 1) * BAR
    assert struck(jobs[0]) == [(0, 60), (1, 62)]
    assert [job.plan_tick - jobs[0].plan_tick for job in jobs] == [0, 2 * BAR, 4 * BAR]


def test_what_is_played_now_takes_the_place_of_what_was_played_there() -> None:
    jobs = looped(follower(), (60, 62, 64, 65), (72, 74, 0, 77), (48, 50, 52, 53))
    assert struck(jobs[0]) == [(0, 72), (1, 74)]  # not the first pass's
    assert struck(jobs[1]) == [(0, 48), (1, 50)]  # heard just now
    jobs = looped(follower(), (60, 62, 64, 65), (0, 0, 0, 0), (0, 0, 0, 0))
    assert struck(jobs[0]) == []  # a rest is remembered as well


def test_a_model_that_anticipates_is_given_what_led_to_the_place_the_last_time() -> None:
    inputs = [Received(0.0, b"\xfa"), *bars(0.02, (60, 62, 64, 65)), position(8.015, 3), *bars(8.02, (67, 69))]
    show = play(follower(ANTICIPATING), inputs, 11.9)
    again = [job for job in show.jobs if job.plan_tick == 2 * BAR]
    assert [struck(job) for job in again] == [[(0, 60), (1, 62)]] * 2
    assert [struck(job) for job in show.jobs if job.plan_tick == 3 * BAR][-1] == [(0, 62), (1, 67)]


def test_before_the_songs_beginning_leads_what_was_played_just_now() -> None:
    jobs = looped(follower(ANTICIPATING), (60, 62, 64, 65), (67, 69, 71, 72))
    assert (jobs[0].plan_tick, struck(jobs[0])) == (0, [(0, 64), (1, 65)])
    bar_two = next(job for job in jobs if job.plan_tick == BAR)
    assert struck(bar_two) == [(0, 65), (1, 67)]


def test_no_beat_of_a_loop_is_silent_once_its_bars_were_heard() -> None:
    for spec in (TINY_SPEC, ANTICIPATING):
        engine = follower(spec)
        looped(engine, *[(60, 62, 64, 65)] * 4)
        figures = engine.status(32.0).figures
        assert (figures.silent_beats, figures.held_beats, figures.rest_beats) == (0, 0, 0)
        assert figures.planned_beats >= 2 * 4 + 3 * 16 - 1


@pytest.mark.parametrize(("took_s", "first_tick", "outcome"), [(0.04, 38, "answer"), (0.2, 480, "late_answer")])
def test_the_first_beat_waits_a_sixteenth_for_its_plan(took_s: float, first_tick: int, outcome: str) -> None:
    inputs = [Received(0.0, b"\xfa"), *bars(0.02, (60, 62, 64, 65))]
    engine = follower()
    play(engine, inputs, 8.0)
    show = play(
        engine, [position(8.01, 1), *bars(8.02, (60,))], 9.5, lambda job: (took_s, chords(job)), from_s=8.01
    )  # fmt: skip
    on = [message for message in show.messages if message.data[0] & 0xF0 == 0x90]
    assert on[0].tick == pytest.approx(first_tick, abs=12)
    assert all(message.due_s >= 8.01 + min(took_s, 0.1) for message in on)  # nothing leaves late
    assert outcome in show.names()
    assert engine.status(9.5).figures.deadline_misses == (outcome == "late_answer")


def test_a_jump_to_where_nobody_has_been_is_listened_to() -> None:
    inputs = [Received(0.0, b"\xfa"), *bars(0.02, (60, 62, 64, 65)), position(8.015, 40), *bars(8.02, (60, 62, 64))]
    show = play(follower(), inputs, 14.0)
    assert [job.plan_tick // BAR + 1 for job in show.jobs] == [3, 5, 42]


def test_a_jump_into_the_middle_of_a_bar_comes_back_to_bar_lines() -> None:
    inputs = [Received(0.0, b"\xfa"), *bars(0.02, (60, 62, 64, 65, 67, 69))]
    engine = follower()
    play(engine, inputs, 12.0)
    sixteenths = 16 + 6  # 2.2.3
    show = play(
        engine, [Received(12.015, bytes((0xF2, sixteenths, 0))), *bars(12.02, (60, 62, 64))], 17.3, from_s=12.01
    )  # fmt: skip
    assert [job.plan_tick for job in show.jobs][:3] == [BAR + 2 * 480, 2 * BAR, 4 * BAR]


def test_a_long_lead_asks_for_the_first_beat_all_the_same() -> None:
    jobs = looped(follower(lead_steps=16, replan_steps=4), (60, 62, 64, 65), (60, 62, 64, 65))
    assert jobs[0].plan_tick == 0
    assert jobs[1].plan_tick > BAR


def test_without_a_daw_a_start_is_another_piece() -> None:
    engine = Engine(TINY_SPEC, EngineConfig())
    melody = [item for i in range(5) for item in note(i * BAR_S, i * BAR_S + 0.4, 60 + i)]
    play(engine, melody, 9.0)
    show = play(engine, [Command(9.1, "stop"), Command(10.0, "start")], 13.0, from_s=9.05)
    assert show.jobs == []
    show = play(engine, [], 14.5, from_s=13.0)
    assert [job.plan_tick for job in show.jobs] == [2 * BAR]


def test_an_answer_to_a_question_of_before_the_seam_is_dropped() -> None:
    engine = follower()
    show = play(engine, [Received(0.0, b"\xfa"), *bars(0.02, (60, 62, 64, 65))], 8.0, lambda job: (99.0, chords(job)))
    late = show.jobs[-1]
    step = engine.step(8.02, [position(8.01, 1)])
    assert step.job is not None
    step = engine.step(8.03, [answered(late, chords(late), 8.03)])
    assert [event.name for event in step.events] == ["dropped_answer"]
    assert at_once(step.job or late)[0] == 0.0
