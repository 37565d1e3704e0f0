"""Someone at a keyboard that loses note-offs, floods and sends garbage."""

from __future__ import annotations

import math
import random
from functools import partial
from typing import TYPE_CHECKING

from faults.source import MOST_PER_SCENE, Source

if TYPE_CHECKING:
    from faults.world import World

FLOODS = (200, 200, 200, 200, 2_000, 2_000, 20_000)
"""Messages that come in one moment; the inbox is full before the last of the most."""
TORRENT, TORRENT_GAP_S, TORRENT_AT_ONCE = 7_000, 0.001, 64
"""Notes of 1,000 a second, more than the engine may keep; so many arrive together, each with a stamp of its own."""
TORRENT_LASTS = 30
"""Each note ends so many later, so that it lasts whatever the tempo: a note within one tick leaves no trace."""
GARBAGE = tuple(
    bytes.fromhex(text)
    for text in (
        *("", "3c", "3c 40", "90", "90 3c", "90 3c 40 3e 40", "90 80 40", "c0", "d0 ff", "b0 7b"),
        *("f0 7e 7f f7", "f0", "f7", "f2", "f2 01", "f2 ff 01", "f1 00", "f4", "fe", "ff"),
    )
)
"""Truncated messages, running status, system exclusive, undefined and stray bytes."""


class Player(Source):
    """Someone at a keyboard that loses note-offs, floods and sends garbage."""

    MOODS = (
        ("silent", 3),
        ("melody", 4),
        ("lossy", 2),
        ("flood", 0.5),
        ("torrent", 0.3),
        ("garbage", 1),
        ("all off", 1),
        ("odd stamps", 1),
    )

    def __init__(self, world: World, rng: random.Random) -> None:
        super().__init__(world, rng)
        self._held: set[bytes] = set()

    def act(self, length_s: float) -> None:
        """Play."""
        rng = self.rng
        gap_s = max(rng.choice((0.05, 0.25, 1.0)), length_s / MOST_PER_SCENE)
        if self.mood == "odd stamps" and self.world.stage.mapped:  # a mapped key of long ago ends notes late
            self.world.watch.punctual = False
        match self.mood:
            case "silent":
                for off in sorted(self._held):
                    self._send(off)
                self._held.clear()
            case "melody" | "lossy" | "odd stamps":
                self.again(lambda: rng.expovariate(1 / gap_s), self._strike)
            case "flood":
                self.world.at(rng.uniform(0, length_s), self._flood)
            case "torrent" if not self.world.scenes.long:
                self.world.note("torrent")
                for i in range(0, TORRENT, TORRENT_AT_ONCE):
                    self.world.at(i * TORRENT_GAP_S, partial(self._pour, i))
                self.world.at((TORRENT - TORRENT_AT_ONCE) * TORRENT_GAP_S, self.world.weigh)
            case "garbage":
                self.again(lambda: rng.expovariate(1 / gap_s), self._babble)
            case "all off":
                self.again(lambda: rng.expovariate(1 / gap_s), self._storm)

    def _send(self, data: bytes) -> None:
        at_s = self.world.now()
        if self.mood == "odd stamps":
            odd = (
                math.nan,
                math.inf,
                -math.inf,
                at_s + 1e9,
                at_s - 1e9,
                at_s - self.rng.random(),
                at_s + self.rng.random(),
            )
            at_s = self.rng.choice(odd)
        self.world.play(data, at_s)

    def _strike(self) -> None:
        rng = self.rng
        channel, pitch = rng.choice((0, 0, 0, 1, 5, 15)), rng.randrange(48, 84)
        off = bytes((0x80 | channel, pitch, 0))
        self._send(bytes((0x90 | channel, pitch, rng.randrange(1, 128))))
        self._held.add(off)
        if len(self._held) > 6 or rng.random() < 0.7:
            gone = rng.choice(sorted(self._held))
            self._held.discard(gone)
            if self.mood == "lossy" and rng.random() < 0.5:
                self.world.note("lost note-off")
            else:
                self._send(gone)
        if rng.random() < 0.1:
            self._send(bytes((0xB0 | channel, 64, rng.choice((0, 127)))))

    def _flood(self) -> None:
        self.world.note("flood")
        for i in range(self.rng.choice(FLOODS)):
            pitch = i * 7 % 128
            self._send(bytes((0x90, pitch, 100)) if i % 2 else bytes((0x80, pitch, 0)))

    def _pour(self, first: int) -> None:
        for i in range(first, first + TORRENT_AT_ONCE):
            at_s = self.world.now() - (first + TORRENT_AT_ONCE - i) * TORRENT_GAP_S
            self.world.play(bytes((0x80, (i - TORRENT_LASTS) % 128, 0)), at_s)
            self.world.play(bytes((0x90, i % 128, 100)), at_s)

    def _babble(self) -> None:
        self.world.note("garbage")
        self._send(self.rng.choice(GARBAGE) if self.rng.random() < 0.7 else self.rng.randbytes(self.rng.randrange(6)))

    def _storm(self) -> None:
        self.world.note("all notes off")
        for channel in range(self.rng.choice((1, 16))):
            self._send(bytes((0xB0 | channel, self.rng.choice((120, 123, 64)), 0)))
        self._strike()
