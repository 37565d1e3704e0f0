"""Ticks and seconds convert into each other under any tempo map."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from accompanist.music.time import TempoMap, bpm_of, us_per_beat

tempos = st.integers(200_000, 3_000_000)  # 300 to 20 BPM
ticks = st.integers(-5_000, 200_000)


@st.composite
def tempo_maps(draw: st.DrawFn) -> TempoMap:
    later = sorted(draw(st.sets(st.integers(1, 50_000), max_size=6)))
    return TempoMap(
        tuple((tick, draw(tempos)) for tick in (0, *later)),
        draw(st.sampled_from([24, 96, 480, 960])),
        draw(st.floats(0, 1e7)),
    )


@given(tempo_maps(), ticks)
def test_the_tick_at_the_moment_of_a_tick_is_that_tick(tempo: TempoMap, tick: int) -> None:
    assert tempo.tick_at(tempo.s_at(tick)) == tick


@given(tempo_maps(), ticks)
def test_a_tick_lasts_until_the_next_begins(tempo: TempoMap, tick: int) -> None:
    begins_s, ends_s = tempo.s_at(tick), tempo.s_at(tick + 1)
    assert begins_s < ends_s
    assert tempo.tick_at(begins_s + 0.9 * (ends_s - begins_s)) == tick


@given(tempo_maps(), ticks, ticks)
def test_time_never_runs_backwards(tempo: TempoMap, one: int, other: int) -> None:
    early, late = sorted((one, other))
    assert tempo.s_at(early) <= tempo.s_at(late)
    assert tempo.tick_at(tempo.s_at(early)) <= tempo.tick_at(tempo.s_at(late))


@given(tempo_maps(), st.floats(0.1, 100.0), ticks)
def test_moving_the_origin_moves_every_moment(tempo: TempoMap, later_s: float, tick: int) -> None:
    moved = TempoMap(tempo.changes, tempo.ppq, tempo.origin_s + later_s)
    assert abs(moved.s_at(tick) - tempo.s_at(tick) - later_s) < 1e-6


@given(st.integers(4, 1000))
def test_whole_tempos_survive_microseconds(bpm: int) -> None:
    assert round(bpm_of(us_per_beat(bpm))) == bpm
