"""The course of a performance: its beginning, who leads, jumps, stalls and its end."""

from __future__ import annotations

import math

import pytest
from support.band import clocks, note, onsets, play, stray_job, tiny_band
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.engine.engine import Engine
from accompanist.engine.protocol import (
    Command,
    Failure,
    Input,
    Received,
    Step,
    Stop,
    TempoChange,
)

BAR = 4 * 480


def test_waits_for_the_player() -> None:
    band = tiny_band()
    step = band.step(100.0, [])
    assert step == Step()
    status = band.status(100.0)
    assert (status.running, status.bar, status.beat, status.tick, status.listening) == (False, 1, 1, 0, True)
    show = play(band, note(101.0, 101.2), 101.5, from_s=101.0)
    assert show.names() == ["start"]
    assert band.status(101.5).tick == 480


def test_listens_for_a_window_asks_a_step_before_it_ends_and_plays_from_there() -> None:
    band = tiny_band(wait_for_player=False)
    show = play(band, note(0.5, 1.0), 8.0)
    (job, *_) = show.jobs
    assert job.plan_tick == 2 * BAR
    assert job.deadline_s == pytest.approx(4.0 - 20 / 960)
    assert [event.at_s for event in show.events if event.name == "job"] == pytest.approx([3.875, 7.875])
    assert onsets(show.messages, 0) == [2 * BAR + beat * 480 for beat in range(9)]
    assert onsets(show.messages, 1) == [2 * BAR] * 3 + [3 * BAR] * 3 + [4 * BAR] * 3
    assert all(m.due_s == pytest.approx(m.tick / 960) for m in show.messages)
    assert {m.data[0] & 0x0F for m in show.messages if m.track == 1} == {TINY_SPEC.tracks[1].channel}


@pytest.mark.parametrize(("beats", "bar", "beat"), [(4, 2, 4), (3, 3, 2)])
def test_status_counts_bars_and_beats_from_one(beats: int, bar: int, beat: int) -> None:
    band = tiny_band(wait_for_player=False, beats_per_bar=beats)
    play(band, [], 3.6)
    status = band.status(3.6)
    assert (status.bar, status.beat, status.bpm, status.lock) == (bar, beat, 120, "internal")


def test_tempo_changes_ahead_shape_the_due_times() -> None:
    band = tiny_band(wait_for_player=False)
    show = play(band, [TempoChange(0.0, 1_000_000, 2 * BAR + 480)], 8.0)
    assert [m.due_s for m in show.messages if m.track == 0 and m.data[0] & 0xF0 == 0x90] == pytest.approx(
        [4.0, 4.5, 5.5, 6.5, 7.5]
    )


def test_a_stalled_owner_gets_one_job_and_every_note_off() -> None:
    band = tiny_band(wait_for_player=False)
    play(band, [], 5.0)
    step = band.step(3600.0, [])
    assert step.job is not None
    assert step.job.plan_tick - 120 <= 3600 * 960
    assert sum(1 if m.data[0] & 0xF0 == 0x90 else -1 for m in step.messages) < 0
    assert len(step.events) < 10


def test_stop_ends_everything_at_once_and_for_good() -> None:
    band = tiny_band(wait_for_player=False)
    play(band, [], 4.2)
    step = band.step(4.3, [Stop(4.25)])
    assert sorted(m.data for m in step.messages) == sorted(
        bytes((0x80 | channel, pitch, 64)) for channel, pitch in ((0, 41), (1, 53), (1, 57), (1, 60))
    )
    assert {m.due_s for m in step.messages} == {4.25}
    assert (step.job, step.wake_at_s, band.status(5.0).running) == (None, None, False)
    assert band.step(6.0, note(5.9, 6.0)) == Step()
    assert band.close(7.0) == Step()


def test_follows_a_clock_from_start_to_stop_and_on() -> None:
    band = tiny_band(follow_clock=True)
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
    band = tiny_band(follow_clock=True)
    play(band, [Received(0.0, b"\xfa"), *clocks(0.0, 24 * 9)], 4.4)
    step = band.step(4.49, [Received(4.49, b"\xf2\x40\x01")])
    assert (len(step.messages), step.job) == (4, None)
    show = play(band, clocks(4.5, 24 * 9), 8.9, from_s=4.5)
    assert onsets(show.messages, 0) == [192 * 120 + 2 * BAR]


def test_a_lost_clock_ends_in_silence_after_the_beats_set() -> None:
    band = tiny_band(follow_clock=True, lost_clock_beats=4)
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
    band = tiny_band()
    play(band, [Received(0.0, b"\xfa"), *clocks(0.0, 100)], 3.0)
    assert band.status(3.0).running is False


@pytest.mark.parametrize("broken_s", [math.nan, math.inf, -math.inf, 1e300, -1.0])
def test_a_broken_time_is_taken_as_the_last_one(broken_s: float) -> None:
    band = tiny_band(wait_for_player=False)
    play(band, [], 5.0)
    inputs: list[Input] = [
        TempoChange(broken_s, 500_000),
        Received(broken_s, b"\x90\x40\x50"),
        Failure(broken_s, stray_job(), "x"),
    ]
    band.step(broken_s, inputs)
    assert band.status(5.0).tick == 4800


def test_a_song_that_was_continued_before_it_began_is_not_begun_again_by_the_players_first_note() -> None:
    show = play(Engine(TINY_SPEC, EngineConfig(bpm=120)), [Command(0.0, "continue"), *note(5.1, 5.4)], 6.0)
    assert "continue" in show.names()
    assert "start" not in show.names()
