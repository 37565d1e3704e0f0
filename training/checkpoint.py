"""Checkpoints: a folder each, of safetensors files and a JSON state, whole or absent, never a pickle.

    checkpoints/step-00001234/generator.safetensors         weights and batch-norm statistics
                              critic.safetensors
                              generator-adam.safetensors    Adam's moments
                              critic-adam.safetensors
                              network.safetensors           of a live run, with network-adam, in place of all these;
                                                            in its adversarial phase also critic, critic-adam, first
                              state.json                    step, length of the record, metrics

Kept are the newest (`train.keep`) and the best one (`train.best_by`; where not set, the one nearest to the data by the
similarity index).
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec
from safetensors import SafetensorError
from safetensors.torch import load
from safetensors.torch import save as file_of
from torch import Tensor

from accompanist.config import TrainConfig
from accompanist.errors import DataError, TrainingError
from accompanist.music.spec import ModelSpec
from accompanist.runs.checkpoints import (
    BEST_BY,
    DAMAGED,
    State,
    all_in,
    best_in,
    damaged,
    is_checkpoint,
    path_of,
    read_state,
)
from accompanist.runs.folder import Origin
from training.generators import UNetGenerator
from training.rundir import RunDir
from training.storage import told, whole_folder


class RunInfo(NamedTuple):
    """What is known of a trained generator.

    Args:
        run: The run's folder.
        checkpoint: Folder of the checkpoint taken.
        config: Settings it was trained with.
        spec: What it needs to be played; `trained` and `export_error` are left to the export.
        facts: Of its data: windows and songs per split, sources, licences.
        origins: Which programs trained it; empty for an older run.
        state: Step, epoch and metrics.
    """

    run: Path
    checkpoint: Path
    config: TrainConfig
    spec: ModelSpec
    facts: dict[str, object]
    origins: tuple[Origin, ...]
    state: State


def save(
    folder: Path, tensors: dict[str, dict[str, Tensor]], state: State, *, keep: int = 2, best_by: str = BEST_BY
) -> Path:
    """Write a checkpoint, then let go of those no longer kept; one that is there already stays as it is.

    Args:
        folder: The run's `checkpoints`.
        tensors: By file and name.
        state: Where training stands.
        keep: How many of the newest.
        best_by: Metric by which one more is kept.

    Returns:
        The checkpoint's folder.

    Raises:
        StorageError: it cannot be written; the earlier ones are untouched.
    """
    path = path_of(folder, state.step)
    if is_checkpoint(path):  # stopped before another step was done
        return path
    sums = {}
    with told("the checkpoint", path), whole_folder(path) as part:
        for name, content in tensors.items():
            # Written by us, not by safetensors, whose error for a full disk is none of the system's.
            here = {key: value.detach().cpu().contiguous() for key, value in content.items()}
            file = file_of(here)
            sums[name] = hashlib.sha256(file).hexdigest()
            (part / _file(name)).write_bytes(file)
        told_state = msgspec.structs.replace(state, sums=sums)
        (part / "state.json").write_bytes(msgspec.json.format(msgspec.json.encode(told_state)) + b"\n")
    for old in _dispensable(folder, keep, best_by):
        shutil.rmtree(old, ignore_errors=True)
    return path


def _dispensable(folder: Path, keep: int, best_by: str) -> list[Path]:
    best = best_in(folder, best_by)
    return [path for path in all_in(folder)[:-keep] if path != best]


def newest_whole(
    folder: Path, names: Iterable[str], tell: Callable[[str], None]
) -> tuple[State, dict[str, dict[str, Tensor]]] | None:
    """The newest checkpoint that is whole, with its tensors by file and name; None where there is no checkpoint.

    One that is damaged is set aside under another name, and the one before it is taken.

    Args:
        folder: The run's `checkpoints`.
        names: Files that it must have.
        tell: Told in a sentence of each that is damaged.

    Raises:
        TrainingError: there are checkpoints, and none of them is whole.
        StorageError: a damaged one cannot be set aside.
    """
    error: TrainingError | None = None
    for path in reversed(all_in(folder)):
        try:
            return read_state(path), {name: read_tensors(path, name) for name in {*names, *names_in(path)}}
        except TrainingError as found:
            error = found
            with told("a damaged checkpoint", path):
                path.rename(path.with_name(path.name + DAMAGED))
            tell(f"{found.message}; it is set aside as {path.name}{DAMAGED}, and the one before it is taken")
    if error:
        raise TrainingError(
            f"no checkpoint of {folder.parent} is whole any more; {error.message}",
            hint="train anew: accompanist train",
        )
    return None


def names_in(path: Path) -> list[str]:
    """The files of tensors that a checkpoint has, or should have.

    Raises:
        TrainingError: the folder is damaged.
    """
    return sorted({file.stem for file in path.glob(_file("*"))} | read_state(path).sums.keys())


def read_tensors(path: Path, name: str) -> dict[str, Tensor]:
    """One file of a checkpoint, such as generator or network-adam.

    Raises:
        TrainingError: the file is damaged or missing.
    """
    expected = read_state(path).sums.get(name)
    try:
        content = (path / _file(name)).read_bytes()
        if expected and hashlib.sha256(content).hexdigest() != expected:
            raise ValueError(f"{_file(name)} is not what was written (its checksum differs)")  # noqa: TRY301
        found: dict[str, Tensor] = load(content)
    except (OSError, ValueError, SafetensorError) as error:
        raise damaged(path, error) from error
    return found


def found_in(run: Path) -> RunInfo:
    """What is known of a run's best checkpoint.

    Args:
        run: A run's folder, of which the best checkpoint is taken; or the folder of one checkpoint.

    Raises:
        DataError: there is no run, or no checkpoint in it.
        TrainingError: a file of it is damaged.
    """
    chosen = run if is_checkpoint(run) else None
    folder = RunDir.open(run.resolve().parent.parent if chosen else run)
    config = folder.config().train
    checkpoint = chosen or best_in(folder.checkpoints, config.best_by)
    if checkpoint is None:
        raise DataError(
            f"the run {run} has no checkpoint yet", hint=f"train it further: accompanist train --resume {run}"
        )
    state = read_state(checkpoint)
    return RunInfo(folder.path, checkpoint, config, folder.spec(), folder.facts(), folder.origins(), state)


def load_generator(run: Path) -> tuple[UNetGenerator, RunInfo]:
    """The best generator of a classic run, on the CPU and in evaluation mode: see `found_in`."""
    info = found_in(run)
    config = info.config
    generator = UNetGenerator(
        tracks=len(info.spec.tracks), planes=config.planes, width=config.width, noise=config.noise
    )
    try:
        generator.load_state_dict(read_tensors(info.checkpoint, "generator"))
    except RuntimeError as error:  # torch's word for names or shapes that do not fit
        raise damaged(info.checkpoint, error) from error
    return generator.eval(), info


def _file(name: str) -> str:
    return f"{name}.safetensors"
