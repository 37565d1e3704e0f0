from __future__ import annotations

import pytest

from accompanist.music.time import Meter, TempoMap, bpm_of, us_per_beat

TWO_TEMPOS = TempoMap(((0, 500_000), (960, 1_000_000)), origin_s=10.0)


def test_beats_per_minute_and_microseconds() -> None:
    assert us_per_beat(120) == 500_000
    assert bpm_of(500_000) == 120.0


@pytest.mark.parametrize(("beats", "unit", "bar"), [(4, 4, 1920), (3, 4, 1440), (6, 8, 1440), (2, 2, 1920)])
def test_bars_in_ticks(beats: int, unit: int, bar: int) -> None:
    assert Meter(beats, unit).ticks_per_bar == bar
    assert str(Meter(beats, unit)) == f"{beats}/{unit}"


def test_seconds_of_ticks_by_hand() -> None:
    assert [TWO_TEMPOS.s_at(tick) for tick in (0, 480, 960, 1440)] == [10.0, 10.5, 11.0, 12.0]
    assert TWO_TEMPOS.s_at(-480) == 9.5


def test_ticks_of_seconds_by_hand() -> None:
    assert [TWO_TEMPOS.tick_at(s) for s in (10.0, 10.5, 10.9999, 11.0, 11.5, 12.0)] == [0, 480, 959, 960, 1200, 1440]
    assert TWO_TEMPOS.tick_at(9.5) == -480
    assert TWO_TEMPOS.tick_at(10.0 - 0.0001) == -1


def test_the_tempo_in_force() -> None:
    assert [TWO_TEMPOS.us_per_beat_at(tick) for tick in (-1, 0, 959, 960)] == [500_000, 500_000, 500_000, 1_000_000]


def test_a_machine_up_for_three_years_still_finds_its_ticks() -> None:
    tempo = TempoMap.constant(171, origin_s=9.5e7 + 0.123)
    assert [tempo.tick_at(tempo.s_at(tick)) for tick in range(5000)] == list(range(5000))


@pytest.mark.parametrize(
    "changes", [(), ((1, 500_000),), ((0, 1), (10, 1), (5, 1)), ((0, 1), (0, 2)), ((0, 0),), ((0, -1),)]
)
def test_impossible_maps_are_refused(changes: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(ValueError, match="tempo"):
        TempoMap(changes)


def test_no_ticks_per_quarter_note_are_refused() -> None:
    with pytest.raises(ValueError, match="ticks per quarter"):
        TempoMap(ppq=0)
