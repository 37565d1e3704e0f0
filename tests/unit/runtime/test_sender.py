from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fake_midi import FakePort, FakeTimedPort

from accompanist.engine.player import THRU_TRACK
from accompanist.engine.protocol import Message
from accompanist.errors import PortLost
from accompanist.runtime.clock import ManualClock
from accompanist.runtime.performance_log import Sent
from accompanist.runtime.ports import ChangingPort, OutputPort
from accompanist.runtime.sender import Sender, look_ahead_s
from accompanist.runtime.telemetry import Telemetry

ON, OFF = b"\x90\x3c\x40", b"\x80\x3c\x40"


class Rig:
    """A sender, and everything it speaks to."""

    def __init__(self, outputs: Mapping[int, OutputPort], **advance_ms: float) -> None:
        self.clock = ManualClock(10.0)
        self.telemetry = Telemetry()
        self.losses: list[PortLost] = []
        self.log: list[Any] = []
        advance_s = {int(track[1:]): ms / 1000 for track, ms in advance_ms.items()}
        self.sender = Sender(
            self.clock, outputs, self.telemetry, advance_s=advance_s, lost=self.losses.append, log=self.log.append
        )

    def lateness_ms(self) -> float:
        return self.telemetry.summary().lateness_max_ms


def test_a_track_leaves_so_much_earlier_as_it_is_told_to() -> None:
    port = FakePort("DAW")
    rig = Rig({0: port, 1: port}, t0=20)
    rig.sender.take([Message(10.1, 1, OFF, 0), Message(10.1, 0, ON, 0)])
    rig.sender.send_due()
    assert (port.sent, rig.sender.next_s) == ([], pytest.approx(10.08))
    rig.clock.advance(0.081)
    rig.sender.send_due()
    assert (port.sent, rig.sender.next_s) == ([ON], pytest.approx(10.1))
    assert rig.lateness_ms() == pytest.approx(1)  # against when it should have left
    (sent,) = rig.log
    assert sent == Sent(Message(pytest.approx(10.08), 0, ON, 0), pytest.approx(10.081))


def test_a_port_that_keeps_time_is_given_a_message_before_it_leaves() -> None:
    port = FakeTimedPort("DAW")
    rig = Rig({0: port}, t0=10)
    rig.sender.take([Message(10.1, 0, ON, 0)])
    assert rig.sender.next_s == pytest.approx(10.1 - 0.01 - port.ahead_s)
    rig.clock.advance(0.0701)
    rig.sender.send_due()
    assert [(due_s, data) for due_s, data, _ in port.given] == [(pytest.approx(10.09), ON)]
    assert rig.log == []  # it has not left yet


def test_lateness_is_that_of_the_frame_it_really_left_at() -> None:
    port = FakeTimedPort("DAW")
    rig = Rig({0: port})
    rig.sender.take([Message(10.0, 0, ON, 7)])
    rig.sender.send_due()
    port.leave(late_s=0.003)
    rig.clock.advance(1)
    rig.sender.send_due()
    assert rig.lateness_ms() == pytest.approx(3)
    assert rig.log == [Sent(Message(10.0, 0, ON, 7), pytest.approx(10.003))]


@pytest.mark.parametrize("kind", [FakePort, FakeTimedPort])
def test_the_players_own_never_waits_and_knows_no_advance(kind: type[FakePort]) -> None:
    port = kind("DAW")
    rig = Rig({THRU_TRACK: port, 0: port}, t0=20)
    rig.sender.take([Message(10.1, 0, OFF, 0), Message(10.004, THRU_TRACK, ON, 0)])
    rig.sender.send_due()
    assert port.sent == [ON]
    if isinstance(port, FakeTimedPort):
        assert port.given[0][0] == pytest.approx(10.004 + port.period_s)  # the same place in the next cycle


def test_how_far_the_engine_looks_ahead_is_what_the_slowest_track_needs() -> None:
    timed, plain = FakeTimedPort("A"), FakePort("B")
    assert look_ahead_s({0: plain, 1: plain}, {}) == 0
    assert look_ahead_s({0: timed, 1: plain}, {1: 0.05}) == pytest.approx(0.05)
    assert look_ahead_s({0: timed, 1: plain, THRU_TRACK: timed}, {0: 0.01}) == pytest.approx(0.03)
    assert look_ahead_s({THRU_TRACK: timed}, {}) == 0  # the player's own is never told ahead


def test_what_is_ended_from_the_ledger_ends_after_it_begins() -> None:
    port = FakeTimedPort("DAW")
    rig = Rig({0: port})
    rig.sender.take([Message(10.015, 0, ON, 0)])
    rig.sender.send_due()  # handed over, to sound in 15 ms
    rig.sender.end_what_sounds()
    rig.sender.all_notes_off()
    assert port.sent == [ON, OFF, b"\xb0\x7b\x00"]
    assert port.flushed == 1
    assert [sent.message.due_s for sent in rig.log] == pytest.approx([10.015] * 3)
    assert rig.telemetry.summary().lateness_max_ms == 0


def test_a_port_behind_another_is_flushed_and_asked_as_well() -> None:
    port = FakeTimedPort("DAW")
    rig = Rig({0: port, THRU_TRACK: ChangingPort(port)})
    rig.sender.take([Message(10.0, THRU_TRACK, ON, 0)])
    rig.sender.send_due()
    rig.sender.all_notes_off()
    assert [sent.message.track for sent in rig.log] == [THRU_TRACK, THRU_TRACK]


def test_a_lost_port_is_told_once_and_the_others_play_on() -> None:
    broken, port = FakePort("A"), FakePort("B")
    broken.breaks_after = 0
    rig = Rig({0: broken, 1: broken, 2: port})
    rig.sender.take([Message(10.0, track, ON, 0) for track in range(3)] + [Message(10.0, 1, OFF, 0)])
    rig.sender.send_due()
    assert [loss.message for loss in rig.losses] == ["the MIDI port 'A' is gone"]
    assert port.sent == [ON]


@given(
    st.lists(st.tuples(st.floats(9.9, 10.3), st.integers(-1, 2)), max_size=40),
    st.lists(st.floats(0, 30), min_size=3, max_size=3),
    st.lists(st.floats(0.001, 0.1), min_size=1, max_size=20),
)
def test_every_message_leaves_once_no_track_out_of_order_and_none_before_its_hour(
    plan: list[tuple[float, int]], advance_ms: list[float], pauses_s: list[float]
) -> None:
    plain, timed = FakePort("plain"), FakeTimedPort("timed")
    rig = Rig({-1: timed, 0: plain, 1: timed, 2: plain}, **{f"t{i}": ms for i, ms in enumerate(advance_ms)})
    ordered = sorted(plan)
    rig.sender.take(Message(due_s, track, bytes((0x90, i, 64)), i) for i, (due_s, track) in enumerate(ordered))
    for pause_s in [*pauses_s, 1.0]:
        rig.sender.send_due()
        if rig.sender.next_s is not None:
            assert rig.sender.next_s > rig.clock.now()
        rig.clock.advance(pause_s)
    rig.sender.send_due()
    timed.leave()
    rig.sender.send_due()
    assert sorted(sent.message.tick for sent in rig.log) == list(range(len(plan)))
    for track in range(-1, 3):
        places = [sent.message.tick for sent in rig.log if sent.message.track == track]
        assert places == sorted(places)
    assert all(sent.at_s >= sent.message.due_s for sent in rig.log)
