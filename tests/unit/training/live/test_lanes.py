"""Pitches relative to a chord, and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accompanist.music.harmony import CHORDS, DEGREES
from accompanist.music.spec import BAND, TrackSpec
from training.live.lanes import degree_table, lane_pitches, lanes_of, octaves_of, root_base

C, G7, D_MINOR = 0, 2 * 12 + 7, 12 + 2
tracks = st.sampled_from(BAND)
chords, keys = st.integers(0, CHORDS), st.integers(0, 11)


def unmoved(track: TrackSpec, chord: int, key: int) -> np.ndarray:
    """Where the lanes lie before any is moved into the track's range."""
    first, count = octaves_of(track)
    root = root_base(np.array(key if chord == CHORDS else chord % 12))
    octave = root + 12 * (first + np.arange(count))
    return np.asarray(octave[:, None] + degree_table()[chord, key]).ravel()


def test_degrees_are_the_chords_own_and_what_it_leaves_open_the_keys() -> None:
    assert degree_table()[C, 0].tolist() == [0, 2, 4, 5, 7, 9, 11]
    assert degree_table()[C, 7].tolist() == [0, 2, 4, 6, 7, 9, 11]  # in G its fourth is F sharp
    assert degree_table()[C, 5].tolist() == [0, 2, 4, 5, 7, 9, 10]  # in F its seventh is B flat
    assert degree_table()[G7, 0].tolist() == [0, 2, 4, 5, 7, 9, 10]
    assert degree_table()[D_MINOR, 0].tolist() == [0, 2, 3, 5, 7, 9, 10]
    assert degree_table()[CHORDS, 9].tolist() == [0, 2, 4, 5, 7, 9, 11]


@given(tracks, chords, keys)
def test_every_lane_is_a_pitch_that_the_track_can_play(track: TrackSpec, chord: int, key: int) -> None:
    pitches = lane_pitches(track)[chord, key]
    assert ((track.lowest <= pitches) & (pitches <= track.highest)).all()
    assert ((pitches - unmoved(track, chord, key)) % 12 == 0).all()


@given(tracks, chords, keys)
def test_a_pitch_on_a_degree_comes_back_from_its_lane(track: TrackSpec, chord: int, key: int) -> None:
    lanes = np.flatnonzero(lane_pitches(track)[chord, key] == unmoved(track, chord, key))
    pitches = lane_pitches(track)[chord, key, lanes]
    found = lanes_of(pitches, np.full(len(lanes), chord), np.full(len(lanes), key), track)
    # Of a suspended fourth the third is the fourth too: two degrees of one pitch.
    assert lane_pitches(track)[chord, key, found].tolist() == pitches.tolist()


@given(tracks, chords, keys, st.data())
def test_any_other_pitch_moves_by_a_tone_at_most(track: TrackSpec, chord: int, key: int, data: st.DataObject) -> None:
    pitch = data.draw(st.integers(track.lowest, track.highest))
    lane = lanes_of(np.array([pitch]), np.array([chord]), np.array([key]), track)[0]
    away = lane_pitches(track)[chord, key, lane] - pitch
    assert min(abs(away), 12 - abs(away)) <= 2
    assert abs(away) <= 2 or not track.lowest + 2 <= pitch <= track.highest - 2


def test_a_figure_serves_every_chord() -> None:
    bass = BAND[0]
    root, fifth = lanes_of(np.array([36, 43]), np.array([C, C]), np.array([0, 0]), bass)
    moved = lane_pitches(bass)[D_MINOR, 0, [root, fifth]]
    assert moved.tolist() == [38, 45]


def test_tables_that_are_made_once_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        degree_table()[0, 0, 0] = 1


def test_degrees_stand_in_order() -> None:
    assert (np.diff(degree_table(), axis=-1) >= 0).all()
    assert (np.diff(degree_table()[: 5 * 12], axis=-1) > 0).all()  # of triads and sevenths each a pitch of its own
    assert degree_table().shape == (CHORDS + 1, 12, DEGREES)
