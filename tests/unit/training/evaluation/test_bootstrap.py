from __future__ import annotations

import math

import numpy as np
import pytest

from training.evaluation.bootstrap import DIVERGENCE, draws, jensen_shannon, summary
from training.evaluation.measures import MOST_STEPS_PER_BAR, SongMeasures


def song(at: int = 0, **figures: float) -> SongMeasures:
    places = np.zeros(MOST_STEPS_PER_BAR, dtype=np.int64)
    places[at] = 4
    return SongMeasures(figures, places)


def test_the_mean_is_over_songs_and_lies_in_its_interval() -> None:
    found = summary([song(a=value) for value in (0.0, 1.0, 2.0, 3.0)])["a"]
    assert found.mean == 1.5
    assert 0.0 <= found.low < 1.5 < found.high <= 3.0
    assert found.songs == 4


def test_a_figure_that_all_songs_share_has_an_interval_of_no_width() -> None:
    found = summary([song(a=0.25)] * 7)["a"]
    assert (found.mean, found.low, found.high) == pytest.approx((0.25, 0.25, 0.25))


def test_the_interval_is_as_wide_as_the_standard_error_makes_it() -> None:
    values = np.random.default_rng(1).normal(10.0, 2.0, size=400)
    found = summary([song(a=value) for value in values])["a"]
    expected = 1.96 * values.std() / math.sqrt(len(values))
    assert found.high - found.mean == pytest.approx(expected, rel=0.1)
    assert found.mean - found.low == pytest.approx(expected, rel=0.1)


def test_the_same_seed_gives_the_same_interval_and_another_another() -> None:
    songs = [song(a=value) for value in np.linspace(0, 1, 9)]
    assert summary(songs, seed=3) == summary(songs, seed=3)
    assert summary(songs, seed=3) != summary(songs, seed=4)


def test_contestants_on_the_same_songs_are_drawn_alike() -> None:
    one, other = ([song(a=value + by) for value in np.linspace(0, 1, 9)] for by in (0.0, 5.0))
    assert summary(other)["a"].low - summary(one)["a"].low == pytest.approx(5.0)
    assert draws(9, 0).sum(axis=1).tolist() == [9.0] * len(draws(9, 0))


def test_a_song_that_lacks_a_figure_is_left_out_of_it() -> None:
    found = summary([song(a=1.0, b=float("nan")), song(a=3.0, b=5.0), song(a=2.0)])
    assert found["a"].mean == 2.0
    assert (found["b"].mean, found["b"].low, found["b"].high, found["b"].songs) == (5.0, 5.0, 5.0, 1)
    nobody = summary([song(b=float("nan"))])["b"]
    assert nobody.songs == 0
    assert math.isnan(nobody.mean)


def test_divergence_is_taken_of_all_songs_together() -> None:
    mirrored = summary([song(0), song(4)], [song(4), song(0)])[DIVERGENCE]
    assert mirrored.mean == 0.0
    assert summary([song(0), song(0)], [song(4), song(4)])[DIVERGENCE].mean == 1.0


def test_divergence_in_bits() -> None:
    assert jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 5.0])) == 1.0
    assert jensen_shannon(np.array([2.0, 2.0]), np.array([1.0, 1.0])) == 0.0
    # (1, 0) beside (1/2, 1/2): middle (3/4, 1/4).
    expected = (math.log2(4 / 3) + (math.log2(2 / 3) + math.log2(2)) / 2) / 2
    assert jensen_shannon(np.array([3.0, 0.0]), np.array([1.0, 1.0])) == pytest.approx(expected)
    assert math.isnan(jensen_shannon(np.zeros(2), np.ones(2)))


def test_songs_and_people_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="2 songs beside 1 of people's"):
        summary([song(), song()], [song()])
    with pytest.raises(ValueError, match="0 songs"):
        summary([])
