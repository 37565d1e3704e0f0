"""Pitches written relative to a chord: an octave and one of seven degrees, so that one figure serves every chord.

A lane is 7 x octave + degree above the root. What the chord itself leaves open (its second, its fourth, its sixth, the
seventh of a triad) is taken from the key, so that a figure stays in the key wherever it is put. A pitch that is none of
the seven moves to the nearest one.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from accompanist.music.harmony import CHORDS, DEGREES, QUALITIES
from accompanist.music.spec import TrackSpec
from accompanist.music.theory import major_scale

_LIKELIEST = (0, 2, 4, 5, 7, 9, 10)
"""Semitones of the degrees where neither the chord nor the key settles them."""
_CHOICES = ((0,), (2, 1), (4, 3), (5, 6), (7, 6), (9, 8), (10, 11))


@cache
def degree_table() -> NDArray[np.int16]:
    """Semitones above the root of the seven degrees of every chord in every key; made once, not to be written to.

    Returns:
        (CHORDS + 1, 12 keys, 7); the last row, for no chord, is the key's own scale on its tonic.
    """
    table = np.zeros((CHORDS + 1, 12, DEGREES), dtype=np.int16)
    for key in range(12):
        scale = major_scale(key)
        for number, quality in enumerate(QUALITIES):
            for root in range(12):
                for degree, (own, choices) in enumerate(zip(quality.degrees, _CHOICES, strict=True)):
                    in_key = [choice for choice in choices if scale[(root + choice) % 12]]
                    table[12 * number + root, key, degree] = own if own >= 0 else (in_key or [_LIKELIEST[degree]])[0]
        table[CHORDS, key] = np.flatnonzero(np.roll(scale, -key))
    table.setflags(write=False)
    return table


@cache
def inverse_table() -> NDArray[np.int16]:
    """The degree that a pitch class stands on, or next to; made once, not to be written to.

    Returns:
        (CHORDS + 1, 12 keys, 12 semitones above the root) degrees; where two are as near, a tone of the chord.
    """
    semitones, degrees = np.arange(12), degree_table()
    away = np.abs(degrees[:, :, None, :] - semitones[:, None]).astype(np.float64)
    away = np.minimum(away, 12 - away)
    away += np.where(np.isin(np.arange(DEGREES), (0, 2, 4)), 0.0, 0.1)
    table: NDArray[np.int16] = away.argmin(axis=-1).astype(np.int16)
    table.setflags(write=False)
    return table


def root_base(root: NDArray[np.integer]) -> NDArray[np.integer]:
    """The pitch on which a root's octave 0 begins, -5 to 6: figures move by a tritone at most."""
    return np.asarray(np.where(root > 6, root - 12, root))


def octaves_of(track: TrackSpec) -> tuple[int, int]:
    """First octave above `root_base`, and how many, that a track's range can need."""
    first = (track.lowest - 6) // 12
    last = (track.highest + 5) // 12
    return first, last - first + 1


def lane_pitches(track: TrackSpec) -> NDArray[np.int16]:
    """The pitch of every lane of a track under every chord in every key, moved by octaves into the track's range.

    Returns:
        (CHORDS + 1, 12 keys, lanes).
    """
    first, count = octaves_of(track)
    degrees = degree_table()
    roots = np.append(np.arange(CHORDS) % 12, 0)
    base = np.repeat(root_base(roots)[:, None], 12, axis=1)
    base[CHORDS] = root_base(np.arange(12))  # no chord: the key's tonic
    pitches = base[:, :, None, None] + 12 * (first + np.arange(count))[:, None] + degrees[:, :, None, :]
    pitches = pitches.reshape(CHORDS + 1, 12, count * DEGREES)
    up = np.maximum(0, -(-(track.lowest - pitches) // 12))
    down = np.maximum(0, -(-(pitches - track.highest) // 12))
    return np.asarray(pitches + 12 * (up - down), dtype=np.int16)


def lanes_of(
    pitches: NDArray[np.integer], chords: NDArray[np.integer], keys: NDArray[np.integer], track: TrackSpec
) -> NDArray[np.int16]:
    """The lanes of some pitches, each under its own chord and key.

    Args:
        pitches: (notes,).
        chords: (notes,).
        keys: (notes,).
        track: Whose lanes.
    """
    first, count = octaves_of(track)
    roots = np.where(chords == CHORDS, keys, chords % 12)
    above = pitches - root_base(roots)
    semitone, octave = above % 12, above // 12
    degrees = degree_table()
    degree = inverse_table()[chords, keys, semitone]
    # Eleven semitones up may be nearest to the root of the next octave, and one down to the seventh below.
    octave = octave + (degrees[chords, keys, degree] - semitone < -6) - (degrees[chords, keys, degree] - semitone > 6)
    return np.asarray(np.clip((octave - first) * DEGREES + degree, 0, count * DEGREES - 1), dtype=np.int16)
