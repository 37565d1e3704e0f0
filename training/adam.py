"""Adam's moments as tensors with names, for checkpoints."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def moments(network: nn.Module, adam: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An optimizer's state, by parameter and kind."""
    return {
        f"{name}/{kind}": value
        for name, parameter in network.named_parameters()
        for kind, value in adam.state[parameter].items()
    }


def restore_moments(network: nn.Module, adam: torch.optim.Optimizer, found: dict[str, Tensor]) -> None:
    """Go back to what `moments` gave."""
    parameters = dict(network.named_parameters())
    names = {parameter: name for name, parameter in parameters.items()}
    # An optimizer counts its parameters group by group.
    order = [names[parameter] for group in adam.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for number, name in enumerate(order):
        mine = {key.rpartition("/")[2]: value for key, value in found.items() if key.rpartition("/")[0] == name}
        # Adam goes through memory cell by cell: a moment has to lie there as its weight does.
        like = parameters[name]
        for kind, value in mine.items():
            if value.shape == like.shape:
                mine[kind] = torch.empty_like(like, dtype=value.dtype).copy_(value)
        if mine:
            state[number] = mine
    adam.load_state_dict({"state": state, "param_groups": adam.state_dict()["param_groups"]})
