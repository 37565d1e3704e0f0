from __future__ import annotations

import threading
import time

import pytest

from accompanist.runtime.clock import ManualClock, MonotonicClock


def test_a_manual_clock_moves_when_told_to() -> None:
    clock = ManualClock(2.0)
    clock.advance(0.5)
    assert clock.now() == 2.5


def test_no_clock_runs_backwards() -> None:
    with pytest.raises(ValueError, match="backwards"):
        ManualClock().advance(-0.1)


def test_waiting_on_a_manual_clock_jumps_to_the_moment() -> None:
    clock, wake = ManualClock(), threading.Event()
    clock.wait(3.0, wake)
    assert clock.now() == 3.0
    clock.wait(1.0, wake)  # past already
    assert clock.now() == 3.0


def test_woken_before_a_manual_clock_stays() -> None:
    clock, wake = ManualClock(), threading.Event()
    wake.set()
    clock.wait(3.0, wake)
    assert clock.now() == 0.0
    assert not wake.is_set()


def test_the_monotonic_clock_waits_no_shorter_than_asked() -> None:
    clock, wake = MonotonicClock(), threading.Event()
    until_s = clock.now() + 0.01
    clock.wait(until_s, wake)
    assert clock.now() >= until_s


def test_a_moment_that_is_past_is_not_waited_for() -> None:
    clock, wake = MonotonicClock(), threading.Event()
    clock.wait(clock.now() - 1, wake)  # returns


def test_a_wake_ends_any_wait() -> None:
    clock, wake = MonotonicClock(), threading.Event()
    waker = threading.Thread(target=wake.set)
    waker.start()
    clock.wait(None, wake)
    waker.join()
    assert not wake.is_set()


def test_both_clocks_are_monotonic_seconds() -> None:
    first = MonotonicClock().now()
    assert first == pytest.approx(time.monotonic(), abs=60)
    assert MonotonicClock().now() >= first
