"""Codes as they sound: figures put under their chords, and how loud."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from accompanist.music.harmony import CHORDS
from accompanist.music.spec import TrackSpec
from accompanist.music.time import STEPS_PER_BEAT
from training.live.beats import DRUM_LANES
from training.live.codes import LEVEL_VELOCITY, LEVELS
from training.live.figures import FigureBook
from training.live.lanes import lane_pitches


class Rendering(nn.Module):
    """From codes to rolls; part of the exported graph.

    Args:
        books: By track; one that is missing keeps silent.
        tracks: The ensemble, in the order of the codes.
        figures: Values of each track's figure code.
    """

    def __init__(self, books: Mapping[str, FigureBook], tracks: Sequence[TrackSpec], figures: Sequence[int]) -> None:
        super().__init__()
        self.tracks = tuple(tracks)
        for track, size in zip(self.tracks, figures, strict=True):
            self.register_buffer(f"cells_{track.name}", _cells(books.get(track.name), size, track))
            self.register_buffer(f"pitches_{track.name}", _pitches(track))

    def forward(self, codes: Tensor, key: Tensor) -> Tensor:
        """Some beats, one after the other.

        Args:
            codes: (beats, codes), chords as they sound; none unknown.
            key: (beats,) the key in which the chords' own open degrees are taken.

        Returns:
            (tracks, 3, beats x 4, 128): onsets and held cells as -1 and 1, velocities / 127 where a note begins.
        """
        count = len(self.tracks)
        rolls = []
        for at, track in enumerate(self.tracks):
            # Tables with one axis to choose from: a graph of the fewest nodes.
            cells = torch.index_select(getattr(self, f"cells_{track.name}"), 0, codes[:, 1 + at])
            pitches = torch.index_select(getattr(self, f"pitches_{track.name}"), 0, codes[:, 0] * 12 + key)
            onto = (pitches[..., None] == torch.arange(128)).to(torch.float32)  # (beats, lanes, 128)
            sounding = torch.matmul(cells.to(torch.float32).flatten(1, 2), onto) > 0
            planes = sounding.reshape(-1, 2, STEPS_PER_BEAT, 128).transpose(0, 1).flatten(1, 2)
            level = codes[:, 1 + count + at].to(torch.float32) - LEVELS // 2
            velocity = torch.clamp((track.velocity + LEVEL_VELOCITY * level) / 127, 1 / 127, 1.0)
            loud = planes[0] * velocity.repeat_interleave(STEPS_PER_BEAT)[:, None]
            rolls.append(torch.stack([planes[0] * 2.0 - 1.0, planes[1] * 2.0 - 1.0, loud]))
        return torch.stack(rolls)


def _cells(book: FigureBook | None, size: int, track: TrackSpec) -> Tensor:
    """A book as a table of its full size: (size, 2, 4, lanes); what it lacks is silence."""
    table = torch.zeros(size, 2, STEPS_PER_BEAT, _pitches(track).shape[-1], dtype=torch.bool)
    if book is not None:
        table[: len(book)] = torch.from_numpy(book.cells)
    return table


def _pitches(track: TrackSpec) -> Tensor:
    """The pitch of each lane: (12 x chord + key, lanes)."""
    if track.is_drums:
        return torch.tensor(DRUM_LANES, dtype=torch.int32).repeat((CHORDS + 1) * 12, 1)
    return torch.from_numpy(lane_pitches(track).astype(np.int32)).flatten(0, 1)
