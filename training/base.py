"""What a run begins from, where not from nothing: another run's checkpoint, or the weights of an exported model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from torch import Tensor

from accompanist.config import TrainConfig
from accompanist.errors import ConfigError, DataError
from accompanist.runs.checkpoints import is_checkpoint
from training import bundle, checkpoint
from training.bundle import Bundle
from training.live import books
from training.live.trained import playing_in
from training.rundir import RunDir

INHERITED = {"musegan": ("model", "width", "planes", "noise"), "live": ("model", "width", "layers")}
"""Settings that make a network what it is: a run has them from what it begins from."""


def base_of(name: str, runs: Path) -> Bundle:
    """What is called so.

    Args:
        name: A run's folder, name or number, of which the best checkpoint is taken; a checkpoint's folder; or an
            exported model that was exported with its weights.
        runs: The folder of runs.

    Raises:
        DataError: there is nothing of that name, or it holds no weights to go on from.
        TrainingError: it is damaged.
    """
    if Path(name).suffix in (".onnx", bundle.SUFFIX):
        return bundle.read(Path(name))
    path = Path(name)
    info = checkpoint.found_in(path if is_checkpoint(path) else RunDir.find(name, runs).path)
    if info.config.model == "live":
        network = checkpoint.read_tensors(info.checkpoint, playing_in(info.checkpoint))
        return Bundle(info.checkpoint, info.config, {"network": network}, books.read(info.run))
    networks = {each: checkpoint.read_tensors(info.checkpoint, each) for each in ("generator", "critic")}
    return Bundle(info.checkpoint, info.config, networks, None)


def inherited(config: TrainConfig, typed: Mapping[str, Any], base: Bundle) -> TrainConfig:
    """A run's settings, with those that make the network taken from what it begins from.

    Args:
        config: As the settings file and the flags have it, not yet settled.
        typed: The flags that were typed.
        base: What it begins from.

    Raises:
        ConfigError: a flag asks for a network of another kind or size.
    """
    given = {name: getattr(base.config, name) for name in INHERITED[base.config.model]}
    for name, value in given.items():
        if typed.get(name, value) != value:
            raise ConfigError(
                f"--{name} is {typed[name]}, and {base.path} has {value}: what a run begins from has its size",
                hint=f"leave --{name} out, or train from nothing without --from",
            )
    return msgspec.structs.replace(config, **given, base=str(base.path.resolve()))


def fitting(base: Bundle, config: TrainConfig) -> dict[str, dict[str, Tensor]]:
    """The weights for a run that was begun with `inherited` settings.

    Raises:
        DataError: what it was to begin from is no longer what it was.
    """
    if {name: getattr(base.config, name) for name in INHERITED[config.model]} != {
        name: getattr(config, name) for name in INHERITED[config.model]
    }:
        raise DataError(
            f"{base.path} is no longer the network that this run was to begin from", hint="begin a new run: --from RUN"
        )
    return base.tensors
