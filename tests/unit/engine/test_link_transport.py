from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.band import note, play
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.engine.clock_out import CLOCK_TRACK
from accompanist.engine.engine import Engine
from accompanist.engine.link_transport import LinkTransport
from accompanist.engine.protocol import Command, LinkState


def session(
    from_s: float, to_s: float, *, bpm: float = 120, beat: float = 0.0, playing: bool = True
) -> list[LinkState]:
    """What a session tells every 20 ms."""
    count = round((to_s - from_s) / 0.02)
    return [LinkState(from_s + i * 0.02, beat + i * 0.02 * bpm / 60, bpm, playing) for i in range(count)]


def engine() -> Engine:
    return Engine(TINY_SPEC, EngineConfig(rest_bars=0), link=True, clock_out=True)


def test_it_starts_at_the_sessions_bar() -> None:
    band = engine()
    show = play(band, session(1.0, 9.0, beat=-1.5), 9.0)
    assert band.status(9.0).tick == pytest.approx((8.0 * 2 - 1.5) * 480, abs=1)
    assert (band.status(9.0).lock, band.status(9.0).bpm) == ("locked", 120)
    first = min((m.due_s, m.tick) for m in show.messages if m.track == 0)
    assert first == (pytest.approx(1.75 + 4.0), 2 * 1920)
    assert next(m.due_s for m in show.messages if m.data == b"\xfa") == pytest.approx(1.75)


def test_it_stops_with_the_session_and_the_player_does_not_start_it_again() -> None:
    band = engine()
    show = play(band, [*session(0.0, 2.0), *session(2.0, 4.0, beat=4.0, playing=False), *note(3.0, 3.2)], 4.0)
    assert not band.status(4.0).running
    assert band.status(4.0).tick == pytest.approx(1920, abs=1)
    assert [event.name for event in show.events if event.name in ("start", "stop")] == ["start", "stop"]


def test_where_nobody_starts_it_the_first_note_does_in_the_sessions_bar() -> None:
    band = engine()
    play(band, [*session(0.0, 6.0, beat=100.0, playing=False), *note(3.25, 3.4)], 6.0)
    # At 3.25 s the session is at beat 106.5: the third of its bar, and a half.
    assert band.status(6.0).tick == pytest.approx((2.5 + 2.75 * 2) * 480, abs=1)


def test_a_note_before_the_session_is_heard_of_begins_nothing() -> None:
    band = engine()
    play(band, note(0.1, 0.5), 2.0)
    assert (band.status(2.0).running, band.status(2.0).lock) == (False, "waiting")


def test_a_session_that_has_been_playing_is_joined_where_it_is() -> None:
    band = engine()
    show = play(band, session(0.0, 3.0, beat=33.0), 3.0)
    assert band.status(3.0).tick == pytest.approx(39 * 480, abs=1)
    clocks = [m.tick for m in show.messages if m.track == CLOCK_TRACK and m.data == b"\xf8"]
    assert min(clocks) >= 33 * 480
    assert len(clocks) <= 6 * 24 + 1


def test_a_new_tempo_holds_from_the_next_word_on() -> None:
    band = engine()
    play(band, [*session(0.0, 2.0), *session(2.0, 8.0, beat=4.0, bpm=90)], 8.0)
    assert band.status(8.0).bpm == 90
    assert band.status(8.0).tick == pytest.approx((4 + 9) * 480, abs=2)


def test_a_session_mapped_anew_is_a_jump() -> None:
    band = engine()
    show = play(band, [*session(0.0, 2.0), *session(2.0, 4.0, beat=20.0)], 4.0)
    assert band.status(4.0).tick == pytest.approx(24 * 480, abs=1)
    assert "position" in show.names()


def test_the_tempo_is_the_sessions_to_set() -> None:
    band = engine()
    show = play(band, [*session(0.0, 2.0), Command(1.0, "bpm", 90.0)], 2.0)
    assert [e.detail for e in show.events if e.name == "control_refused"] == ["bpm: the Link session leads"]


states = st.builds(
    LinkState, st.just(0.0), st.floats(-8, 400), st.sampled_from([30.0, 97.0, 120.0, 300.0]), st.booleans()
)


@given(st.lists(st.tuples(st.floats(0, 0.5), states), max_size=40))
def test_the_position_turns_back_only_at_a_jump(course: list[tuple[float, LinkState]]) -> None:
    transport, now_s, told = LinkTransport(120, 4), 0.0, 0
    for wait_s, state in course:
        now_s += wait_s
        assert transport.tick_at(now_s) >= told
        transport.settle(now_s)
        told = transport.tick_at(now_s)
        turns = transport.heard(state._replace(at_s=now_s), now_s)
        if any(turn.jump for turn in turns):
            told = transport.tick_at(now_s)
        assert transport.tick_at(now_s) >= told
        tick = transport.tick_at(now_s) + 100
        if math.isfinite(at_s := transport.s_at(tick)):
            assert abs(transport.tick_at(at_s) - tick) <= 1


def test_nonsense_is_passed_over() -> None:
    transport = LinkTransport(120, 4)
    assert transport.heard(LinkState(0.0, math.nan, 120, playing=True), 0.0) == ()
    assert transport.heard(LinkState(0.0, 0.0, 0.0, playing=True), 0.0) == ()
    assert not transport.running
