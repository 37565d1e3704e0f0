"""Does the exported model compute what the trained one does? Asked through the very session that will play.

Exporters have been seen to write wrong models without an error, so nothing leaves without this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from accompanist.errors import ExportMismatch
from accompanist.melodies import MELODIES
from accompanist.music.note import Note
from accompanist.music.playable import split_tracks
from accompanist.music.question import UNKNOWN, Moment, Question
from accompanist.music.roll import BoolRoll, encode
from accompanist.music.spec import ModelSpec
from accompanist.music.time import TICKS_PER_STEP
from accompanist.runtime.bound import Feed
from accompanist.runtime.infer import Session

TOLERANCE = 1e-4
"""Largest difference allowed, of values between -1 and 1."""
RANDOM_ROLLS = 24
_RANDOM_DENSITY = 0.02
_CODES_TRIED = 8


class Probe(NamedTuple):
    """A question to compare on.

    Args:
        question: What is asked.
        temperature: Of the noise.
    """

    question: Question
    temperature: float = 1.0


def probe_rolls(spec: ModelSpec) -> Iterator[BoolRoll]:
    """The melodies to compare on: every window of the shipped tunes, silence, everything at once, and random rolls.

    Yields:
        (2 planes, melody_steps, 128) booleans.
    """
    for melody in MELODIES.values():
        notes = melody.notes()
        for start_tick in range(0, notes[-1].end_tick, spec.melody_steps * TICKS_PER_STEP):
            yield encode(notes, spec.melody_steps, start_tick=start_tick)
    yield np.zeros((2, spec.melody_steps, 128), dtype=np.bool_)
    yield np.ones((2, spec.melody_steps, 128), dtype=np.bool_)
    random = np.random.default_rng(0)
    for density in np.linspace(0.002, 0.5, RANDOM_ROLLS):
        yield random.random((2, spec.melody_steps, 128)) < density


def probes(spec: ModelSpec) -> Iterator[Probe]:
    """What to compare on: of a model without codes all `probe_rolls`; else tunes at many moments of a song.

    The song just begun, a few bars in, longer than the context; heard to the last step or a step short of it, some
    beats ahead, as a whole; in four and in three; with codes of the past, and some given of the plan; the likeliest
    plan, and drawn ones.
    """
    if not spec.codes:
        yield from (Probe(Question(roll)) for roll in probe_rolls(spec))
        return
    context, steps = spec.context_steps, spec.melody_steps
    random = np.random.default_rng(0)
    firsts = (context, context - 1, context - 14, context // 2, 0)
    knowns = (context, context - 1, context + 2 * spec.steps_per_beat, steps)
    for number, (first, known) in enumerate(product(firsts, knowns)):
        tune = list(MELODIES.values())[number % len(MELODIES)]
        roll = _repeated(tune.notes(), steps) if number % 4 else random.random((2, steps, 128)) < _RANDOM_DENSITY
        roll[:, :first], roll[:, known:] = False, False
        codes = np.full((spec.context_beats + spec.plan_beats, spec.codes), UNKNOWN, dtype=np.int64)
        moment = Moment(first, known, number % 3, 3 + number % 2, number % max(len(spec.styles), 1))
        if number % 2:  # what was played: small numbers, which every code has
            codes[first // spec.steps_per_beat : spec.context_beats] = random.integers(
                0, _CODES_TRIED, (spec.context_beats - first // spec.steps_per_beat, spec.codes)
            )
        if number % 5 == 0:
            codes[spec.context_beats :, number % spec.codes] = random.integers(0, _CODES_TRIED, spec.plan_beats)
        yield Probe(Question(roll, codes, moment), temperature=float(number % 3 > 0))


def _repeated(notes: Sequence[Note], steps: int) -> BoolRoll:
    """A tune again and again, until it fills so many steps."""
    once = -(-notes[-1].end_tick // TICKS_PER_STEP)
    return np.tile(encode(notes, once), (1, -(-steps // once), 1))[:, :steps]


def largest_error(model: nn.Module, path: Path) -> float:
    """The largest difference between torch and the daemon's session, in float32 on the CPU, over all probes.

    Where the codes of a plan differ it is infinite: another plan is no small error.
    """
    session = Session(path, provider="cpu")
    feed = Feed(session.spec)
    model = model.float().cpu().eval()
    worst = 0.0
    for seed, probe in enumerate(probes(session.spec)):
        ours = session.run(probe.question, seed=seed, temperature=probe.temperature)
        feed.fill(probe.question, seed, probe.temperature)
        with torch.no_grad():
            answer = model(*map(torch.from_numpy, feed.arrays.values()))
        values, *named = answer if session.spec.codes else (answer,)
        theirs = split_tracks(values[0].numpy(), session.spec)
        planes = session.spec.planes
        error = float(np.abs(ours.values - theirs[:, :planes]).max())
        if ours.velocities is not None:
            error = max(error, float(np.abs(ours.velocities - theirs[:, planes]).max()))
        same_plan = ours.codes is None or np.array_equal(ours.codes, named[0][0].numpy())
        worst = max(worst, error if np.isfinite(error) and same_plan else float("inf"))
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
