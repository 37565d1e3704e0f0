"""Tap tempo: the player taps the beat, the song takes its tempo from there."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from statistics import median

SLOWEST_BPM, FASTEST_BPM = 30.0, 300.0
"""Tempos served; what is tapped is held within them."""
PAUSE_S = 60 / SLOWEST_BPM * 1.25
"""Who waits longer than this begins to tap anew."""
BOUNCE_S = 60 / FASTEST_BPM / 2
"""A tap sooner than this after another is the same one: a foot switch bounces."""
FEWEST_TAPS, MOST_TAPS = 3, 8


class Taps:
    """The last taps, and the tempo they mean."""

    def __init__(self) -> None:
        self._taps: deque[float] = deque(maxlen=MOST_TAPS)

    def tap(self, at_s: float) -> float | None:
        """Take a tap.

        The median of the distances: one tap that went astray says nothing.

        Args:
            at_s: When; not before the last one.

        Returns:
            Beats per minute, within what is served; None until the third tap in a row.
        """
        if self._taps and at_s - self._taps[-1] < BOUNCE_S:
            return None
        if self._taps and at_s - self._taps[-1] > PAUSE_S:
            self._taps.clear()
        self._taps.append(at_s)
        if len(self._taps) < FEWEST_TAPS:
            return None
        beat_s = median(later - earlier for earlier, later in pairwise(self._taps))
        return min(max(60 / beat_s, SLOWEST_BPM), FASTEST_BPM)
