"""From songs to figures: the mean over songs, and how far another choice of songs might have moved it.

The interval is the bootstrap's: songs are drawn anew, as many as there are and with replacement, the figure is taken of
each draw, and 95 % of the draws lie inside. The draws depend on the seed and the number of songs alone, so that two
contestants on the same songs are drawn alike.

Source: Efron, Tibshirani: An Introduction to the Bootstrap (1993), chapter 13, the percentile interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.evaluation.measures import SongMeasures

DRAWS = 2000
INSIDE = (2.5, 97.5)
"""Percentiles of the draws between which a figure is told to lie."""
DIVERGENCE = "onset_divergence"
"""Jensen-Shannon divergence (base 2: 0 to 1) between where in the bar notes begin and where people's do."""


class Figure(NamedTuple):
    """One figure of a contestant.

    Args:
        mean: Over the songs that have it.
        low: Lower end of the interval.
        high: Upper end.
        songs: How many songs have it; with none the others are NaN.
    """

    mean: float
    low: float
    high: float
    songs: int


def summary(
    songs: Sequence[SongMeasures], people: Sequence[SongMeasures] | None = None, *, seed: int = 0
) -> dict[str, Figure]:
    """All figures of a contestant.

    Args:
        songs: Each song as it was played, at least one.
        people: The same songs as people accompany them, in the same order; without them there is no `DIVERGENCE`.
        seed: Of the draws.

    Raises:
        ValueError: there is no song, or `people` are not of the same songs.
    """
    if not songs or (people is not None and len(people) != len(songs)):
        raise ValueError(f"{len(songs)} songs beside {len(people or songs)} of people's; as many, and one at least")
    drawn = draws(len(songs), seed)
    names = list(dict.fromkeys(name for song in songs for name in song.figures))
    values = np.array([[song.figures.get(name, np.nan) for name in names] for song in songs])  # (songs, figures)
    there = ~np.isnan(values)
    known = np.where(there, values, 0.0)
    with np.errstate(invalid="ignore"):
        means = known.sum(axis=0) / there.sum(axis=0)
        draw_means = (drawn @ known) / (drawn @ there)
    found = {name: _figure(means[i], draw_means[:, i], int(there[:, i].sum())) for i, name in enumerate(names)}
    if people is not None:
        places = np.array([song.places for song in songs], dtype=np.float64)
        peoples = np.array([song.places for song in people], dtype=np.float64)
        found[DIVERGENCE] = _figure(
            float(jensen_shannon(places.sum(axis=0), peoples.sum(axis=0))),
            jensen_shannon(drawn @ places, drawn @ peoples),
            len(songs),
        )
    return found


def draws(songs: int, seed: int) -> NDArray[np.float64]:
    """(DRAWS, songs): how often each song stands in each draw."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(songs, np.full(songs, 1 / songs), size=DRAWS).astype(np.float64)


def jensen_shannon(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divergence in bits between counts, (..., places) each; NaN where one of them counts nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        p, q = (counts / counts.sum(axis=-1, keepdims=True) for counts in (one, other))
        middle = (p + q) / 2
        bits = [np.where(part > 0, part * np.log2(part / middle), 0.0).sum(axis=-1) for part in (p, q)]
    silent = (one.sum(axis=-1) == 0) | (other.sum(axis=-1) == 0)
    return np.where(silent, np.nan, np.maximum((bits[0] + bits[1]) / 2, 0.0))


def _figure(mean: float, drawn: NDArray[np.float64], songs: int) -> Figure:
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn) or np.isnan(mean):
        return Figure(float("nan"), float("nan"), float("nan"), 0)
    low, high = np.percentile(drawn, INSIDE)
    return Figure(float(mean), float(low), float(high), songs)
