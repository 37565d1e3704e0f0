"""What a plan leaves behind. CPython keeps tuples that were freed, by length: one that is allocated at another length
than it is freed at, as `tuple` does with a generator, adds to what is kept, up to 2,000 of a length."""

from __future__ import annotations

import gc
import sys

from support.band import note, play
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.engine.engine import Engine
from accompanist.engine.memory import MOST_BEATS

PLAN_S, BEATS = 4.0, 8
NOTE_LENGTH = 4
"""Fields of a note: where one is changed, a tuple of this length is kept, and soon all that can be."""
SHORT_LENGTHS = (3, NOTE_LENGTH)
MOST_KEPT = 2_000


def perform(band: Engine, first: int, plans: int) -> None:
    for number in range(first, first + plans):
        begin_s = number * PLAN_S
        melody = [item for i in range(8) for item in note(begin_s + i / 2, begin_s + i / 2 + 0.4)]
        play(band, melody, begin_s + PLAN_S, from_s=begin_s)


def test_a_plan_leaves_nothing_behind() -> None:
    band = Engine(TINY_SPEC, EngineConfig(), wait_for_player=False)
    gc.collect()
    gc.disable()  # as while playing; a collection would empty what is kept
    try:
        for length in SHORT_LENGTHS:
            filled = [tuple([None] * length) for _ in range(MOST_KEPT)]
            del filled
        plans = 40
        warm = 2 * MOST_BEATS // BEATS  # from here on the song forgets a beat for each that it remembers
        perform(band, 0, warm)
        before = sys.getallocatedblocks()
        perform(band, warm, plans)
        assert sys.getallocatedblocks() - before < plans
    finally:
        gc.enable()
