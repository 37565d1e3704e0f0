"""How well a clock is followed whose times are wrong, in figures that no machine's speed can change."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from accompanist.engine.follower import ClockFollower
from accompanist.engine.pulses import LONGEST_PERIOD_S, SHORTEST_PERIOD_S, PulseLine, narrowest_strip

JACK_256_S, JACK_1024_S = 256 / 48000, 1024 / 48000
START_S = 10.0037
"""Of the first clock: no multiple of anything."""

Tempo = Callable[[float], float]
"""Beats per minute at a beat of the song."""
Reading = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""The times at which clocks are read."""


def clock_times(tempo: Tempo, beats: int) -> NDArray[np.float64]:
    """When a master sends its clocks."""
    return START_S + np.concatenate([[0.0], np.cumsum([60 / tempo(i / 24) / 24 for i in range(24 * beats)])])[:-1]


def by_cycles(period_s: float) -> Reading:
    """As through JACK: at the beginning of the cycle a clock falls in. On average half a period early."""
    return lambda times: np.floor(times / period_s) * period_s + period_s / 2 if period_s else times


def anywhere(within_s: float, seed: int) -> Reading:
    """Anywhere within so many seconds around their time, but in order."""
    noise = np.random.default_rng(seed)
    return lambda times: np.maximum.accumulate(times + noise.uniform(-within_s / 2, within_s / 2, len(times)))


class Course(NamedTuple):
    """How a clock was followed: per clock its beat, phase error in ms (above 0: early), and relative tempo error."""

    beat: NDArray[np.float64]
    early_ms: NDArray[np.float64]
    tempo_error: NDArray[np.float64]

    def p99_ms(self, from_beat: float, to_beat: float = np.inf) -> float:
        """99 % of the phase errors are at most this."""
        return float(np.quantile(np.abs(self.early_ms[(self.beat >= from_beat) & (self.beat < to_beat)]), 0.99))

    def worst_ms(self, from_beat: float, to_beat: float = np.inf) -> float:
        """The largest phase error."""
        return float(np.abs(self.early_ms[(self.beat >= from_beat) & (self.beat < to_beat)]).max())

    def worst_tempo(self, from_beat: float, to_beat: float = np.inf) -> float:
        """The largest relative error of the tempo."""
        return float(self.tempo_error[(self.beat >= from_beat) & (self.beat < to_beat)].max())


def follow(tempo: Tempo, beats: int, reading: Reading, lost: Callable[[float], float] = lambda _: 0.0) -> Course:
    """Follow a master; where `lost` says so, time is lost before a beat and all later clocks come so much later."""
    true = clock_times(tempo, beats)
    true = true + np.array([lost(i / 24) for i in range(len(true))])
    read = reading(true)
    follower = ClockFollower(bpm=100, lost_clock_beats=4)
    follower.receive(b"\xfa", START_S - 0.1)
    rows = []
    for i, at_s in enumerate(read):
        follower.receive(b"\xf8", float(at_s))
        follower.settle(float(at_s))
        bpm = tempo(i / 24)
        clocks = i + (at_s - true[i]) * bpm * 24 / 60
        early_ms = (follower._position(float(at_s)) / 20 - clocks) * 60_000 / bpm / 24
        rows.append((i / 24, early_ms, abs(follower.bpm / bpm - 1)))
    return Course(*np.array(rows).T)


TEMPOS = (30, 61.7, 97, 100, 120, 140, 174, 240, 300)


@pytest.mark.parametrize("bpm", TEMPOS)
@pytest.mark.parametrize(("period_s", "p99_ms"), [(0.0, 0.01), (JACK_256_S, 1.0), (JACK_1024_S, 2.0)])
def test_a_steady_clock_by_jacks_cycles_is_followed_within_2_ms(bpm: float, period_s: float, p99_ms: float) -> None:
    course = follow(lambda _: bpm, 64, by_cycles(period_s))
    assert course.p99_ms(from_beat=16) < p99_ms
    assert course.worst_tempo(from_beat=16) < 0.005


@pytest.mark.parametrize("bpm", TEMPOS)
@pytest.mark.parametrize("place", [0.0, 0.3, 0.7])
def test_by_cycles_of_1024_frames_the_tempo_is_right_from_the_second_beat_on(bpm: float, place: float) -> None:
    """As through rtmidi: nobody says how coarse the clocks are, and nothing is known of them before the first."""

    def reading(times: NDArray[np.float64]) -> NDArray[np.float64]:
        return by_cycles(JACK_1024_S)(times + place * JACK_1024_S) - place * JACK_1024_S

    course = follow(lambda _: bpm, 40, reading)
    assert course.worst_tempo(from_beat=1) < 0.08
    assert course.worst_tempo(from_beat=2) < 0.04
    assert course.worst_tempo(from_beat=4) < 0.01
    assert course.worst_ms(from_beat=2) < 15
    assert course.worst_ms(from_beat=4) < 6


@given(st.floats(30, 300), st.integers(0, 2**32))
@settings(max_examples=12, deadline=None)
def test_with_any_jitter_up_to_a_period_of_1024_frames_the_tempo_is_right_from_the_second_beat_on(
    bpm: float, seed: int
) -> None:
    course = follow(lambda _: bpm, 40, anywhere(JACK_1024_S, seed))
    assert course.worst_tempo(from_beat=2) < 0.05
    assert course.worst_tempo(from_beat=8) < 0.02


@pytest.mark.parametrize("bpm", [80, 125])
def test_a_step_of_the_tempo_is_settled_within_a_beat_as_soon_as_the_jitter_is_known(bpm: float) -> None:
    for period_s in (0.0, JACK_256_S):
        course = follow(lambda beat: 100 if beat < 3 else bpm, 40, by_cycles(period_s))
        assert course.worst_tempo(from_beat=4.5) < 0.02


@given(st.floats(30, 300), st.integers(0, 2**32))
@settings(max_examples=12, deadline=None)
def test_any_steady_clock_with_jitter_up_to_a_period_of_256_frames_is_followed(bpm: float, seed: int) -> None:
    course = follow(lambda _: bpm, 40, anywhere(JACK_256_S, seed))
    assert course.p99_ms(from_beat=8) < 1.0
    assert course.worst_tempo(from_beat=8) < 0.01


@given(st.floats(30, 300), st.integers(0, 2**32))
@settings(max_examples=12, deadline=None)
def test_any_steady_clock_with_jitter_up_to_a_period_of_1024_frames_is_followed(bpm: float, seed: int) -> None:
    course = follow(lambda _: bpm, 80, anywhere(JACK_1024_S, seed))
    # About 1 ms as a rule; now and then the jitter has yet to show how large it is.
    assert course.p99_ms(from_beat=32) < 6.0
    assert course.worst_tempo(from_beat=32) < 0.03


def test_jitter_up_to_a_period_of_1024_frames_leaves_2_ms() -> None:
    for seed in range(5):
        assert follow(lambda _: 120, 80, anywhere(JACK_1024_S, seed)).p99_ms(from_beat=32) < 2.0


@pytest.mark.parametrize("period_s", [0.0, JACK_256_S])
@pytest.mark.parametrize("bpm", [60, 80, 140, 200])
def test_a_step_of_the_tempo_is_settled_within_a_beat(bpm: float, period_s: float) -> None:
    course = follow(lambda beat: 100 if beat < 20 else bpm, 40, by_cycles(period_s))
    assert course.worst_ms(from_beat=21) < 2.5
    assert course.worst_tempo(from_beat=21) < 0.015


@pytest.mark.parametrize(("period_s", "worst_ms"), [(0.0, 4), (JACK_256_S, 7), (JACK_1024_S, 25)])
def test_a_ramp_is_followed(period_s: float, worst_ms: float) -> None:
    """From 100 to 140 in 32 beats, 16 s."""
    course = follow(lambda beat: 100 + min(max(beat - 16, 0) * 40 / 32, 40), 64, by_cycles(period_s))
    assert course.worst_ms(from_beat=16) < worst_ms
    assert course.worst_tempo(from_beat=16) < 0.04


@pytest.mark.parametrize("lost_s", [0.03, 0.05, 0.1, 0.19])
@pytest.mark.parametrize("period_s", [0.0, JACK_256_S])
@pytest.mark.parametrize("bpm", [75, 120, 150, 240])
def test_lost_time_settles_within_a_beat_and_says_nothing_about_the_tempo(
    bpm: float, period_s: float, lost_s: float
) -> None:
    """As where a JACK server misses cycles: all clocks from there on come later."""
    course = follow(lambda _: bpm, 60, by_cycles(period_s), lost=lambda beat: lost_s if beat >= 20.3 else 0.0)
    lost_beats = lost_s * bpm / 60
    settled_beat = 20.3 + max(1, 2.4 * lost_beats)  # it slows down rather than run back
    assert course.worst_ms(from_beat=settled_beat) < 3
    assert course.worst_tempo(from_beat=17) < 0.01


@given(st.lists(st.floats(0.03, 0.2), min_size=1, max_size=4), st.integers(0, 2**32))
@settings(max_examples=12, deadline=None)
def test_time_lost_again_and_again_never_makes_a_bogus_tempo(losses_s: list[float], seed: int) -> None:
    """The last beats are steady, so whatever happened, the tempo shown at the end is the master's."""
    places = np.random.default_rng(seed).uniform(4, 30, len(losses_s))

    def lost(beat: float) -> float:
        return sum(s for place, s in zip(places, losses_s, strict=True) if beat >= place)

    course = follow(lambda _: 150, 48, by_cycles(JACK_256_S), lost=lost)
    assert course.worst_tempo(from_beat=40) < 0.005
    assert course.worst_ms(from_beat=40) < 3


@pytest.mark.parametrize("stall_s", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("bpm", [60, 120, 240])
def test_clocks_read_late_and_all_at_once_move_nothing(bpm: float, stall_s: float) -> None:
    def held_up(times: NDArray[np.float64]) -> NDArray[np.float64]:
        begin_s = times[24 * 20] + 0.001
        return np.where((times > begin_s) & (times < begin_s + stall_s), begin_s + stall_s, times)

    course = follow(lambda _: bpm, 40, held_up)
    assert course.worst_tempo(from_beat=16) < 0.02
    assert course.worst_ms(from_beat=22) < 0.5


def test_half_a_day_of_clocks_is_counted_without_loss() -> None:
    line = PulseLine(0.02)
    for i in range(2**16 + 500):
        line.add(i * 0.0125)
    assert line.period_s == pytest.approx(0.0125, rel=1e-6)
    assert line.last_s == pytest.approx((2**16 + 499) * 0.0125, abs=1e-5)


@given(
    st.lists(st.floats(-0.02, 0.02), min_size=3, max_size=40), st.floats(SHORTEST_PERIOD_S * 2, LONGEST_PERIOD_S / 2)
)
def test_the_narrowest_strip_holds_all_points_and_none_is_narrower(errors: list[float], period_s: float) -> None:
    indices = np.arange(len(errors), dtype=float) + 7
    times = 100 + indices * period_s + np.array(errors)
    strip = narrowest_strip(indices, times)
    off = times - np.array([strip.at(i) for i in indices])
    assert np.abs(off).max() <= strip.width_s / 2 + 1e-8
    # The narrowest strip runs along two of the points, or at the edge of the tempos there are.
    slopes = [
        (times[b] - times[a]) / (indices[b] - indices[a]) for a in range(len(times)) for b in range(a + 1, len(times))
    ]
    slopes = [s for s in slopes if SHORTEST_PERIOD_S <= s <= LONGEST_PERIOD_S] + [SHORTEST_PERIOD_S, LONGEST_PERIOD_S]
    widths = [np.ptp(times - slope * indices) for slope in slopes]
    assert strip.width_s <= min(widths) + 1e-8
