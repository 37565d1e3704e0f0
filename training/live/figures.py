"""Figures: what one track plays in one beat, and the dictionary of those that a model chooses from.

The dictionary is learnt: half of it are the commonest figures of the data, the other half those that stand best for all
the rest (weighted k-means, each mean replaced by the figure nearest to it). So every figure in it was played by
somebody, and none is an average that nobody would play.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ROUNDS = 12
"""Of k-means; more change nothing that counts."""
_ONSET_WEIGHT, _RHYTHM_WEIGHT, _DEGREE_WEIGHT = 1.0, 1.2, 0.8
_AT_ONCE = 8192


@dataclass(frozen=True, slots=True)
class FigureBook:
    """The figures that a track's model can choose from.

    Args:
        cells: (figures, 2 planes: onset and held, 4 steps, lanes); the first is silence.
        lanes_per_octave: 7, or 0 where lanes are no pitches (drums).
    """

    cells: NDArray[np.bool_]
    lanes_per_octave: int

    def __len__(self) -> int:
        return len(self.cells)

    def nearest(self, cells: NDArray[np.bool_]) -> NDArray[np.int16]:
        """The figures that stand nearest to what was played.

        Args:
            cells: (beats, 2, 4, lanes).

        Returns:
            (beats,) indices; that of silence where and only where nothing sounds.
        """
        if len(self) == 1:  # whoever has nothing to play keeps silent
            return np.zeros(len(cells), dtype=np.int16)
        unique, inverse = _distinct(cells)
        book = _features(self.cells, self.lanes_per_octave)
        found = _nearest(_features(unique, self.lanes_per_octave), book[1:]) + 1
        found[~unique.any(axis=(1, 2, 3))] = 0
        return found[inverse].astype(np.int16)


def learn_book(cells: NDArray[np.bool_], size: int, *, lanes_per_octave: int = 7) -> FigureBook:
    """The dictionary of a track.

    Args:
        cells: (beats, 2, 4, lanes) all that was played.
        size: Figures at most, silence included.
        lanes_per_octave: 7, or 0 for drums.
    """
    unique, inverse = _distinct(cells)
    counts = np.bincount(inverse)
    sounding = unique.any(axis=(1, 2, 3))
    unique, counts = unique[sounding], counts[sounding]
    order = np.argsort(-counts, kind="stable")
    unique, counts = unique[order], counts[order]
    silence = np.zeros((1, *cells.shape[1:]), dtype=np.bool_)
    if len(unique) < size:
        return FigureBook(np.concatenate([silence, unique]), lanes_per_octave)
    common = size // 2
    features = _features(unique, lanes_per_octave)
    weights = torch.from_numpy(counts.astype(np.float32))
    centres = features[: size - 1].clone()
    for _ in range(ROUNDS):
        owner = torch.from_numpy(_nearest(features, centres).astype(np.int64))
        total = torch.zeros(len(centres)).index_add_(0, owner, weights)
        sums = torch.zeros_like(centres).index_add_(0, owner, features * weights[:, None])
        moved = sums / total.clamp(min=1e-9)[:, None]
        centres[common:] = torch.where(total[common:, None] > 0, moved[common:], centres[common:])
    chosen = np.unique(np.concatenate([np.arange(common), _nearest(centres[common:], features)]))
    return FigureBook(np.concatenate([silence, unique[chosen]]), lanes_per_octave)


def _distinct(cells: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Distinct figures, and which of them each beat has."""
    packed = np.packbits(cells.reshape(len(cells), math.prod(cells.shape[1:])), axis=1)
    rows = np.ascontiguousarray(packed).view(f"V{packed.shape[1]}").ravel()
    _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
    return cells[first], inverse.astype(np.int64)


def _features(cells: NDArray[np.bool_], lanes_per_octave: int) -> Tensor:
    """What makes two figures alike: their cells, how many notes begin on each step, which degrees sound."""
    values = torch.from_numpy(cells.astype(np.float32))
    onset, held = values[:, 0], values[:, 1]
    parts = [_ONSET_WEIGHT * onset.flatten(1), held.flatten(1), _RHYTHM_WEIGHT * onset.sum(dim=2)]
    if lanes_per_octave:
        degrees = held.reshape(len(held), -1, lanes_per_octave).amax(dim=1)
        parts.append(_DEGREE_WEIGHT * 2 * degrees)
    return torch.cat(parts, dim=1)


def _nearest(features: Tensor, centres: Tensor) -> NDArray[np.int64]:
    """The nearest of some centres to each row."""
    lengths = centres.square().sum(dim=1)
    found = [
        (lengths - 2 * features[at : at + _AT_ONCE] @ centres.T).argmin(dim=1)
        for at in range(0, len(features), _AT_ONCE)
    ]
    return torch.cat(found).numpy() if found else np.zeros(0, dtype=np.int64)
