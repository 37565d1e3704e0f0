"""The songs that performances are measured on: those of one split that have all it takes.

A lead sheet's chord symbols are both: the chords that a person wrote down, and, held, the only accompaniment it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from accompanist.config import DataConfig
from accompanist.errors import EmptyDataset
from accompanist.music.time import PPQ
from accompanist.places import cache_folder
from training import cache, catalog
from training.evaluation.measures import DRUMS
from training.evaluation.piece import Piece, longest_run, piece_of
from training.read import MELODY, Progress, SongTable, silent
from training.sources import Source
from training.sources.lead_sheet import CHORDS
from training.sources.pop909 import Pop909
from training.sources.pop909_chords import annotated

FEWEST_BARS = 8
"""Of a shorter run of regular bars no song is made."""


def pieces(
    sources: Sequence[str],
    data: DataConfig,
    split: str,
    *,
    most: int | None = None,
    with_chords: bool = True,
    progress: Progress = silent,
) -> list[Piece]:
    """The songs of a split that have a melody, an accompaniment and enough regular bars.

    Args:
        sources: Their names.
        data: Where music is kept.
        split: train, validation or test.
        most: At most so many, spread over all of them; None: all.
        with_chords: Whether written-down chords are read, where the source has them.
        progress: Told while music is read.

    Raises:
        ConfigError: a source is unknown.
        DataError: a source is missing or cannot be read.
        EmptyDataset: there is no such song.
        StorageError: the cache cannot be written.
    """
    chosen: list[tuple[SongTable, Source]] = []
    for source in [catalog.source_named(name, data) for name in dict.fromkeys(sources)]:
        read = cache.read(source, cache_folder(data.cache), progress=progress)
        chosen += [
            (table, source) for table in read.songs if catalog.split_of(table.family) == split and _usable(table)
        ]
    if not chosen:
        raise EmptyDataset(
            f"no song of the {split} split of {', '.join(sources)} has a melody with accompaniment "
            f"and {FEWEST_BARS} regular bars",
            hint=f"accompanist data show {sources[0]} --songs",
        )
    if most is not None and most < len(chosen):
        chosen = [chosen[i] for i in np.linspace(0, len(chosen) - 1, most).round().astype(int).tolist()]
    found = []
    for source, group in groupby(chosen, key=lambda entry: entry[1]):
        tables = [table for table, _ in group]
        chords = _written_down(source, tables) if with_chords else [None] * len(tables)
        found += [piece_of(table, tones) for table, tones in zip(tables, chords, strict=True)]
    return found


def symbols(table: SongTable) -> NDArray[np.bool_] | None:
    """A lead sheet's chord symbols: tones at each beat's beginning, (beats, 12); None of a song that has none."""
    if CHORDS not in table.parts:
        return None
    _, start, pitch, end, _ = table.notes[table.notes[:, 0] == table.parts.index(CHORDS)].T
    ticks = np.arange(0, int(table.bars[-1]) // PPQ * PPQ, PPQ)
    sounding = (start <= ticks[:, None]) & (ticks[:, None] < end)  # (beats, notes)
    tones = np.zeros((len(ticks), 12), dtype=np.bool_)
    beat, note = sounding.nonzero()
    tones[beat, pitch[note] % 12] = True
    return tones


def _written_down(source: Source, tables: Sequence[SongTable]) -> list[NDArray[np.bool_] | None]:
    """The chords that a person wrote down for each song, where one did."""
    return annotated(source, tables) if isinstance(source, Pop909) else [symbols(table) for table in tables]


def _usable(table: SongTable) -> bool:
    run = longest_run(table.bars)
    if run is None or run.bars < FEWEST_BARS or MELODY not in table.parts:
        return False
    piece = piece_of(table)
    return bool(piece.melody) and any(name not in DRUMS for name in piece.parts)
