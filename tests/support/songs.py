"""Small music for tests of training: songs whose every note is known."""

from __future__ import annotations

import numpy as np

from training.read import MELODY, SongTable
from training.windows import WindowSet, cut

BAR_TICKS = 1920


def song(name: str, *, bars: int = 4, seed: int = 0) -> SongTable:
    """A song with a melody, a bass and a piano, in quarter notes; strings keep silent."""
    draws = np.random.default_rng(seed)
    starts = np.arange(0, bars * BAR_TICKS, 480)
    lines = [(0, 60), (1, 36), (2, 52), (2, 55)]
    rows = [
        (part, start, base + int(draws.integers(0, 12)), start + 480, 80) for start in starts for part, base in lines
    ]
    return SongTable(
        name,
        "test",
        {},
        (MELODY, "bass", "piano"),
        np.array(sorted(set(rows)), dtype=np.int32),
        np.arange(0, (bars + 1) * BAR_TICKS, BAR_TICKS, dtype=np.int32),
    )


def windows(songs: int = 3, *, bars: int = 4, first_seed: int = 0) -> WindowSet:
    """All windows of some songs: `bars` - 1 of each."""
    return cut([song(f"song {i}", bars=bars, seed=i) for i in range(first_seed, first_seed + songs)])
