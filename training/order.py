"""What comes when: which windows each update sees, and which random numbers.

Both are functions of the run's seed and of a position alone. Nothing of them is carried from step to step, so a resumed
run draws what the uninterrupted one would have drawn, and no random state needs keeping.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

ORDER, TRANSPOSITION, CRITIC, GENERATOR, SAMPLES, WEIGHTS, STRETCHES = range(7)
"""What a random number is for: streams of one seed that never meet."""


def seed_for(seed: int, purpose: int, index: int = 0) -> int:
    """A seed of its own for each thing that draws.

    Args:
        seed: The run's.
        purpose: One of the constants above.
        index: Which pass, update or step.

    Returns:
        0 to 2^63 - 1, what `torch.Generator.manual_seed` takes.
    """
    return int(np.random.SeedSequence((seed, purpose, index)).generate_state(1, np.uint64)[0] >> np.uint64(1))


class Order:
    """An endless line of windows: one shuffled pass through all of them after the other.

    Each window comes once per pass, also where a batch spans two passes, or many, as when there are fewer windows than
    a batch takes. With weights a pass is as long, and each window comes as often in it as its weight says: rounded down
    or up, by chance, so that over many passes nothing is lost.

    Args:
        windows: How many there are, at least 1.
        seed: The run's.
        weights: (windows,) above 0, how often each comes beside the others; None: all alike.
    """

    def __init__(self, windows: int, seed: int, weights: NDArray[np.float64] | None = None) -> None:
        self.windows = windows
        self._seed = seed
        self._ends = None if weights is None else np.cumsum(weights / weights.sum())
        self._pass = lru_cache(maxsize=2)(self._drawn)

    def _drawn(self, number: int) -> NDArray[np.int64]:
        draws = np.random.default_rng(seed_for(self._seed, ORDER, number))
        if self._ends is None:
            return draws.permutation(self.windows)
        # Systematic sampling: evenly spaced points on the line of all weights, laid at random.
        points = (np.arange(self.windows) + draws.random()) / self.windows
        chosen = np.searchsorted(self._ends, points, side="right")
        return draws.permutation(np.minimum(chosen, self.windows - 1))

    def take(self, position: int, count: int) -> NDArray[np.int64]:
        """Indices of the windows at these positions of the line.

        Args:
            position: Windows drawn before, 0 or more.
            count: How many to draw.
        """
        taken: list[NDArray[np.int64]] = []
        while count > 0:
            number, offset = divmod(position, self.windows)
            part = self._pass(number)[offset : offset + count]
            taken.append(part)
            position, count = position + len(part), count - len(part)
        return np.concatenate(taken)
