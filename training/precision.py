"""How precisely networks compute while they learn: in float32, or for the most part in bfloat16.

Measured, not guessed: see the table in `docs/training-at-scale.md`.
"""

from __future__ import annotations

import torch

from accompanist.config import TrainConfig


def computing(config: TrainConfig, device: torch.device) -> torch.autocast:
    """A context to compute losses in; weights, gradients and Adam's moments are float32 in either.

    Args:
        config: `precision`; auto is bfloat16 for the live model on CUDA, else float32.
        device: Where.
    """
    auto = config.model == "live" and device.type == "cuda"
    return torch.autocast(
        device.type, torch.bfloat16, enabled=config.precision == "bf16" or (config.precision == "auto" and auto)
    )
