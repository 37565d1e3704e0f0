from __future__ import annotations

import numpy as np
import pytest

from accompanist.music.note import Note
from accompanist.music.roll import HELD, encode
from training.evaluation.chords import COMMON_CHORDS, TRIADS, best_triads, fits_common_chord, tones_of


def band(*chords: tuple[int, ...]) -> np.ndarray:
    """One chord of MIDI pitches for each beat."""
    notes = [Note(4 * beat, pitch, 4 * beat + 4) for beat, pitches in enumerate(chords) for pitch in pitches]
    return encode(notes, 4 * len(chords), ticks_per_step=1)[HELD]


def classes(*pitches: int) -> np.ndarray:
    found = np.zeros(12, dtype=bool)
    found[[pitch % 12 for pitch in pitches]] = True
    return found


@pytest.mark.parametrize("name", COMMON_CHORDS)
def test_every_common_chord_fits_on_every_root_and_so_does_what_lies_inside(name: str) -> None:
    for root in range(12):
        tones = tones_of(root, COMMON_CHORDS[name])
        assert fits_common_chord(tones)
        tones[root] = False
        assert fits_common_chord(tones)


@pytest.mark.parametrize("pitches", [(0, 1), (0, 1, 2), (0, 2, 4, 6), (0, 4, 7, 10, 2), (0, 1, 4, 7)])
def test_what_no_common_chord_holds(pitches: tuple[int, ...]) -> None:
    # A semitone alone is in a major seventh; with anything but its tones around it, it is in none.
    assert bool(fits_common_chord(classes(*pitches))) == (pitches == (0, 1))


def test_sets_of_pitch_classes_keep_their_shape() -> None:
    sets = np.stack([[classes(0, 4, 7), classes(0, 1, 2)], [classes(), classes(11)]])
    assert fits_common_chord(sets).tolist() == [[True, False], [True, True]]


def test_triads_are_told_by_their_root_and_mode() -> None:
    a_minor, f_major = 12 + 9, 5
    assert TRIADS[a_minor].nonzero()[0].tolist() == [0, 4, 9]
    assert best_triads(band((45, 60, 64), (45, 60, 64), (41, 57, 60), (41, 57, 60))).tolist() == [
        a_minor,
        a_minor,
        f_major,
        f_major,
    ]


def test_the_bass_decides_between_triads_that_share_their_tones() -> None:
    assert best_triads(band((48, 64, 67, 69))).tolist() == [0]  # C sixth: C major over C
    assert best_triads(band((45, 60, 64, 67))).tolist() == [12 + 9]  # the same tones over A: A minor


def test_a_passing_tone_is_no_change_and_a_rest_goes_on() -> None:
    c_major = (36, 60, 64, 67)
    assert best_triads(band(c_major, (36, 62), c_major, (), c_major)).tolist() == [0] * 5


def test_a_song_of_silence_has_one_harmony() -> None:
    assert len(set(best_triads(band((), (), ())).tolist())) == 1
