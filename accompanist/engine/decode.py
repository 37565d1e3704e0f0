"""From a model's output to the notes of a plan. Done in the inference thread: the engine is given notes."""

from __future__ import annotations

import numpy as np

from accompanist.engine.protocol import Planned
from accompanist.errors import ModelError
from accompanist.music.playable import playable_notes
from accompanist.music.roll import ONSET, PITCHES, FloatRoll
from accompanist.music.spec import ModelSpec

LARGEST_VALUE = 1e6
"""Answers are held within this before they become float32; only their order and sign mean anything."""


def decoded(values: object, spec: ModelSpec, plan_tick: int) -> tuple[Planned, ...]:
    """A model's output as what could be played of it.

    Args:
        values: (tracks, planes, plan_steps, 128); a note where above 0.
        spec: The model's.
        plan_tick: Where the plan begins.

    Returns:
        Notes ordered by start, track and pitch; no two copies of one pitch of a track sound at once.

    Raises:
        ModelError: it is no finite answer of the model's shape.
    """
    checked = _checked(values, spec)
    plan = [
        Planned(index, note, sounds_on=note.start_tick == plan_tick and not _struck_first(checked[index], note.pitch))
        for index, track in enumerate(spec.tracks)
        for note in playable_notes(checked[index], track, start_tick=plan_tick)
    ]
    plan.sort(key=lambda planned: (planned.note.start_tick, planned.track, planned.note.pitch))
    return tuple(plan)


def _struck_first(values: FloatRoll, pitch: int) -> bool:
    """The model strikes a pitch in the plan's first step. One that has no onset plane never says so."""
    return values.shape[0] > 1 and bool(values[ONSET, 0, pitch] > 0)


def _checked(values: object, spec: ModelSpec) -> FloatRoll:
    array = np.asarray(values)
    shape = len(spec.tracks), spec.planes, spec.plan_steps, PITCHES
    if array.dtype.kind not in "fiub":
        raise ModelError(f"the model answered with {array.dtype}; numbers are accepted")
    if array.shape != shape:
        raise ModelError(f"the model's answer is {_by(array.shape)}; by its spec it should be {_by(shape)}")
    if not np.isfinite(array).all():
        raise ModelError("the model's answer is not finite")
    return np.clip(array.astype(np.float64), -LARGEST_VALUE, LARGEST_VALUE).astype(np.float32)


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single number"
