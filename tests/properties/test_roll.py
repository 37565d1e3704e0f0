"""Encoding and decoding are inverse, and an encoded window is what sounded in it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from accompanist.music.note import Note, without_doubles
from accompanist.music.roll import HELD, ONSET, BoolRoll, decode, encode, pitch_classes
from accompanist.music.time import TICKS_PER_STEP

STEPS = 24
notes_on_grid = st.lists(
    st.builds(
        lambda start, pitch, length: Note(start * TICKS_PER_STEP, pitch, min(start + length, STEPS) * TICKS_PER_STEP),
        st.integers(0, STEPS - 1),
        st.sampled_from([0, 59, 60, 61, 127]),
        st.integers(1, 10),
    ),
    max_size=20,
).map(without_doubles)
notes_anywhere = st.lists(
    st.builds(
        lambda start, pitch, length: Note(start, pitch, start + length),
        st.integers(-2_000, 5_000),
        st.integers(58, 62),
        st.integers(1, 3_000),
    ),
    max_size=12,
)
rolls = hnp.arrays(np.bool_, (2, 8, 128), elements=st.booleans(), fill=st.just(False))


@given(notes_on_grid, st.integers(-100, 100))
def test_decoding_is_the_inverse_of_encoding(notes: list[Note], shift_steps: int) -> None:
    start_tick = shift_steps * TICKS_PER_STEP
    moved = [note.shifted(start_tick) for note in notes]
    assert decode(encode(moved, STEPS, start_tick=start_tick), start_tick=start_tick) == moved


@given(rolls)
def test_encoding_is_the_inverse_of_decoding_for_rolls_whose_sounds_all_begin(roll: BoolRoll) -> None:
    again = encode(decode(roll), roll.shape[1])
    assert np.array_equal(again[HELD], roll[HELD] | roll[ONSET])
    assert not (roll[ONSET] & ~again[ONSET]).any()
    assert decode(again) == decode(roll)


@given(notes_anywhere, st.integers(0, 1_000))
def test_an_onset_is_always_held_and_sound_without_onset_comes_from_before(notes: list[Note], start_tick: int) -> None:
    roll = encode(notes, 16, start_tick=start_tick)
    assert not (roll[ONSET] & ~roll[HELD]).any()
    begins = roll[HELD].copy()
    begins[1:] &= ~roll[HELD][:-1]
    assert np.array_equal(begins[1:] & roll[ONSET][1:], begins[1:])


@given(notes_anywhere)
def test_two_windows_side_by_side_are_one_window_cut(notes: list[Note]) -> None:
    whole = encode(notes, 32)
    first, second = encode(notes, 16), encode(notes, 16, start_tick=16 * TICKS_PER_STEP)
    assert np.array_equal(np.concatenate([first, second], axis=1), whole)


@given(notes_anywhere)
def test_an_encoded_edge_is_within_half_a_step(notes: list[Note]) -> None:
    for note in notes:
        roll = encode([note], 128, start_tick=-3_000)
        (played,) = decode(roll, start_tick=-3_000)
        assert abs(played.start_tick - note.start_tick) <= TICKS_PER_STEP // 2
        assert abs(played.end_tick - note.end_tick) <= TICKS_PER_STEP // 2 or played.duration_ticks == TICKS_PER_STEP


@given(rolls)
def test_pitch_classes_are_the_pitches_modulo_twelve(roll: BoolRoll) -> None:
    classes = pitch_classes(roll)
    for step in range(roll.shape[1]):
        pitches = np.flatnonzero(roll[HELD, step])
        assert set(np.flatnonzero(classes[HELD, step])) == {pitch % 12 for pitch in pitches}
