"""Does the exported model compute what the trained one does? Asked through the very session that will play.

Exporters have been seen to write wrong models without an error, so nothing leaves without this.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from accompanist.errors import ExportMismatch
from accompanist.melodies import MELODIES
from accompanist.music.question import Question
from accompanist.music.roll import BoolRoll, encode
from accompanist.music.spec import ModelSpec
from accompanist.music.time import TICKS_PER_STEP
from accompanist.runtime.bound import Feed
from accompanist.runtime.infer import Session
from training.generators import UNetGenerator

TOLERANCE = 1e-4
"""Largest difference allowed, of values between -1 and 1."""
RANDOM_ROLLS = 24


def probe_rolls(spec: ModelSpec) -> Iterator[BoolRoll]:
    """The melodies to compare on: every window of the shipped tunes, silence, everything at once, and random rolls.

    Yields:
        (2 planes, context_steps, 128) booleans.
    """
    for melody in MELODIES.values():
        notes = melody.notes()
        for start_tick in range(0, notes[-1].end_tick, spec.context_steps * TICKS_PER_STEP):
            yield encode(notes, spec.context_steps, start_tick=start_tick)
    yield np.zeros((2, spec.context_steps, 128), dtype=np.bool_)
    yield np.ones((2, spec.context_steps, 128), dtype=np.bool_)
    random = np.random.default_rng(0)
    for density in np.linspace(0.002, 0.5, RANDOM_ROLLS):
        yield random.random((2, spec.context_steps, 128)) < density


def largest_error(generator: UNetGenerator, path: Path) -> float:
    """The largest difference between torch and the daemon's session, in float32 on the CPU, over all probe rolls."""
    session = Session(path, provider="cpu")
    feed = Feed(session.spec)
    generator = generator.float().cpu().eval()
    worst = 0.0
    for seed, roll in enumerate(probe_rolls(session.spec)):
        ours = session.run(Question(roll), seed=seed).values
        feed.fill(Question(roll), seed)
        with torch.no_grad():
            theirs = generator(*map(torch.from_numpy, feed.arrays.values())).numpy().reshape(ours.shape)
        error = float(np.abs(ours - theirs).max())
        worst = max(worst, error if np.isfinite(error) else float("inf"))
    return worst


def require_equal(error: float) -> None:
    """Refuse a model that differs.

    Raises:
        ExportMismatch: the error is above the tolerance.
    """
    if not error <= TOLERANCE:
        raise ExportMismatch(
            f"the exported model differs from the trained one by up to {error:.2g}; accepted is {TOLERANCE:.0e}",
            hint="install other versions of torch and onnx, then export again",
        )
