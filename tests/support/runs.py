"""Tiny training runs: a network of width 4, a dozen windows, steps of a few hundredths of a second."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import torch

from accompanist.config import DataConfig, TrainConfig
from support.songs import windows
from training import session
from training.catalog import Entry, Splits
from training.classic import Classic
from training.loop import Loop
from training.plan import Progress
from training.rundir import RunDir
from training.windows import WindowSet

TINY = TrainConfig(
    data=("chorales",), width=4, batch=4, epochs=3, critic_updates=2, transpose=2, threads=1, device="cpu"
)
"""Five steps over twelve windows; epochs end after steps 2, 3 and 5."""


def splits(train: WindowSet | None = None) -> Splits:
    """Four songs to learn from, one to watch, none for the test."""
    learn, watch = train or windows(4), windows(1, first_seed=50)
    entries = [Entry(f"test/{name}", {}, "train", 4, 3, ("melody", "bass")) for name in learn.songs]
    entries.append(Entry("test/watched", {}, "validation", 4, 3, ("melody", "bass")))
    return Splits(learn, watch, windows(0), tuple(entries), partial=(), left_out=(), filtered={}, licences=("CC0-1.0",))


def begin(folder: Path, config: TrainConfig = TINY) -> RunDir:
    """A new run in a folder."""
    torch.set_num_threads(1)
    config = msgspec.structs.replace(config, runs=str(folder))
    return session.begin(config, DataConfig(), Classic(config, splits()))


def train(
    run: RunDir,
    *,
    stop_after: int | None = None,
    clock: Callable[[], float] = lambda: 0.0,
    seen: list[Progress] | None = None,
    prepare: Callable[[Loop], None] = lambda _: None,
) -> bool:
    """Go on with a run to its end, or to a step, as if Ctrl-C had come then.

    Args:
        run: The run.
        stop_after: Step to stop after.
        clock: Seconds; stands still unless given.
        seen: Takes everything shown.
        prepare: Called with the loop before it trains.

    Returns:
        Whether the end was reached.
    """
    show = (lambda _: None) if seen is None else seen.append
    config = run.config().train
    with session.opened(run, config, Classic(config, splits()), show, clock) as loop:
        prepare(loop)
        return loop.train(lambda: stop_after is not None and loop.done >= stop_after)


def lines(run: RunDir, kind: str) -> list[dict[str, Any]]:
    """The record's lines of a kind."""
    return [line for line in map(json.loads, run.record.read_text().splitlines()) if line["kind"] == kind]
