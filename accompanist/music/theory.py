"""Scales, keys and note names: the little theory that metrics, tags and displays need."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

NOTE_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MAJOR = (0, 2, 4, 5, 7, 9, 11)
"""Semitones of the major scale above its tonic."""

# Krumhansl & Kessler (1982), probe-tone ratings, as in Krumhansl, Cognitive Foundations of Musical Pitch (1990), p. 30.
MAJOR_PROFILE = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
MINOR_PROFILE = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])


def major_scale(tonic: int) -> NDArray[np.bool_]:
    """Membership of the twelve pitch classes in a major scale: (12,) booleans, C first."""
    mask = np.zeros(12, dtype=np.bool_)
    mask[[(tonic + semitone) % 12 for semitone in MAJOR]] = True
    return mask


def key_of(pitch_class_weights: NDArray[np.float64]) -> tuple[int, str]:
    """The best-correlating key of a piece (Krumhansl-Schmuckler).

    Args:
        pitch_class_weights: (12,) sounding time of each pitch class, C first.

    Returns:
        Tonic (0 is C) and "major" or "minor".
    """
    if np.ptp(pitch_class_weights) == 0:  # silence or a cluster of everything: no key is better than another
        return 0, "major"
    scores = [
        (float(np.corrcoef(pitch_class_weights, np.roll(profile, tonic))[0, 1]), tonic, mode)
        for mode, profile in (("major", MAJOR_PROFILE), ("minor", MINOR_PROFILE))
        for tonic in range(12)
    ]
    _, tonic, mode = max(scores, key=lambda score: (score[0], -score[1]))
    return tonic, mode


def pitch_name(pitch: int) -> str:
    """A MIDI note number as a name; 60 is C4 (the octave numbers of ASA / scientific pitch notation)."""
    return f"{NOTE_NAMES[pitch % 12]}{pitch // 12 - 1}"


def pitch_number(name: str) -> int:
    """A note name such as C3, F#4 or Bb2 as a MIDI note number.

    Raises:
        ValueError: it is no note name, or outside 0 to 127.
    """
    match = re.fullmatch(r"([A-Ga-g])(#|b)?(-?\d)", name.strip())
    if match is None:
        raise ValueError(f"{name!r} is not a note name such as C3, F#4 or Bb2")
    letter, accidental, octave = match.groups()
    semitone = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[letter.upper()]
    pitch = 12 * (int(octave) + 1) + semitone + {"#": 1, "b": -1, None: 0}[accidental]
    if not 0 <= pitch <= 127:
        raise ValueError(f"{name!r} is outside MIDI's range, C-1 to G9")
    return pitch
