"""Answers that are late or missing: what plays then, and the figures of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.band import answered, chords, clocks, failing_from, note, onsets, play, stray_job, tiny_band
from support.tiny import TINY_SPEC

from accompanist.engine.protocol import (
    BeatReport,
    Job,
    PlanReport,
    Received,
    Report,
    Step,
)
from accompanist.music.roll import FloatRoll

BAR = 4 * 480


def test_a_late_answer_is_used_from_the_next_free_beat_and_counted() -> None:
    band = tiny_band(wait_for_player=False)
    show = play(band, [], 7.4, lambda job: (1.5, chords(job)))  # asked at 3.875, there at 5.375
    assert onsets(show.messages, 0) == [2 * BAR + beat * 480 for beat in (3, 4, 5, 6)]
    assert show.names() == ["start", "job", *["fallback_silence"] * 3, "late_answer"]
    status = band.status(7.4)
    assert (status.late_answers, status.inference_s) == (1, 1.5)
    figures = status.figures
    assert (figures.silent_beats, figures.held_beats, figures.deadline_misses) == (3, 0, 1)


def test_committed_beats_never_change() -> None:
    """The same performance with the answer of the second plan on time, late, or not at all, up to the difference."""
    heard = []
    for delay_s in (0.0, 1.0, 60.0):

        def reply(job: Job, delay_s: float = delay_s) -> tuple[float, FloatRoll | str]:
            return (delay_s if job.number == 1 else 0.0), chords(job)

        heard.append([m for m in play(tiny_band(wait_for_player=False), [], 12.0, reply).messages if m.due_s < 8.0])
    assert heard[0] == heard[1] == heard[2] != []


def test_failures_are_counted_and_the_music_goes_on() -> None:
    band = tiny_band(wait_for_player=False)
    replies: dict[int, tuple[float, Any]] = {0: (0.0, "no memory"), 1: (0.0, np.zeros((1, 2, 3)))}
    show = play(band, [], 16.0, lambda job: replies.get(job.number, (0.0, chords(job))))
    assert band.status(16.0).failures == 2
    assert [e.detail for e in show.events if e.name == "model_failure"] == [
        "0: no memory",
        "1: the model's answer is 1 x 2 x 3; by its spec it should be 3 x 2 x 32 x 128",
    ]
    assert onsets(show.messages, 0)[0] == 6 * BAR


def test_an_answer_nobody_asked_for_is_dropped_and_counted() -> None:
    band = tiny_band(wait_for_player=False)
    step = band.step(0.0, [answered(stray_job(), chords(stray_job()))])
    assert [event.name for event in step.events] == ["start", "dropped_answer"]
    assert band.status(0.0).dropped_answers == 1


def test_without_a_plan_the_last_harmony_is_held_for_so_many_bars_then_silence() -> None:
    band = tiny_band(wait_for_player=False, hold_bars=1)
    show = play(band, [], 12.2, failing_from(1))
    assert onsets(show.messages, 0) == [2 * BAR + beat * 480 for beat in range(8 + 4)]
    held = [m for m in show.messages if m.tick >= 4 * BAR and m.data[0] & 0xF0 == 0x90]
    # G, struck on each beat: the bass has it so, and of the chord that sounded on only the beginning is known.
    assert [m.data[1] for m in held] == [43, 55, 59, 62] * 4
    assert [e.detail for e in show.events if e.name == "fallback_hold"] == ["5.1", "5.2", "5.3", "5.4"]
    assert [e.detail for e in show.events if e.name == "fallback_silence"] == ["6.1", "6.2", "6.3", "6.4", "7.1"]
    status = band.status(12.2)
    assert (status.figures.rest_beats, status.figures.held_beats, status.figures.silent_beats) == (0, 4, 5)
    assert band.close(12.2).messages == ()


def test_a_new_plan_takes_over_from_the_held_harmony() -> None:
    replies: dict[int, Any] = {1: (0.0, "no memory")}
    show = play(tiny_band(wait_for_player=False), [], 13.0, lambda job: replies.get(job.number, (0.0, chords(job))))
    assert onsets(show.messages, 1)[-3:] == [6 * BAR] * 3
    assert [name for name in show.names() if name.startswith("fallback")] == ["fallback_hold"] * 8


def test_with_no_bars_to_hold_there_is_silence_at_once() -> None:
    band = tiny_band(wait_for_player=False, hold_bars=0)
    play(band, [], 9.2, failing_from(1))
    assert (band.status(9.2).figures.held_beats, band.status(9.2).figures.silent_beats) == (0, 3)


def test_the_held_harmony_follows_the_players_loudness() -> None:
    show = play(tiny_band(wait_for_player=False), note(7.0, 8.9, velocity=20), 9.2, failing_from(1))
    loud = {m.data[2] for m in show.messages if m.tick >= 4 * BAR and m.track == 0 and m.data[0] & 0xF0 == 0x90}
    assert loud == {round(TINY_SPEC.tracks[0].velocity * 0.6)}


def test_listening_is_no_fallback_and_a_jump_forgets_the_harmony() -> None:
    band = tiny_band(follow_clock=True)
    play(band, [Received(0.0, b"\xfa"), *clocks(0.0, 24 * 17)], 8.4)
    show = play(band, [Received(8.49, b"\xf2\x00\x10"), *clocks(8.5, 24 * 11)], 13.2, failing_from(0), from_s=8.49)
    assert onsets(show.messages, 0) == []
    assert band.status(13.2).figures.held_beats == 0
    assert [e.detail for e in show.events if e.name == "fallback_silence"] == ["131.1", "131.2"]


def test_after_a_stall_the_beats_that_are_over_stay_silent() -> None:
    band = tiny_band(wait_for_player=False, hold_bars=64)
    play(band, [], 8.2, failing_from(1))
    held = band.status(8.2).figures.held_beats
    step = band.step(20.0, [])
    assert [e.detail for e in step.events if e.name == "fallback_silence"] == ["5.2 and 22 more"]
    assert band.status(20.0).figures.held_beats == held + 1
    assert onsets(step.messages, 0) == [20 * 960]  # the beat that begins now


def test_the_figures_of_a_performance_without_trouble() -> None:
    band = tiny_band(wait_for_player=False)
    play(band, [], 3.9)
    assert band.status(3.9).figures.isr is None  # listening
    play(band, [], 12.0, from_s=3.9)
    figures = band.status(12.0).figures
    # A plan of 32 steps, asked a step ahead: its first beat is a step old, its last 29.
    assert (figures.isr, figures.deadline_misses) == (1.0, 0)
    assert (figures.planned_beats, figures.due_ticks) == (17, 8 * 960)
    assert (figures.staleness_mean_steps, figures.staleness_max_steps) == (pytest.approx((2 * 8 * 15 + 1) / 17), 29)


def test_the_share_of_time_without_a_plan_shows() -> None:
    band = tiny_band(wait_for_player=False)
    play(band, [], 10.0, failing_from(1))
    figures = band.status(10.0).figures
    assert figures.isr == pytest.approx(4 / 6)
    assert figures.staleness_max_steps == 1 + 4 * 12  # what is held goes on ageing


def test_an_answer_to_a_question_of_before_a_jump_misses_no_deadline() -> None:
    band = tiny_band(follow_clock=True)
    play(band, [Received(0.0, b"\xfa"), *clocks(0.0, 24 * 9)], 4.4)
    band.step(4.45, [Received(4.45, b"\xfa"), answered(stray_job(), chords(stray_job()), 4.46)])
    assert band.status(4.5).figures.deadline_misses == 0


def test_the_reports_say_in_numbers_what_was_settled() -> None:
    band = tiny_band(wait_for_player=False, hold_bars=1)
    reports: list[Report] = []
    step_of = band.step
    band.step = lambda now_s, inputs: _kept(step_of(now_s, inputs), reports)  # type: ignore[method-assign]
    show = play(band, [], 10.3, failing_from(1))
    (plan,) = [report for report in reports if isinstance(report, PlanReport)]
    assert (plan.job.number, plan.outcome, plan.notes) == (show.jobs[0].number, "answer", (8, 6, 0))
    assert plan.from_tick == 2 * BAR == plan.job.plan_tick
    beats = [report for report in reports if isinstance(report, BeatReport)]
    assert [beat.source for beat in beats] == ["plan"] * 8 + ["hold"] * 4 + ["silence"]
    assert [beat.tick for beat in beats] == [2 * BAR + i * 480 for i in range(13)]
    assert [beat.notes for beat in beats] == [4, 1, 1, 1] * 2 + [4] * 4 + [0]
    assert {beat.heard_tick for beat in beats[:12]} == {2 * BAR - 120}
    assert (beats[0].isr, beats[-1].isr, beats[-1].heard_tick) == (None, pytest.approx(8 / 12, rel=0.01), None)


def _kept(step: Step, reports: list[Report]) -> Step:
    reports.extend(step.reports)
    return step
