"""The books of figures as a file of a run, without which its codes mean nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from accompanist.errors import TrainingError
from accompanist.music.harmony import DEGREES
from training.live.codes import BOOK_SIZES
from training.live.figures import FigureBook

FILE = "books.safetensors"


def to_bytes(books: Mapping[str, FigureBook]) -> bytes:
    """Books as the content of a file: by track the cells, (figures, 2, 4, lanes)."""
    found: bytes = save({name: book.cells.astype(np.uint8) for name, book in books.items()})
    return found


def of_cells(cells: Mapping[str, NDArray[np.uint8]]) -> dict[str, FigureBook]:
    """Books of the cells of each track, in the order of the codes.

    Raises:
        KeyError: a track has none.
    """
    return {name: FigureBook(cells[name].astype(np.bool_), 0 if name == "drums" else DEGREES) for name in BOOK_SIZES}


def read(run: Path) -> dict[str, FigureBook]:
    """The books of a run, in the order of the codes.

    Raises:
        TrainingError: they are missing or damaged.
    """
    path = run / FILE
    try:
        return of_cells(load(path.read_bytes()))
    except (OSError, KeyError, SafetensorError) as error:
        raise TrainingError(
            f"the books of figures {path} cannot be read: {error}",
            hint="put the file back; without it what the run has learnt means nothing",
        ) from error
