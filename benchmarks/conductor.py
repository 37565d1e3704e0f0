"""A conductor for benchmarks, as a program: leads JACK's transport at a changing tempo, and notes each clock's moment.

    python conductor.py SCRIPT.json RECORD.json

The script: "tempo", [[second of the song, beats per minute], ...], between which the tempo goes in a straight line;
"to", ports to connect `jack_midi_clock` to; "length_s". The record: "clocks", the second (on the machine's monotonic
clock) of each MIDI clock since Start by its frame, "bpm", the tempo that was led there, and "lost_s", how far JACK's
frames fell behind the seconds meanwhile: so long the machine stood still.

The second of a frame is found afterwards, from all cycles: a callback is never early, so it is the earliest of the
cycles half a second before or after, whichever is later (time may have been lost between them).
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import re
import sys
import threading
import time
from pathlib import Path
from typing import Any

import jack
import numpy as np

MASTER = "jack_midi_clock:mclk_out"
WINDOW_S = 0.5
SETTLE_S = 2.0
"""Opening clients makes the server miss cycles; only then it begins."""
_CLOCK, _START = 0xF8, 0xFA
_BBT = 0x10  # JackPositionBBT


class Conductor:
    """The timebase master, and a listener at the clock's port.

    Args:
        script: See the module.
    """

    def __init__(self, script: dict[str, Any]) -> None:
        self._script = script
        self._seconds, self._bpms = np.array(script["tempo"], dtype=float).T
        self._client = jack.Client("conductor", no_start_server=True)
        self._in = self._client.midi_inports.register("clock")
        self._rate = self._client.samplerate
        self._cycles: list[tuple[int, float]] = []
        self._clocks: list[tuple[int, float]] = []  # frame, tempo
        self._started = False
        self._bpm = float(self._bpms[0])
        self._beats, self._beats_frame = 0.0, 0
        self._over = threading.Event()
        self._client.set_process_callback(self._process)
        self._client.set_timebase_callback(self._timebase)
        self._client.set_shutdown_callback(lambda *_: self._over.set())

    def run(self) -> dict[str, Any]:
        """Lead to the end of the script."""
        with self._client:
            while not self._client.get_ports(f"^{re.escape(MASTER)}$"):
                time.sleep(0.05)
            for target in ("conductor:clock", *self._script["to"]):
                self._client.connect(MASTER, target)
            self._client.transport_locate(0)
            time.sleep(SETTLE_S)
            self._client.transport_start()
            self._over.wait(self._script["length_s"])
            self._client.transport_stop()
            time.sleep(0.2)
        return self._record()

    def _process(self, _frames: int) -> None:
        self._cycles.append((self._client.last_frame_time, time.monotonic()))
        for offset, data in self._in.incoming_midi_events():
            status = bytes(data)[0]
            if status == _START:
                self._started = True
                self._clocks.clear()
            elif status == _CLOCK and self._started:
                self._clocks.append((self._cycles[-1][0] + offset, self._bpm))

    def _timebase(self, _state: int, _frames: int, position: Any, _new: bool) -> None:
        bpm = float(np.interp(position.frame / self._rate, self._seconds, self._bpms))
        if position.frame < self._beats_frame:
            self._beats, self._beats_frame = 0.0, 0
        self._beats += (position.frame - self._beats_frame) * bpm / 60 / self._rate
        self._beats_frame, self._bpm = position.frame, bpm
        position.valid = _BBT
        position.beats_per_bar, position.beat_type, position.ticks_per_beat = 4.0, 4.0, 1920.0
        position.beats_per_minute = bpm
        beat, part = divmod(self._beats, 1)
        position.bar, position.beat, position.tick = int(beat) // 4 + 1, int(beat) % 4 + 1, int(part * 1920)
        position.bar_start_tick = (position.bar - 1) * 4 * 1920.0

    def _record(self) -> dict[str, Any]:
        frames, seconds = (np.array(column, dtype=float) for column in zip(*self._cycles, strict=True))
        behind = seconds - frames / self._rate
        window = max(round(WINDOW_S * len(frames) / (seconds[-1] - seconds[0])), 1)
        before = np.array([behind[max(i - window, 0) : i + 1].min() for i in range(len(behind))])
        after = np.array([behind[i : i + window + 1].min() for i in range(len(behind))])
        origin = np.maximum(before, after)
        clocks = np.array([frame for frame, _ in self._clocks], dtype=float)
        cycle = np.searchsorted(frames, clocks, side="right") - 1
        return {
            "clocks": list(clocks / self._rate + origin[cycle]),
            "bpm": [bpm for _, bpm in self._clocks],
            "lost_s": float(origin[cycle[-1]] - origin[cycle[0]]),
        }


if __name__ == "__main__":
    gc.disable()
    sys.setswitchinterval(0.0005)
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    record = Conductor(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))).run()
    Path(sys.argv[2]).write_text(json.dumps(record), encoding="utf-8")
    print("done", flush=True)
