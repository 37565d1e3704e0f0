"""What the network thinks of music that was played: the first phase of its training."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from training import ranks
from training.live.batches import Reading
from training.live.codes import Layout
from training.live.network import Heard, LiveNetwork, Setting, causal_mask

HARMONY, BASS, FIGURE, LEVEL = 1.0, 0.6, 0.5, 0.1
"""How much a code counts in the loss: the harmony decides what all others may be, the loudness hardly matters."""


def code_weights(layout: Layout) -> tuple[float, ...]:
    """The weight of each code in the loss."""
    figures = [BASS if track == "bass" else FIGURE for track in layout.tracks]
    return (HARMONY, *figures, *(LEVEL for _ in layout.tracks))


def logits_of(
    network: LiveNetwork, heard: Heard, setting: Setting, *, said: Tensor, given: Tensor, codes: Tensor
) -> list[Tensor]:
    """What the network would say in every beat of some songs, were all before it as it was.

    Args:
        network: The network.
        heard: Of the melody.
        setting: Place, meter, style, key.
        said: (B, T, codes) of the beat before, chords moved with the key; -1 where hidden.
        given: (B, T, codes) of the beat itself, -1 for the model's to choose.
        codes: (B, T, codes) of the beat itself; -1 where nobody knows.

    Returns:
        For each code (B, T, its size).
    """
    mask = causal_mask(codes.shape[1], codes.device)
    state, _ = network.read(network.tokens(heard, said, given, setting), mask)
    return network.logits(state, codes, setting.key)


def losses(network: LiveNetwork, reading: Reading) -> Tensor:
    """(codes,) mean surprise of each code in nats; 0 for one that nobody plays here."""
    codes = torch.where(reading.target < 0, reading.given, reading.target)
    logits = logits_of(network, reading.heard, reading.setting, said=reading.said, given=reading.given, codes=codes)
    found, known = [], []
    for code, part in enumerate(logits):
        target = reading.target[..., code].flatten()
        total = functional.cross_entropy(part.flatten(0, 1), target, ignore_index=-1, reduction="sum")
        known.append((target >= 0).sum())
        found.append(total)
    # By the number that all processes know together: a share in which nobody plays the drums says nothing of them.
    return torch.stack(found) / ranks.mean(torch.stack(known)).clamp(min=1 / ranks.count())
