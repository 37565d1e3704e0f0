from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.band import play
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.engine.engine import Engine
from accompanist.engine.protocol import Command
from accompanist.engine.tap import BOUNCE_S, PAUSE_S, Taps


def tapped(*times_s: float) -> float | None:
    taps = Taps()
    told = None
    for at_s in times_s:
        told = taps.tap(at_s)
    return told


def test_the_third_tap_tells_the_tempo() -> None:
    assert tapped(0.0) is None
    assert tapped(0.0, 0.6) is None
    assert tapped(0.0, 0.6, 1.2) == pytest.approx(100)


def test_one_tap_that_went_astray_says_nothing() -> None:
    assert tapped(0.0, 0.5, 1.0, 1.9, 2.0 + 0.4, 2.9, 3.4) == pytest.approx(120)


def test_a_pause_forgets_what_was_tapped() -> None:
    assert tapped(0.0, 0.5, 1.0, 1.0 + PAUSE_S + 0.1) is None
    assert tapped(0.0, 0.5, 1.0, 5.0, 6.0, 7.0) == pytest.approx(60)


def test_a_switch_that_bounces_taps_once() -> None:
    assert tapped(0.0, 0.01, 0.5, 0.51, 1.0) == pytest.approx(120)


@given(st.lists(st.floats(0, 5), max_size=30))
def test_what_is_told_is_a_tempo_that_is_served(waits_s: list[float]) -> None:
    taps, now_s = Taps(), 0.0
    for wait_s in waits_s:
        now_s += wait_s
        told = taps.tap(now_s)
        assert told is None or 30 <= told <= 300


@given(st.floats(30, 300), st.integers(3, 12))
def test_even_taps_tell_their_tempo(bpm: float, count: int) -> None:
    assert 60 / bpm > BOUNCE_S
    assert tapped(*(i * 60 / bpm for i in range(count))) == pytest.approx(bpm)


def test_taps_change_the_tempo_and_move_nothing() -> None:
    band = Engine(TINY_SPEC, EngineConfig(), wait_for_player=False)
    taps = [Command(2.0 + i * 0.75, "tap") for i in range(3)]
    play(band, taps, 3.5)
    before = band.status(3.5)
    assert (before.bpm, before.tick) == (pytest.approx(80), 3.5 * 960)
    play(band, [], 4.25, from_s=3.5)
    assert band.status(4.25).tick == 3.5 * 960 + 480
