"""The engine with a model of the live kind: what it is told of the song, of the moment and of its own plans."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from support.band import Replier, Show, clocks, note, onsets, play
from support.live import BASS_VELOCITY, COUNTER, KNOWN_STEP, LIVE_SPEC, LOWEST_BASS, STYLE

from accompanist.config import EngineConfig
from accompanist.engine.engine import Engine
from accompanist.engine.protocol import Answer, Command, Input, Job, Received
from accompanist.music.question import UNKNOWN
from accompanist.music.roll import HELD, ONSET
from accompanist.runtime.clock import ManualClock
from accompanist.runtime.infer import Session, infer

BEAT, BAR, STEP = 480, 1920, 120
BEAT_S, BAR_S = 0.5, 2.0
CONTEXT = LIVE_SPEC.context_beats
BASS = 0


@pytest.fixture(scope="module")
def session(live_model: Path) -> Session:
    return Session(live_model)


def model(session: Session, took_s: float = 0.0, fails: Callable[[Job], bool] = lambda _: False) -> Replier:
    """The live model as the inference thread asks it."""

    def reply(job: Job) -> tuple[float, Any]:
        answer = infer(session, job, ManualClock(), seed=0)
        assert isinstance(answer, Answer), answer
        return took_s, "no memory" if fails(job) else answer

    return reply


def band(**options: Any) -> Engine:
    options = {"rest_bars": 0, "follow_density": False, **options}
    settings = EngineConfig(**{key: options.pop(key) for key in list(options) if key in EngineConfig.__struct_fields__})
    return Engine(LIVE_SPEC, settings, **options)


def tune(bars: int, first_bar: int = 0) -> list[Input]:
    """A note on each beat, half a beat long, a little late as people play."""
    beats = range(4 * first_bar, 4 * (first_bar + bars))
    return [item for i in beats for item in note(i * BEAT_S + 0.001, (i + 0.5) * BEAT_S, 60 + i % 12)]


def remembered(job: Job, code: int = COUNTER) -> dict[int, int]:
    """What a question says of the beats before: code by beat of the song, where it is known."""
    assert job.codes is not None
    assert (job.codes[CONTEXT:] == UNKNOWN).all()
    first = job.plan_tick // BEAT - CONTEXT
    return {first + i: int(its[code]) for i, its in enumerate(job.codes[:CONTEXT]) if its[STYLE] != UNKNOWN}


def struck(show: Show) -> list[tuple[int, int]]:
    """The bass: (beat of the song, counter that its pitch tells)."""
    return [
        (m.tick // BEAT, m.data[1] - LOWEST_BASS) for m in show.messages if m.track == BASS and m.data[0] & 0xF0 == 0x90
    ]


def test_the_band_comes_in_after_a_bar_and_plans_every_beat(session: Session) -> None:
    show = play(band(), tune(4), 4 * BAR_S - 0.1, model(session))
    assert [job.plan_tick for job in show.jobs] == [BAR + i * BEAT for i in range(13)]
    assert onsets(show.messages, BASS) == [BAR + i * BEAT for i in range(12)]


@pytest.mark.parametrize(("listen_bars", "from_bar"), [(0, 1), (1, 1), (3, 3)])
def test_it_listens_for_a_bar_or_as_long_as_set(session: Session, listen_bars: int, from_bar: int) -> None:
    show = play(band(listen_bars=listen_bars), tune(5), 5 * BAR_S - 0.1, model(session))
    assert onsets(show.messages, BASS)[0] == from_bar * BAR


def test_a_question_tells_the_moment(session: Session) -> None:
    show = play(band(), tune(8), 8 * BAR_S - 0.1, model(session))
    for i, job in enumerate(show.jobs):
        assert job.moment is not None
        assert job.moment == (max(64 - 16 - 4 * i, 0), 63, i % 4, 4, 0)  # asked a sixteenth before


@pytest.mark.parametrize("beats_per_bar", [3, 5])
def test_in_another_meter_the_beats_are_counted_so(session: Session, beats_per_bar: int) -> None:
    show = play(band(beats_per_bar=beats_per_bar), tune(5), 5 * BAR_S - 0.1, model(session))
    assert show.jobs[0].plan_tick == beats_per_bar * BEAT
    for i, job in enumerate(show.jobs):
        assert job.moment is not None
        assert job.moment[2:4] == (i % beats_per_bar, beats_per_bar)


def test_a_question_has_the_melody_up_to_what_was_heard_and_silence_behind(session: Session) -> None:
    show = play(band(), [*tune(3), *note(2.9, 3.4, 48)], 3 * BAR_S - 0.1, model(session))
    job = next(job for job in show.jobs if job.plan_tick == 3 * BAR // 2)  # asked at 2.875 s
    begins = np.argwhere(job.melody[ONSET])
    assert job.melody.shape == (2, 128, 128)
    assert begins.tolist() == [[64 - 24 + 4 * i, 60 + i] for i in range(6)]
    held = play(band(), note(0.001, 99, 60), BAR_S + 0.1, model(session)).jobs[0]
    assert np.flatnonzero(held.melody[HELD, :, 60]).tolist() == list(range(48, 63))  # of what is held no more is known


def test_each_plan_goes_on_from_what_was_settled(session: Session) -> None:
    show = play(band(), tune(8), 8 * BAR_S - 0.1, model(session))
    for i, job in enumerate(show.jobs):
        assert remembered(job) == {4 + beat: beat for beat in range(max(i - CONTEXT, 0), i)}
        assert set(remembered(job, KNOWN_STEP).values()) <= {63}
    assert struck(show) == [(4 + i, i % 24) for i in range(28)]


def test_the_model_says_how_loud_and_the_style_is_asked_for(session: Session) -> None:
    inputs = [*tune(5), Command(2.6 * BAR_S, "style", 1.0)]
    show = play(band(), inputs, 5 * BAR_S - 0.1, model(session))
    loud = [m.data[2] for m in show.messages if m.track == BASS and m.data[0] & 0xF0 == 0x90]
    assert loud == [BASS_VELOCITY] * 7 + [BASS_VELOCITY + 1] * 9
    assert [job.moment.style for job in show.jobs if job.moment] == [job.style for job in show.jobs]


def test_of_late_answers_the_plan_that_spoke_is_remembered(session: Session) -> None:
    show = play(band(), tune(6), 6 * BAR_S - 0.1, model(session, took_s=0.7))
    # Every answer comes after its first beat and the next were settled; what sounds is what is remembered.
    heard = dict(struck(show))
    told = remembered(show.jobs[-1])
    assert told == {beat: heard[beat] for beat in told}
    assert len(told) >= 14
    assert "late_answer" in show.names()


def test_the_rest_of_a_plan_is_remembered_and_a_held_harmony_is_not(session: Session) -> None:
    show = play(band(), tune(7), 7 * BAR_S - 0.1, model(session, fails=lambda job: job.number >= 5))
    assert "fallback_hold" in show.names()
    # Question 4, for beat 8, was the last one answered: its plan reaches to beat 15.
    assert remembered(show.jobs[-1]) == {beat: beat - 4 for beat in range(12, 16)}


def test_while_the_band_rests_nothing_is_remembered(session: Session) -> None:
    show = play(band(rest_bars=1), tune(4), 9 * BAR_S - 0.1, model(session))
    silent = [beat for beat in range(16, 36) if beat not in dict(struck(show))]
    assert silent
    assert set(remembered(show.jobs[-1])) == set(range(20, 36)) - set(range(min(silent), 36))


def test_a_band_that_is_told_to_listen_remembers_nothing_of_it(session: Session) -> None:
    inputs = [*tune(5), Command(2.1 * BAR_S, "listen", 0.0), Command(3.1 * BAR_S, "listen", 1.0)]
    show = play(band(), inputs, 5 * BAR_S - 0.1, model(session))
    assert set(remembered(show.jobs[-1])) == {*range(4, 9), *range(13, 20)}


def test_asked_far_ahead_it_is_told_what_is_planned_for_the_beats_between(session: Session) -> None:
    show = play(band(lead_steps=16), tune(5), 5 * BAR_S - 0.1, model(session))
    for job in show.jobs[4:]:
        told = remembered(job)
        assert list(told.values()) == list(
            range(max(job.plan_tick // BEAT - 4 - CONTEXT, 0), job.plan_tick // BEAT - 4)
        )
        assert job.moment is not None
        assert job.moment.known_step == 64 - 16


def test_asked_farther_ahead_than_it_remembers_it_is_told_what_it_can_be() -> None:
    short = msgspec.structs.replace(LIVE_SPEC, context_steps=8)  # two beats; asked four beats before

    def reply(job: Job) -> tuple[float, Any]:
        beats = job.plan_tick // BEAT + np.arange(8)
        return 0.0, Answer(0.0, job, (), 0.0, np.repeat(beats[:, None], 6, axis=1))

    engine = Engine(short, EngineConfig(lead_steps=16, rest_bars=0))
    show = play(engine, tune(4), 4 * BAR_S - 0.1, reply)
    assert len(show.jobs) > 10
    for job in show.jobs[2:]:
        assert job.codes is not None
        plan_beat = job.plan_tick // BEAT
        assert job.codes[:, 0].tolist() == [plan_beat - 2, plan_beat - 1, *[UNKNOWN] * 8]


def test_asked_more_often_than_on_beats_its_plans_begin_on_the_first_beat_they_can(session: Session) -> None:
    show = play(band(replan_steps=1), tune(4), 4 * BAR_S - 0.1, model(session))
    assert all(job.plan_tick % BEAT == 0 for job in show.jobs)
    for job in show.jobs:
        assert job.moment is not None
        assert job.moment.known_step == 64 - (job.plan_tick - job.heard_tick) // STEP
        assert job.plan_tick - job.heard_tick <= BEAT
    assert len({job.plan_tick for job in show.jobs}) == 13
    assert len(show.jobs) == 4 * 12 + 1
    assert struck(show) == [(4 + i, i) for i in range(12)]  # the newest wins, and goes on from what was settled


def test_after_a_loop_the_beats_before_are_those_of_the_last_pass(session: Session) -> None:
    def position(at_s: float, bar: int) -> Received:
        return Received(at_s, bytes((0xF2, 16 * bar & 0x7F, 16 * bar >> 7)))

    inputs: list[Input] = [Received(0.0, b"\xfa"), *clocks(0.02, 96 * 4), *tune(4)]
    inputs += [position(4 * BAR_S + 0.015, 2), *clocks(4 * BAR_S + 0.02, 96 * 2), *tune(2, first_bar=4)]
    show = play(band(follow_clock=True), inputs, 6 * BAR_S, model(session))
    again = [job for job in show.jobs if job.plan_tick == 2 * BAR]
    assert len(again) == 2
    assert remembered(again[1]) == remembered(again[0]) == {4 + i: i for i in range(4)}
    assert again[1].moment is not None
    assert again[1].moment.first_step == 64 - 32  # two bars are known to lead there
    assert np.array_equal(again[1].melody[:, :60], again[0].melody[:, :60])
    later = next(job for job in show.jobs if job.plan_tick == 3 * BAR and job.number > again[1].number)
    assert remembered(later) == {4 + i: i for i in range(8)}


def test_another_piece_begins_with_nothing_remembered(session: Session) -> None:
    engine = band()
    play(engine, tune(4), 8.0, model(session))
    inputs: list[Input] = [Command(8.1, "stop"), Command(9.0, "start")]
    inputs += [item for i in range(8) for item in note(9.01 + i * BEAT_S, 9.2 + i * BEAT_S)]
    show = play(engine, inputs, 13.4, model(session), from_s=8.05)
    first = next(job for job in show.jobs if job.deadline_s > 9.5)
    assert (first.plan_tick, remembered(first)) == (BAR, {})
    assert first.moment is not None
    assert first.moment.first_step == 64 - 16
    assert np.flatnonzero(first.melody[ONSET].any(axis=1)).tolist() == [48, 52, 56, 60]
