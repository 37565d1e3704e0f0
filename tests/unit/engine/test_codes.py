from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.live import LIVE_SPEC

from accompanist.engine.codes import BeatCodes, CodeMemory
from accompanist.engine.decode import decoded_codes
from accompanist.engine.memory import MOST_BEATS
from accompanist.errors import ModelError
from accompanist.music.question import UNKNOWN

BEAT = 480
CONTEXT = LIVE_SPEC.context_beats


def row(number: int) -> BeatCodes:
    return np.arange(6, dtype=np.int64) + 10 * number


def known(memory: CodeMemory, plan_tick: int, since_tick: int = 0) -> dict[int, int]:
    """By how many beats before the plan: the first code."""
    given_codes = memory.question(plan_tick, since_tick)
    assert given_codes.shape == (CONTEXT + LIVE_SPEC.plan_beats, 6)
    assert (given_codes[CONTEXT:] == UNKNOWN).all()
    return {CONTEXT - i: int(codes[0]) for i, codes in enumerate(given_codes[:CONTEXT]) if codes[0] != UNKNOWN}


def test_the_beats_before_a_plan_are_told_by_their_places() -> None:
    memory = CodeMemory(LIVE_SPEC)
    for beat in range(20):
        memory.settle(beat * BEAT, row(beat))
    assert known(memory, 18 * BEAT) == {back: 10 * (18 - back) for back in range(1, 17)}
    assert known(memory, 22 * BEAT) == {back: 10 * (22 - back) for back in range(3, 17)}
    assert memory.question(20 * BEAT, 0)[CONTEXT - 1].tolist() == row(19).tolist()


def test_a_beat_without_a_plan_and_one_passed_over_are_unknown() -> None:
    memory = CodeMemory(LIVE_SPEC)
    for beat in range(8):
        memory.settle(beat * BEAT, None if beat == 2 else row(beat))
    memory.pass_over(5 * BEAT, 7 * BEAT)
    assert sorted(8 - back for back in known(memory, 8 * BEAT)) == [0, 1, 3, 4, 7]


def test_nothing_is_told_from_before_the_song_is_known() -> None:
    memory = CodeMemory(LIVE_SPEC)
    for beat in range(8):
        memory.settle(beat * BEAT, row(beat))
    assert sorted(8 - back for back in known(memory, 8 * BEAT, since_tick=5 * BEAT)) == [5, 6, 7]
    assert known(memory, 8 * BEAT, since_tick=8 * BEAT) == known(memory, 0) == {}
    memory.clear()
    assert known(memory, 8 * BEAT) == {}


@given(
    st.lists(st.tuples(st.integers(0, 3 * MOST_BEATS), st.integers(1, 40)), min_size=1, max_size=6),
    st.integers(0, 60),
)
def test_of_the_latest_beats_each_says_what_was_settled_last(runs: list[tuple[int, int]], ahead: int) -> None:
    memory, settled, number = CodeMemory(LIVE_SPEC), dict[int, int](), 0
    for first, beats in runs:
        for beat in range(first, first + beats):
            number += 1
            memory.settle(beat * BEAT, row(number))
            settled = {at: its for at, its in settled.items() if (at - beat) % MOST_BEATS}  # its place is taken
            settled[beat] = 10 * number
    plan_beat = runs[-1][0] + ahead
    expected = {back: settled[plan_beat - back] for back in range(1, CONTEXT + 1) if plan_beat - back in settled}
    assert known(memory, plan_beat * BEAT) == expected


def test_the_codes_of_a_plan_are_the_callers_own_and_none_for_a_model_without() -> None:
    codes = np.zeros((8, 6), np.int32)
    own = decoded_codes(codes, LIVE_SPEC)
    codes += 1
    assert own is not None
    assert own.dtype == np.int64
    assert not own.any()


@pytest.mark.parametrize("codes", [None, np.zeros((8, 6)), np.zeros((7, 6), np.int64), np.zeros((8, 6), np.bool_)])
def test_what_is_no_codes_is_refused(codes: object) -> None:
    with pytest.raises(ModelError, match=r"codes are .*; by its spec 8 x 6 int64"):
        decoded_codes(codes, LIVE_SPEC)
