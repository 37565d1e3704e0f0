from __future__ import annotations

import math
from collections.abc import Callable
from itertools import accumulate

import pytest
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.engine.engine import Engine
from accompanist.engine.follower import ClockFollower
from accompanist.engine.protocol import Received

CLOCK, START, CONTINUE, STOP = b"\xf8", b"\xfa", b"\xfb", b"\xfc"
JACK_256_S, JACK_1024_S = 256 / 48000, 1024 / 48000


def position(sixteenths: int) -> bytes:
    return bytes((0xF2, sixteenths & 0x7F, sixteenths >> 7))


def pulse(follower: ClockFollower, first_s: float, count: int, bpm: float = 120) -> float:
    """Even clocks, as the engine hands them on; the moment after the last at which the next one would come."""
    for i in range(count):
        at_s = first_s + i * 60 / bpm / 24
        while follower.deadline_s <= at_s:
            follower.expire(follower.deadline_s)
        follower.receive(CLOCK, at_s)
        follower.settle(at_s)
    return first_s + count * 60 / bpm / 24


@pytest.fixture
def follower() -> ClockFollower:
    return ClockFollower(bpm=120, lost_clock_beats=4)


def test_start_only_arms_and_the_first_clock_is_beat_0(follower: ClockFollower) -> None:
    follower.receive(START, 1.0)
    assert (follower.running, follower.tick_at(1.5), follower.s_at(480)) == (False, 0, math.inf)
    follower.receive(CLOCK, 2.0)
    assert (follower.running, follower.tick_at(2.0)) == (True, 0)


def test_clocks_while_stopped_tell_the_tempo_and_move_nothing(follower: ClockFollower) -> None:
    next_s = pulse(follower, 0.0, 48, bpm=90)
    assert (follower.running, follower.tick_at(next_s), follower.lock) == (False, 0, "locked")
    assert follower.bpm == pytest.approx(90)
    follower.receive(START, next_s - 0.001)
    pulse(follower, next_s, 1, bpm=90)
    assert follower.s_at(480) == pytest.approx(next_s + 60 / 90)


def test_every_clock_is_20_ticks(follower: ClockFollower) -> None:
    follower.receive(START, 0.0)
    last_s = pulse(follower, 0.0, 97) - 60 / 120 / 24
    assert follower.tick_at(last_s) == 96 * 20


def test_stop_keeps_the_position_and_continue_goes_on_with_the_next_clock(follower: ClockFollower) -> None:
    follower.receive(START, 0.0)
    next_s = pulse(follower, 0.0, 25)
    (turn,) = follower.receive(STOP, next_s - 0.01)
    assert (turn.name, turn.silence, turn.jump) == ("stop", True, False)
    rest = follower.tick_at(next_s)
    assert 480 <= rest < 500
    pulse(follower, next_s, 10)
    assert follower.tick_at(99.0) == rest
    (turn,) = follower.receive(CONTINUE, 5.0)
    assert (turn.name, turn.jump) == ("continue", False)
    pulse(follower, 5.01, 1)
    assert follower.tick_at(5.01) == 500


def test_the_song_position_of_some_counts_clocks() -> None:
    band = Engine(TINY_SPEC, EngineConfig(song_position="clocks"), follow_clock=True)
    (event,) = band.step(0.0, [Received(0.0, position(8 * 24))]).events
    assert (event.name, event.detail, band.status(0.0).tick) == ("position", "3.1", 8 * 480)


def test_song_position_counts_sixteenths(follower: ClockFollower) -> None:
    (turn,) = follower.receive(position(300), 0.0)
    assert (turn.name, turn.jump, follower.tick_at(0.0)) == ("position", True, 300 * 120)
    follower.receive(CONTINUE, 0.1)
    pulse(follower, 0.2, 1)
    assert (follower.running, follower.tick_at(0.2)) == (True, 300 * 120)


def test_clocks_between_song_position_and_continue_do_not_move_the_song(follower: ClockFollower) -> None:
    """As jack_midi_clock resumes: position, two seconds of clocks, continue, clock."""
    follower.receive(position(64), 0.0)
    next_s = pulse(follower, 0.1, 96)
    assert follower.tick_at(next_s) == 64 * 120
    follower.receive(CONTINUE, next_s)
    pulse(follower, next_s, 25)
    assert follower.tick_at(next_s + 0.5) == 64 * 120 + 480


def test_song_position_while_running_moves_with_the_next_clock(follower: ClockFollower) -> None:
    follower.receive(START, 0.0)
    next_s = pulse(follower, 0.0, 48)
    (turn,) = follower.receive(position(160), next_s - 0.001)
    assert (turn.jump, turn.silence, follower.tick_at(next_s)) == (True, True, 160 * 120)
    pulse(follower, next_s, 1)
    assert (follower.running, follower.tick_at(next_s)) == (True, 160 * 120)


def test_song_position_that_says_where_we_are_is_no_jump(follower: ClockFollower) -> None:
    follower.receive(START, 0.0)
    next_s = pulse(follower, 0.0, 50)
    assert follower.receive(position(8), next_s) == ()
    follower.receive(STOP, next_s)
    (turn,) = follower.receive(position(8), next_s)
    assert (turn.jump, turn.silence, follower.tick_at(next_s)) == (False, False, 960)


def test_start_while_running_begins_again(follower: ClockFollower) -> None:
    follower.receive(START, 0.0)
    next_s = pulse(follower, 0.0, 200)
    (turn,) = follower.receive(START, next_s)
    assert (turn.jump, turn.silence, follower.tick_at(next_s)) == (True, True, 0)


@pytest.mark.parametrize("data", [b"\xf2", b"\xf2\x01", b"\xf2\xff\x01", b"\xf0\x7e\xf7", b"\xfe", b"\xff", b"\xf9"])
def test_other_and_broken_messages_are_ignored(follower: ClockFollower, data: bytes) -> None:
    assert follower.receive(data, 1.0) == ()
    assert (follower.running, follower.tick_at(1.0), follower.deadline_s) == (False, 0, math.inf)


def test_a_silent_clock_is_lost_then_the_song_goes_on_then_ends(follower: ClockFollower) -> None:
    follower.receive(START, 0.0)
    last_s = pulse(follower, 0.0, 49) - 60 / 120 / 24
    assert follower.deadline_s == pytest.approx(last_s + 0.25)
    (turn,) = follower.expire(follower.deadline_s)
    assert (turn.name, turn.silence, follower.lock) == ("clock_lost", False, "lost")
    assert follower.tick_at(last_s + 1.0) == 960 + 960
    assert follower.deadline_s == pytest.approx(last_s + 4 * 0.5 - 0.5 / 48)  # before the beat that would begin there
    (turn,) = follower.expire(follower.deadline_s)
    assert (turn.name, turn.silence, follower.running) == ("stopped", True, False)
    assert follower.tick_at(99.0) == pytest.approx(960 + 4 * 480 - 10, abs=1)
    assert follower.deadline_s == math.inf


def test_a_clock_that_comes_back_finds_the_song_where_it_would_be(follower: ClockFollower) -> None:
    follower.receive(START, 0.0)
    pulse(follower, 0.0, 97)
    follower.expire(follower.deadline_s)
    pulse(follower, 3.5, 72)  # in step with the clocks of the beginning, 72 of them missing
    assert follower.lock == "locked"
    assert follower.tick_at(5.0) == pytest.approx(5 * 960, abs=2)


@pytest.mark.parametrize("stall_s", [0.3, 0.5, 0.9])
def test_a_master_that_stood_still_for_a_moment_is_taken_at_its_count(follower: ClockFollower, stall_s: float) -> None:
    """Its clocks go on where they were, only later: none of them was lost."""
    follower.receive(START, 0.0)
    next_s = pulse(follower, 0.0, 97)
    next_s = pulse(follower, next_s + stall_s, 96)
    assert follower.lock == "locked"
    assert follower.bpm == pytest.approx(120, rel=1e-3)
    assert follower.tick_at(next_s) == pytest.approx(193 * 20, abs=2)


def test_clocks_held_up_while_the_clock_was_lost_are_not_counted_twice(follower: ClockFollower) -> None:
    """A process that stood still for a beat reads its clocks all at once, after it has given the clock up."""
    follower.receive(START, 0.0)
    next_s = pulse(follower, 0.0, 97)
    follower.expire(follower.deadline_s)
    for _ in range(24):
        follower.receive(CLOCK, next_s + 0.5)
        follower.settle(next_s + 0.5)
    pulse(follower, next_s + 24 * 0.5 / 24, 96)
    assert follower.tick_at(4.5) == pytest.approx(4.5 * 960, abs=21)


def test_silence_while_stopped_is_no_loss(follower: ClockFollower) -> None:
    pulse(follower, 0.0, 48)
    assert follower.expire(follower.deadline_s) == ()
    assert (follower.lock, follower.deadline_s) == ("waiting", math.inf)


def test_until_the_tempo_is_known_the_song_waits_for_each_clock() -> None:
    follower = ClockFollower(bpm=240, lost_clock_beats=4)
    follower.receive(START, 0.0)
    follower.receive(CLOCK, 0.0)
    assert follower.tick_at(0.1) == 20
    assert follower.s_at(21) == math.inf


def late_as_through_jack(true_s: list[float], period_s: float) -> list[float]:
    """Each clock is seen when the cycle after it begins; with period 0 at once."""
    return [math.ceil(s / period_s) * period_s if period_s else s for s in true_s]


def follow(bpm_at_beat: Callable[[float], float], beats: int, period_s: float) -> list[tuple[float, float, float]]:
    """Per clock: its beat, the tempo's relative error, and by how many ms the song runs ahead of the master."""
    follower = ClockFollower(bpm=100, lost_clock_beats=4)
    follower.receive(START, 0.0)
    steps_s = [60 / bpm_at_beat(i / 24) / 24 for i in range(beats * 24)]
    true_s = list(accumulate(steps_s, initial=0.0037))[:-1]
    seen = []
    for i, at_s in enumerate(late_as_through_jack(true_s, period_s)):
        follower.receive(CLOCK, at_s)
        follower.settle(at_s)
        bpm = bpm_at_beat(i / 24)
        # Where the master is by now: clock i and what has passed since.
        true_tick = 20 * (i + (at_s - true_s[i]) / steps_s[i])
        ahead_ms = (follower._position(at_s) - true_tick) * 60_000 / bpm / 480
        seen.append((i / 24, abs(follower.bpm / bpm - 1), ahead_ms))
    return seen


def worst(seen: list[tuple[float, float, float]], from_beat: float, to_beat: float = math.inf) -> tuple[float, float]:
    """Largest tempo error, and largest distance from the master in ms."""
    part = [(error, abs(ahead)) for beat, error, ahead in seen if from_beat <= beat < to_beat]
    return max(error for error, _ in part), max(ahead for _, ahead in part)


@pytest.mark.parametrize("bpm", [30, 61.7, 97, 120, 174, 300])
@pytest.mark.parametrize(
    ("period_s", "bpm_error", "ahead_ms"), [(0, 1e-6, 0.7), (JACK_256_S, 0.005, 6), (JACK_1024_S, 0.02, 17)]
)
def test_a_steady_clock_is_followed_from_the_third_beat_on(
    bpm: float, period_s: float, bpm_error: float, ahead_ms: float
) -> None:
    """Clocks are late by half a period on average, which no follower can know; the rest is noise."""
    error, ahead = worst(follow(lambda _: bpm, 40, period_s), from_beat=3)
    assert error < bpm_error
    assert ahead < ahead_ms


@pytest.mark.parametrize(("period_s", "ahead_ms"), [(0, 0.5), (JACK_256_S, 6), (JACK_1024_S, 17)])
@pytest.mark.parametrize("bpm", [60, 90, 124, 200])
def test_a_new_tempo_is_found_within_three_beats(bpm: float, period_s: float, ahead_ms: float) -> None:
    seen = follow(lambda beat: 120 if beat < 16 else bpm, 40, period_s)
    error, ahead = worst(seen, from_beat=20)
    assert error < 0.02
    assert ahead < ahead_ms
    error, _ = worst(seen, from_beat=19)
    assert error < 0.03


@pytest.mark.parametrize(("period_s", "ahead_ms"), [(0, 16), (JACK_1024_S, 32)])
def test_a_tempo_that_rises_by_5_bpm_a_beat_is_followed(period_s: float, ahead_ms: float) -> None:
    seen = follow(lambda beat: 120 if beat < 8 else min(120 + 5 * (beat - 8), 180), 40, period_s)
    error, ahead = worst(seen, from_beat=8)
    assert error < 0.06
    assert ahead < ahead_ms


@pytest.mark.parametrize(("stall_s", "bpm_error", "ahead_ms"), [(0.05, 0.003, 1), (0.1, 0.01, 2), (0.2, 0.08, 20)])
def test_a_stall_of_the_reader_does_not_shake_the_tempo(stall_s: float, bpm_error: float, ahead_ms: float) -> None:
    """A process held up for 100 ms sees five clocks at once: they say nothing about the tempo."""
    follower = ClockFollower(bpm=120, lost_clock_beats=4)
    follower.receive(START, 0.0)
    for i in range(240):
        true_s = i * 60 / 120 / 24
        at_s = 2.5 + stall_s if 2.5 < true_s < 2.5 + stall_s else true_s
        follower.receive(CLOCK, at_s)
        follower.settle(at_s)
        assert i < 24 or abs(follower.bpm / 120 - 1) < bpm_error
        assert true_s < 2.5 + stall_s or abs(follower._position(at_s) - at_s * 960) / 0.96 < ahead_ms
    assert follower.bpm == pytest.approx(120)


def test_a_clock_read_late_does_not_turn_the_song_back(follower: ClockFollower) -> None:
    """Its stamp is right, but the song has been told to be further on by then."""
    follower.receive(START, 0.0)
    next_s = pulse(follower, 0.0, 48)
    follower.settle(next_s + 0.2)
    told = follower._position(next_s + 0.2)
    for i in range(10):
        follower.receive(CLOCK, next_s + i * 0.021)
    assert follower._position(next_s + 0.2) >= told
