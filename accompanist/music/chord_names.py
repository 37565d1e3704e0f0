"""What sounds, named as musicians write it: chord symbols over the beats of a song, spelled as its key asks for.

The chords are found by `accompanist.music.harmony`; here they get their names, and beats of one chord become one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from accompanist.music.harmony import NO_CHORD, chord_masks, chords_of, keys_of
from accompanist.music.note import Note
from accompanist.music.theory import NOTE_NAMES
from accompanist.music.time import PPQ

SUFFIXES = ("", "m", "7", "maj7", "m7", "dim", "m7b5", "sus4", "aug")
"""By quality, in the order of `harmony.QUALITIES`."""
FLAT_NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
SHARP_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
FLAT_KEYS = frozenset({1, 3, 5, 6, 8, 10})
"""Tonics of the major scales that are signed with flats; C has no sign, and is spelled as is usual in it."""
NO_BASS = -1
_MASKS = chord_masks()


class NamedChord(NamedTuple):
    """A chord for as long as it lasts.

    Args:
        tick: Its first tick, on a beat.
        end_tick: The first tick of the next, or of silence.
        name: Such as "C", "F#m7", "Bb/D".
    """

    tick: int
    end_tick: int
    name: str


def chord_name(chord: int, *, bass: int = NO_BASS, key: int = 0) -> str:
    """A chord as musicians write it.

    Args:
        chord: By its number in `harmony`; `NO_CHORD` has no name.
        bass: Pitch class of the lowest note; told behind a stroke where it is a tone of the chord but not the root.
        key: Tonic of the major scale of the key's signature: it decides between sharps and flats.
    """
    if chord == NO_CHORD:
        return ""
    names = _names(key)
    quality, root = divmod(chord, 12)
    inverted = bass not in (NO_BASS, root) and bool(_MASKS[chord, bass])
    return names[root] + SUFFIXES[quality] + (f"/{names[bass]}" if inverted else "")


def named_chords(
    notes: Iterable[Note], begin_tick: int, end_tick: int, *, beats_per_bar: int, around: Sequence[Note] = ()
) -> list[NamedChord]:
    """The chords of a stretch of music, in their order; silence lies between them.

    Args:
        notes: What spells the harmony: the band without its drums. Ticks of the song.
        begin_tick: On a beat.
        end_tick: Up to here; what is left of a beat is not looked at.
        beats_per_bar: Beats that are strong are likelier to bring a new chord.
        around: More that sounds, such as the melody: it tells the key, and no chord.
    """
    first, beats = begin_tick // PPQ, max((end_tick - begin_tick) // PPQ, 0)
    if beats == 0:
        return []
    weights, lowest = _weighed(notes, begin_tick, beats)
    place = (first + np.arange(beats)) % beats_per_bar
    strong = place % 2 == 0 if beats_per_bar % 2 == 0 else place == 0
    chords = chords_of(weights, lowest, strong)
    keys = keys_of(weights + _weighed(around, begin_tick, beats)[0])
    found: list[NamedChord] = []
    for beat in range(beats):
        tick = begin_tick + beat * PPQ
        if beat and chords[beat] == chords[beat - 1] and found and found[-1].end_tick == tick:
            found[-1] = found[-1]._replace(end_tick=tick + PPQ)
        elif chords[beat] != NO_CHORD:
            name = chord_name(int(chords[beat]), bass=int(lowest[beat]), key=int(keys[beat]))
            found.append(NamedChord(tick, tick + PPQ, name))
    return found


def _names(key: int) -> tuple[str, ...]:
    if key == 0:
        return NOTE_NAMES
    return FLAT_NAMES if key in FLAT_KEYS else SHARP_NAMES


def _weighed(notes: Iterable[Note], begin_tick: int, beats: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """How long each pitch class sounds in each beat, (beats, 12), and the lowest one, (beats,), -1 where none does."""
    weights = np.zeros((beats, 12))
    lowest = np.full(beats, 128, dtype=np.int64)
    for start_tick, pitch, note_end_tick, _ in notes:
        start, end = max(start_tick - begin_tick, 0), min(note_end_tick - begin_tick, beats * PPQ)
        for beat in range(start // PPQ, -(-end // PPQ)):
            share = (min(end, (beat + 1) * PPQ) - max(start, beat * PPQ)) / PPQ
            weights[beat, pitch % 12] += share
            lowest[beat] = min(lowest[beat], pitch)
    return np.minimum(weights, 1.0), np.where(lowest < 128, lowest % 12, NO_BASS)
