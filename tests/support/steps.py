"""A few tiny steps of each recipe, told in numbers: run as a program by processes that train together."""

from __future__ import annotations

import json
import sys

import msgspec
import torch

from support.live_runs import TINY_LIVE, corpus
from support.runs import TINY, splits
from training import ranks
from training.classic import ClassicTraining
from training.live.recipe import LiveTraining
from training.step import ClassicStep

CPU = torch.device("cpu")


def classic() -> dict[str, list[float]]:
    """Three steps of musegan: what each told, and the statistics that batch norm remembers."""
    networks = ClassicStep(TINY, len(splits().train.tracks), CPU)
    # Adam makes a whole step of what is zero but for rounding: in float64 that lies far below its epsilon.
    networks.generator.double()
    networks.critic.double()
    rolls = networks.values
    networks.values = lambda *boolean: tuple(values.double() for values in rolls(*boolean))  # type: ignore[assignment, method-assign, return-value]
    training = ClassicTraining(TINY, networks, splits().train)
    found = {f"step {step}": _numbers(training.update(step)) for step in range(3)}
    for name, value in networks.generator.state_dict().items():
        if "down" in name and "running" in name:
            found[name] = value.tolist()
    return found


def live() -> dict[str, list[float]]:
    """Two steps of each phase of the live model, nothing dropping out."""
    config = msgspec.structs.replace(TINY_LIVE, batch=5, epochs=2, adversarial_epochs=2)
    training = LiveTraining(config, corpus(), CPU)
    for module in training.network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    steps = (0, 1, training.steps, training.steps + 1)
    return {f"step {step}": _numbers(training.update(step)) for step in steps}


def _numbers(told: dict[str, torch.Tensor | float]) -> list[float]:
    return [float(value) for value in told.values()]


if __name__ == "__main__":
    torch.set_num_threads(1)
    with ranks.joined():
        said = {"classic": classic(), "live": live()}
        if ranks.number() == 0:
            sys.stdout.write(json.dumps(said))
