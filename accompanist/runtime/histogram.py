"""Durations counted in buckets of a fixed ratio: percentiles of any number of them, in a few kilobytes."""

from __future__ import annotations

import math
from array import array

SMALLEST_S = 1e-6
"""Everything up to a microsecond is one bucket."""
BUCKETS_PER_OCTAVE = 16
"""A bucket's edges are 4.4 % apart."""
OCTAVES = 27
"""Up to 134 s; what is longer falls into the last bucket."""
_LAST = BUCKETS_PER_OCTAVE * OCTAVES


class Histogram:
    """Counts durations; never grows."""

    def __init__(self) -> None:
        self._counts = array("Q", bytes(8 * (_LAST + 1)))
        self.count = 0
        self.max_s = 0.0

    def add(self, duration_s: float) -> None:
        """Count one; below zero counts as zero."""
        self.count += 1
        self.max_s = max(self.max_s, duration_s)
        bucket = 0
        if duration_s > SMALLEST_S:
            bucket = min(math.ceil(math.log2(duration_s / SMALLEST_S) * BUCKETS_PER_OCTAVE), _LAST)
        self._counts[bucket] += 1

    def percentile_s(self, percent: int) -> float:
        """What `percent` of all do not exceed (nearest rank), rounded up by 4.4 % at most; 0 of nothing.

        A hundred percent is the largest, exactly; so no percentile is above it.
        """
        if percent >= 100:
            return self.max_s
        rank = max(-(-percent * self.count // 100), 1)  # rounded up, in whole numbers
        seen = 0
        for bucket, count in enumerate(self._counts):
            seen += count
            if count and seen >= rank:
                # The last bucket has no upper edge but the largest of all.
                edge_s = SMALLEST_S * 2 ** (bucket / BUCKETS_PER_OCTAVE) if bucket < _LAST else self.max_s
                return min(edge_s, self.max_s)
        return 0.0
