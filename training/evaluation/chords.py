"""Chords in what sounds: which common chord a beat fits into, and which triad explains it best.

Beats are four steps. The best triad of each beat is that of the song's best path, the one with the highest sum of

    + 1    the time that each of its pitch classes sounds, in beats
    - 1/2  the time that each other pitch class sounds
    + 1/2  the time that its root is the lowest note
    - 1/2  a change of triad

With these numbers, on every eighth training song of POP909, people's accompaniment has the annotated root in 92 % of
the beats, the annotated root and mode in 90 %, and changes at 0.33 of the beats, where the annotation (as major or
minor) does at 0.35. Without a price on changes these are 91 %, 88 % and 0.38.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accompanist.music.roll import pitch_classes
from accompanist.music.time import STEPS_PER_BEAT

COMMON_CHORDS = {
    "major": (0, 4, 7),
    "minor": (0, 3, 7),
    "diminished": (0, 3, 6),
    "augmented": (0, 4, 8),
    "suspended second": (0, 2, 7),
    "suspended fourth": (0, 5, 7),
    "sixth": (0, 4, 7, 9),
    "minor sixth": (0, 3, 7, 9),
    "major seventh": (0, 4, 7, 11),
    "minor seventh": (0, 3, 7, 10),
    "seventh": (0, 4, 7, 10),
    "half-diminished": (0, 3, 6, 10),
    "diminished seventh": (0, 3, 6, 9),
    "added ninth": (0, 2, 4, 7),
    "minor added ninth": (0, 2, 3, 7),
    "open fifth": (0, 7),
}
"""Semitones above the root."""
MAJOR_TRIAD, MINOR_TRIAD = COMMON_CHORDS["major"], COMMON_CHORDS["minor"]
OUTSIDE, ROOT_IN_BASS, CHANGE = 0.5, 0.5, 0.5
"""What the best path pays for time outside its triads, gains where their root is the lowest, and pays for a change."""


def tones_of(root: int, semitones: tuple[int, ...]) -> NDArray[np.bool_]:
    """A chord's pitch classes: (12,), C first."""
    tones = np.zeros(12, dtype=np.bool_)
    tones[[(root + semitone) % 12 for semitone in semitones]] = True
    return tones


TRIADS = np.stack([tones_of(root, triad) for triad in (MAJOR_TRIAD, MINOR_TRIAD) for root in range(12)])
"""(24, 12): the major triads from C up, then the minor ones."""
_BITS = 1 << np.arange(12)
_COMMON = np.stack([tones_of(root, chord) for chord in COMMON_CHORDS.values() for root in range(12)]) @ _BITS
_FITS = np.array([bool(((number & ~_COMMON) == 0).any()) for number in range(1 << 12)])


def fits_common_chord(classes: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether sets of pitch classes lie inside one of `COMMON_CHORDS` on some root; silence does.

    Args:
        classes: (..., 12).

    Returns:
        (...).
    """
    return np.asarray(_FITS[classes @ _BITS])


def best_triads(band: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The triad that explains each beat best, by the rule at the top of this module.

    Args:
        band: (steps, 128), where anything sounds; whole beats.

    Returns:
        (beats,) rows of `TRIADS`; a silent beat goes on with its neighbour's.
    """
    time = _per_beat(pitch_classes(band))
    sounding = band.any(axis=1)
    lowest = np.zeros((len(band), 12), dtype=np.bool_)
    lowest[sounding, band.argmax(axis=1)[sounding] % 12] = True
    merit = time @ np.where(TRIADS, 1.0, -OUTSIDE).T
    merit += ROOT_IN_BASS * np.tile(_per_beat(lowest), (1, 2))  # the roots of the triads: C up, twice
    return _best_path(merit)


def _per_beat(steps: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(steps, 12) as time in beats, (beats, 12)."""
    return np.asarray(steps.reshape(-1, STEPS_PER_BEAT, 12).mean(axis=1))


def _best_path(merit: NDArray[np.float64]) -> NDArray[np.int64]:
    """Through (beats, 24) merits, paying `CHANGE` for each change; of equals the one that stays."""
    beats, triads = merit.shape
    stay = np.arange(triads)
    came_from = np.zeros((beats, triads), dtype=np.int64)
    best = np.zeros(triads)
    for beat in range(beats):
        leader = int(best.argmax())
        changed = best[leader] - CHANGE
        came_from[beat] = np.where(best >= changed, stay, leader)
        best = np.maximum(best, changed) + merit[beat]
    path = np.zeros(beats, dtype=np.int64)
    at = int(best.argmax())
    for beat in range(beats - 1, -1, -1):
        path[beat] = at
        at = int(came_from[beat, at])
    return path
