"""A player that never rests, and the listener beside it: one JACK client, a program of its own.

    python restless_player.py --bpm 120 --seed 0 --to "Accompanist in:Keyboard" --from "Accompanist out:DAW"

It prints "playing" once it is connected, and answers on stdout, one JSON object each, what it is told on stdin: `tally`
(what was heard since the last tally), `rest` (play no more; what sounds is let go), `end`. It keeps counts only, never
what was played: its memory does not grow.

The melody is a random walk that changes scale and rhythm from bar to bar, with chords, legato, loud and soft, and a
pedal. Times are taken on the machine's monotonic clock in JACK's process callback.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import heapq
import json
import math
import os
import random
import select
import sys
import time
from array import array
from collections import deque
from collections.abc import Iterator
from typing import Any

import jack

STEPS_PER_BAR = 16
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 9, 10), (0, 2, 4, 7, 9))
RHYTHMS = ((4, 4, 4, 4), (2, 2, 4, 2, 2, 4), (6, 2, 6, 2), (8, 4, 4), (1,) * 16, (3, 3, 2, 3, 3, 2), (2, 1, 1) * 4)
"""Steps of the notes of a bar."""
LOWEST, HIGHEST = 55, 88
AHEAD_S = 2.0
"""Played so far ahead of the callback, at most."""
BINS_PER_MS = 20
STALL_S = 0.005
"""Two cycles further apart than a period and this: the machine stood still."""
_ON, _OFF, _CONTROL, _PEDAL = 0x90, 0x80, 0xB0, 64


def strokes(rng: random.Random, step_s: float) -> Iterator[list[tuple[float, bytes]]]:
    """The player's messages bar by bar, in seconds from the first note; a bar's last may reach into the next."""
    pitch, root, scale = 67, 0, SCALES[0]
    free_at: dict[int, float] = {}
    bar_step = 0
    while True:
        bar: list[tuple[float, bytes]] = []
        if rng.random() < 0.2:
            root, scale = rng.randrange(12), rng.choice(SCALES)
        loudness = rng.randrange(30, 120)
        step = bar_step
        for length in rng.choice(RHYTHMS):
            pitch = min(max(pitch + rng.choice((-5, -3, -2, -1, -1, 0, 1, 1, 2, 3, 5)), LOWEST), HIGHEST)
            melody = max(p for p in range(pitch - 11, pitch + 1) if (p - root) % 12 in scale)
            below = (-3, -7, -12) if rng.random() < 0.2 else ()
            begin_s = step * step_s + (rng.uniform(-0.008, 0.008) if step else 0.0)
            for sounding in (melody, *(melody + down for down in below)):
                if free_at.get(sounding, -1.0) >= begin_s:
                    continue  # still held: a finger has no second key of that pitch
                end_s = begin_s + length * step_s * rng.uniform(0.4, 1.1)
                free_at[sounding] = end_s + 0.001
                velocity = min(max(loudness + rng.randrange(-15, 16), 1), 127)
                bar.append((max(begin_s, 0.0), bytes((_ON, sounding, velocity))))
                bar.append((end_s, bytes((_OFF, sounding, rng.randrange(128)))))
            step += length
        if rng.random() < 0.5:
            bar.append(((bar_step + 1) * step_s, bytes((_CONTROL, _PEDAL, 127))))
            bar.append(((bar_step + STEPS_PER_BAR - 1) * step_s, bytes((_CONTROL, _PEDAL, 0))))
        bar_step += STEPS_PER_BAR
        yield bar


class Tally:
    """Counts of what was played and heard since the last tally.

    Args:
        step_s: A sixteenth.
    """

    def __init__(self, step_s: float) -> None:
        self.played = self.begun = self.ended = self.doubled = self.orphaned = 0
        self.stalled_s = self.longest_stall_s = 0.0
        self._half = math.ceil(500 * step_s * BINS_PER_MS)
        self._phases = array("L", bytes(8 * (2 * self._half + 1)))

    def phase(self, off_s: float) -> None:
        """A note began so far from its sixteenth; below 0: before it."""
        self._phases[min(max(round(1000 * off_s * BINS_PER_MS), -self._half), self._half) + self._half] += 1

    def _phase_ms(self, share: float) -> float | None:
        rank, seen = max(math.ceil(share * sum(self._phases)), 1), 0
        for place, count in enumerate(self._phases):
            seen += count
            if seen >= rank:
                return (place - self._half) / BINS_PER_MS
        return None

    def told(self, sounding: int) -> dict[str, Any]:
        """As one object."""
        return {
            "played": self.played,
            "begun": self.begun,
            "ended": self.ended,
            "doubled": self.doubled,
            "orphaned": self.orphaned,
            "sounding": sounding,
            "phase_ms": {"p50": self._phase_ms(0.5), "p99": self._phase_ms(0.99), "max": self._phase_ms(1.0)},
            "stalled_ms": round(1000 * self.stalled_s, 1),
            "longest_stall_ms": round(1000 * self.longest_stall_s, 1),
        }


class Player:
    """Plays and listens in JACK's process callback.

    Args:
        bpm: Tempo.
        seed: Another seed, another melody.
    """

    def __init__(self, bpm: float, seed: int) -> None:
        self._step_s = 60 / bpm / 4
        self._bars = strokes(random.Random(seed), self._step_s)  # noqa: S311  (music, not cryptography)
        self._written: list[tuple[float, int, bytes]] = []  # heap: what the bars so far hold
        self._number = 0
        self._bars_until_s = 0.0
        self._next: deque[tuple[float, bytes]] = deque()  # what the callback plays, in order
        self._resting = False
        self._begun = False
        self._origin_s: float | None = None  # the moment of the first note
        self._sounding: set[tuple[int, int]] = set()
        self._tally = Tally(self._step_s)
        self._last_s: float | None = None
        self._client = jack.Client("player", no_start_server=True)
        self._out = self._client.midi_outports.register("out")
        self._in = self._client.midi_inports.register("in")
        self._period_s = self._client.blocksize / self._client.samplerate
        self._client.set_process_callback(self._process)

    def run(self, to: str, source: str) -> None:
        """Play until told to end."""
        with self._client:
            self._client.connect(self._out, to)
            self._client.connect(source, self._in)
            self._fill()
            self._begun = True
            print("playing", flush=True)
            while True:
                self._fill()
                if not select.select([sys.stdin], [], [], AHEAD_S / 8)[0]:
                    continue
                word = sys.stdin.readline().strip()
                self._resting = self._resting or word != "tally"
                tally, self._tally = self._tally, Tally(self._step_s)
                print(json.dumps(tally.told(len(self._sounding))), flush=True)
                if word not in ("tally", "rest"):
                    return

    def _fill(self) -> None:
        until_s = AHEAD_S + (0.0 if self._origin_s is None else time.monotonic() - self._origin_s)
        while not self._resting and self._bars_until_s < until_s + STEPS_PER_BAR * self._step_s:
            for at_s, data in next(self._bars):
                self._number += 1
                heapq.heappush(self._written, (at_s, self._number, data))
            self._bars_until_s += STEPS_PER_BAR * self._step_s
        while self._written and self._written[0][0] < until_s:
            at_s, _, data = heapq.heappop(self._written)
            # Who rests lets go of what is down, and strikes nothing more.
            if not self._resting or data[0] == _OFF or data[2] == 0:
                self._next.append((at_s, data))

    def _process(self, frames: int) -> None:
        begin_s = time.monotonic()
        tally, rate = self._tally, self._client.samplerate
        if self._last_s is not None and begin_s - self._last_s > self._period_s + STALL_S:
            stalled_s = begin_s - self._last_s - self._period_s
            tally.stalled_s += stalled_s
            tally.longest_stall_s = max(tally.longest_stall_s, stalled_s)
        self._last_s = begin_s
        self._out.clear_buffer()
        if self._begun and self._origin_s is None:
            self._origin_s = begin_s
        while (
            self._next and self._origin_s is not None and self._origin_s + self._next[0][0] < begin_s + self._period_s
        ):
            at_s, data = self._next.popleft()
            offset = round((self._origin_s + at_s - begin_s) * rate)
            self._out.write_midi_event(min(max(offset, 0), frames - 1), data)
            tally.played += data[0] == _ON
        for offset, data in self._in.incoming_midi_events():
            self._hear(bytes(data), begin_s + offset / rate, tally)

    def _hear(self, data: bytes, at_s: float, tally: Tally) -> None:
        kind, key = data[0] & 0xF0, (data[0] & 0x0F, data[1])
        if kind == _ON and data[2] > 0:
            tally.begun += 1
            tally.doubled += key in self._sounding
            self._sounding.add(key)
            if self._origin_s is not None:
                steps = (at_s - self._origin_s) / self._step_s
                tally.phase((steps - round(steps)) * self._step_s)
        elif kind in (_ON, _OFF):
            tally.ended += 1
            tally.orphaned += key not in self._sounding
            self._sounding.discard(key)


def be_punctual() -> None:
    """JACK waits for our callback, which waits for the interpreter: none of our threads may be put off holding it."""
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(0.0005)
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))


def main() -> None:
    """Play."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bpm", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--to", required=True)
    parser.add_argument("--from", dest="source", required=True)
    asked = parser.parse_args()
    player = Player(asked.bpm, asked.seed)
    be_punctual()
    player.run(asked.to, asked.source)


if __name__ == "__main__":
    main()
