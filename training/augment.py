"""Random transposition: the same music in another key, never outside what its players can play."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.windows import WindowSet

MELODY_LOWEST, MELODY_HIGHEST = 21, 108
"""A0 to C8, the piano's keys: transposition keeps the melody inside them, which leaves room to 0 and 127."""


def shift_bounds(
    windows: WindowSet, indices: Sequence[int] | NDArray[np.integer], semitones: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How far each window can go down (0 or less) and up (0 or more) with every line in its range.

    A line that is already outside its range holds its window back on that side, but never forbids staying.

    Args:
        windows: The windows.
        indices: (batch,) which of them.
        semitones: The most in either direction.
    """
    which = np.asarray(indices, dtype=np.int64)
    floor = np.array([MELODY_LOWEST, *(track.lowest for track in windows.tracks)])
    ceiling = np.array([MELODY_HIGHEST, *(track.highest for track in windows.tracks)])
    low, high = windows.lowest[which].astype(np.int64), windows.highest[which].astype(np.int64)
    # Drums stay where they are, and hold nothing back.
    sounding = (high >= 0) & ~np.array([False, *(track.is_drums for track in windows.tracks)])
    down = np.where(sounding, floor - low, -semitones).max(axis=1)
    up = np.where(sounding, ceiling - high, semitones).min(axis=1)
    return np.clip(down, -semitones, 0), np.clip(up, 0, semitones)


def random_shifts(
    windows: WindowSet, indices: Sequence[int] | NDArray[np.integer], semitones: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """A transposition for each window, every possible one equally likely.

    Args:
        windows: The windows.
        indices: (batch,) which of them.
        semitones: The most in either direction; 0 leaves all as they are.
        generator: Source of chance.

    Returns:
        (batch,) semitones, for `WindowSet.batch`.
    """
    down, up = shift_bounds(windows, indices, semitones)
    return generator.integers(down, up, endpoint=True, dtype=np.int64)
