"""People's own accompaniment as a yardstick: as it is, a bar late, and in another key.

What is a bar late was right a bar ago: a player who only follows gets as far. What is in another key is as dense and as
well made, and belongs to another song: what a figure gives it, it gives for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from accompanist.music.roll import BoolRoll
from accompanist.music.time import STEPS_PER_BEAT
from training.evaluation.measures import DRUMS, SongMeasures
from training.evaluation.piece import Piece
from training.evaluation.trial import averaged

TRANSPOSITIONS = (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6)
"""The eleven other keys, each by its shortest way."""
PEOPLE, LATE, TRANSPOSED = "people", "people, a bar late", "people, transposed"


def people(song: Piece) -> dict[str, SongMeasures]:
    """The song's own accompaniment, measured in these three ways; of the transposed, the mean of eleven."""
    rolls = song.rolls(song.parts)
    return {
        PEOPLE: song.measured(rolls),
        LATE: song.measured(late(rolls, song.beats_per_bar * STEPS_PER_BEAT)),
        TRANSPOSED: averaged([song.measured(transposed(rolls, by)) for by in TRANSPOSITIONS]),
    }


def late(rolls: Mapping[str, BoolRoll], steps: int) -> dict[str, BoolRoll]:
    """Tracks that come some steps later; what would last beyond the end is lost."""
    found = {name: np.zeros_like(roll) for name, roll in rolls.items()}
    for name, roll in rolls.items():
        found[name][:, steps:] = roll[:, :-steps]
    return found


def transposed(rolls: Mapping[str, BoolRoll], semitones: int) -> dict[str, BoolRoll]:
    """Tracks in another key, all but the drums; what leaves MIDI's range is lost."""
    found = {name: np.zeros_like(roll) for name, roll in rolls.items()}
    for name, roll in rolls.items():
        if name in DRUMS:
            found[name][:] = roll
        elif semitones >= 0:
            found[name][..., semitones:] = roll[..., : roll.shape[-1] - semitones]
        else:
            found[name][..., :semitones] = roll[..., -semitones:]
    return found
