from __future__ import annotations

import pytest

from accompanist.engine.bars import BarBuffer
from accompanist.engine.left_hand import LeftHand
from accompanist.engine.player import Player, begins_note
from accompanist.engine.protocol import Received


def player(*, channel: int = 0, thru: bool = False) -> Player:
    return Player(BarBuffer(16), LeftHand(0), channel=channel, thru=thru)


@pytest.mark.parametrize(
    "data", [b"\x90\x40\x50", b"\x8f\x00\x00", b"\xb0\x07\x7f", b"\xc3\x05", b"\xd3\x05", b"\xe0\x00\x40"]
)
def test_whole_channel_messages_are_the_players(data: bytes) -> None:
    assert player().owns(Received(0.0, data))
    assert player(channel=(data[0] & 0x0F) + 1).owns(Received(0.0, data))
    assert not player(channel=16 - (data[0] & 0x0F)).owns(Received(0.0, data))
    assert not player().owns(Received(0.0, data, from_clock=True))


@pytest.mark.parametrize(
    "data", [b"", b"\x40", b"\x90\x40", b"\x90\x40\xff", b"\xc0\x01\x02", b"\xf8", b"\xf0\x01\xf7"]
)
def test_broken_and_system_messages_are_nobodys(data: bytes) -> None:
    assert not player().owns(Received(0.0, data))


def test_a_note_on_with_velocity_0_begins_no_note() -> None:
    assert [begins_note(data) for data in (b"\x90\x40\x01", b"\x90\x40\x00", b"\x80\x40\x40")] == [True, False, False]


def test_thru_is_unchanged_and_what_is_held_is_released_once() -> None:
    pianist = player(thru=True)
    data = [b"\x90\x40\x50", b"\x91\x41\x50", b"\x92\x42\x50", b"\x91\x41\x00", b"\xb2\x7b\x00"]
    assert [m.data for item in data for m in pianist.hear(item, 0, 0.0)] == data
    assert [(m.track, m.data, m.tick, m.due_s) for m in pianist.release(2.0, 7)] == [(-1, b"\x80\x40\x40", 7, 2.0)]
    assert pianist.release(3.0, 8) == []
    assert pianist.notes_in == 3


def test_a_pedal_that_is_down_is_released_with_the_notes() -> None:
    pianist = player(thru=True)
    for data in (b"\xb0\x40\x7f", b"\xb2\x40\x40", b"\xb2\x40\x3f", b"\x91\x41\x50"):
        pianist.hear(data, 0, 0.0)
    assert [m.data for m in pianist.release(1.0, 0)] == [b"\x81\x41\x40", b"\xb0\x40\x00"]
    assert pianist.release(2.0, 0) == []


def test_without_thru_nothing_is_sent() -> None:
    pianist = player()
    assert pianist.hear(b"\x90\x40\x50", 0, 0.0) == []
    assert pianist.release(1.0, 0) == []
