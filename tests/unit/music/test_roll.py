from __future__ import annotations

import numpy as np
import pytest

from accompanist.music.note import Note
from accompanist.music.roll import HELD, ONSET, BoolRoll, decode, encode, pitch_classes

C = 60


def cells(roll: BoolRoll, plane: int) -> list[int]:
    """Steps of middle C that are on in a plane; nothing else may be."""
    assert not np.delete(roll[plane], C, axis=-1).any()
    return [int(step) for step in np.flatnonzero(roll[plane, :, C])]


def test_onset_marks_the_beginning_and_held_all_of_it() -> None:
    roll = encode([Note(240, C, 600)], 8)
    assert roll.shape == (2, 8, 128)
    assert cells(roll, ONSET) == [2]
    assert cells(roll, HELD) == [2, 3, 4]


def test_edges_move_to_the_nearest_step() -> None:
    roll = encode([Note(59, C, 181)], 8)
    assert cells(roll, HELD) == [0, 1]
    roll = encode([Note(60, C, 179)], 8)
    assert cells(roll, HELD) == [1]


def test_a_note_is_never_shorter_than_a_step() -> None:
    assert cells(encode([Note(120, C, 121)], 8), HELD) == [1]


def test_a_note_from_before_the_window_is_held_without_onset() -> None:
    roll = encode([Note(0, C, 1200)], 8, start_tick=960)
    assert cells(roll, ONSET) == []
    assert cells(roll, HELD) == [0, 1]


def test_a_note_just_before_the_window_that_moves_onto_it_has_its_onset() -> None:
    assert cells(encode([Note(950, C, 1200)], 8, start_tick=960), ONSET) == [0]


def test_a_note_that_runs_past_the_window_is_cut_and_one_outside_is_absent() -> None:
    assert cells(encode([Note(720, C, 9999)], 8), HELD) == [6, 7]
    assert not encode([Note(960, C, 1200)], 8).any()
    assert not encode([Note(0, C, 960)], 8, start_tick=960).any()


def test_repeated_notes_stay_apart_and_a_long_one_whole() -> None:
    repeated = [Note(0, C, 120), Note(120, C, 240)]
    assert decode(encode(repeated, 4)) == repeated
    assert decode(encode([Note(0, C, 240)], 4)) == [Note(0, C, 240)]


def test_a_roll_without_onsets_still_plays() -> None:
    roll = encode([Note(0, C, 240), Note(360, C, 480)], 4)
    roll[ONSET] = False
    assert decode(roll) == [Note(0, C, 240), Note(360, C, 480)]


def test_an_onset_without_a_held_cell_is_a_note_of_one_step() -> None:
    roll = np.zeros((2, 4, 128), dtype=np.bool_)
    roll[ONSET, 2, C] = True
    assert decode(roll, start_tick=1920, velocity=33) == [Note(2160, C, 2280, 33)]


@pytest.mark.parametrize("pitch", [0, 11, 12, 60, 119, 120, 127])
def test_every_pitch_folds_to_its_class(pitch: int) -> None:
    roll = np.zeros((2, 3, 128), dtype=np.bool_)
    roll[1, 2, pitch] = True
    classes = pitch_classes(roll)
    assert classes.shape == (2, 3, 12)
    assert np.argwhere(classes).tolist() == [[1, 2, pitch % 12]]
