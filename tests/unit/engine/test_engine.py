from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from support.band import answered, chords, clocks, note, play
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.engine.engine import Engine
from accompanist.engine.protocol import (
    BeatReport,
    Command,
    Failure,
    Input,
    Job,
    Message,
    PlanReport,
    Received,
    Step,
    Stop,
    TempoChange,
)
from accompanist.music.roll import HELD, ONSET, FloatRoll

BAR = 4 * 480


def engine(**options: Any) -> Engine:
    """An engine that plays all of its plan, also while nobody plays."""
    options = {"rest_bars": 0, "follow_density": False, **options}
    settings = EngineConfig(**{key: options.pop(key) for key in list(options) if key in EngineConfig.__struct_fields__})
    return Engine(TINY_SPEC, settings, **options)


def onsets(messages: list[Message], track: int) -> list[int]:
    return [m.tick for m in messages if m.track == track and m.data[0] & 0xF0 == 0x90]


def test_waits_for_the_player() -> None:
    band = engine()
    step = band.step(100.0, [])
    assert step == Step()
    status = band.status(100.0)
    assert (status.running, status.bar, status.beat, status.tick, status.listening) == (False, 1, 1, 0, True)
    show = play(band, note(101.0, 101.2), 101.5, from_s=101.0)
    assert show.names() == ["start"]
    assert band.status(101.5).tick == 480


def test_listens_for_a_window_asks_a_step_before_it_ends_and_plays_from_there() -> None:
    band = engine(wait_for_player=False)
    show = play(band, note(0.5, 1.0), 8.0)
    (job, *_) = show.jobs
    assert job.plan_tick == 2 * BAR
    assert job.deadline_s == pytest.approx(4.0 - 20 / 960)
    assert [event.at_s for event in show.events if event.name == "job"] == pytest.approx([3.875, 7.875])
    assert onsets(show.messages, 0) == [2 * BAR + beat * 480 for beat in range(9)]
    assert onsets(show.messages, 1) == [2 * BAR] * 3 + [3 * BAR] * 3 + [4 * BAR] * 3
    assert all(m.due_s == pytest.approx(m.tick / 960) for m in show.messages)
    assert {m.data[0] & 0x0F for m in show.messages if m.track == 1} == {TINY_SPEC.tracks[1].channel}


def test_the_model_is_given_what_was_heard_up_to_the_question() -> None:
    band = engine(wait_for_player=False)
    show = play(band, [*note(0.5, 1.0, 72), *note(3.75, 9.0, 74), *note(3.9, 4.2, 79)], 4.5)
    roll = show.jobs[0].melody
    assert (np.flatnonzero(roll[HELD, :, 72]).tolist(), np.flatnonzero(roll[ONSET, :, 72]).tolist()) == (
        [4, 5, 6, 7],
        [4],
    )
    assert np.flatnonzero(roll[HELD, :, 74]).tolist() == [30, 31]  # still held: taken to go on
    assert not roll[:, :, 79].any()  # played after the question


@pytest.mark.parametrize(("beats", "bar", "beat"), [(4, 2, 4), (3, 3, 2)])
def test_status_counts_bars_and_beats_from_one(beats: int, bar: int, beat: int) -> None:
    band = engine(wait_for_player=False, beats_per_bar=beats)
    play(band, [], 3.6)
    status = band.status(3.6)
    assert (status.bar, status.beat, status.bpm, status.lock) == (bar, beat, 120, "internal")


def test_tempo_changes_ahead_shape_the_due_times() -> None:
    band = engine(wait_for_player=False)
    show = play(band, [TempoChange(0.0, 1_000_000, 2 * BAR + 480)], 8.0)
    assert [m.due_s for m in show.messages if m.track == 0 and m.data[0] & 0xF0 == 0x90] == pytest.approx(
        [4.0, 4.5, 5.5, 6.5, 7.5]
    )


def test_a_late_answer_is_used_from_the_next_free_beat_and_counted() -> None:
    band = engine(wait_for_player=False)
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

        heard.append([m for m in play(engine(wait_for_player=False), [], 12.0, reply).messages if m.due_s < 8.0])
    assert heard[0] == heard[1] == heard[2] != []


def test_failures_are_counted_and_the_music_goes_on() -> None:
    band = engine(wait_for_player=False)
    replies: dict[int, tuple[float, Any]] = {0: (0.0, "no memory"), 1: (0.0, np.zeros((1, 2, 3)))}
    show = play(band, [], 16.0, lambda job: replies.get(job.number, (0.0, chords(job))))
    assert band.status(16.0).failures == 2
    assert [e.detail for e in show.events if e.name == "model_failure"] == [
        "0: no memory",
        "1: the model's answer is 1 x 2 x 3; by its spec it should be 3 x 2 x 32 x 128",
    ]
    assert onsets(show.messages, 0)[0] == 6 * BAR


def test_a_stalled_owner_gets_one_job_and_every_note_off() -> None:
    band = engine(wait_for_player=False)
    play(band, [], 5.0)
    step = band.step(3600.0, [])
    assert step.job is not None
    assert step.job.plan_tick - 120 <= 3600 * 960
    assert sum(1 if m.data[0] & 0xF0 == 0x90 else -1 for m in step.messages) < 0
    assert len(step.events) < 10


def test_stop_ends_everything_at_once_and_for_good() -> None:
    band = engine(wait_for_player=False)
    play(band, [], 4.2)
    step = band.step(4.3, [Stop(4.25)])
    assert sorted(m.data for m in step.messages) == sorted(
        bytes((0x80 | channel, pitch, 64)) for channel, pitch in ((0, 41), (1, 53), (1, 57), (1, 60))
    )
    assert {m.due_s for m in step.messages} == {4.25}
    assert (step.job, step.wake_at_s, band.status(5.0).running) == (None, None, False)
    assert band.step(6.0, note(5.9, 6.0)) == Step()
    assert band.close(7.0) == Step()


def test_close_sends_the_note_offs_and_then_nothing() -> None:
    band = engine(wait_for_player=False, thru=True)
    play(band, [Received(4.1, b"\x92\x48\x50")], 4.2)
    messages = band.close(4.3).messages
    assert sorted((m.track, m.data[0] & 0xF0) for m in messages) == [
        (-1, 0x80),
        (0, 0x80),
        (1, 0x80),
        (1, 0x80),
        (1, 0x80),
    ]
    assert band.close(4.4).messages == ()


def test_thru_sends_the_players_channel_messages_on_unchanged_at_once() -> None:
    band = engine(thru=True)
    data = [b"\x93\x40\x50", b"\xb3\x40\x7f", b"\xe3\x00\x41", b"\xc3\x05", b"\x93\x40\x00"]
    show = play(band, [Received(i / 10, item) for i, item in enumerate(data)], 1.0)
    assert [(m.due_s, m.track, m.data) for m in show.messages] == [(i / 10, -1, item) for i, item in enumerate(data)]
    assert [m.data for m in band.close(1.0).messages] == [b"\xb3\x40\x00"]  # the pedal, which was left down
    assert (band.status(1.0).notes_in, band.status(1.0).notes_out) == (1, 0)


@pytest.mark.parametrize(
    "data",
    [b"", b"\x40\x40", b"\x90", b"\x90\x40", b"\x90\x40\xff", b"\x90\x40\x50\x50", b"\xf0\x01\xf7", b"\xc0\x01\x02"],
)
def test_broken_and_system_messages_are_not_the_players(data: bytes) -> None:
    band = engine(thru=True)
    assert band.step(0.0, [Received(0.0, data)]).messages == ()
    assert band.status(0.0).notes_in == 0


def test_only_the_chosen_channel_is_heard() -> None:
    band = engine(channel=3, thru=True)
    step = band.step(0.0, [Received(0.0, b"\x91\x40\x50"), Received(0.0, b"\x92\x41\x50")])
    assert [m.data for m in step.messages] == [b"\x92\x41\x50"]


def test_a_port_that_only_carries_the_clock_has_no_player() -> None:
    band = engine(thru=True)
    assert band.step(0.0, [Received(0.0, b"\x90\x40\x50", from_clock=True)]) == Step()


def test_all_notes_off_ends_what_the_player_holds() -> None:
    band = engine(wait_for_player=False, thru=True)
    play(band, [Received(1.0, b"\x90\x40\x50"), Received(2.0, b"\xb0\x7b\x00")], 2.5)
    assert band.close(2.5).messages == ()


@pytest.mark.parametrize(("velocity", "loudness"), [(80, 1.0), (20, 0.6), (45, 0.75), (127, 1.25)])
def test_the_band_follows_the_players_loudness_softly(velocity: int, loudness: float) -> None:
    show = play(engine(wait_for_player=False), note(2.0, 3.0, velocity=velocity), 4.2)
    played = {m.track: m.data[2] for m in show.messages}
    assert played == {i: round(TINY_SPEC.tracks[i].velocity * loudness) for i in (0, 1)}


def test_follows_a_clock_from_start_to_stop_and_on() -> None:
    band = engine(follow_clock=True)
    start = [Received(1.0, b"\xfa"), *clocks(1.0, 24 * 10, bpm=100)]
    show = play(band, start, 6.9)
    assert show.names()[:2] == ["start", "locked"]
    assert onsets(show.messages, 0) == [2 * BAR, 2 * BAR + 480]
    assert next(m.due_s for m in show.messages if m.track == 0) == pytest.approx(1.0 + 8 * 0.6, abs=1e-6)
    status = band.status(6.9)
    assert status.lock == "locked"
    assert status.bpm == pytest.approx(100)
    stop = band.step(7.0, [Received(6.95, b"\xfc")])
    assert [m.data[0] & 0xF0 for m in stop.messages] == [0x80] * 4
    show = play(band, [Received(8.0, b"\xfb"), *clocks(8.0, 60, bpm=100)], 9.4, from_s=8.0)
    assert onsets(show.messages, 0) == [2 * BAR + 960, 2 * BAR + 1440, 2 * BAR + 1920]


def test_a_jump_to_where_nobody_has_been_drops_what_was_planned_and_listens_anew() -> None:
    band = engine(follow_clock=True)
    play(band, [Received(0.0, b"\xfa"), *clocks(0.0, 24 * 9)], 4.4)
    step = band.step(4.49, [Received(4.49, b"\xf2\x40\x01")])
    assert (len(step.messages), step.job) == (4, None)
    show = play(band, clocks(4.5, 24 * 9), 8.9, from_s=4.5)
    assert onsets(show.messages, 0) == [192 * 120 + 2 * BAR]


def test_a_lost_clock_ends_in_silence_after_the_beats_set() -> None:
    band = engine(follow_clock=True, lost_clock_beats=4)
    show = play(band, [Received(0.0, b"\xfa"), *clocks(0.0, 24 * 9)], 20.0)
    last_s = (24 * 9 - 1) / 48
    assert show.names()[-2:] == ["clock_lost", "stopped"]
    assert [event.at_s for event in show.events[-2:]] == pytest.approx([last_s + 0.25, last_s + 2.0 - 1 / 96])
    assert onsets(show.messages, 0) == [2 * BAR + beat * 480 for beat in range(5)]
    assert show.messages[-1].due_s == pytest.approx(last_s + 2.0 - 1 / 96)
    status = band.status(20.0)
    assert (status.running, status.lock) == (False, "lost")
    assert band.close(20.0).messages == ()


def test_without_follow_clock_a_clock_moves_nothing() -> None:
    band = engine()
    play(band, [Received(0.0, b"\xfa"), *clocks(0.0, 100)], 3.0)
    assert band.status(3.0).running is False


@pytest.mark.parametrize("broken_s", [math.nan, math.inf, -math.inf, 1e300, -1.0])
def test_a_broken_time_is_taken_as_the_last_one(broken_s: float) -> None:
    band = engine(wait_for_player=False)
    play(band, [], 5.0)
    inputs: list[Input] = [
        TempoChange(broken_s, 500_000),
        Received(broken_s, b"\x90\x40\x50"),
        Failure(broken_s, job(), "x"),
    ]
    band.step(broken_s, inputs)
    assert band.status(5.0).tick == 4800


def test_a_stamp_from_before_the_last_message_turns_no_track_back() -> None:
    band = engine(wait_for_player=False, thru=True)
    play(band, [], 4.2)
    thru = band.step(4.3, [Received(3.9, b"\x90\x40\x50")]).messages
    thru += band.step(4.3, [Received(3.8, b"\x90\x41\x50")]).messages
    assert [message.due_s for message in thru] == [3.9, 3.9]  # the player's own do not wait for the band's of 4.0
    assert band.step(4.3, [Stop(3.95)]).messages[0].due_s >= 4.0


def job() -> Job:
    return Job(99, np.zeros((2, 32, 128), np.bool_), 0, 0.0)


def test_an_answer_nobody_asked_for_is_dropped_and_counted() -> None:
    band = engine(wait_for_player=False)
    step = band.step(0.0, [answered(job(), chords(job()))])
    assert [event.name for event in step.events] == ["start", "dropped_answer"]
    assert band.status(0.0).dropped_answers == 1


def test_what_arrives_together_is_taken_in_the_order_of_its_stamps() -> None:
    melody = [item for i in range(16) for item in note(i / 4, i / 4 + 0.2, 60 + i)]
    (one_by_one,) = play(engine(wait_for_player=False), melody, 3.9).jobs
    assert one_by_one.melody.any()
    band = engine(wait_for_player=False)
    band.step(0.0, [])
    for from_s, until_s in pairwise((-1.0, 1.0, 2.0, 2.9, 3.8)):
        band.step(until_s, [item for item in reversed(melody) if from_s < item.at_s <= until_s])
    job = band.step(3.875, []).job
    assert job is not None
    assert np.array_equal(job.melody, one_by_one.melody)


def failing_from(number: int) -> Any:
    return lambda job: (0.0, chords(job)) if job.number < number else (0.0, "no memory")


def test_without_a_plan_the_last_harmony_is_held_for_so_many_bars_then_silence() -> None:
    band = engine(wait_for_player=False, hold_bars=1)
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
    show = play(engine(wait_for_player=False), [], 13.0, lambda job: replies.get(job.number, (0.0, chords(job))))
    assert onsets(show.messages, 1)[-3:] == [6 * BAR] * 3
    assert [name for name in show.names() if name.startswith("fallback")] == ["fallback_hold"] * 8


def test_with_no_bars_to_hold_there_is_silence_at_once() -> None:
    band = engine(wait_for_player=False, hold_bars=0)
    play(band, [], 9.2, failing_from(1))
    assert (band.status(9.2).figures.held_beats, band.status(9.2).figures.silent_beats) == (0, 3)


def test_the_held_harmony_follows_the_players_loudness() -> None:
    show = play(engine(wait_for_player=False), note(7.0, 8.9, velocity=20), 9.2, failing_from(1))
    loud = {m.data[2] for m in show.messages if m.tick >= 4 * BAR and m.track == 0 and m.data[0] & 0xF0 == 0x90}
    assert loud == {round(TINY_SPEC.tracks[0].velocity * 0.6)}


def test_listening_is_no_fallback_and_a_jump_forgets_the_harmony() -> None:
    band = engine(follow_clock=True)
    play(band, [Received(0.0, b"\xfa"), *clocks(0.0, 24 * 17)], 8.4)
    show = play(band, [Received(8.49, b"\xf2\x00\x10"), *clocks(8.5, 24 * 11)], 13.2, failing_from(0), from_s=8.49)
    assert onsets(show.messages, 0) == []
    assert band.status(13.2).figures.held_beats == 0
    assert [e.detail for e in show.events if e.name == "fallback_silence"] == ["131.1", "131.2"]


def test_after_a_stall_the_beats_that_are_over_stay_silent() -> None:
    band = engine(wait_for_player=False, hold_bars=64)
    play(band, [], 8.2, failing_from(1))
    held = band.status(8.2).figures.held_beats
    step = band.step(20.0, [])
    assert [e.detail for e in step.events if e.name == "fallback_silence"] == ["5.2 and 22 more"]
    assert band.status(20.0).figures.held_beats == held + 1
    assert onsets(step.messages, 0) == [20 * 960]  # the beat that begins now


def test_the_figures_of_a_performance_without_trouble() -> None:
    band = engine(wait_for_player=False)
    play(band, [], 3.9)
    assert band.status(3.9).figures.isr is None  # listening
    play(band, [], 12.0, from_s=3.9)
    figures = band.status(12.0).figures
    # A plan of 32 steps, asked a step ahead: its first beat is a step old, its last 29.
    assert (figures.isr, figures.deadline_misses) == (1.0, 0)
    assert (figures.planned_beats, figures.due_ticks) == (17, 8 * 960)
    assert (figures.staleness_mean_steps, figures.staleness_max_steps) == (pytest.approx((2 * 8 * 15 + 1) / 17), 29)


def test_the_share_of_time_without_a_plan_shows() -> None:
    band = engine(wait_for_player=False)
    play(band, [], 10.0, failing_from(1))
    figures = band.status(10.0).figures
    assert figures.isr == pytest.approx(4 / 6)
    assert figures.staleness_max_steps == 1 + 4 * 12  # what is held goes on ageing


def test_an_answer_to_a_question_of_before_a_jump_misses_no_deadline() -> None:
    band = engine(follow_clock=True)
    play(band, [Received(0.0, b"\xfa"), *clocks(0.0, 24 * 9)], 4.4)
    band.step(4.45, [Received(4.45, b"\xfa"), answered(job(), chords(job()), 4.46)])
    assert band.status(4.5).figures.deadline_misses == 0


def test_the_reports_say_in_numbers_what_was_settled() -> None:
    band = engine(wait_for_player=False, hold_bars=1)
    reports: list[PlanReport | BeatReport] = []
    step_of = band.step
    band.step = lambda now_s, inputs: _kept(step_of(now_s, inputs), reports)  # type: ignore[method-assign]
    show = play(band, [], 10.3, failing_from(1))
    (plan,) = [report for report in reports if isinstance(report, PlanReport)]
    assert (plan.job.number, plan.outcome, plan.notes) == (show.jobs[0].number, "answer", (8, 6, 0))
    beats = [report for report in reports if isinstance(report, BeatReport)]
    assert [beat.source for beat in beats] == ["plan"] * 8 + ["hold"] * 4 + ["silence"]
    assert [beat.tick for beat in beats] == [2 * BAR + i * 480 for i in range(13)]
    assert [beat.notes for beat in beats] == [4, 1, 1, 1] * 2 + [4] * 4 + [0]
    assert {beat.heard_tick for beat in beats[:12]} == {2 * BAR - 120}
    assert (beats[0].isr, beats[-1].isr, beats[-1].heard_tick) == (None, pytest.approx(8 / 12, rel=0.01), None)


def _kept(step: Step, reports: list[PlanReport | BeatReport]) -> Step:
    reports.extend(step.reports)
    return step


def test_a_song_that_was_continued_before_it_began_is_not_begun_again_by_the_players_first_note() -> None:
    show = play(Engine(TINY_SPEC, EngineConfig(bpm=120)), [Command(0.0, "continue"), *note(5.1, 5.4)], 6.0)
    assert "continue" in show.names()
    assert "start" not in show.names()
