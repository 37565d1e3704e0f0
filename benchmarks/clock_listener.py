"""The follower of MIDI clock at a real port, as a program: notes what it foretells while it follows.

    python clock_listener.py BACKEND RECORD.json

It opens a port called Conductor through the back end ("jack" or "rtmidi") that `serve` would use, prints "ready" and
the port's name, and follows until it reads a line. At each clock and every 5 ms it notes "at_s", the next "tick",
"due_s", when the follower expects it, and "bpm". It takes its inputs as `serve` does: a stamp that lies ahead of the
present, in the cycle that JACK has begun, is the present.
"""

from __future__ import annotations

import json
import math
import sys
import threading
from collections import deque
from pathlib import Path

from accompanist.engine.follower import ClockFollower
from accompanist.runtime.clock import MonotonicClock
from accompanist.runtime.ports import PortChoice
from accompanist.runtime.realtime import engine_thread, punctual_process
from accompanist.runtime.systems import open_system

EVERY_S = 0.005
NAME = "Conductor"


class Listener:
    """Follows what arrives, in a thread as punctual as the engine's."""

    def __init__(self, clock: MonotonicClock) -> None:
        self._clock = clock
        self._follower = ClockFollower(bpm=120, lost_clock_beats=4)
        self._arrived: deque[tuple[bytes, float]] = deque()
        self._wake = threading.Event()
        self._over = False
        self.seen: list[tuple[float, int, float, float]] = []

    def receive(self, data: bytes, at_s: float | None = None, /) -> None:
        """From the port's thread: stamp where that is not done, append, wake."""
        self._arrived.append((data, self._clock.now() if at_s is None else at_s))
        self._wake.set()

    def stop(self) -> None:
        """Let `run` return."""
        self._over = True
        self._wake.set()

    def run(self) -> None:
        """Follow until told to stop."""
        follower = self._follower
        with engine_thread():
            while not self._over:
                now_s = self._clock.now()
                while self._arrived:
                    data, at_s = self._arrived.popleft()
                    now_s = max(now_s, at_s)
                    while follower.deadline_s <= at_s:
                        follower.expire(follower.deadline_s)
                    follower.settle(at_s)
                    follower.receive(data, at_s)
                follower.settle(now_s)
                if follower.running:
                    tick = follower.tick_at(now_s) + 1
                    due_s = follower.s_at(tick)
                    if math.isfinite(due_s):
                        self.seen.append((now_s, tick, due_s, follower.bpm))
                self._clock.wait(now_s + EVERY_S, self._wake)


def main() -> None:
    """Listen to the end."""
    clock = MonotonicClock()
    listener = Listener(clock)
    with punctual_process():
        system = open_system(sys.argv[1], clock)
        port = system.open_input(PortChoice(NAME, exists=False), listener.receive, role="clock")
        thread = threading.Thread(target=listener.run)
        thread.start()
        # rtmidi does not know the client's part of its own port's name.
        name = port.name if ":" in port.name else f"Accompanist clock:{port.name}"
        print("ready", json.dumps({"port": name}), flush=True)
        sys.stdin.readline()
        listener.stop()
        thread.join()
        port.close()
        system.close()
    Path(sys.argv[2]).write_text(json.dumps(listener.seen), encoding="utf-8")
    print("done", flush=True)


if __name__ == "__main__":
    main()
