"""What the band settled to play, beat by beat, in the model's own words: so that it knows its own song.

Remembered by place, as the melody is: where a loop comes back, the model is told what it played before that place the
last time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accompanist.engine.memory import MOST_BEATS
from accompanist.music.question import UNKNOWN, Codes
from accompanist.music.spec import ModelSpec
from accompanist.music.time import PPQ

BeatCodes = NDArray[np.int64]
"""(codes,): one beat's."""
_NO_BEAT = np.iinfo(np.int64).min


class CodeMemory:
    """The codes of settled beats.

    Args:
        spec: How many codes a beat has, and how many beats a question.
    """

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        most = max(MOST_BEATS, spec.context_beats)
        self._codes = np.full((most, spec.codes), UNKNOWN, dtype=np.int64)
        self._beats = np.full(most, _NO_BEAT, dtype=np.int64)  # which beat of the song each row is of

    def settle(self, beat_tick: int, codes: BeatCodes | None) -> None:
        """A beat is settled.

        Args:
            beat_tick: Its first tick.
            codes: Of the plan that spoke for it; None where none did, or nobody heard it.
        """
        place = beat_tick // PPQ % len(self._beats)
        self._beats[place] = beat_tick // PPQ
        self._codes[place] = UNKNOWN if codes is None else codes

    def pass_over(self, begin_tick: int, end_tick: int) -> None:
        """The song ran through a stretch without the band."""
        first, last = begin_tick // PPQ, -(-end_tick // PPQ)
        self._beats[(self._beats >= first) & (self._beats < last)] = _NO_BEAT

    def clear(self) -> None:
        """Another piece begins."""
        self._beats.fill(_NO_BEAT)

    def question(self, plan_tick: int, since_tick: int) -> Codes:
        """What a model is given for a plan: of the beats before it what was settled, of its own nothing.

        Args:
            plan_tick: Its first tick; on a beat.
            since_tick: Nothing is known from before.

        Returns:
            (context_beats + plan_beats, codes).
        """
        context = self._spec.context_beats
        given = np.full((context + self._spec.plan_beats, self._spec.codes), UNKNOWN, dtype=np.int64)
        plan_beat = plan_tick // PPQ
        beats = np.arange(max(plan_beat - context, since_tick // PPQ), plan_beat)
        if len(beats):
            places = beats % len(self._beats)
            rows = self._codes[places]
            rows[self._beats[places] != beats] = UNKNOWN
            given[context - len(beats) : context] = rows
        return given
