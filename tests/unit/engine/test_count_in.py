from __future__ import annotations

from typing import Any

import pytest
from support.band import note, play
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.engine.clock_out import CLOCK_TRACK
from accompanist.engine.count_in import CLICK_TRACK, HIGH, LOW
from accompanist.engine.engine import Engine
from accompanist.engine.protocol import Command, Message, Received


def engine(**options: Any) -> Engine:
    settings = {key: options.pop(key) for key in list(options) if key in EngineConfig.__struct_fields__}
    return Engine(TINY_SPEC, EngineConfig(**{"rest_bars": 0, **settings}), **options)


def clicks(messages: list[Message]) -> list[tuple[float, int]]:
    return [(m.due_s, m.data[1]) for m in messages if m.track == CLICK_TRACK and m.data[0] == 0x99]


START = [Command(1.0, "start")]


@pytest.mark.parametrize(("beats_per_bar", "bpm"), [(4, 120), (3, 120), (4, 30), (3, 300)])
def test_it_clicks_on_each_beat_and_the_song_begins_after_the_last(beats_per_bar: int, bpm: int) -> None:
    band = engine(count_in_bars=2, beats_per_bar=beats_per_bar, bpm=bpm)
    beat_s = 60 / bpm
    first_s = 1.0 + 2 * beats_per_bar * beat_s
    show = play(band, START, first_s + 0.999 * beat_s)
    expected = [(1.0 + i * beat_s, HIGH if i % beats_per_bar == 0 else LOW) for i in range(2 * beats_per_bar)]
    assert [at_s for at_s, _ in clicks(show.messages)] == pytest.approx([at_s for at_s, _ in expected])
    assert [pitch for _, pitch in clicks(show.messages)] == [pitch for _, pitch in expected]
    assert len([m for m in show.messages if m.track == CLICK_TRACK and m.data[0] == 0x89]) == len(expected)
    assert band.status(first_s + 1.5 * beat_s).tick == pytest.approx(720, abs=1)


def test_the_song_stands_at_its_beginning_until_then() -> None:
    band = engine(count_in_bars=1)
    play(band, START, 2.9)
    assert (band.status(2.9).running, band.status(2.9).tick) == (True, 0)


def test_the_band_comes_in_on_its_beat_although_nobody_played() -> None:
    show = play(engine(count_in_bars=1), START, 20.0)
    first = min(m.due_s for m in show.messages if m.track == 0)
    assert first == pytest.approx(1.0 + 2.0 + 4.0)  # clicks, the model's window


def test_a_note_before_the_first_beat_does_not_begin_anything() -> None:
    band = engine(count_in_bars=1)
    play(band, [*START, *note(2.9, 3.4)], 4.0)
    assert band.status(4.0).tick == 960


def test_a_stop_ends_the_clicks() -> None:
    band = engine(count_in_bars=2, clock_out=True)
    show = play(band, [*START, Command(2.1, "stop"), Command(6.0, "start")], 6.1)
    assert [at_s for at_s, _ in clicks(show.messages)] == pytest.approx([1.0, 1.5, 2.0, 6.0])
    assert not [m for m in show.messages if m.track == CLOCK_TRACK]


def test_our_clock_starts_with_the_song_and_not_with_the_clicks() -> None:
    show = play(engine(count_in_bars=1, clock_out=True, ahead_s=0.02), START, 4.0)
    messages = [(m.due_s, m.data) for m in show.messages if m.track == CLOCK_TRACK]
    assert messages[:2] == [(3.0, b"\xfa"), (3.0, b"\xf8")]


def test_without_a_count_in_start_begins_at_once() -> None:
    show = play(engine(), START, 2.0)
    assert clicks(show.messages) == []


@pytest.mark.parametrize(("listen_bars", "from_bar"), [(0, 2), (1, 2), (2, 2), (3, 3), (8, 8)])
def test_the_band_listens_as_long_as_set(listen_bars: int, from_bar: int) -> None:
    band = engine(wait_for_player=False, listen_bars=listen_bars)
    show = play(band, [], 30.0)
    assert min(m.tick for m in show.messages if m.track == 0) == from_bar * 1920
    assert band.status(30.0).figures.isr == 1.0


def test_after_a_jump_it_listens_for_the_models_window_alone() -> None:
    band = engine(follow_clock=True, listen_bars=8)
    clocks = [Received(i / 48, b"\xf8") for i in range(48 * 30)]
    position = Received(5.001, b"\xf2\x00\x02")  # bar 17
    show = play(band, [Received(0.0, b"\xfa"), *clocks, position], 20.0)
    assert min(m.tick for m in show.messages if m.track == 0) == (16 + 2) * 1920
