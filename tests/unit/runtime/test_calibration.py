from __future__ import annotations

import queue
from collections.abc import Callable

import pytest
from support.fake_midi import FakePort, FakeTimedPort

from accompanist.errors import PortError
from accompanist.runtime.calibration import Circuit, Heard, Trips
from accompanist.runtime.clock import ManualClock


class Rig:
    """A circuit whose other side answers as a test says: after how many seconds, or None: not at all."""

    def __init__(self, answers: Callable[[int], float | None], *, timed: bool = False) -> None:
        self.clock = ManualClock(50.0)
        self.heard: Heard = queue.SimpleQueue()
        self.port = FakeTimedPort("DAW") if timed else FakePort("DAW")
        self.ons = 0
        send = self.port.send

        def answered(data: bytes) -> None:
            send(data)
            self.heard.put((self.clock.now(), b"\xf8"))  # a clock in between is no note
            if data[0] == 0x90:
                trip_s = answers(self.ons)
                self.ons += 1
                if trip_s is None:
                    self.clock.advance(1.0)  # so long nobody waits
                else:
                    self.heard.put((self.clock.now() + self.port.ahead_s + trip_s, data))

        self.port.send = answered  # type: ignore[method-assign]
        self.circuit = Circuit(self.port, self.heard, self.clock)


@pytest.mark.parametrize("timed", [False, True])
def test_a_loop_is_measured_and_half_of_it_is_the_way_there(timed: bool) -> None:
    rig = Rig(lambda i: 0.020 + 0.001 * (i % 3), timed=timed)
    steps: list[int] = []
    trips = rig.circuit.measure(30, progress=lambda: steps.append(1))
    assert (len(trips.round_trips_s), trips.lost, len(steps)) == (30, 0, 30)
    assert trips.median_ms == pytest.approx(21)
    assert trips.spread_ms == pytest.approx(2)
    assert trips.advance_ms == pytest.approx(10.5)


def test_every_note_is_ended_and_a_late_one_is_not_taken_for_the_next() -> None:
    rig = Rig(lambda i: None if i == 1 else 0.01)
    rig.heard.put((50.0, b"\x90\x3d\x28"))  # the second's pitch, from before
    trips = rig.circuit.measure(5)
    ons = [data[1] for data in rig.port.sent if data[0] == 0x90]
    offs = [data[1] for data in rig.port.sent if data[0] == 0x80]
    assert ons == offs == [60, 61, 62, 63, 64]
    assert trips.lost == 1
    assert trips.median_ms == pytest.approx(10)


def test_it_waits_for_somebody_to_connect() -> None:
    rig = Rig(lambda i: 0.01 if i == 4 else None)
    rig.circuit.find(30)
    assert rig.ons == 5


def test_where_nothing_comes_back_it_says_what_to_connect() -> None:
    rig = Rig(lambda _: None)
    with pytest.raises(PortError, match="no note came back: 3 left by 'DAW'") as caught:
        rig.circuit.find(3)
    assert "monitoring on" in caught.value.hint


def test_a_loop_that_loses_most_tells_nothing() -> None:
    rig = Rig(lambda i: 0.01 if i % 3 == 0 else None)
    with pytest.raises(PortError, match="only 4 of 12 notes came back"):
        rig.circuit.measure(12)


def test_a_loop_without_latency_needs_no_advance() -> None:
    assert Trips((-0.00001, 0.0, 0.00001), 0).advance_ms == 0
    assert str(Trips((-0.00001,), 0).advance_ms) == "0.0"  # and not "-0.0", which is what it prints
