"""What a model is asked, and what it replies."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from accompanist.music.roll import BoolRoll, FloatRoll

UNKNOWN = -1
"""A code that is unknown, hidden, or the model's to choose."""

Codes = NDArray[np.int64]
"""(beats, codes): by which the model names what it plans for each beat."""


class Moment(NamedTuple):
    """Where a plan stands. Steps count from the beginning of the melody that the model is given.

    Args:
        first_step: What lies before it does not exist: the song began there; 0 to context_steps.
        known_step: Up to here the melody is known; what comes later is unknown, not silent.
        beat_in_bar: Of the plan's first beat, from 0.
        beats_per_bar: Quarter notes in a bar.
        style: Place in the model's styles; 0 where it has none.
    """

    first_step: int
    known_step: int
    beat_in_bar: int
    beats_per_bar: int
    style: int = 0


class Question(NamedTuple):
    """What a model is asked.

    Args:
        melody: (2 planes, melody_steps, 128): a note where above 0, silent where unknown.
        codes: (context_beats + plan_beats, codes), of a model that has codes; `UNKNOWN` all over where None.
        moment: Of a model that has codes; where None a plan at a bar line, its whole context known and nothing later.
    """

    melody: BoolRoll | FloatRoll
    codes: Codes | None = None
    moment: Moment | None = None


class Reply(NamedTuple):
    """What a model replies.

    Args:
        values: (tracks, planes, plan_steps, 128); a note where above 0.
        velocities: (tracks, plan_steps, 128), velocity / 127 where a note begins; None where the model says nothing of
            loudness.
        codes: (plan_beats, codes); None for a model without.
    """

    values: FloatRoll
    velocities: FloatRoll | None = None
    codes: Codes | None = None

    def copy(self) -> Reply:
        """The same in memory of its own."""
        velocities = None if self.velocities is None else self.velocities.copy()
        return Reply(self.values.copy(), velocities, None if self.codes is None else self.codes.copy())
