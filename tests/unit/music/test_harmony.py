"""Chords and keys of a song, found by what sounds in it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from accompanist.music.harmony import CHORDS, NO_CHORD, QUALITIES, _steadiest, chord_masks, chords_of, keys_of

MAJOR, MINOR = 0, 1


def chord(root: int, quality: int = MAJOR) -> int:
    return 12 * quality + root % 12


def labelled(chords: list[int], *, beats: int = 4) -> NDArray[np.int16]:
    """What is found where each chord sounds whole for some beats over its root."""
    masks = np.vstack([chord_masks(), np.zeros((1, 12), np.bool_)])
    played = np.repeat(np.array(chords, dtype=np.int64), beats)
    weights = masks[played].astype(float)
    return chords_of(weights, np.where(played < CHORDS, played % 12, -1), np.arange(len(played)) % 2 == 0)


@given(st.lists(st.tuples(st.integers(0, 11), st.sampled_from([MAJOR, MINOR])), min_size=1, max_size=6))
def test_triads_that_sound_whole_are_named(chords: list[tuple[int, int]]) -> None:
    numbers = [chord(*each) for each in chords]
    assert labelled(numbers).tolist() == np.repeat(numbers, 4).tolist()


@pytest.mark.parametrize("quality", range(len(QUALITIES)))
def test_every_kind_of_chord_is_found_by_its_own_tones(quality: int) -> None:
    assert set(labelled([chord(0), chord(2, quality), chord(0)])[4:8].tolist()) == {chord(2, quality)}


def test_a_broken_chord_is_one_chord() -> None:
    weights = np.zeros((8, 12))
    weights[np.arange(8), [0, 4, 7, 4, 7, 11, 2, 11]] = 1.0  # C E G E | G B D B
    found = chords_of(weights, np.array([0, 0, 0, 0, 7, 7, 7, 7]), np.arange(8) % 2 == 0)
    assert found.tolist() == [chord(0)] * 4 + [chord(7)] * 4


def test_a_passing_note_makes_no_chord() -> None:
    weights = np.tile(chord_masks()[chord(0)].astype(float), (8, 1))
    weights[3, 2] = 0.25  # a sixteenth of D
    assert set(chords_of(weights, np.zeros(8, np.int64), np.arange(8) % 2 == 0).tolist()) == {chord(0)}


def test_nothing_sounding_is_no_chord_at_the_beginning_and_for_a_bar_but_a_short_rest_keeps_the_harmony() -> None:
    found = labelled([NO_CHORD, chord(0), NO_CHORD, chord(7)], beats=4).tolist()
    assert found == [NO_CHORD] * 4 + [chord(0)] * 4 + [NO_CHORD] * 4 + [chord(7)] * 4
    short = labelled([NO_CHORD, chord(0), NO_CHORD, chord(0)], beats=3).tolist()
    assert short == [NO_CHORD] * 3 + [chord(0)] * 9
    assert labelled([NO_CHORD], beats=2).tolist() == [NO_CHORD] * 2
    assert not len(labelled([]))


@pytest.mark.parametrize("tonic", range(12))
def test_a_key_is_the_signature_of_what_sounds(tonic: int) -> None:
    scale = [(tonic + step) % 12 for step in (0, 2, 4, 5, 7, 9, 11)]
    weights = np.zeros((14, 12))
    weights[np.arange(14), scale * 2] = 1.0
    assert keys_of(weights).tolist() == [tonic] * 14


def test_a_song_that_modulates_changes_its_key_once() -> None:
    weights = np.zeros((40, 12))
    for beat in range(40):
        tonic = 0 if beat < 20 else 4  # C, then E
        weights[beat, [(tonic + step) % 12 for step in (0, 2, 4, 5, 7, 9, 11)]] = 0.5
    assert keys_of(weights).tolist() == [0] * 20 + [4] * 20


@given(
    st.integers(1, 5).flatmap(
        lambda beats: st.tuples(
            st.lists(st.lists(st.integers(-9, 9), min_size=3, max_size=3), min_size=beats, max_size=beats),
            st.lists(st.integers(-6, 0), min_size=beats, max_size=beats),
        )
    )
)
def test_no_path_is_better_than_the_one_found(case: tuple[list[list[int]], list[int]]) -> None:
    scores, change = np.array(case[0], float), np.array(case[1], float)

    def worth(path: tuple[int, ...]) -> float:
        moves = sum(change[at] for at in range(1, len(path)) if path[at] != path[at - 1])
        return float(scores[np.arange(len(path)), list(path)].sum() + moves)

    found = tuple(_steadiest(scores, change).tolist())
    assert worth(found) == max(worth(path) for path in itertools.product(range(3), repeat=len(scores)))
