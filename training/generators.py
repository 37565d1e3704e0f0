"""Generators: from a melody window and noise to the rolls of all tracks in one shot.

`UNetGenerator` is the classic recipe: Dong et al., MuseGAN (AAAI 2018), in the conditional U-Net form published with
AWS DeepComposer (2020), layer for layer.
"""

from __future__ import annotations

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from training.batch_norm import BatchNorm

KERNEL = 4
LEAK = 0.2
NORM_MOMENTUM = 0.2
"""Weight of the newest batch in the running statistics (0.8 in the convention that weighs the old ones)."""
LEVELS = 4
DOWNSCALE = 2**LEVELS


class _Down(nn.Module):
    """One level down: half the steps, half the pitches."""

    def __init__(self, channels_in: int, channels_out: int, *, norm: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, KERNEL, stride=2, padding=1)
        self.norm = BatchNorm(channels_out, momentum=NORM_MOMENTUM, eps=1e-3) if norm else nn.Identity()

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        out: Tensor = self.norm(functional.leaky_relu(self.conv(x), LEAK))
        return out


class UpConv(nn.Module):
    """Doubling by repetition, then a 4 x 4 convolution (padding 1 before, 2 after), computed without the doubling.

    Repetition is zeros in between, then sums of 2 x 2 neighbours; sums and convolution may change places, and a
    convolution with zeros in between is a transposed one of stride 2. The result is the same to rounding, at a quarter
    of the multiplications.

    Args:
        channels_in: Input channels.
        channels_out: Output channels.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        like = nn.Conv2d(channels_in, channels_out, KERNEL)  # its initialisation, its parameter shapes
        self.weight = like.weight
        self.bias = cast("nn.Parameter", like.bias)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o 2*h 2*w"]:
        """(B, channels_in, H, W) to (B, channels_out, 2 H, 2 W)."""
        kernel = self.weight.transpose(0, 1).flip(2, 3)
        apart = functional.conv_transpose2d(x, kernel, stride=2, padding=1, output_padding=1)
        rows = apart[..., :-1, :] + apart[..., 1:, :]
        out: Tensor = rows[..., :-1] + rows[..., 1:] + self.bias.view(-1, 1, 1)
        return out


class _Up(nn.Module):
    """One level up, joined with what was seen on the way down."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = UpConv(channels_in, channels_out)
        self.norm = BatchNorm(channels_out, momentum=NORM_MOMENTUM, eps=1e-3)

    def forward(
        self, x: Float[Tensor, "b i h w"], beside: Float[Tensor, "b s 2*h 2*w"]
    ) -> Float[Tensor, "b o 2*h 2*w"]:
        return torch.cat([functional.relu(self.norm(self.conv(x))), beside], dim=1)


class UNetGenerator(nn.Module):
    """The classic U-Net: four stride-2 levels, noise joined at the bottleneck, tanh out.

    With its published sizes (4 tracks, 1 plane, width 64) it has 8,273,540 parameters, batch-norm statistics included.

    Args:
        tracks: Accompaniment tracks.
        planes: 1 (held) or 2 (onset, held), of the melody in and of each track out.
        width: Channels of the first level; each level doubles them.
        steps: Steps of the window.
        noise: Standard deviation of the noise at the bottleneck, made of the standard normal noise it is given.
    """

    def __init__(
        self, *, tracks: int = 4, planes: int = 1, width: int = 64, steps: int = 32, noise: float = 1.0
    ) -> None:
        super().__init__()
        self.noise = noise
        self.noise_shape = (8 * width, steps // DOWNSCALE, 128 // DOWNSCALE)
        self.down1 = _Down(planes, width, norm=False)
        self.down2 = _Down(width, 2 * width, norm=True)
        self.down3 = _Down(2 * width, 4 * width, norm=True)
        self.down4 = _Down(4 * width, 8 * width, norm=True)
        self.up3 = _Up(16 * width, 4 * width)
        self.up2 = _Up(8 * width, 2 * width)
        self.up1 = _Up(4 * width, width)
        self.out = UpConv(2 * width, tracks * planes)

    def forward(
        self, melody: Float[Tensor, "b planes steps 128"], noise: Float[Tensor, "b noise low_steps low_pitches"]
    ) -> Float[Tensor, "b channels steps 128"]:
        """All tracks at once.

        Args:
            melody: (B, planes, steps, 128), -1 or 1.
            noise: (B, *noise_shape), standard normal.

        Returns:
            (B, tracks x planes, steps, 128) in -1 to 1; a note where above 0.
        """
        level1 = self.down1(melody)
        level2 = self.down2(level1)
        level3 = self.down3(level2)
        spread = noise if self.noise == 1 else noise * self.noise
        bottom = torch.cat([self.down4(level3), spread], dim=1)
        up = self.up1(self.up2(self.up3(bottom, level3), level2), level1)
        return torch.tanh(self.out(up))
