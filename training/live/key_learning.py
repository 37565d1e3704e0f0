"""What the key finder learns from: songs whose key is known from what was played, and that turn to another."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.live.batches import Stretch, melody_of
from training.live.codes import UNKNOWN
from training.live.key import KEYS, KeyFinder

TURNS = 0.35
"""Stretches that turn to another key somewhere."""
SETTLED_BEATS = 16
"""So far from either end of the stretch, at least."""
FORESIGHT = 0.25
"""Of the updates, those in which the whole melody is known; a song that turns has no one key then, so none does."""


def key_loss(finder: KeyFinder, stretch: Stretch, draws: np.random.Generator) -> Tensor:
    """What the keys of some stretches cost the finder, in nats; 0 where nobody knows any of them."""
    foresight = bool(draws.random() < FORESIGHT)
    turned, key = (stretch, stretch.key) if foresight else turning(stretch, draws)
    device = finder.turns.device
    melody = melody_of(turned, device)
    logits = finder.logits_heard(melody, missing_steps=int(draws.integers(0, 2)), foresight=foresight)
    heard = ((melody.pitch >= 0) & melody.known).any(dim=-1).cumsum(dim=1) > 0
    known = heard & (stretch.codes[..., 0] != UNKNOWN).to(device)
    cost = functional.cross_entropy(logits.flatten(0, 1), key.to(device).flatten(), reduction="none")
    return (cost * known.flatten()).sum() / known.sum().clamp(min=1)


def turning(stretch: Stretch, draws: np.random.Generator) -> tuple[Stretch, Tensor]:
    """The same, some of them by up to six semitones higher or lower from some beat on; and their keys (B, T)."""
    pitch, key = stretch.pitch.clone(), stretch.key.clone()
    count, length = key.shape
    if length > 2 * SETTLED_BEATS:
        for row in np.flatnonzero(draws.random(count) < TURNS).tolist():
            at = int(draws.integers(SETTLED_BEATS, length - SETTLED_BEATS))
            by = int(draws.integers(1, KEYS))
            moved = pitch[row, at:] + (by if by <= KEYS // 2 else by - KEYS)
            pitch[row, at:] = torch.where(pitch[row, at:] >= 0, moved, -1)
            key[row, at:] = (key[row, at:] + by) % KEYS
    return stretch._replace(pitch=pitch), key
