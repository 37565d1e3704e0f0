"""Begin a run, or go on with one."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import torch

from accompanist.config import DataConfig, TrainConfig
from accompanist.errors import AccompanistError, ConfigError, StorageError, TrainingError
from accompanist.runs import checkpoints
from accompanist.runs.checkpoints import State
from accompanist.runs.status import Outcome
from training import checkpoint, following, ranks
from training.base import base_of, fitting
from training.explain import flag_of
from training.loop import Loop
from training.plan import Progress
from training.recipe import Recipe
from training.record import Record
from training.rundir import RunDir

if TYPE_CHECKING:  # TensorBoard is an extra's
    from training.board import Board

Clock = Callable[[], float]
Show = Callable[[Progress], None]
CHANGEABLE = (
    "epochs", "adversarial_epochs", "stop", "tensorboard", "device", "threads", "precision", "keep", "best_by",
)  # fmt: skip
"""Settings that a resumed run may change; any other would make it another run."""


def begin(
    config: TrainConfig, data: DataConfig, recipe: Recipe, files: Mapping[str, bytes] = MappingProxyType({})
) -> RunDir:
    """Make a new run's folder, with what else belongs into it, by name.

    Raises:
        StorageError: it cannot be written.
    """
    return RunDir.create(config, data, recipe.spec(config), recipe.facts, {**recipe.files(), **files})


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
        flag = flag_of(fixed[0])
        raise ConfigError(
            f"{flag} cannot change in a run that has begun: it is {getattr(config, fixed[0])!r} in {run.path}",
            hint=f"leave {flag} out, or begin a new run without --resume",
        )
    newest = checkpoints.all_in(run.checkpoints)[-1:]
    longer = flags.get("epochs", config.epochs) != config.epochs
    if longer and config.model == "live" and newest and "first" in checkpoint.names_in(newest[0]):
        raise ConfigError(
            f"--epochs cannot change any more: {run.path} is in its adversarial phase, which comes after them",
            hint="raise --adversarial-epochs, or begin a new run without --resume",
        )
    return msgspec.structs.replace(config, **{name: flags[name] for name in CHANGEABLE if name in flags})


@contextmanager
def opened(
    run: RunDir,
    config: TrainConfig,
    recipe: Recipe,
    show: Show,
    clock: Clock = time.monotonic,
    *,
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[Loop]:
    """The loop of a run, ready to train: from its newest checkpoint where there is one, else from the start.

    Args:
        run: Its folder.
        config: Its settings.
        recipe: How it is trained, with its music.
        show: Called about once a second.
        clock: Seconds, monotonic.
        tell: Told in a sentence of a checkpoint that is damaged.

    Raises:
        ConfigError: the device is not there.
        TrainingError: the data are not those it began with, or its files are damaged or in use.
    """
    _check_same_music(run, recipe)
    step = recipe.step(config, device_of(config))
    newest = checkpoint.newest_whole(run.checkpoints, step.tensors(), tell)
    state = newest[0] if newest else None
    if newest:
        step.restore(newest[1])
    elif config.base:
        step.begin_from(fitting(base_of(config.base, Path(config.runs)), config))
    following.tell_state(step, state.step if state else 0)
    with ExitStack() as open_files:
        record = open_files.enter_context(Record(run.record, state.record_bytes if state else 0))
        board = open_files.enter_context(_board(run, state)) if config.tensorboard else None
        run.write_origin(state.step if state else 0)
        run.forget_outcome()
        sampler = recipe.sampler(step, run.samples, config.seed)
        loop = Loop(
            run,
            config,
            step=step,
            record=record,
            sampler=sampler,
            show=show,
            clock=clock,
            state=state,
            board=board,
        )
        with _outcome_of(run, loop):
            yield loop


def _board(run: RunDir, state: State | None) -> Board:
    """What writes for TensorBoard; loaded where it is wanted, for its package is an extra's."""
    board = importlib.import_module("training.board")
    made: Board = board.Board(run.path / board.FOLDER, state.step + 1 if state else 0)
    return made


@contextmanager
def _outcome_of(run: RunDir, loop: Loop) -> Iterator[None]:
    """Write down how a session ends, for whoever looks at the run later; a kill alone leaves no word."""
    try:
        yield
    except BaseException as error:
        known = error if isinstance(error, AccompanistError) else None
        told = known.message if known else f"{type(error).__name__}: {error}".removesuffix(": ")
        ended: Literal["stopped", "failed"] = "stopped" if isinstance(error, KeyboardInterrupt) else "failed"
        with suppress(StorageError):  # on a full disk, where the error itself says more
            run.write_outcome(Outcome(state=ended, step=loop.done, reason=told, hint=known.hint if known else ""))
        raise
    if loop.ended_by:
        run.write_outcome(Outcome(state="finished", step=loop.done, reason=f"ended by --stop {loop.ended_by.text}"))
    elif loop.done < loop.plan.steps:
        run.write_outcome(Outcome(state="stopped", step=loop.done, hint=f"accompanist train --resume {run.path}"))
    else:
        run.write_outcome(Outcome(state="finished", step=loop.done))


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
    torch.cuda.set_device(ranks.number_here() % torch.cuda.device_count())
    return torch.device("cuda", torch.cuda.current_device())


def _check_same_music(run: RunDir, recipe: Recipe) -> None:
    facts = run.facts()
    if facts.get("digest") == recipe.facts["digest"]:
        return
    unit = "windows" if "windows" in recipe.facts else "beats"
    before, now = facts.get(unit, {}).get("train"), recipe.facts[unit]["train"]
    raise TrainingError(
        f"the music is no longer what {run.path} began with: {before} training {unit} then, {now} now"
        + ("" if before != now else ", of other notes"),
        hint="put the sources back as they were (accompanist data list), or begin a new run",
    )
