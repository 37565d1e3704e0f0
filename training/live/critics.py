"""The critic of the live model: does an accompaniment, heard by itself, move as people's do?

It hears no melody: a critic that does learns pairs by heart (GAPT, arXiv 2511.17879). It reads what sounds, in two
streams: harmony (pitch classes, bass, where the chord changes) and texture (onsets and fullness of each track on each
step), and says of every beat how human the beats around it are.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.live.sounding import Sound

_KERNEL, _DILATIONS = 5, (1, 2, 4)


class StreamCritic(nn.Module):
    """Convolutions over beats, one stack a stream, joined at the end.

    Args:
        tracks: Of the ensemble.
        width: Channels.
    """

    def __init__(self, tracks: int, width: int = 64) -> None:
        super().__init__()
        self.harmony = _stack(12 + 12 + 12, width)
        self.texture = _stack(tracks * 8, width)
        self.out = nn.Sequential(nn.Conv1d(2 * width, width, 1), nn.LeakyReLU(0.2), nn.Conv1d(width, 2, 1))

    def forward(self, sound: Sound) -> Tensor:
        """(B, T, 2): how human harmony and texture are; above 0 rather human."""
        chroma = sound.chroma.to(torch.float32)
        fresh = chroma * (1 - functional.pad(chroma, (0, 0, 1, 0))[:, :-1])
        harmony = torch.cat([chroma, sound.bass.to(torch.float32), fresh], dim=-1)
        texture = torch.cat([sound.onsets, sound.held], dim=-1).flatten(2) / 2
        heard = [self.harmony(harmony.transpose(1, 2)), self.texture(texture.transpose(1, 2))]
        out: Tensor = self.out(torch.cat(heard, dim=1)).transpose(1, 2)
        return out


def _stack(channels: int, width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for dilation in _DILATIONS:
        conv = nn.Conv1d(channels, width, _KERNEL, padding=dilation * (_KERNEL // 2), dilation=dilation)
        layers += [nn.utils.parametrizations.spectral_norm(conv), nn.LeakyReLU(0.2)]
        channels = width
    return nn.Sequential(*layers)


def critic_loss(critic: StreamCritic, human: Sound, played: Sound) -> tuple[Tensor, Tensor]:
    """What the critic learns from, and how often it is right (0.5 knows nothing)."""
    real, fake = critic(human), critic(played)
    loss = functional.softplus(-real).mean() + functional.softplus(fake).mean()
    right = ((real > 0).to(torch.float32).mean() + (fake < 0).to(torch.float32).mean()) / 2
    return loss, right.detach()
