"""The listener of `timing.py`: a JACK client that hears at which frame each message comes, and plays a melody.

    python timing_probe.py --hear PORT [--play PORT] --seconds 20 --record FILE

A process of its own, because JACK's library keeps one server per process. Everything happens in JACK's process
callback. Says "playing" once all is connected. The record, JSON: "rate", "period"; "cycles", a row [frame, second] per
cycle, the second on the machine's monotonic clock and never too early; "heard", a row [frame, hex bytes] per message
that came; "played", a row [frame, hex bytes] per message of the melody. Frames are JACK's: all clients mean the same.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import re
import sys
import time
from pathlib import Path

import jack

MELODY_EVERY_S = 0.0813
"""Its notes fall on every place of a cycle, and of the band's grid."""
_LENGTH_S = 0.04
_LEAD_S = 0.3
_PATIENCE_S = 20.0


class Probe:
    """Hears one port, plays to another.

    Args:
        seconds: How long the melody lasts.
    """

    def __init__(self, seconds: float) -> None:
        self._client = jack.Client("probe", no_start_server=True)
        self._in = self._client.midi_inports.register("hear")
        self._out = self._client.midi_outports.register("play")
        self.rate, self.period = self._client.samplerate, self._client.blocksize
        self._notes = round(seconds / MELODY_EVERY_S)
        self._melody: list[tuple[int, bytes]] = []  # latest first
        self.cycles: list[tuple[int, float]] = []
        self.heard: list[tuple[int, str]] = []
        self.played: list[tuple[int, str]] = []
        self._client.set_process_callback(self._process)

    def run(self, hear: str, play: str, seconds: float) -> None:
        """Connect, say so, and listen.

        Args:
            hear: Port to listen to.
            play: Port to play the melody to; empty: none is played.
            seconds: How long.
        """
        with self._client:
            self._connect(hear, self._in.name)
            if play:
                self._connect(self._out.name, play)
            print("playing", flush=True)
            if play:
                self._melody = self._written(self._client.frame_time + round(_LEAD_S * self.rate))
            time.sleep(seconds)

    def _connect(self, source: str, target: str) -> None:
        deadline_s = time.monotonic() + _PATIENCE_S
        other = target if source == self._out.name else source
        while not self._client.get_ports(f"^{re.escape(other)}$") and time.monotonic() < deadline_s:
            time.sleep(0.05)
        self._client.connect(source, target)

    def _written(self, first_frame: int) -> list[tuple[int, bytes]]:
        melody = []
        for i in range(self._notes):
            begin, pitch = first_frame + round(i * MELODY_EVERY_S * self.rate), 60 + i * 7 % 24
            melody += [
                (begin, bytes((0x90, pitch, 80))),
                (begin + round(_LENGTH_S * self.rate), bytes((0x80, pitch, 0))),
            ]
        return sorted(melody, reverse=True)

    def _process(self, frames: int) -> None:
        before_s = time.monotonic()
        since = self._client.frames_since_cycle_start
        after_s = time.monotonic()
        first = self._client.last_frame_time
        if after_s - before_s < 0.0002:
            self.cycles.append((first, (before_s + after_s) / 2 - since / self.rate))
        self._out.clear_buffer()
        while self._melody and self._melody[-1][0] < first + frames:
            frame, data = self._melody.pop()
            frame = max(frame, first)
            self._out.write_midi_event(frame - first, data)
            self.played.append((frame, data.hex()))
        for offset, data in self._in.incoming_midi_events():
            self.heard.append((first + offset, bytes(data).hex()))


def main() -> None:
    """Listen as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hear", required=True)
    parser.add_argument("--play", default="")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--record", type=Path, required=True)
    asked = parser.parse_args()
    gc.disable()
    sys.setswitchinterval(0.0005)
    with contextlib.suppress(PermissionError):  # JACK waits for our callback, which waits for the interpreter
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    probe = Probe(asked.seconds)
    probe.run(asked.hear, asked.play, asked.seconds)
    keys = ("rate", "period", "cycles", "heard", "played")
    asked.record.write_text(json.dumps({key: getattr(probe, key) for key in keys}), encoding="utf-8")


if __name__ == "__main__":
    main()
