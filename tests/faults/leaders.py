"""What leads the song: a MIDI clock, and changes of the tempo."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from faults.source import MOST_PER_SCENE, Source

from accompanist.engine.protocol import TempoChange
from accompanist.music.time import PPQ, TICKS_PER_STEP

if TYPE_CHECKING:
    from faults.world import World


CLOCK, START, CONTINUE, STOP = b"\xf8", b"\xfa", b"\xfb", b"\xfc"
SLOWED_S = 60.0
"""So long a tempo that was set ahead may hold in a long scene."""
LONGEST_CLOCK_S = 60.0
"""Longer scenes have no steady clock: it comes 48 times a second."""


class ClockMaster(Source):
    """A MIDI clock that stops, jumps, jitters and storms; an engine that keeps its own time must not care."""

    MOODS = (("silent", 2), ("steady", 5), ("jittery", 3), ("wild", 1), ("doubled", 1), ("storm", 1), ("stuck", 1))

    def __init__(self, world: World, rng: random.Random) -> None:
        super().__init__(world, rng)
        self._bpm = 120.0

    def act(self, length_s: float) -> None:
        """Lead."""
        rng = self.rng
        if (
            self.mood == "silent"
            or (length_s > LONGEST_CLOCK_S and self.mood != "storm")
            or (not self.world.follows and rng.random() < 0.8)
        ):
            if rng.random() < 0.5:
                self._send(STOP)
            return
        if self.mood == "storm":
            gap_s = max(0.02, length_s / MOST_PER_SCENE)
            self.again(lambda: rng.expovariate(1 / gap_s), self._storm)
            return
        if rng.random() < 0.2:
            self._locate()
        if rng.random() < 0.7:
            self._send(rng.choice((START, CONTINUE, CONTINUE)))
        self._bpm = rng.choice((30, 60, 90, 120, 150, 240, 300))
        self.again(self._gap_s, self._tick)

    def _gap_s(self) -> float:
        rng, even_s = self.rng, 60 / self._bpm / 24
        match self.mood:
            case "jittery":
                return max(rng.gauss(even_s, even_s / 2), 0.0)
            case "wild":
                if rng.random() < 0.05:
                    self._bpm = rng.choice((0.5, 1, 20, 500, 1000))
                return 60 / self._bpm / 24
            case "stuck":
                return even_s if rng.random() < 0.98 else rng.choice((0.3, 1.0, 4.0))
        return even_s

    def _tick(self) -> None:
        rng = self.rng
        if self.mood == "doubled" and rng.random() < 0.2:
            self.world.note("missing or doubled clock")
            if rng.random() < 0.5:
                return
            self._send(CLOCK)
        self._send(CLOCK)
        if rng.random() < 0.002:
            self._send(rng.choice((STOP, START, CONTINUE)))
        if rng.random() < 0.001:
            self._locate()

    def _storm(self) -> None:
        self.world.note("start, stop and song position")
        for _ in range(self.rng.choice((1, 1, 5, 40))):
            if self.rng.random() < 0.3:
                self._locate()
            else:
                self._send(self.rng.choice((START, STOP, CONTINUE, CLOCK, CLOCK)))

    def _locate(self) -> None:
        near = max(self.world.tick // TICKS_PER_STEP - self.rng.randrange(1, 16), 0) % 0x4000
        place = self.rng.choice((0, 1, 16, 1000, 0x3FFF, near, near, self.rng.randrange(0x4000)))
        self._send(bytes((0xF2, place & 0x7F, place >> 7)))

    def _send(self, data: bytes) -> None:
        self.world.play(data, self.world.now(), role="clock" if self.rng.random() < 0.5 or self.world.bay else "in")


class Tempo(Source):
    """Tempo changes, now and ahead, sane and not."""

    MOODS = (("none", 4), ("once", 3), ("many", 1))

    def act(self, length_s: float) -> None:
        """Change it; but long scenes are slow, whatever was asked for before."""
        rng = self.rng
        if self.world.scenes.long:
            self.again(lambda: SLOWED_S, self.world.scenes.change_tempo)
        if self.mood == "none" or self.world.scenes.long:
            return
        gap_s = length_s if self.mood == "once" else max(0.05, length_s / MOST_PER_SCENE)
        self.again(lambda: rng.expovariate(1 / gap_s), self._change)

    def _change(self) -> None:
        rng = self.rng
        self.world.note("tempo change")
        us = rng.choice((60_000, 200_000, 500_000, 1_000_000, rng.randrange(20_000, 3_000_000)))
        if rng.random() < 0.1:
            us = rng.choice((0, -5, 1, 10**9))
        tick = rng.choice((None, None, 0, -1, 10**15, self.world.tick + rng.randrange(4 * PPQ)))
        self.world.receive(TempoChange(self.world.now(), us, tick))
