"""A source of faults: it has a mood per scene, drawn from a generator of its own."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faults.world import World


MOST_PER_SCENE = 300
"""A scene's messages from a source that plays all the time: long scenes are sparse ones."""


class Source:
    """A source of faults.

    Args:
        world: Where it acts.
        rng: Its own generator.
    """

    MOODS: tuple[tuple[str, float], ...] = ()

    def __init__(self, world: World, rng: random.Random) -> None:
        self.world = world
        self.rng = rng
        self.mood = "calm"

    def begin(self, length_s: float) -> None:
        """A scene begins."""
        names, weights = zip(*self.MOODS, strict=True)
        (self.mood,) = self.rng.choices(names, weights)
        self.act(length_s)

    def act(self, length_s: float) -> None:
        """Do what the mood asks for."""

    def again(self, gap_s: Callable[[], float], action: Callable[[], None]) -> None:
        """Do something again and again until the scene is over."""
        scene = self.world.scenes.number

        def once() -> None:
            if self.world.scenes.number == scene:
                action()
                self.world.at(gap_s(), once)

        self.world.at(gap_s(), once)
