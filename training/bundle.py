"""The weights of an exported model, for others to go on from: one safetensors file beside it, nothing unpickled.

An .onnx file holds what plays, not what learns: some of its weights are folded or transposed, and the critic is not in
it. `accompanist export --trainable` therefore writes model.safetensors beside model.onnx: the networks and, of a live
model, its books, with the settings they were trained with in the file's metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from accompanist.config import TrainConfig
from accompanist.errors import DataError, TrainingError
from training.live import books
from training.live.figures import FigureBook
from training.storage import told, write_whole

SUFFIX = ".safetensors"
_KEY = "accompanist"
_BOOK = "book"


class Bundle(NamedTuple):
    """What a run can begin from: what is in the file, or in a checkpoint.

    Args:
        path: The file, or the checkpoint's folder.
        config: What the networks were trained with.
        tensors: By network and name.
        books: That a live network's codes stand for; None for the classic recipe.
    """

    path: Path
    config: TrainConfig
    tensors: dict[str, dict[str, Tensor]]
    books: Mapping[str, FigureBook] | None


def beside(model: Path) -> Path:
    """Where the weights of a model are."""
    return model.with_suffix(SUFFIX)


def write(
    model: Path,
    config: TrainConfig,
    tensors: Mapping[str, Mapping[str, Tensor]],
    its_books: Mapping[str, FigureBook] | None,
) -> Path:
    """Write the weights beside a model; returns where.

    Args:
        model: The .onnx file.
        config: What the networks were trained with.
        tensors: By network and name.
        its_books: Of a live model.

    Raises:
        StorageError: the file cannot be written.
    """
    flat = {f"{network}/{name}": value.contiguous() for network, its in tensors.items() for name, value in its.items()}
    for name, book in (its_books or {}).items():
        flat[f"{_BOOK}/{name}"] = torch.from_numpy(book.cells.astype(np.uint8))
    path = beside(model)
    with told("the weights", path):
        write_whole(path, save(flat, {_KEY: msgspec.json.encode(config).decode()}))
    return path


def read(model: Path) -> Bundle:
    """The weights beside a model.

    Args:
        model: The .onnx file, or the weights' own.

    Raises:
        DataError: there are none.
        TrainingError: they are damaged.
    """
    path = beside(model)
    if not path.is_file():
        raise DataError(
            f"{model} holds what plays, and not what learns: {path} with its weights is not beside it",
            hint="name the run it was exported from, or export it with: accompanist export RUN -o FILE --trainable",
        )
    try:
        with safe_open(path, framework="pt") as file:
            config = msgspec.json.decode((file.metadata() or {})[_KEY], type=TrainConfig)
            flat = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (OSError, KeyError, SafetensorError, msgspec.MsgspecError) as error:
        raise TrainingError(f"the weights {path} are damaged: {error}", hint="export the model again") from error
    tensors: dict[str, dict[str, Tensor]] = {}
    for name, value in flat.items():
        network, _, rest = name.partition("/")
        tensors.setdefault(network, {})[rest] = value
    cells = tensors.pop(_BOOK, None)
    if cells is None:
        return Bundle(path, config, tensors, None)
    return Bundle(path, config, tensors, books.of_cells({name: each.numpy() for name, each in cells.items()}))
