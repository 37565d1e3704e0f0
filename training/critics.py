"""Critics: how real does this accompaniment sound beside this melody?"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from training.generators import DOWNSCALE, KERNEL, LEAK


class ConvCritic(nn.Module):
    """The classic critic: four stride-2 convolutions over tracks and melody, no batch norm, one number.

    No batch norm, since the gradient penalty constrains the gradient for each input alone (Gulrajani et al. 2017,
    section 4). With its published sizes (4 tracks, 1 plane, width 64) it has 2,766,785 parameters.

    Args:
        tracks: Accompaniment tracks.
        planes: 1 (held) or 2 (onset, held).
        width: Channels of the first layer; each layer doubles them.
        steps: Steps of the window.
    """

    def __init__(self, *, tracks: int = 4, planes: int = 1, width: int = 64, steps: int = 32) -> None:
        super().__init__()
        channels = [(tracks + 1) * planes, width, 2 * width, 4 * width, 8 * width]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, KERNEL, stride=2, padding=1) for a, b in pairwise(channels))
        self.score = nn.Linear(8 * width * (steps // DOWNSCALE) * (128 // DOWNSCALE), 1)

    def forward(
        self, tracks: Float[Tensor, "b channels steps 128"], melody: Float[Tensor, "b planes steps 128"]
    ) -> Float[Tensor, " b"]:
        """Score windows; higher is more like the data.

        Args:
            tracks: (B, tracks x planes, steps, 128), -1 to 1.
            melody: (B, planes, steps, 128), -1 or 1.

        Returns:
            (B,), unbounded.
        """
        x = torch.cat([tracks, melody], dim=1)
        for conv in self.convs:
            x = functional.leaky_relu(conv(x), LEAK)
        score: Tensor = self.score(x.flatten(1))
        return score.squeeze(1).to(self.score.weight)  # losses are no less precise than weights, whatever computed them

    def slope(
        self, tracks: Float[Tensor, "b channels steps 128"], melody: Float[Tensor, "b planes steps 128"]
    ) -> Float[Tensor, "b channels steps 128"]:
        """How each score changes with every cell of its tracks; it can be learnt from as any other result.

        What autograd finds when it differentiates `forward` with a graph. A convolution's slope is its transpose, and
        that of a leaky ReLU is 1 or the leak, whatever the weights: written out, the penalty's gradient needs one
        ordinary pass back, and none through `forward`, where all of it is zero.

        Args:
            tracks: (B, tracks x planes, steps, 128), -1 to 1.
            melody: (B, planes, steps, 128), -1 or 1.
        """
        slopes = []
        with torch.no_grad():
            x = torch.cat([tracks, melody], dim=1)
            for conv in self.convs:
                x = conv(x)
                slopes.append(torch.full_like(x, LEAK).masked_fill_(x > 0, 1.0))
                x *= slopes[-1]
        out = self.score.weight.view(1, *x.shape[1:])
        for conv, slope in zip(reversed(self.convs), reversed(slopes), strict=True):
            weight = cast("nn.Conv2d", conv).weight
            if conv is self.convs[0]:
                weight = weight[:, : tracks.shape[1]]  # the melody is given: nobody asks for its slope
            out = functional.conv_transpose2d(out * slope, weight, stride=2, padding=1)
        return out
