"""Begin a run, or go on with one."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import torch

from accompanist.config import DataConfig, TrainConfig
from accompanist.errors import ConfigError, TrainingError
from accompanist.music.spec import ModelSpec
from training import checkpoint
from training.catalog import SPLITS, Splits
from training.generators import UNetGenerator
from training.loop import Loop, Progress
from training.record import Record
from training.rundir import RunDir
from training.samples import Sampler
from training.step import ClassicStep
from training.windows import WindowSet

Clock = Callable[[], float]
Show = Callable[[Progress], None]
CHANGEABLE = ("epochs", "device", "threads")
"""Settings that a resumed run may change; any other would make it another run."""


def begin(config: TrainConfig, data: DataConfig, splits: Splits) -> RunDir:
    """Make a new run's folder.

    Raises:
        StorageError: it cannot be written.
    """
    steps = splits.train.window_steps
    with torch.device("meta"):  # its shapes, without its weights
        generator = UNetGenerator(
            tracks=len(splits.train.tracks), planes=config.planes, width=config.width, steps=steps
        )
    spec = ModelSpec(
        kind=config.model,
        tracks=splits.train.tracks,
        planes=config.planes,
        context_steps=steps,
        plan_steps=steps,
        lag_steps=steps,
        noise_shape=generator.noise_shape,
        licences=splits.licences,
    )
    return RunDir.create(config, data, spec, facts_of(config, splits))


def changed(run: RunDir, flags: dict[str, Any]) -> TrainConfig:
    """A run's settings with those few flags laid over them that a resumed run may change.

    Args:
        run: The run.
        flags: Settings given anew, by name.

    Raises:
        ConfigError: a flag would make it another run.
    """
    config = run.config().train
    fixed = [name for name, value in flags.items() if name not in CHANGEABLE and value != getattr(config, name)]
    if fixed:
        flag = "--" + fixed[0].replace("_", "-")
        raise ConfigError(
            f"{flag} cannot change in a run that has begun: it is {getattr(config, fixed[0])!r} in {run.path}",
            hint=f"leave {flag} out, or begin a new run without --resume",
        )
    return msgspec.structs.replace(config, **{name: flags[name] for name in CHANGEABLE if name in flags})


@contextmanager
def opened(
    run: RunDir, config: TrainConfig, splits: Splits, show: Show, clock: Clock = time.monotonic
) -> Iterator[Loop]:
    """The loop of a run, ready to train: from its newest checkpoint where there is one, else from the start.

    Args:
        run: Its folder.
        config: Its settings.
        splits: Its data.
        show: Called about once a second.
        clock: Seconds, monotonic.

    Raises:
        ConfigError: the device is not there.
        TrainingError: the data are not those it began with, or its files are damaged or in use.
    """
    _check_same_music(run, splits)
    step = ClassicStep(config, len(splits.train.tracks), device_of(config))
    newest = checkpoint.all_in(run.checkpoints)[-1:]
    state = checkpoint.read_state(newest[0]) if newest else None
    if state:
        step.restore({name: checkpoint.read_tensors(newest[0], name) for name in step.tensors()})
    with Record(run.record, state.record_bytes if state else 0) as record:
        run.write_origin(state.step if state else 0)
        unseen = splits.validation if len(splits.validation) else splits.train
        sampler = Sampler(run.samples, unseen, config.seed)
        yield Loop(
            run,
            config,
            step=step,
            windows=splits.train,
            record=record,
            sampler=sampler,
            show=show,
            clock=clock,
            state=state,
        )


def device_of(config: TrainConfig) -> torch.device:
    """Where to compute.

    Raises:
        ConfigError: CUDA is asked for and not there.
    """
    there = torch.cuda.is_available()
    if config.device == "cuda" and not there:
        raise ConfigError("there is no CUDA device that torch can use", hint="choose --device cpu, or --device auto")
    if config.device == "cpu" or not there:
        return torch.device("cpu")
    torch.backends.cudnn.benchmark = True  # shapes never change, so the fastest kernels are worth looking for
    return torch.device("cuda")


def facts_of(config: TrainConfig, splits: Splits) -> dict[str, Any]:
    """What a run is trained on, for `data.json`."""
    sizes: dict[str, WindowSet] = {name: getattr(splits, name) for name in SPLITS}
    return {
        "sources": list(config.data),
        "tags": list(config.tag),
        "licences": list(splits.licences),
        "windows": {name: len(part) for name, part in sizes.items()},
        "songs": {name: sorted(song.label for song in splits.songs if song.split == name) for name in SPLITS},
        "left_out": len(splits.left_out),
        "digest": _digest(splits.train),
    }


def _digest(windows: WindowSet) -> str:
    """Of everything the critic will see."""
    digest = hashlib.blake2b(windows.rolls.tobytes(), digest_size=16)
    digest.update(windows.start_of.astype("<i8").tobytes())
    return digest.hexdigest()


def _check_same_music(run: RunDir, splits: Splits) -> None:
    facts = run.facts()
    if facts.get("digest") == _digest(splits.train):
        return
    before, now = facts.get("windows", {}).get("train"), len(splits.train)
    raise TrainingError(
        f"the music is no longer what {run.path} began with: {before} training windows then, {now} now"
        + ("" if before != now else ", of other notes"),
        hint="put the sources back as they were (accompanist data list), or begin a new run",
    )
