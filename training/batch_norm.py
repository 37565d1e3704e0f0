"""Batch norm over the whole batch, also where each of several processes holds a share of it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from training import ranks


class BatchNorm(nn.BatchNorm2d):
    """`torch.nn.BatchNorm2d`, which it is in a single process; in several the statistics are those of all rows.

    Torch's own SyncBatchNorm does the same on CUDA alone. Each process must hold equally many rows.
    """

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Normalise each channel by the mean and variance of the batch, or by the running ones in evaluation."""
        if ranks.count() == 1 or not self.training:
            return super().forward(x)
        # Variance around each process's own mean, then that of the means: exact where E[x^2] - E[x]^2 cancels.
        variance, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0)
        means, variances = ranks.gathered(torch.stack([mean, variance])).unbind(dim=1)
        mean = means.mean(dim=0)
        variance = variances.mean(dim=0) + (means - mean).square().mean(dim=0)
        self._remember(mean.detach(), variance.detach(), ranks.count() * x.numel() // x.shape[1])
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return x * scale[:, None, None] + (self.bias - mean * scale)[:, None, None]

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, cells: int) -> None:
        """Follow the statistics with the running ones; their variance is that of the population."""
        assert self.running_mean is not None  # noqa: S101 (for the type checker: torch's class may be without them)
        assert self.running_var is not None  # noqa: S101
        assert self.num_batches_tracked is not None  # noqa: S101
        self.running_mean.lerp_(mean, self.momentum or 0.0)
        self.running_var.lerp_(variance * cells / (cells - 1), self.momentum or 0.0)
        self.num_batches_tracked += 1
