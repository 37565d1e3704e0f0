"""Fewer points of a curve, with its spikes: what a screen has no room for is left out, what an eye would miss stays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def thinned(values: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """Which points of a curve to draw: of each stretch its lowest and its highest, and the curve's two ends.

    Args:
        values: (N,), in order; what is not a number is never lowest nor highest.
        most: Points wanted at most, at least 4.

    Returns:
        Indices, ascending; all of them where there are few enough.

    Raises:
        ValueError: fewer than 4 points are wanted.
    """
    if most < 4:
        raise ValueError(f"{most} points are too few; accepted: at least 4")
    count = len(values)
    if count <= most:
        return np.arange(count)
    stretches = (most - 2) // 2
    begins = np.arange(stretches + 1) * count // stretches
    width = int(np.diff(begins).max())
    # Every stretch as a row of the same length: those that are shorter by one see their last point twice.
    rows = np.minimum(begins[:-1, None] + np.arange(width), begins[1:, None] - 1)
    seen = values[rows]
    empty = np.isnan(seen)
    low = np.where(empty, np.inf, seen).argmin(axis=1)
    high = np.where(empty, -np.inf, seen).argmax(axis=1)
    each = np.arange(stretches)
    return np.unique(np.concatenate([[0, count - 1], rows[each, low], rows[each, high]]))
