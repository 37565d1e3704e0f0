"""Two peers of a Link session, as programs: ours, through the daemon's own session, and another that leads.

    python link_meeting.py

In a network of its own (see `test_link.py`). It prints what our peer saw, as JSON: "peers"; "tempo" after the other
set it; "phases_ms", how far the two were apart in the bar at a hundred moments; whether it was "started" and
"stopped" by the other; and "beats" told by the listener with their seconds, while playing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from accompanist.engine.protocol import LinkState
from accompanist.runtime.clock import MonotonicClock
from accompanist.runtime.link import LinkListener, session

QUANTUM = 4.0
PATIENCE_S = 10.0


def other() -> None:
    """The other peer: obeys its standard input."""
    link = session(120)
    for line in sys.stdin:
        word, _, value = line.strip().partition(" ")
        state, micros = link.captureAppSessionState(), link.clock().micros()
        if word == "tempo":
            state.setTempo(float(value), micros)
        elif word in ("start", "stop"):
            state.setIsPlaying(word == "start", micros)
        if word != "where":
            link.commitAppSessionState(state)
        told = {"micros": micros, "phase": state.phaseAtTime(micros, QUANTUM), "peers": link.numPeers()}
        print(json.dumps(told), flush=True)  # noqa: T201 (its answer)
    link.enabled = False


def until(condition: Callable[[], bool]) -> bool:
    """Wait for something to come true."""
    end_s = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < end_s:
        time.sleep(0.02)
    return condition()


def meet() -> dict[str, Any]:
    """Ours meets the other."""
    link = session(100)
    heard: list[LinkState] = []
    listener = LinkListener(link, MonotonicClock(), heard.append, beats_per_bar=4)
    peer = subprocess.Popen(
        [sys.executable, __file__, "other"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert peer.stdin is not None
    assert peer.stdout is not None

    def say(word: str) -> dict[str, Any]:
        assert peer.stdin is not None
        assert peer.stdout is not None
        peer.stdin.write(word + "\n")
        peer.stdin.flush()
        answer: dict[str, Any] = json.loads(peer.stdout.readline())
        return answer

    until(lambda: listener.peers == 1)
    found: dict[str, Any] = {"peers": listener.peers}
    say("tempo 97")
    until(lambda: abs(heard[-1].bpm - 97) < 0.01)
    found["tempo"] = heard[-1].bpm
    say("start")
    found["started"] = until(lambda: heard[-1].playing)
    phases_ms = []
    for _ in range(100):
        there = say("where")
        here = link.captureAppSessionState().phaseAtTime(there["micros"], QUANTUM)
        apart = (here - there["phase"] + QUANTUM / 2) % QUANTUM - QUANTUM / 2
        phases_ms.append(apart * 60_000 / 97)
        time.sleep(0.02)
    found["phases_ms"] = phases_ms
    found["beats"] = [(state.at_s, state.beat) for state in heard if state.playing]
    say("stop")
    found["stopped"] = until(lambda: not heard[-1].playing)
    peer.stdin.close()
    peer.wait(PATIENCE_S)
    peer.stdout.close()
    listener.close()
    return found


if __name__ == "__main__":
    if sys.argv[1:] == ["other"]:
        other()
    else:
        print(json.dumps(meet()))  # noqa: T201 (what the test reads)
