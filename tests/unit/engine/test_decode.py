from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from support.band import CHORDS, chords
from support.live import LIVE_SPEC
from support.tiny import TINY_SPEC

from accompanist.engine.decode import decoded
from accompanist.engine.protocol import Job, Planned
from accompanist.errors import ModelError
from accompanist.music.note import Note
from accompanist.music.roll import HELD, ONSET

BAR = 4 * 480
JOB = Job(0, np.zeros((2, 32, 128), dtype=np.bool_), 2 * BAR, 0.0)


def test_a_plan_is_ordered_by_start_track_and_pitch_and_stands_where_it_was_asked_for() -> None:
    plan = decoded(chords(JOB), TINY_SPEC, JOB.plan_tick)
    keys = [(planned.note.start_tick, planned.track, planned.note.pitch) for planned in plan]
    assert keys == sorted(keys)
    bass, *others = CHORDS[2]
    assert [planned.note.pitch for planned in plan[:4]] == [bass, *others]
    assert plan[0].note == Note(2 * BAR, bass, 2 * BAR + 480, TINY_SPEC.tracks[0].velocity)
    assert {planned.note.start_tick for planned in plan if planned.track == 1} == {2 * BAR, 3 * BAR}


def silent(planes: int = 2) -> Any:
    return np.full((3, planes, 32, 128), -1, np.float32)


def test_a_note_the_plan_opens_with_says_whether_it_is_struck() -> None:
    values = silent()
    values[0, HELD, :8, 40] = 1
    values[1, HELD, :4, [60, 64]] = 1
    values[1, ONSET, 0, 64] = 1
    values[2, HELD, 4:8, 67] = 1  # begins later, so it is struck, onset or not
    plan = decoded(values, TINY_SPEC, 480)
    assert [(planned.note.pitch, planned.sounds_on) for planned in plan] == [
        (40, True),
        (60, True),
        (64, False),
        (67, False),
    ]


def test_a_model_of_one_plane_never_says_that_a_note_is_struck() -> None:
    values = silent(planes=1)
    values[0, 0, :8, 40] = 1
    values[0, 0, 12:14, 40] = 1
    plan = decoded(values, replace(TINY_SPEC, planes=1), 0)
    assert plan == (Planned(0, Note(0, 40, 960, 84), sounds_on=True), Planned(0, Note(1440, 40, 1680, 84)))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.zeros((3, 2, 31, 128), np.float32), "3 x 2 x 31 x 128; by its spec it should be 3 x 2 x 32 x 128"),
        (np.zeros((6, 32, 128), np.float32), "6 x 32 x 128;"),
        (np.zeros((), np.float32), "a single number;"),
        (np.full((3, 2, 32, 128), np.nan, np.float32), "not finite"),
        (np.full((3, 2, 32, 128), np.inf, np.float32), "not finite"),
        (np.zeros((3, 2, 32, 128), np.complex64), "complex64; numbers"),
        (np.full((3, 2, 32, 128), "x"), "numbers are accepted"),
        (None, "object; numbers"),
    ],
    ids=["short", "flat", "scalar", "nan", "inf", "complex", "text", "object"],
)
def test_what_is_no_answer_of_this_model_is_refused_and_shown(values: Any, told: str) -> None:
    with pytest.raises(ModelError) as caught:
        decoded(values, TINY_SPEC, 0)
    assert told in caught.value.message


@pytest.mark.parametrize("kind", [np.float16, np.float64, np.int64, np.bool_])
def test_other_kinds_of_numbers_are_taken(kind: type[np.generic]) -> None:
    assert decoded((chords(JOB) > 0).astype(kind), TINY_SPEC, JOB.plan_tick) == decoded(
        chords(JOB), TINY_SPEC, JOB.plan_tick
    )


def test_numbers_too_large_for_float32_are_taken() -> None:
    huge = chords(JOB).astype(np.float64) * 1e300
    assert decoded(huge, TINY_SPEC, JOB.plan_tick) == decoded(chords(JOB), TINY_SPEC, JOB.plan_tick)


def test_a_plan_says_how_loud_each_note_is_and_drums_are_struck() -> None:
    values = np.full((4, 2, 32, 128), -1, np.float32)
    values[:, HELD, :4, 40] = 1
    loud = np.zeros((4, 32, 128), np.float32)
    loud[[0, 3], 0, 40] = 0.5
    values[3, ONSET, 0, 40] = 1
    plan = decoded(values, LIVE_SPEC, 480, velocities=loud)
    assert [(p.track, p.note.velocity, p.note.duration_ticks, p.sounds_on) for p in plan] == [
        (0, 64, 480, True),
        (1, 72, 480, True),
        (2, 64, 480, True),
        (3, 64, 120, False),
    ]


@pytest.mark.parametrize(
    ("velocities", "told"),
    [
        (np.zeros((4, 31, 128), np.float32), "4 x 31 x 128; by its spec it should be 4 x 32 x 128"),
        (np.full((4, 32, 128), np.nan, np.float32), "not finite"),
    ],
    ids=["short", "nan"],
)
def test_loudness_that_is_none_is_refused(velocities: Any, told: str) -> None:
    with pytest.raises(ModelError, match=told):
        decoded(np.full((4, 2, 32, 128), -1, np.float32), LIVE_SPEC, 0, velocities=velocities)
