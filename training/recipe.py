"""What a recipe is to the rest of training, and the settings that each recipe has values of its own for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
import torch
from torch import Tensor

from accompanist.config import TrainConfig
from accompanist.errors import ConfigError
from accompanist.music.spec import ModelSpec
from accompanist.runs import stopping

OWN: dict[str, dict[str, Any]] = {
    "musegan": {"data": ("chorales",), "epochs": 20, "batch": 64, "width": 64},
    "live": {
        "data": ("pop909", "groove", "freedoom", "openewld", "openhymnal"),
        "epochs": 40,
        "batch": 16,
        "width": 192,
    },
}
"""By recipe: what a setting stands for that is left at 0, or empty."""
HEAD_WIDTH = 32
"""Width of an attention head of the live model."""
_NARROWEST, _WIDEST = 4, 256


class Step(Protocol):
    """One step of training: *what* it does. The loop decides when."""

    extent: int
    """How much there is to learn from in one epoch: windows, or beats."""
    per_step: int
    """How much of it one step sees."""
    epochs: int
    """How many there are, in all."""

    def update(self, step: int) -> dict[str, Tensor | float]:
        """Learn once.

        Args:
            step: Steps done before; all chance follows from it and the run's seed.

        Returns:
            What was measured, by name: numbers still on their device, or what the step itself knows, such as its
            rates. A phase of training has names of its own.
        """

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """All that training changes, by file and name."""

    def restore(self, tensors: dict[str, dict[str, Tensor]]) -> None:
        """Go back to what `tensors` gave."""

    def begin_from(self, tensors: dict[str, dict[str, Tensor]]) -> None:
        """Take over what other networks of this size have learnt: see `training.base`."""


class Seen(NamedTuple):
    """The model at an epoch's end.

    Args:
        metrics: By name, `similarity_index` among them.
        distances: What the index is the mean of: see `training.similarity`.
    """

    metrics: dict[str, float]
    distances: dict[str, float]


class Sampler(Protocol):
    """Whatever looks at the model at an epoch's end."""

    data: dict[str, float]
    """The metrics of the data itself."""

    def __call__(self, epoch: int) -> Seen:
        """Write the samples of an epoch; return its metrics."""


class Recipe(Protocol):
    """A way to train a model, with the music it learns from."""

    facts: dict[str, Any]
    """What it learns from, for `data.json`; its `digest` tells one music from another."""
    summary: str
    """The same in a line, for the eye."""

    def spec(self, config: TrainConfig) -> ModelSpec:
        """What the model will need to be played."""

    def files(self) -> dict[str, bytes]:
        """What else the run's folder must hold, by name."""

    def step(self, config: TrainConfig, device: torch.device) -> Step:
        """The networks, fresh, and what one step does to them."""

    def sampler(self, step: Any, folder: Path, seed: int) -> Sampler:
        """What looks at the networks of such a step.

        Args:
            step: Made by `step`.
            folder: The run's `samples`.
            seed: The run's.
        """


def settled(config: TrainConfig) -> TrainConfig:
    """Settings in full: what was left at 0, or empty, is the recipe's own.

    Raises:
        ConfigError: the recipe cannot have that width, or a rule of `stop` is none.
    """
    full = msgspec.structs.replace(
        config, **{name: getattr(config, name) or value for name, value in OWN[config.model].items()}
    )
    stopping.parse(config.stop)
    if config.model == "live" and full.width % HEAD_WIDTH:
        raise ConfigError(
            f"--width is {full.width}; the live model accepts a multiple of {HEAD_WIDTH}",
            hint="for instance --width 192",
        )
    if config.model == "musegan" and not _NARROWEST <= full.width <= _WIDEST:
        raise ConfigError(
            f"--width is {full.width}; the classic recipe accepts {_NARROWEST} to {_WIDEST}",
            hint=f"leave --width out for its own {OWN['musegan']['width']}",
        )
    return full
