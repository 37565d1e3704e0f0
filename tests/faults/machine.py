"""A machine that stands still, wakes too early, or whose clock does."""

from __future__ import annotations

from faults.source import Source


class Machine(Source):
    """A machine that stands still, wakes too early, or whose clock does."""

    MOODS = (("punctual", 4), ("late", 2), ("stalling", 1), ("early", 1), ("frozen", 0.5))

    def act(self, length_s: float) -> None:  # noqa: ARG002  only the mood matters
        """Take the mood on."""
        if self.mood not in ("punctual", "early"):
            self.world.watch.punctual = False
        self._frozen = 0

    def late_s(self) -> float:
        """How long after the moment asked for the loop is woken."""
        rng = self.rng
        if self.mood == "late":
            return rng.expovariate(500)
        if self.mood == "stalling" and rng.random() < 0.05:
            self.world.note("stall")
            return 10 ** rng.uniform(-2, 2.5)
        return 0.0

    def wakes_early(self) -> bool:
        """The loop is woken for nothing before its time."""
        return self.mood == "early" and self.rng.random() < 0.2

    def frozen(self) -> bool:
        """The clock stands still, though the loop asks for its next turn."""
        if self.mood != "frozen":
            return False
        if self._frozen == 0 and self.rng.random() < 0.02:
            self.world.note("clock stands still")
            self._frozen = self.rng.randrange(1, 3)
        self._frozen = max(self._frozen - 1, 0)
        return self._frozen > 0
