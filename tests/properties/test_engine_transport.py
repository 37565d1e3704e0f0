"""The course of the song: never backwards of itself, and told the same both ways."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from accompanist.engine.follower import ClockFollower
from accompanist.engine.transport import InternalTransport

tempo_changes = st.lists(
    st.tuples(st.floats(0, 2), st.integers(100_000, 3_000_000), st.none() | st.integers(0, 20_000)), max_size=20
)


@given(tempo_changes, st.floats(-1e5, 1e6), st.lists(st.integers(0, 50_000), max_size=10))
def test_ticks_and_seconds_invert_under_any_tempo(
    changes: list[tuple[float, int, int | None]], origin_s: float, ticks: list[int]
) -> None:
    transport = InternalTransport(bpm=120)
    transport.player_began(origin_s)
    now_s = origin_s
    for wait_s, us, tick in changes:
        now_s += wait_s
        transport.settle(now_s)
        transport.change_tempo(us, tick)
    here = transport.tick_at(now_s)
    for tick in sorted(here + ahead for ahead in ticks):
        assert abs(transport.tick_at(transport.s_at(tick) + 1e-6) - tick) <= 1
        assert transport.s_at(tick + 1) > transport.s_at(tick)


@given(tempo_changes)
def test_a_tempo_change_moves_nothing_that_has_been(changes: list[tuple[float, int, int | None]]) -> None:
    transport = InternalTransport(bpm=120)
    transport.player_began(0.0)
    now_s, told = 0.0, 0
    for wait_s, us, tick in changes:
        now_s += wait_s
        transport.settle(now_s)
        assert transport.tick_at(now_s) >= told
        told = transport.tick_at(now_s)
        here_s = transport.s_at(told)
        transport.change_tempo(us, tick)
        assert transport.tick_at(now_s) == told
        assert math.isclose(transport.s_at(told), here_s, abs_tol=1e-9)


messages = st.sampled_from([b"\xf8"] * 12 + [b"\xfa", b"\xfb", b"\xfc", b"\xf2\x10\x00", b"\xf2\x00\x02"])
waits_s = st.one_of(st.floats(0, 0.05), st.sampled_from([0.0, 0.0208, 0.3, 5.0]))


@given(st.lists(st.tuples(waits_s, messages, st.integers(1, 40)), max_size=60), st.floats(0, 0.1))
@settings(deadline=None)
def test_the_follower_turns_back_only_at_start_and_song_position(
    course: list[tuple[float, bytes, int]], read_late_s: float
) -> None:
    follower = ClockFollower(bpm=120, lost_clock_beats=2)
    now_s, told = 0.0, 0
    for wait_s, data, times in course:
        for _ in range(times if data == b"\xf8" else 1):
            now_s += wait_s
            while follower.deadline_s <= now_s:
                follower.expire(follower.deadline_s)
            follower.settle(now_s)
            assert follower.tick_at(now_s) >= told
            told = follower.tick_at(now_s)
            turns = follower.receive(data, now_s - read_late_s)
            if any(turn.name in ("start", "position") for turn in turns):
                told = follower.tick_at(now_s)
            assert follower.tick_at(now_s) >= told
            told = follower.tick_at(now_s)
            assert 25 <= follower.bpm <= 360


@given(st.lists(waits_s, min_size=8, max_size=80), st.integers(0, 5000))
def test_the_follower_foretells_what_it_then_says(waits: list[float], ahead: int) -> None:
    follower = ClockFollower(bpm=120, lost_clock_beats=2)
    follower.receive(b"\xfa", 0.0)
    now_s = 0.0
    for wait_s in waits:
        now_s += wait_s
        while follower.deadline_s <= now_s:
            follower.expire(follower.deadline_s)
        follower.settle(now_s)
        follower.receive(b"\xf8", now_s)
    tick = follower.tick_at(now_s) + ahead
    at_s = follower.s_at(tick)
    if math.isfinite(at_s):
        assert abs(follower.tick_at(at_s + 1e-7) - tick) <= 1
        assert follower.s_at(tick + 1) > at_s


@given(
    st.lists(st.tuples(waits_s, messages, st.integers(1, 40)), max_size=40),
    st.floats(30, 300),
    st.sampled_from([0.0, 256 / 48000]),
)
@settings(deadline=None)
def test_whatever_came_before_a_steady_clock_is_followed_in_the_end(
    course: list[tuple[float, bytes, int]], bpm: float, period_s: float
) -> None:
    follower = ClockFollower(bpm=120, lost_clock_beats=2)
    now_s = 10.0

    def read(data: bytes, at_s: float) -> None:
        while follower.deadline_s <= at_s:
            follower.expire(follower.deadline_s)
        follower.settle(at_s)
        follower.receive(data, at_s)

    for wait_s, data, times in course:
        for _ in range(times if data == b"\xf8" else 1):
            now_s += wait_s
            read(data, now_s)
    read(b"\xfa", now_s)
    clock_s = 60 / bpm / 24
    for i in range(24 * 24):
        due_s = now_s + 0.03 + i * clock_s
        read(b"\xf8", max(due_s // period_s * period_s + period_s / 2, now_s) if period_s else due_s)
    assert abs(follower.bpm / bpm - 1) < 0.01
    last_s = now_s + 0.03 + (24 * 24 - 1) * clock_s
    assert abs(follower.s_at(24 * 480 + 960) - (last_s + 49 * clock_s)) < 0.01 + 0.02 * 49 * clock_s
