"""A second client of a JACK server, as a program: plays a script of MIDI, drives the transport, records what returns.

    python jack_player.py SCRIPT.json RECORD.json

It runs in a process of its own, because JACK's library keeps one server per process, and because it may be killed.
The script:

    "connect"      [[from, to], ...]
    "inputs"       how many ports to record from; one where it says nothing
    "play"         [[second, hex bytes], ...]
    "with_clock"   true: the seconds of "play" count from the first MIDI clock that is heard
    "transport"    [[second, "start" | "stop" | "locate 0" | beats per minute], ...]
    "name"         of the client; "player" where it says nothing
    "until"        it ends sooner, when this file exists
    "physical"     true: the port it plays from calls itself a device's
    "bpm"          above 0: be the timebase master as well
    "length_s"     when it ends
    "quiet_s"      it ends sooner, when it has heard something and then nothing for so long

Seconds count from the line "playing", on the machine's monotonic clock, which is the player's and the band's alike
(JACK's own frames run behind it whenever the server misses a cycle). The record: "sent" [[second, hex bytes], ...],
"received" [[second, input, hex bytes], ...], "moved", what the transport was told: [[second, word], ...], and
"stalled_s": how long the machine stood still, as far as JACK's frames fell behind the seconds by it. SIGTERM ends it at
once, and it writes its record.
"""

from __future__ import annotations

import contextlib
import gc
import json
import math
import os
import re
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import jack

NAME = "player"
_LEAD_S = 0.1
_CLOCK = bytes((0xF8,))


class Player:
    """Plays and records in JACK's process callback.

    Args:
        script: See the module.
    """

    def __init__(self, script: dict[str, Any]) -> None:
        self._script = script
        self._client = jack.Client(script.get("name", NAME), no_start_server=True)
        self._out = self._client.midi_outports.register("out", is_physical=script.get("physical", False))
        self._ins = [self._client.midi_inports.register(f"in_{i}") for i in range(script.get("inputs", 1))]
        self._rate = self._client.samplerate
        self._origin_s = time.monotonic()
        self._bpm = float(script.get("bpm", 0))
        self._waiting: list[tuple[float, bytes]] = []
        self._play_from_s: float | None = None if script.get("with_clock") else 0.0
        self._over = threading.Event()
        self._told = False
        self.sent: list[tuple[float, str]] = []
        self.received: list[tuple[float, int, str]] = []
        self.moved: list[tuple[float, str]] = []
        self.stalled_s = 0.0
        self._first_cycle_s: float | None = None
        self._cycles = 0
        self._client.set_process_callback(self._process)
        self._client.set_shutdown_callback(lambda *_: self._over.set())
        if self._bpm:
            self._client.set_timebase_callback(self._timebase)

    def run(self) -> None:
        """Play to the end of the script, or until the server dies."""
        with self._client:
            for source, target in self._script["connect"]:
                self._wait_for(source)
                self._client.connect(source, target)
            self._origin_s = time.monotonic() + _LEAD_S
            self._first_cycle_s = None  # what connecting took is no stall
            self._waiting = sorted((at_s, bytes.fromhex(data)) for at_s, data in self._script.get("play", []))
            print("playing", flush=True)  # noqa: T201 (the hand-shake)
            for at_s, word in self._script.get("transport", []):
                self._sleep_until(at_s)
                self.moved.append((self._now_s(), str(word)))
                self._move(word)
            self._sleep_until(self._script["length_s"], quiet_s=self._script.get("quiet_s"))

    def stop(self) -> None:
        """End now, from any thread."""
        self._over.set()

    def _wait_for(self, port: str) -> None:
        """A program without a hand-shake may still be opening its port."""
        for _ in range(1000):
            if self._client.get_ports(f"^{re.escape(port)}$"):
                return
            time.sleep(0.01)

    def _now_s(self) -> float:
        return time.monotonic() - self._origin_s

    def _sleep_until(self, at_s: float, *, quiet_s: float | None = None) -> None:
        until = self._script.get("until")
        while not self._over.is_set() and self._now_s() < at_s:
            time.sleep(0.005)
            if until and Path(until).exists():
                return
            if quiet_s is not None and self.received and self._now_s() > self.received[-1][0] + quiet_s:
                return
            if not self._told and any(data.startswith("9") for _, _, data in self.received):
                self._told = True
                print("heard a note", flush=True)  # noqa: T201 (a test waits for it)

    def _move(self, word: str | float) -> None:
        if word == "start":
            self._client.transport_start()
        elif word == "stop":
            self._client.transport_stop()
        elif isinstance(word, str):
            self._client.transport_locate(int(word.split()[1]))
        else:
            self._bpm = float(word)

    def _process(self, frames: int) -> None:
        begin_s = self._now_s()
        if self._first_cycle_s is None:
            self._first_cycle_s, self._cycles = begin_s, 0
        self.stalled_s = max(self.stalled_s, begin_s - self._first_cycle_s - self._cycles * frames / self._rate)
        self._cycles += 1
        self._out.clear_buffer()
        from_s = math.inf if self._play_from_s is None else self._play_from_s
        while self._waiting and from_s + self._waiting[0][0] < begin_s + frames / self._rate:
            at_s, data = self._waiting.pop(0)
            offset = max(round((from_s + at_s - begin_s) * self._rate), 0)
            self._out.write_midi_event(min(offset, frames - 1), data)
            self.sent.append((begin_s + offset / self._rate, data.hex()))
        for i, port in enumerate(self._ins):
            for offset, data in port.incoming_midi_events():
                if self._play_from_s is None and bytes(data) == _CLOCK:
                    self._play_from_s = begin_s + offset / self._rate
                self.received.append((begin_s + offset / self._rate, i, bytes(data).hex()))

    def _timebase(self, _state: int, _frames: int, position: Any, _new: bool) -> None:
        beats = position.frame / (self._rate * 60 / self._bpm)
        position.valid = 0x10  # JackPositionBBT
        position.beats_per_bar, position.beat_type, position.ticks_per_beat = 4.0, 4.0, 1920.0
        position.beats_per_minute = self._bpm
        position.bar, position.beat, position.tick = int(beats // 4) + 1, int(beats % 4) + 1, int(beats % 1 * 1920)
        position.bar_start_tick = (position.bar - 1) * 4 * 1920.0


def be_punctual() -> None:
    """JACK waits for our callback, which waits for the interpreter: none of our threads may be put off holding it."""
    gc.disable()
    sys.setswitchinterval(0.0005)
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))


if __name__ == "__main__":
    be_punctual()
    player = Player(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    signal.signal(signal.SIGTERM, lambda *_: player.stop())
    player.run()
    record = {key: getattr(player, key) for key in ("sent", "received", "moved", "stalled_s")}
    Path(sys.argv[2]).write_text(json.dumps(record), encoding="utf-8")
