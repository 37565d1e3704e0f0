from __future__ import annotations

import math

import pytest

from accompanist.engine.transport import LONGEST_BEAT_US, SHORTEST_BEAT_US, InternalTransport


@pytest.fixture
def transport() -> InternalTransport:
    return InternalTransport(bpm=120)


def begun(transport: InternalTransport, at_s: float = 10.0) -> InternalTransport:
    transport.player_began(at_s)
    return transport


def test_rests_at_tick_0_until_the_player_begins(transport: InternalTransport) -> None:
    assert (transport.running, transport.tick_at(1e6), transport.s_at(480)) == (False, 0, math.inf)


def test_the_players_first_note_is_tick_0(transport: InternalTransport) -> None:
    (turn,) = transport.player_began(10.0)
    assert (turn.name, turn.jump) == ("start", True)
    assert [transport.tick_at(s) for s in (9.0, 10.0, 10.5, 11.0)] == [0, 0, 480, 960]
    assert transport.s_at(480) == 10.5


def test_tempo_before_the_start_holds_from_tick_0(transport: InternalTransport) -> None:
    transport.change_tempo(1_000_000, None)
    assert begun(transport).s_at(480) == 11.0


def test_future_tempo_changes_are_known_ahead(transport: InternalTransport) -> None:
    begun(transport)
    transport.change_tempo(1_000_000, 960)
    transport.change_tempo(250_000, 1440)
    assert [transport.s_at(tick) for tick in (480, 960, 1440, 1920)] == [10.5, 11.0, 12.0, 12.25]


def test_a_change_now_keeps_those_further_ahead(transport: InternalTransport) -> None:
    begun(transport)
    transport.change_tempo(250_000, 960)
    transport.settle(10.5)
    transport.change_tempo(1_000_000, None)
    assert [transport.s_at(tick) for tick in (480, 960, 1440)] == [10.5, 11.5, 11.75]


@pytest.mark.parametrize("tick", [None, 0, 100, 480])
def test_the_past_is_not_changed(transport: InternalTransport, tick: int | None) -> None:
    begun(transport)
    transport.settle(10.5)
    transport.change_tempo(1_000_000, tick)
    assert [transport.s_at(t) for t in (0, 240, 480, 960)] == [10.0, 10.25, 10.5, 11.5]


def test_a_change_between_two_ticks_holds_from_the_next(transport: InternalTransport) -> None:
    begun(transport)
    transport.settle(10.5003)
    transport.change_tempo(1_000_000, None)
    assert transport.s_at(481) == pytest.approx(10.5 + 0.5 / 480)
    assert transport.s_at(482) == pytest.approx(10.5 + 1.5 / 480)


@pytest.mark.parametrize(
    ("asked_us", "held_us"), [(0, SHORTEST_BEAT_US), (-5, SHORTEST_BEAT_US), (10**9, LONGEST_BEAT_US)]
)
def test_absurd_tempos_are_held_within_limits(transport: InternalTransport, asked_us: int, held_us: int) -> None:
    transport.change_tempo(asked_us, None)
    assert begun(transport).s_at(480) == pytest.approx(10 + held_us / 1e6)


def test_a_change_beyond_all_music_is_passed_over(transport: InternalTransport) -> None:
    begun(transport).change_tempo(1_000_000, 10**400)
    assert transport.s_at(10**6) == pytest.approx(10 + 10**6 / 960)


def test_forgetting_old_changes_moves_nothing(transport: InternalTransport) -> None:
    begun(transport)
    for beat in range(1, 200):
        transport.change_tempo(400_000 + 1000 * (beat % 7), beat * 480)
    before = [transport.s_at(tick) for tick in range(150 * 480, 200 * 480, 77)]
    transport.settle(transport.s_at(150 * 480))
    assert [transport.s_at(tick) for tick in range(150 * 480, 200 * 480, 77)] == pytest.approx(before, abs=1e-9)
    assert len(transport._map.changes) < 60


def test_stop_rests_where_the_song_is(transport: InternalTransport) -> None:
    begun(transport)
    (turn,) = transport.stop(11.0)
    assert (turn.name, turn.silence) == ("stop", True)
    assert (transport.tick_at(99.0), transport.s_at(0), transport.stop(12.0)) == (960, math.inf, ())
