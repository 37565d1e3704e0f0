"""The scenes of a performance: in each of them every source of faults has another mood."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from accompanist.engine.protocol import Command, TempoChange

if TYPE_CHECKING:
    from faults.source import Source
    from faults.world import World

SHORTEST_S, LONGEST_S = 0.05, 8 * 3600.0
LONG_S = 120.0
"""Longer scenes are slow and sparse: an hour of dense beats shows no more than a minute of them."""
FAST_US, SLOW_US = (200_000, 2_000_000), (12_000_000, 20_000_000)
"""Least and most microseconds per beat: of a short scene, of a long one."""


class Scenes:
    """One after another, from `next` on.

    Args:
        world: Where they are.
        rng: Says how long they are.
        sources: That take part.
    """

    def __init__(self, world: World, rng: random.Random, sources: Sequence[Source]) -> None:
        self._world, self._rng, self._sources = world, rng, sources
        self.number = 0
        self.long = False

    def next(self) -> None:
        """A scene begins."""
        world, rng = self._world, self._rng
        world.looks.seen()
        world.weigh()
        self.number += 1
        longest_s = LONGEST_S if rng.random() < 0.5 else LONG_S / 2
        length_s = math.exp(rng.uniform(math.log(SHORTEST_S), math.log(longest_s)))
        self.long = length_s > LONG_S
        self.change_tempo()
        if world.internal and rng.random() < 0.8:  # or a stop some scenes ago would be the end of it
            world.receive(Command(world.now(), "continue"))
        if self.long and world.stage.leads:  # its clock would be most of an hour
            world.at(LONG_S, lambda: world.receive(Command(world.now(), "stop")))
        world.watch.punctual = True
        for source in self._sources:
            source.begin(length_s)
        moods = " ".join(f"{type(source).__name__}={source.mood}" for source in self._sources)
        world.trace(f"# scene {self.number}, {length_s:.2f} s: {moods}")
        world.at(length_s, self.next)

    def change_tempo(self) -> None:
        """A tempo for this scene."""
        if self._world.internal:
            us = self._rng.randrange(*(SLOW_US if self.long else FAST_US))
            self._world.receive(TempoChange(self._world.now(), us))
