"""Live controls: knobs turned by a nervous hand."""

from __future__ import annotations

import math

from faults.source import MOST_PER_SCENE, Source

from accompanist.engine.protocol import Command


class Commands(Source):
    """Live controls: knobs turned by a nervous hand."""

    MOODS = (("none", 5), ("some", 2), ("storm", 1))
    SWITCHES, AMOUNTS = ("mute", "solo", "hold", "listen"), ("density", "temperature", "style", "bpm")
    TRIGGERS = ("fill", "panic", "tap", "start", "stop", "continue")

    def act(self, length_s: float) -> None:
        """Turn knobs, from where they stand at the beginning, more often than not."""
        rng = self.rng
        if rng.random() < 0.7:
            for name, value in (("density", 1.0), ("hold", 0.0), ("listen", 1.0), ("mute", 0.0), ("solo", 0.0)):
                for track in range(len(self.world.spec.tracks)):
                    self.world.receive(Command(self.world.now(), name, value, track))
        if self.mood == "none":
            return
        gap_s = max(0.02 if self.mood == "storm" else 2.0, length_s / MOST_PER_SCENE)
        self.again(lambda: rng.expovariate(1 / gap_s), self._turn)

    def _turn(self) -> None:
        rng = self.rng
        name = rng.choice((*self.SWITCHES, *self.AMOUNTS, *self.TRIGGERS, "nonsense"))
        if name in ("bpm", "tap") and self.world.scenes.long:  # long scenes are slow
            return
        value = rng.choice((None, 0.0, 1.0, 0.5, 2.0, 120.0, 1e9, -1.0, math.nan, math.inf))
        self.world.note("command")
        self.world.receive(Command(self.world.now(), name, value, rng.choice((-1, 0, 1, 2, 7))))
