from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accompanist.music.note import Note
from accompanist.music.roll import HELD
from accompanist.music.spec import BAND, LIVE_BAND
from training.augment import MELODY_HIGHEST, MELODY_LOWEST, random_shifts, shift_bounds
from training.read import Song, SongTable
from training.windows import WindowSet, cut


def windows_of(melody: list[int], bass: list[int]) -> WindowSet:
    """One window per pair of pitches: each song is two bars of one melody note over one bass note."""
    return cut(
        [
            SongTable.of(
                Song(f"{i}", "s", {}, (Note(0, high, 3840),), {"bass": (Note(0, low, 3840),)}, (0, 1920, 3840))
            )
            for i, (high, low) in enumerate(zip(melody, bass, strict=True))
        ]
    )


def test_bounds_are_those_of_the_tightest_line() -> None:
    bass = BAND[0]
    windows = windows_of([60, 60, 107, 60], [40, bass.lowest + 1, 40, bass.highest - 2])
    down, up = shift_bounds(windows, [0, 1, 2, 3], 6)
    assert down.tolist() == [-6, -1, -6, -6]
    assert up.tolist() == [6, 6, 1, 2]


def test_drums_hold_no_transposition_back() -> None:
    song = Song("a", "s", {}, (Note(0, 60, 3840),), {"drums": (Note(0, 36, 120), Note(0, 80, 120))}, (0, 1920, 3840))
    down, up = shift_bounds(cut([SongTable.of(song)], tracks=LIVE_BAND), [0], 6)
    assert (down.tolist(), up.tolist()) == ([-6], [6])


def test_a_melody_outside_its_range_may_stay_and_come_nearer() -> None:
    windows = windows_of([MELODY_HIGHEST + 5, MELODY_LOWEST - 5], [40, 40])
    down, up = shift_bounds(windows, [0, 1], 3)
    assert (down <= 0).all()
    assert (up >= 0).all()
    assert up[0] == 0
    assert down[1] == 0


@given(
    melody=st.integers(MELODY_LOWEST, MELODY_HIGHEST),
    bass=st.integers(BAND[0].lowest, BAND[0].highest),
    semitones=st.integers(0, 12),
    seed=st.integers(0, 99),
)
def test_nothing_leaves_its_range(melody: int, bass: int, semitones: int, seed: int) -> None:
    windows = windows_of([melody], [bass])
    shifts = random_shifts(windows, [0] * 8, semitones, np.random.default_rng(seed))
    assert (np.abs(shifts) <= semitones).all()
    high, low = windows.batch([0] * 8, semitones=shifts)
    heard = [np.flatnonzero(roll[HELD].any(axis=0)) for roll in high]
    below = [np.flatnonzero(roll[0, HELD].any(axis=0)) for roll in low]
    assert all(MELODY_LOWEST <= pitch <= MELODY_HIGHEST for (pitch,) in heard)
    assert all(BAND[0].lowest <= pitch <= BAND[0].highest for (pitch,) in below)
    assert [int(pitch) - melody for (pitch,) in heard] == [int(pitch) - bass for (pitch,) in below] == shifts.tolist()


def test_every_possible_shift_comes_and_the_generator_decides() -> None:
    windows = windows_of([60], [40])
    many = random_shifts(windows, [0] * 400, 3, np.random.default_rng(5))
    assert set(many.tolist()) == set(range(-3, 4))
    assert np.array_equal(many, random_shifts(windows, [0] * 400, 3, np.random.default_rng(5)))
    assert not np.array_equal(many, random_shifts(windows, [0] * 400, 3, np.random.default_rng(6)))


@pytest.mark.parametrize("count", [0, 3])
def test_no_transposition_leaves_all_as_they_are(count: int) -> None:
    windows = windows_of([60], [40])
    assert random_shifts(windows, [0] * count, 0, np.random.default_rng(0)).tolist() == [0] * count
