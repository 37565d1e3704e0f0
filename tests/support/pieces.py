"""Songs to accompany whose every note is known: see `training.evaluation.piece`."""

from __future__ import annotations

from collections.abc import Sequence

from accompanist.music.note import Note
from accompanist.music.time import PPQ
from training.evaluation.piece import Piece

C, D, E, F, G, A, B = 60, 62, 64, 65, 67, 69, 71
TRIADS = {C: (48, 52, 55), F: (41, 48, 57), G: (43, 50, 59), A: (45, 52, 60)}
"""Chords in root position, by their root above middle C; A is minor."""
TUNE = ((C, (E, G, C, E)), (F, (F, A, C, F)), (G, (G, B, D, G)), (C, (E, C, G, E)))
"""Four bars: the chord, and the melody in quarters."""


def piece(label: str = "test/tune", *, times: int = 4, by: int = 0) -> Piece:
    """The tune, accompanied by its chords in whole notes, a number of times and in any key."""
    bars = list(TUNE) * times
    melody = [pitch + by for _, pitches in bars for pitch in pitches]
    chords = [(bar, pitch + by) for bar, (root, _) in enumerate(bars) for pitch in TRIADS[root]]
    piano = tuple(Note(bar * 4 * PPQ, pitch, (bar + 1) * 4 * PPQ) for bar, pitch in chords)
    return Piece(label, quarters(melody), {"piano": tuple(sorted(piano))}, 4, len(bars))


def quarters(pitches: Sequence[int]) -> tuple[Note, ...]:
    """A line in quarter notes; below 0 a rest."""
    return tuple(Note(beat * PPQ, pitch, (beat + 1) * PPQ) for beat, pitch in enumerate(pitches) if pitch >= 0)
