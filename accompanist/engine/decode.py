"""From a model's output to the notes of a plan. Done in the inference thread: the engine is given notes."""

from __future__ import annotations

import numpy as np

from accompanist.engine.protocol import Planned
from accompanist.errors import ModelError
from accompanist.music.playable import playable_notes
from accompanist.music.question import Codes
from accompanist.music.roll import ONSET, PITCHES, FloatRoll
from accompanist.music.spec import ModelSpec, TrackSpec

LARGEST_VALUE = 1e6
"""Answers are held within this before they become float32; only their order and sign mean anything."""


def decoded(
    values: object, spec: ModelSpec, plan_tick: int, *, velocities: FloatRoll | None = None
) -> tuple[Planned, ...]:
    """A model's output as what could be played of it.

    Args:
        values: (tracks, planes, plan_steps, 128); a note where above 0.
        spec: The model's.
        plan_tick: Where the plan begins.
        velocities: (tracks, plan_steps, 128), velocity / 127 where a note begins; None: each track's own.

    Returns:
        Notes ordered by start, track and pitch; no two copies of one pitch of a track sound at once.

    Raises:
        ModelError: it is no finite answer of the model's shape.
    """
    checked = _checked(values, (len(spec.tracks), spec.planes, spec.plan_steps, PITCHES))
    loud = None if velocities is None else _checked(velocities, (len(spec.tracks), spec.plan_steps, PITCHES))
    plan = [
        Planned(index, note, sounds_on=note.start_tick == plan_tick and _sounds_on(checked[index], track, note.pitch))
        for index, track in enumerate(spec.tracks)
        for note in playable_notes(
            checked[index], track, start_tick=plan_tick, velocities=None if loud is None else loud[index]
        )
    ]
    plan.sort(key=lambda planned: (planned.note.start_tick, planned.track, planned.note.pitch))
    return tuple(plan)


def decoded_codes(codes: object, spec: ModelSpec) -> Codes | None:
    """The codes of a plan, in memory of their own; None for a model without.

    Raises:
        ModelError: they are none of the model's.
    """
    if not spec.codes:
        return None
    array = np.array(codes)
    shape = spec.plan_beats, spec.codes
    if array.dtype.kind not in "iu" or array.shape != shape:
        raise ModelError(f"the model's codes are {_by(array.shape)} {array.dtype}; by its spec {_by(shape)} int64")
    return array.astype(np.int64, copy=False)


def _sounds_on(values: FloatRoll, track: TrackSpec, pitch: int) -> bool:
    """The model does not strike a pitch in the plan's first step. One that has no onset plane never says that it does.

    Drums are always struck.
    """
    return not track.is_drums and not (values.shape[0] > 1 and bool(values[ONSET, 0, pitch] > 0))


def _checked(values: object, shape: tuple[int, ...]) -> FloatRoll:
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise ModelError(f"the model answered with {array.dtype}; numbers are accepted")
    if array.shape != shape:
        raise ModelError(f"the model's answer is {_by(array.shape)}; by its spec it should be {_by(shape)}")
    if not np.isfinite(array).all():
        raise ModelError("the model's answer is not finite")
    return np.clip(array.astype(np.float64), -LARGEST_VALUE, LARGEST_VALUE).astype(np.float32)


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single number"
