"""What codes sound like, for many songs at once and without rolls: pitch classes, onsets and how full each step is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from accompanist.music.harmony import CHORDS, DEGREES
from accompanist.music.spec import TrackSpec
from training.live.figures import FigureBook
from training.live.lanes import degree_table

STEPS = 4


class Sound(NamedTuple):
    """Of some beats.

    Args:
        chroma: (B, T, 12) booleans: pitch classes of all pitched tracks.
        bass: (B, T, 12) booleans: of the first track.
        onsets: (B, T, tracks, 4) notes that begin on each step.
        held: (B, T, tracks, 4) notes that sound on each step.
    """

    chroma: Tensor
    bass: Tensor
    onsets: Tensor
    held: Tensor


class Sounding:
    """The books as tables.

    Args:
        books: By track; one that is missing is silent.
        tracks: The ensemble, in the order of the codes; the first plays the bass.
        sizes: Figures of each track, by the network's layout.
    """

    def __init__(self, books: Mapping[str, FigureBook], tracks: Sequence[TrackSpec], sizes: Sequence[int]) -> None:
        self._semitones = torch.from_numpy(degree_table().astype(np.int64))
        self._pitched = [at for at, track in enumerate(tracks) if not track.is_drums]
        self._degrees, self._onsets, self._held = [], [], []
        for track, size in zip(tracks, sizes, strict=True):
            degrees, onsets, held = torch.zeros(size, DEGREES), torch.zeros(size, STEPS), torch.zeros(size, STEPS)
            if track.name in books:
                cells = torch.from_numpy(books[track.name].cells).to(torch.float32)
                onsets[: len(cells)], held[: len(cells)] = cells[:, 0].sum(dim=2), cells[:, 1].sum(dim=2)
                if not track.is_drums:
                    degrees[: len(cells)] = cells[:, 1].amax(dim=1).view(len(cells), -1, DEGREES).amax(dim=1)
            self._degrees.append(degrees)
            self._onsets.append(onsets)
            self._held.append(held)

    def fullness(self) -> list[tuple[Tensor, Tensor]]:
        """Of each track: notes that each figure begins, and that sound in it, mean over its steps; both (figures,)."""
        return [(onsets.sum(dim=1), held.mean(dim=1)) for onsets, held in zip(self._onsets, self._held, strict=True)]

    def of(self, codes: Tensor, key: Tensor) -> Sound:
        """How some beats sound.

        Args:
            codes: (B, T, codes); where a track's is unknown it is silent.
            key: (B, T) the key that fills in what chords leave open; chords and key are both as they sound, or both
                moved.
        """
        chord = codes[..., 0].clamp(min=0)
        root = torch.where(chord < CHORDS, chord % 12, key)
        classes = functional.one_hot((self._semitones[chord, key] + root[..., None]) % 12, 12).to(torch.float32)
        onsets, held, parts = [], [], []
        for at in range(len(self._degrees)):
            figure = codes[..., 1 + at]
            there = (figure >= 0).to(torch.float32)[..., None]
            figure = figure.clamp(min=0)
            onsets.append(self._onsets[at][figure] * there)
            held.append(self._held[at][figure] * there)
            if at in self._pitched:
                degrees = self._degrees[at][figure] * there
                parts.append((degrees[..., None, :] @ classes)[..., 0, :] > 0)
        return Sound(torch.stack(parts).any(dim=0), parts[0], torch.stack(onsets, dim=2), torch.stack(held, dim=2))
