"""The Wasserstein losses with gradient penalty (Gulrajani et al. 2017, Improved Training of Wasserstein GANs)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from training.critics import ConvCritic


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
    critic: ConvCritic, real: Tensor, fake: Tensor, melody: Tensor, *, generator: torch.Generator | None = None
) -> Tensor:
    """How far the critic's slope is from 1 between real and generated windows (algorithm 1 of the paper).

    Args:
        critic: The critic.
        real: (B, tracks x planes, steps, 128).
        fake: Same shape, detached.
        melody: (B, planes, steps, 128), the condition of both.
        generator: Source of the random points between; the global one where None.
    """
    share = torch.rand(real.shape[0], 1, 1, 1, generator=generator).to(real.device)
    between = torch.lerp(fake, real, share).requires_grad_()
    (slope,) = torch.autograd.grad(critic(between, melody).sum(), between, create_graph=True)
    # The tiny constant keeps the gradient of the norm finite where the slope is exactly zero.
    norm = (slope.flatten(1).square().sum(dim=1) + 1e-12).sqrt()
    return (norm - 1).square().mean()


def critic_loss(
    critic: ConvCritic,
    real: Tensor,
    fake: Tensor,
    melody: Tensor,
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
    fake = fake.detach()
    wasserstein = critic(fake, melody).mean() - critic(real, melody).mean()
    penalty = gradient_penalty(critic, real, fake, melody, generator=generator)
    return CriticLoss(wasserstein + weight * penalty, wasserstein, penalty)


def generator_loss(critic: ConvCritic, fake: Tensor, melody: Tensor) -> Tensor:
    """What the generator minimises: minus the critic's mean score of what it made."""
    loss: Tensor = -critic(fake, melody).mean()
    return loss
