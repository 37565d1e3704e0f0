"""Piano rolls: notes on a grid of sixteenths.

Axes, outer to inner: plane, step, pitch; several tracks stack in front. Plane 0 marks where a note begins (onset),
plane 1 where it sounds (held, its first step included). One plane alone cannot tell a repeated note from a long one.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from accompanist.music.note import DEFAULT_VELOCITY, Note
from accompanist.music.time import TICKS_PER_STEP

ONSET, HELD = 0, 1
PITCHES = 128

BoolRoll = NDArray[np.bool_]
FloatRoll = NDArray[np.float32]


def encode(
    notes: Iterable[Note], length_steps: int, *, start_tick: int = 0, ticks_per_step: float = TICKS_PER_STEP
) -> BoolRoll:
    """Notes as a roll, each edge moved to its nearest step; a note never gets shorter than one step.

    A note already sounding when the window opens is held without an onset; one that runs past its end is cut there.

    Args:
        notes: Ticks on the same scale as `start_tick`.
        length_steps: Steps of the window.
        start_tick: Tick of the window's first step.
        ticks_per_step: Ticks of a sixteenth.

    Returns:
        Booleans, (2 planes, length_steps, 128).
    """
    roll = np.zeros((2, length_steps, PITCHES), dtype=np.bool_)
    for note in notes:
        first = int(np.floor((note.start_tick - start_tick) / ticks_per_step + 0.5))
        last = max(int(np.floor((note.end_tick - start_tick) / ticks_per_step + 0.5)), first + 1)
        if last <= 0 or first >= length_steps:
            continue
        roll[HELD, max(first, 0) : last, note.pitch] = True
        if first >= 0:
            roll[ONSET, first, note.pitch] = True
    return roll


def decode(
    roll: BoolRoll, *, start_tick: int = 0, ticks_per_step: int = TICKS_PER_STEP, velocity: int = DEFAULT_VELOCITY
) -> list[Note]:
    """A roll as notes, sorted: the inverse of `encode` for notes on the grid.

    A sounding cell begins a note where it has an onset, or where the cell before it is silent; so a roll whose onset
    plane is empty still plays.

    Args:
        roll: Booleans, (2 planes, steps, 128).
        start_tick: Tick of the first step.
        ticks_per_step: Ticks of a sixteenth.
        velocity: Given to every note.
    """
    steps = roll.shape[1]
    held = roll[HELD] | roll[ONSET]
    before = np.zeros_like(held)
    before[1:] = held[:-1]
    begins = held & (roll[ONSET] | ~before)
    notes = []
    for step, pitch in zip(*np.nonzero(begins), strict=True):
        end = step + 1
        while end < steps and held[end, pitch] and not begins[end, pitch]:
            end += 1
        notes.append(
            Note(
                start_tick + int(step) * ticks_per_step,
                int(pitch),
                start_tick + int(end) * ticks_per_step,
                velocity,
            )
        )
    return notes


def pitch_classes(roll: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Which of the twelve pitch classes a roll touches, C first.

    Args:
        roll: (..., 128) pitches on the last axis.

    Returns:
        (..., 12) booleans.
    """
    on = np.asarray(roll) != 0
    padded = np.zeros((*on.shape[:-1], 132), dtype=np.bool_)
    padded[..., :PITCHES] = on
    return np.asarray(padded.reshape(*on.shape[:-1], 11, 12).any(axis=-2))
