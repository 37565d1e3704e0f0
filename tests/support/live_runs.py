"""Tiny runs of the live model: a network of width 32, a handful of tunes, steps of some hundredths of a second."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec
import torch

from accompanist.config import DataConfig, TrainConfig
from support.live_songs import books, coded_tune, in_numbers, tune
from training import session
from training.live.corpus import Corpus, digest_of
from training.live.recipe import Live
from training.loop import Loop
from training.rundir import RunDir

TINY_LIVE = TrainConfig(
    model="live",
    data=("tunes",),
    width=32,
    layers=1,
    batch=4,
    stretch_beats=32,
    epochs=3,
    adversarial_epochs=0,
    threads=1,
    device="cpu",
)
"""Two steps an epoch."""


@cache
def corpus() -> Corpus:
    """Seven tunes to learn from, one of them drums alone, and two to watch."""
    songs = [coded_tune(f"tunes/{key}", key=key, seed=key, meter=3 if key == 4 else 4) for key in (0, 2, 4, 5, 7, 9)]
    train = (*songs, in_numbers(tune("tunes/drums", parts=("drums",), bars=12)))
    validation = (coded_tune("tunes/11", key=11, seed=20), coded_tune("tunes/3", key=3, meter=3, seed=21))
    return Corpus(train, validation, (), books(), (), ("CC0-1.0",), digest_of(train, books()))


def begin(folder: Path, config: TrainConfig = TINY_LIVE) -> RunDir:
    """A new run in a folder."""
    torch.set_num_threads(1)
    config = msgspec.structs.replace(config, runs=str(folder))
    return session.begin(config, DataConfig(), Live(config, corpus()))


def train(run: RunDir, *, stop_after: int | None = None, prepare: Callable[[Loop], None] = lambda _: None) -> bool:
    """Go on with a run to its end, or to a step, as if Ctrl-C had come then; returns whether the end was reached."""
    config = run.config().train
    with session.opened(run, config, Live(config, corpus()), lambda _: None, lambda: 0.0) as loop:
        prepare(loop)
        return loop.train(lambda: stop_after is not None and loop.done >= stop_after)
