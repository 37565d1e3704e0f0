"""The recipe a run asks for, with its music."""

from __future__ import annotations

from collections.abc import Mapping

from accompanist.config import DataConfig, TrainConfig
from training import catalog
from training.classic import Classic
from training.live import corpus
from training.live.figures import FigureBook
from training.live.recipe import Live
from training.read import Progress, silent
from training.recipe import Recipe


def load(
    config: TrainConfig,
    data: DataConfig,
    *,
    books: Mapping[str, FigureBook] | None = None,
    progress: Progress = silent,
) -> Recipe:
    """Read the music.

    Args:
        config: Settled: see `training.recipe.settled`.
        data: Where music is kept.
        books: That a live network knows which this run goes on from; None: it has none yet.
        progress: Told while it is read.

    Raises:
        ConfigError: a source or a tag is unknown.
        DataError: a source is missing or cannot be read.
        EmptyDataset: nothing is left to train on.
        StorageError: the cache cannot be written.
    """
    if config.model == "live":
        return Live(config, corpus.load(config, data, books=books, progress=progress))
    return Classic(config, catalog.load(config, data, progress=progress))
