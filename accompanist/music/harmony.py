"""The harmony of a song, beat by beat: which chord its accompaniment spells, and in which key it stands.

Both are found by dynamic programming over the whole song: a chord may change on any beat, at a price, so that a broken
chord stays one chord and a passing note makes none. This is for labelling what was played; a model that plays decides
its chords itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from accompanist.music.theory import major_scale


class Quality(NamedTuple):
    """A kind of chord.

    Args:
        name: As in chord symbols.
        tones: Semitones above the root.
        degrees: Semitones of root, second, third, fourth, fifth, sixth, seventh where the chord itself says them; -1
            where the key does.
    """

    name: str
    tones: tuple[int, ...]
    degrees: tuple[int, ...]


QUALITIES = (
    Quality("maj", (0, 4, 7), (0, -1, 4, -1, 7, -1, -1)),
    Quality("min", (0, 3, 7), (0, -1, 3, -1, 7, -1, -1)),
    Quality("7", (0, 4, 7, 10), (0, -1, 4, -1, 7, -1, 10)),
    Quality("maj7", (0, 4, 7, 11), (0, -1, 4, -1, 7, -1, 11)),
    Quality("min7", (0, 3, 7, 10), (0, -1, 3, -1, 7, -1, 10)),
    Quality("dim", (0, 3, 6), (0, -1, 3, -1, 6, -1, 9)),
    Quality("m7b5", (0, 3, 6, 10), (0, -1, 3, -1, 6, -1, 10)),
    Quality("sus4", (0, 5, 7), (0, -1, 5, 5, 7, -1, -1)),
    Quality("aug", (0, 4, 8), (0, -1, 4, -1, 8, -1, -1)),
)
CHORDS = 12 * len(QUALITIES)
"""Chords by number: 12 x quality + root."""
NO_CHORD = CHORDS
"""Nothing sounds that could be one."""
DEGREES = 7

_INSIDE, _OUTSIDE, _ABSENT = 1.0, -1.6, -0.22
_BASS_ROOT, _BASS_TONE = 0.7, 0.25
_SIMPLER = (0.12, 0.12, 0.0, 0.0, 0.0, -0.1, -0.15, -0.15, -0.3)
"""By quality: where two explain the notes equally well, the more common one is meant."""
_CHANGE, _CHANGE_OFF_BEAT = -1.0, -1.6
"""The price of a new chord on the first and third beat of a bar (the first of three), and on the others."""
_NEW_KEY = -6.0
"""The price of a new key, in beats of notes outside the scale."""


def chord_masks() -> NDArray[np.bool_]:
    """Pitch classes of each chord: (CHORDS, 12)."""
    masks = np.zeros((len(QUALITIES), 12, 12), dtype=np.bool_)
    for number, quality in enumerate(QUALITIES):
        for root in range(12):
            masks[number, root, [(root + tone) % 12 for tone in quality.tones]] = True
    return masks.reshape(CHORDS, 12)


_MASKS = chord_masks()
_ROOTS = np.arange(CHORDS) % 12


def chords_of(weights: NDArray[np.floating], bass: NDArray[np.integer], strong: NDArray[np.bool_]) -> NDArray[np.int16]:
    """The most likely chord of each beat.

    Args:
        weights: (beats, 12) how long each pitch class sounds in the accompaniment, 0 to 1 of the beat.
        bass: (beats,) pitch class of the lowest note, -1 where nothing sounds.
        strong: (beats,) beats on which a change is likelier.

    Returns:
        (beats,) chords by number; `NO_CHORD` where nothing has sounded yet, or for a whole bar.
    """
    inside = weights @ _MASKS.T.astype(np.float64)
    outside = weights.sum(axis=1, keepdims=True) - inside
    heard = np.minimum(weights + 0.5 * _shifted(weights, 1) + 0.5 * _shifted(weights, -1), 1.0)
    absent = _MASKS.sum(axis=1) - heard @ _MASKS.T.astype(np.float64)
    scores = _INSIDE * inside + _OUTSIDE * outside + _ABSENT * absent * (weights.sum(axis=1, keepdims=True) > 0)
    sounding = bass >= 0
    scores[sounding] += _BASS_ROOT * (bass[sounding, None] == _ROOTS) + _BASS_TONE * _MASKS.T[bass[sounding]]
    scores += np.repeat(np.array(_SIMPLER), 12)
    chords = _steadiest(scores, np.where(strong, _CHANGE, _CHANGE_OFF_BEAT)).astype(np.int16)
    quiet = weights.sum(axis=1) == 0
    for begin in range(4):  # every beat that four quiet ones in a row cover
        ends = quiet[3:] & quiet[2:-1] & quiet[1:-2] & quiet[:-3]
        chords[begin : begin + len(ends)][ends] = NO_CHORD
    first = int(np.argmin(quiet)) if len(quiet) and not quiet.all() else len(quiet)
    chords[:first] = NO_CHORD
    return chords


def keys_of(weights: NDArray[np.floating]) -> NDArray[np.int8]:
    """The most likely key of each beat, as the tonic of the major scale of its signature.

    Args:
        weights: (beats, 12) how long each pitch class sounds in melody and accompaniment.
    """
    scales = np.stack([major_scale(tonic) for tonic in range(12)]).astype(np.float64)
    return _steadiest(-(weights @ (1 - scales).T), np.full(len(weights), _NEW_KEY)).astype(np.int8)


def _shifted(values: NDArray[np.floating], by: int) -> NDArray[np.floating]:
    out = np.zeros_like(values)
    if by > 0:
        out[by:] = values[:-by]
    else:
        out[:by] = values[-by:]
    return out


def _steadiest(scores: NDArray[np.floating], change: NDArray[np.floating]) -> NDArray[np.int64]:
    """The path of the highest sum of scores and prices: (beats, states) and (beats,) to (beats,)."""
    beats, states = scores.shape
    if beats == 0:
        return np.zeros(0, dtype=np.int64)
    moved = np.zeros((beats, states), dtype=np.bool_)
    leaders = np.zeros(beats, dtype=np.int64)
    best = scores[0].astype(np.float64)
    for beat in range(1, beats):
        leaders[beat] = leader = best.argmax()
        best_moved = best[leader] + change[beat]
        np.less(best, best_moved, out=moved[beat])
        np.maximum(best, best_moved, out=best)
        best += scores[beat]
    path = np.zeros(beats, dtype=np.int64)
    path[-1] = best.argmax()
    for beat in range(beats - 1, 0, -1):
        path[beat - 1] = leaders[beat] if moved[beat, path[beat]] else path[beat]
    return path
