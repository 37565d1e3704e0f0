"""How near generated music stands to the data: 0 where nobody could tell them apart, 1 where they share nothing.

Two bands may have the same mean and yet nothing in common, such as one that always plays four notes a bar and one that
plays none or eight. So not means but distributions are compared: each metric is taken of many passages, once as people
played them and once as the model does, to the same melodies.

The distance of one metric, X its values of the generated passages and Y those of the data, is the coefficient of
inhomogeneity of Szekely and Rizzo [1], the energy distance made a share of what it could be at most:

    H = (2 E|X - Y| - E|X - X'| - E|Y - Y'|) / (2 E|X - Y|)

X' is drawn as X is, and Y' as Y is; E is the mean over all pairs. H is 0 if and only if both are distributed alike, 1
if each is one value and the two differ, and the same in whatever unit a metric counts: no bin, bandwidth or scale has
to be chosen, as the overlapping areas of Yang and Lerch [2] need. To compare music by such distributions is their idea.

The **similarity index** is the mean of H over all metrics. It tends to 0, and cannot be expected to fall below what one
half of the data's passages has beside the other half: that is given as the data's own value.

Sources:
    [1] Szekely, Rizzo: Energy statistics: a class of statistics based on distances (Journal of Statistical Planning and
        Inference 143, 2013), the E-coefficient of inhomogeneity.
    [2] Yang, Lerch: On the evaluation of generative models in music (Neural Computing and Applications 32, 2020).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
INDEX = "similarity_index"
"""Its name among the metrics."""


def columns(passages: Sequence[Mapping[str, float]]) -> dict[str, Values]:
    """Figures of some passages, by metric: (passages,), NaN where a passage has nothing to measure."""
    names = dict.fromkeys(name for passage in passages for name in passage)
    return {name: np.array([passage.get(name, np.nan) for passage in passages]) for name in names}


def distance(ours: Values, theirs: Values) -> float:
    """H of one metric, 0 to 1: see the module's own docstring.

    Args:
        ours: A value for each passage, at least one.
        theirs: The same of the data; there may be more or fewer.
    """
    between = 2 * _mean_gap(ours, theirs)
    if not between:  # all values are one and the same
        return 0.0
    return float(max(between - _mean_gap(ours, ours) - _mean_gap(theirs, theirs), 0.0) / between)


def distances(ours: Mapping[str, Values], theirs: Mapping[str, Values]) -> dict[str, float]:
    """H of every metric that either side has a value of.

    Passages without a value are left out; where only one side has any, nothing is alike, and H is 1.
    """
    found = {}
    for name in dict.fromkeys((*ours, *theirs)):
        pair = [_there(side.get(name)) for side in (ours, theirs)]
        if all(map(len, pair)):
            found[name] = distance(*pair)
        elif any(map(len, pair)):
            found[name] = 1.0
    return found


def index(found: Mapping[str, float]) -> float:
    """The similarity index: the mean over metrics; 0 of none."""
    return float(np.mean(list(found.values()))) if found else 0.0


def floor(data: Mapping[str, Values]) -> float:
    """The index that the data have beside themselves: every other passage against those between."""
    halves = [{name: values[first::2] for name, values in data.items()} for first in (0, 1)]
    return index(distances(*halves))


def _there(values: Values | None) -> Values:
    return np.zeros(0) if values is None else values[~np.isnan(values)]


def _mean_gap(ones: Values, others: Values) -> float:
    return float(np.abs(ones[:, None] - others).mean())
