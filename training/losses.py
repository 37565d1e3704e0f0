"""The Wasserstein losses with gradient penalty (Gulrajani et al. 2017, Improved Training of Wasserstein GANs)."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from training import ranks

Tracks = Float[Tensor, "b channels steps 128"]
Melody = Float[Tensor, "b planes steps 128"]


@runtime_checkable  # for the tests, which check what is handed over
class Critic(Protocol):
    """See `training.critics`."""

    def __call__(self, tracks: Tensor, melody: Tensor, /) -> Tensor:
        """Scores of windows."""

    def slope(self, tracks: Tensor, melody: Tensor, /) -> Tensor:
        """How each score changes with every cell of its tracks."""


class CriticLoss(NamedTuple):
    """What the critic minimises, and its parts.

    Args:
        total: `wasserstein` + weight x `penalty`.
        wasserstein: Mean score of fakes minus mean score of real windows; minus the estimated distance.
        penalty: Mean squared distance of the gradient's norm from 1.
    """

    total: Tensor
    wasserstein: Tensor
    penalty: Tensor


def gradient_penalty(
    critic: Critic, real: Tracks, fake: Tracks, melody: Melody, *, generator: torch.Generator | None = None
) -> Float[Tensor, ""]:
    """How far the critic's slope is from 1 between real and generated windows (algorithm 1 of the paper).

    Args:
        critic: The critic.
        real: (B, tracks x planes, steps, 128).
        fake: Same shape, detached.
        melody: (B, planes, steps, 128), the condition of both.
        generator: Source of the random points between; the global one where None.
    """
    share = torch.rand(real.shape[0] * ranks.count(), 1, 1, 1, generator=generator)
    share = share[ranks.own(len(share))].to(real)
    slope = critic.slope(torch.lerp(fake, real, share), melody)
    # The tiny constant keeps the gradient of the norm finite where the slope is exactly zero.
    norm = (slope.to(real).flatten(1).square().sum(dim=1) + 1e-12).sqrt()
    return (norm - 1).square().mean()


def critic_loss(
    critic: Critic,
    real: Tracks,
    fake: Tracks,
    melody: Melody,
    *,
    weight: float,
    generator: torch.Generator | None = None,
) -> CriticLoss:
    """Score real windows above generated ones, with a slope of about 1 between them.

    Args:
        critic: The critic.
        real: (B, tracks x planes, steps, 128), -1 or 1.
        fake: Same shape, from the generator; its gradient is not followed.
        melody: (B, planes, steps, 128).
        weight: Of the gradient penalty (lambda).
        generator: Source of the random points between.
    """
    fake = fake.detach().to(real)
    scores = critic(torch.cat([fake, real]), torch.cat([melody, melody])).view(2, -1).mean(dim=1)
    wasserstein = scores[0] - scores[1]
    penalty = gradient_penalty(critic, real, fake, melody, generator=generator)
    return CriticLoss(wasserstein + weight * penalty, wasserstein, penalty)


def generator_loss(critic: Critic, fake: Tracks, melody: Melody) -> Float[Tensor, ""]:
    """What the generator minimises: minus the critic's mean score of what it made."""
    return -critic(fake, melody).mean()
