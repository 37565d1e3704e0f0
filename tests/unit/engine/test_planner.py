from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest
from support.band import answered, chords
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.engine.planner import Beat, Planner, scaled
from accompanist.engine.protocol import Answer, Committed, Failure, Job, Planned
from accompanist.errors import ConfigError
from accompanist.music.note import Note
from accompanist.music.roll import BoolRoll
from accompanist.music.spec import ModelSpec

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


def test_the_rest_of_an_older_plan_plays_where_a_newer_one_is_due_and_not_there() -> None:
    """A plan is asked for every bar, each two bars long."""
    planner = Planner(TINY_SPEC, EngineConfig(replan_steps=16))
    planner.answered(answer(asked(planner)))
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


ANTICIPATING = msgspec.structs.replace(TINY_SPEC, lag_steps=0)


@pytest.mark.parametrize(
    ("spec", "asked_for", "steps"),
    [(TINY_SPEC, 0, 32), (ANTICIPATING, 0, 4), (TINY_SPEC, 4, 4), (ANTICIPATING, 32, 32), (ANTICIPATING, 1, 1)],
)
def test_it_plans_as_often_as_told_or_as_suits_the_model(spec: ModelSpec, asked_for: int, steps: int) -> None:
    planner = Planner(spec, EngineConfig(replan_steps=asked_for))
    assert asked(planner).plan_tick + steps * 120 == asked(planner).plan_tick


def test_plans_further_apart_than_they_are_long_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"replan_steps is 33, but the model plans only 32 sixteenths"):
        Planner(TINY_SPEC, EngineConfig(replan_steps=33))


def plan(job: Job, *notes: tuple[int, int, int], on: Sequence[int] = ()) -> Answer:
    """An answer of the piano's: pitch, first and last sixteenth of the song; `on`: pitches that are not struck."""
    planned = [
        Planned(1, Note(first * 120, pitch, end * 120, 72), sounds_on=pitch in on and first * 120 == job.plan_tick)
        for pitch, first, end in notes
    ]
    return Answer(0.0, job, tuple(sorted(planned)), 0.01)


def spans(notes: list[Committed]) -> list[tuple[int, int, int]]:
    return [(note.pitch, note.start_tick // 120, note.end_tick // 120) for _, note in notes]


class Pair(NamedTuple):
    """The beats either side of a new plan that takes over at sixteenth 36."""

    before: Beat
    after: Beat


def replanned(older: Sequence[tuple[int, int, int]], newer: Sequence[tuple[int, int, int]], on: Sequence[int]) -> Pair:
    planner = Planner(ANTICIPATING, EngineConfig())
    planner.answered(plan(asked(planner), *older))
    before = planner.take_beat()
    planner.answered(plan(asked(planner), *newer, on=on))
    after = planner.take_beat()
    assert before is not None
    assert after is not None
    return Pair(before, after)


@pytest.mark.parametrize(
    ("newer", "on", "changed", "begun"),
    [
        ([(60, 36, 44)], [60], [(60, 32, 44)], []),  # held on: to the new plan's end
        ([(60, 36, 38)], [60], [(60, 32, 38)], []),
        ([(60, 36, 40)], [60], [], []),  # as it was said
        ([(60, 36, 44)], [], [(60, 32, 36)], [(60, 36, 44)]),  # struck anew
        ([(62, 36, 44)], [], [(60, 32, 36)], [(62, 36, 44)]),  # not there any more
        ([(60, 38, 44)], [], [(60, 32, 36)], [(60, 38, 44)]),
        ([(62, 36, 44)], [62], [(60, 32, 36)], [(62, 36, 44)]),  # held by the plan and played by nobody: it begins
        ([], [], [(60, 32, 36)], []),
    ],
)
def test_a_new_plan_takes_over_a_sounding_note(
    newer: Any, on: Any, changed: list[tuple[int, int, int]], begun: list[tuple[int, int, int]]
) -> None:
    before, after = replanned([(60, 32, 40)], newer, on)
    assert spans(before.notes) == [(60, 32, 40)]
    assert spans(after.changed) == changed
    assert spans(after.notes) == begun


def test_what_ends_as_the_new_plan_begins_goes_on_where_that_holds_it() -> None:
    _, after = replanned([(60, 32, 36), (64, 32, 36)], [(60, 36, 40), (64, 36, 40)], [60])
    assert spans(after.changed) == [(60, 32, 40)]
    assert spans(after.notes) == [(64, 36, 40)]
    assert spans(after.sounding) == [(60, 32, 40), (64, 36, 40)]


def test_notes_not_yet_begun_are_the_new_plans() -> None:
    _, after = replanned([(60, 38, 40), (64, 40, 48)], [(67, 37, 39)], [])
    assert (spans(after.changed), spans(after.notes)) == ([], [(67, 37, 39)])


def test_a_plan_that_begins_within_a_beat_takes_over_there() -> None:
    planner = Planner(ANTICIPATING, EngineConfig(replan_steps=2, lead_steps=4))
    planner.answered(plan(asked(planner), (60, 32, 40)))
    planner.answered(plan(asked(planner), (60, 34, 35), (62, 34, 40), on=[60]))
    beat = planner.take_beat()
    assert beat is not None
    assert spans(beat.notes) == [(60, 32, 35), (62, 34, 40)]
    assert beat.changed == []


def test_a_plan_for_the_middle_of_a_settled_beat_is_not_late_for_the_next() -> None:
    planner = Planner(ANTICIPATING, EngineConfig(replan_steps=2))
    first, second = asked(planner), None
    planner.answered(plan(first, (60, 32, 64)))
    planner.take_beat()
    assert planner.next_plan_beat_tick == 36 * 120
    second = asked(planner)
    assert second.plan_tick == 34 * 120
    assert planner.answered(plan(second, (60, 34, 66), on=[60])) == "answer"
    beat = planner.take_beat()
    assert beat is not None
    assert (spans(beat.changed), beat.rest) == ([(60, 32, 66)], False)


def test_an_answer_that_a_newer_one_overtook_is_dropped() -> None:
    planner = Planner(ANTICIPATING, EngineConfig())
    older, newer = asked(planner), asked(planner)
    assert planner.answered(plan(newer, (60, 36, 40))) == "answer"
    assert planner.answered(plan(older, (62, 32, 40))) == "dropped_answer"
    assert planner.take_beat() is None


def test_what_was_silenced_is_struck_anew_with_the_next_beat_and_what_has_not_begun_is_not() -> None:
    planner = Planner(ANTICIPATING, EngineConfig())
    planner.answered(plan(asked(planner), (60, 32, 40), (64, 34, 40)))
    planner.take_beat()
    planner.let_go(33 * 120)
    beat = planner.take_beat()
    assert beat is not None
    assert spans(beat.notes) == [(60, 36, 40)]
    assert spans(beat.changed) == []
