from __future__ import annotations

import numpy as np
import pytest
from support.band import answered, chords
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.engine.planner import Beat, Planner, scaled
from accompanist.engine.protocol import Answer, Committed, Failure, Job
from accompanist.music.note import Note
from accompanist.music.roll import BoolRoll

BAR = 4 * 480
SILENT: BoolRoll = np.zeros((2, 32, 128), dtype=np.bool_)


@pytest.fixture
def planner() -> Planner:
    return Planner(TINY_SPEC, EngineConfig())


def asked(planner: Planner) -> Job:
    return planner.ask(SILENT, deadline_s=0.0, tick=planner.ask_tick)


def answer(job: Job) -> Answer:
    told = answered(job, chords(job))
    assert isinstance(told, Answer)
    return told


def starts(beat: Beat | None, track: int) -> list[int]:
    return [note.start_tick for at, note in (beat.notes if beat else ()) if at == track]


def test_listens_for_one_window_then_asks_once_per_plan(planner: Planner) -> None:
    assert (planner.first_plan_tick, planner.ask_tick) == (2 * BAR, 2 * BAR - 120)
    jobs = [asked(planner) for _ in range(3)]
    assert [(job.number, job.plan_tick) for job in jobs] == [(0, 2 * BAR), (1, 4 * BAR), (2, 6 * BAR)]


def test_asks_earlier_where_the_lead_is_longer() -> None:
    assert Planner(TINY_SPEC, EngineConfig(lead_steps=16)).ask_tick == BAR


@pytest.mark.parametrize(
    ("tick", "beats_per_bar", "first"), [(1, 4, 3 * BAR), (BAR, 4, 3 * BAR), (1500, 3, 2880 + 2 * BAR)]
)
def test_after_a_jump_a_window_begins_at_the_next_bar_line(tick: int, beats_per_bar: int, first: int) -> None:
    planner = Planner(TINY_SPEC, EngineConfig(beats_per_bar=beats_per_bar))
    planner.restart(tick)
    assert planner.first_plan_tick == first


def test_an_answer_is_handed_out_beat_by_beat(planner: Planner) -> None:
    assert planner.answered(answer(asked(planner))) == "answer"
    beats = [planner.take_beat() for _ in range(8)]
    assert [starts(notes, 0) for notes in beats] == [[2 * BAR + i * 480] for i in range(8)]
    assert [len(starts(notes, 1)) for notes in beats] == [3, 0, 0, 0, 3, 0, 0, 0]
    assert planner.take_beat() is None


def test_the_rest_of_an_older_plan_plays_where_a_newer_one_is_due_and_not_there(planner: Planner) -> None:
    """As where a plan is asked for every bar, each two bars long."""
    planner.answered(answer(asked(planner)))
    planner.next_plan_tick = 3 * BAR
    newer = asked(planner)
    beats = [planner.take_beat() for _ in range(6)]
    assert [beat.rest for beat in beats if beat] == [False] * 4 + [True] * 2
    assert planner.answered(answer(newer)) == "late_answer"
    beats = [planner.take_beat() for _ in range(6)]
    assert [beat.rest for beat in beats if beat] == [False] * 6
    assert planner.take_beat() is None


def test_a_late_answer_is_used_from_the_next_free_beat_on(planner: Planner) -> None:
    job = asked(planner)
    assert [planner.take_beat() for _ in range(3)] == [None] * 3
    assert planner.answered(answer(job)) == "late_answer"
    beat = planner.take_beat()
    assert starts(beat, 0) == [2 * BAR + 3 * 480]
    # The chord that has been held since the beginning comes in late, and ends where it would have ended.
    assert [(n.start_tick, n.end_tick) for at, n in (beat.notes if beat else ()) if at == 1] == [
        (2 * BAR + 3 * 480, 3 * BAR)
    ] * 3


def test_an_answer_of_which_nothing_is_left_is_dropped(planner: Planner) -> None:
    job = asked(planner)
    for _ in range(8):
        planner.take_beat()
    assert planner.answered(answer(job)) == "dropped_answer"


def test_an_answer_counts_once_and_only_for_this_course_of_the_song(planner: Planner) -> None:
    job = asked(planner)
    assert planner.answered(answer(job._replace(number=7))) == "dropped_answer"
    assert planner.answered(answer(job._replace(plan_tick=0))) == "dropped_answer"
    assert planner.answered(answer(job)) == "answer"
    assert planner.answered(answer(job)) == "dropped_answer"
    job = asked(planner)
    planner.restart(BAR)
    assert planner.answered(answer(job)) == "dropped_answer"
    assert planner.failed(Failure(0.0, job, "gone")) is False


def test_after_a_stall_only_the_newest_question_is_asked(planner: Planner) -> None:
    planner.skip_missed(7 * BAR)
    assert asked(planner).plan_tick == 6 * BAR


def test_after_a_stall_beats_without_a_plan_are_passed_over_at_once(planner: Planner) -> None:
    assert planner.skip_beats(2 * BAR + 479) == 0
    assert planner.skip_beats(10**15) == (10**15 - 2 * BAR) // 480
    assert planner.next_beat_tick <= 10**15 < planner.next_beat_tick + 480


def test_open_questions_are_bounded(planner: Planner) -> None:
    for _ in range(1000):
        asked(planner)
    assert len(planner._open) <= 8


def test_scaled_velocities_stay_within_midi() -> None:
    notes = [Committed(0, Note(0, 60, 1, velocity)) for velocity in (1, 80, 127)]
    assert [c.note.velocity for c in scaled(notes, 0.1)] == [1, 8, 13]
    assert [c.note.velocity for c in scaled(notes, 1.25)] == [1, 100, 127]
