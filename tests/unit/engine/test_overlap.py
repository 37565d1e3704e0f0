"""Plans for each beat in a whole performance: what a slow, failing or absent answer costs, and how it is counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from support.band import Show, chords, play
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.engine.engine import Engine
from accompanist.engine.figures import Figures
from accompanist.engine.protocol import Job

BAR = 4 * 480
ANTICIPATING = msgspec.structs.replace(TINY_SPEC, lag_steps=0)


def performed(reply: Callable[[Job], Any], until_s: float = 12.0, **settings: int) -> tuple[Show, Figures]:
    engine = Engine(ANTICIPATING, EngineConfig(**settings), wait_for_player=False)
    show = play(engine, [], until_s, reply)
    return show, engine.status(until_s).figures


def held(show: Show) -> list[tuple[int, int, int]]:
    """The piano's notes: pitch, first and last tick."""
    begun: dict[int, int] = {}
    notes = []
    for message in show.messages:
        if message.track == 1 and message.data[0] & 0xF0 == 0x90:
            begun[message.data[1]] = message.tick
        elif message.track == 1:
            notes.append((message.data[1], begun.pop(message.data[1]), message.tick))
    return notes


def test_a_prompt_model_is_asked_on_every_beat_and_what_plays_is_never_older() -> None:
    show, figures = performed(lambda job: (0.0, chords(job)))
    assert [job.plan_tick for job in show.jobs][:4] == [2 * BAR, 2 * BAR + 480, 2 * BAR + 960, 2 * BAR + 1440]
    assert (figures.isr, figures.rest_beats, figures.deadline_misses) == (1.0, 0, 0)
    assert (figures.staleness_mean_steps, figures.staleness_max_steps) == (1.0, 1.0)


def test_a_chord_sounds_through_plans_that_hold_it() -> None:
    show, _ = performed(lambda job: (0.0, chords(job)), until_s=10.5)
    assert {(begin, end) for _, begin, end in held(show)} == {
        (2 * BAR, 3 * BAR),
        (3 * BAR, 4 * BAR),
        (4 * BAR, 5 * BAR),
    }


@pytest.mark.parametrize(("took_s", "oldest_steps"), [(0.1, 1), (0.3, 5), (0.49, 5)])
def test_a_slow_answer_costs_freshness_and_no_silence(took_s: float, oldest_steps: int) -> None:
    """A beat lasts 0.5 s; the model is asked 0.125 s before it, and the beat is settled a clock before it."""
    show, figures = performed(lambda job: (took_s, chords(job)))
    late = took_s > 0.11
    answered = sum(name in ("answer", "late_answer") for name in show.names())
    assert figures.deadline_misses == (answered if late else 0)
    assert figures.silent_beats == (1 if late else 0)  # the first, which no older plan reaches
    assert figures.held_beats == 0
    assert figures.rest_beats == (figures.planned_beats if late else 0)
    assert figures.staleness_max_steps == oldest_steps
    assert figures.isr == pytest.approx(1 - (1 / 16 if late else 0), abs=0.01)


def test_a_model_that_fails_is_bridged_by_the_last_plan_then_the_harmony_then_silence() -> None:
    show, figures = performed(
        lambda job: (0.0, chords(job)) if job.number < 4 else (0.0, "no memory"), until_s=24.0, hold_bars=2
    )
    # The fourth plan is for beats 4 to 11 of the band's: one was heard as planned, seven as its rest.
    assert (figures.planned_beats, figures.rest_beats, figures.held_beats) == (11, 7, 8)
    assert figures.silent_beats > 0
    names = show.names()
    assert names.index("fallback_rest") < names.index("fallback_hold") < names.index("fallback_silence")


def test_a_plan_a_sixteenth_is_late_for_no_beat() -> None:
    show, figures = performed(lambda job: (0.05, chords(job)), replan_steps=1)
    assert len(show.jobs) > 16 * 3
    assert (figures.rest_beats, figures.deadline_misses, figures.isr) == (0, 0, 1.0)
    assert "late_answer" not in show.names()


def test_committed_beats_never_change() -> None:
    """However different the plans to come are, what was settled before them sounds the same."""
    heard = []
    for up in (0, 1, 5):

        def reply(job: Job, up: int = up) -> Any:
            values = chords(job)
            return 0.0, values if job.number < 6 else values[..., list(range(up, 128)) + list(range(up))]

        show, _ = performed(reply)
        heard.append([m for m in show.messages if m.tick < 2 * BAR + 6 * 480])
    assert heard[0] == heard[1] == heard[2] != []
