"""Checkpoints: a folder each, of safetensors files and a JSON state, whole or absent, never a pickle.

    checkpoints/step-00001234/generator.safetensors         weights and batch-norm statistics
                              critic.safetensors
                              generator-adam.safetensors    Adam's moments
                              critic-adam.safetensors
                              network.safetensors           of a live run, with network-adam, in place of all these;
                                                            in its adversarial phase also critic, critic-adam, first
                              state.json                    step, length of the record, metrics

Kept are the two newest and the one whose metrics show the strongest coupling (how much more the accompaniment holds the
melody's notes than chance would).
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import msgspec
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as file_of
from torch import Tensor

from accompanist.config import TrainConfig
from accompanist.errors import DataError
from accompanist.music.spec import ModelSpec
from accompanist.runs.checkpoints import State, all_in, best_in, damaged, is_checkpoint, path_of, read_state
from accompanist.runs.folder import Origin
from training.generators import UNetGenerator
from training.rundir import RunDir
from training.storage import told, whole_folder

KEEP_NEWEST = 2


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


def save(folder: Path, tensors: dict[str, dict[str, Tensor]], state: State) -> Path:
    """Write a checkpoint, then let go of those no longer kept.

    Args:
        folder: The run's `checkpoints`.
        tensors: By file and name.
        state: Where training stands.

    Returns:
        The checkpoint's folder.

    Raises:
        StorageError: it cannot be written; the earlier ones are untouched.
    """
    path = path_of(folder, state.step)
    with told("the checkpoint", path), whole_folder(path) as part:
        for name, content in tensors.items():
            # Written by us, not by safetensors, whose error for a full disk is none of the system's.
            here = {key: value.detach().cpu().contiguous() for key, value in content.items()}
            (part / _file(name)).write_bytes(file_of(here))
        (part / "state.json").write_bytes(msgspec.json.format(msgspec.json.encode(state)) + b"\n")
    for old in _dispensable(folder):
        shutil.rmtree(old, ignore_errors=True)
    return path


def _dispensable(folder: Path) -> list[Path]:
    best = best_in(folder)
    return [path for path in all_in(folder)[:-KEEP_NEWEST] if path != best]


def names_in(path: Path) -> list[str]:
    """The files of tensors that a checkpoint has."""
    return sorted(file.stem for file in path.glob(_file("*")))


def read_tensors(path: Path, name: str) -> dict[str, Tensor]:
    """One file of a checkpoint, such as generator or network-adam.

    Raises:
        TrainingError: the file is damaged or missing.
    """
    try:
        found: dict[str, Tensor] = load_file(path / _file(name))
    except (OSError, SafetensorError) as error:
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
    checkpoint = chosen or best_in(folder.checkpoints)
    if checkpoint is None:
        raise DataError(
            f"the run {run} has no checkpoint yet", hint=f"train it further: accompanist train --resume {run}"
        )
    config, spec, state = folder.config().train, folder.spec(), read_state(checkpoint)
    return RunInfo(folder.path, checkpoint, config, spec, folder.facts(), folder.origins(), state)


def load_generator(run: Path) -> tuple[UNetGenerator, RunInfo]:
    """The best generator of a classic run, on the CPU and in evaluation mode: see `found_in`."""
    info = found_in(run)
    generator = UNetGenerator(tracks=len(info.spec.tracks), planes=info.config.planes, width=info.config.width)
    try:
        generator.load_state_dict(read_tensors(info.checkpoint, "generator"))
    except RuntimeError as error:  # torch's word for names or shapes that do not fit
        raise damaged(info.checkpoint, error) from error
    return generator.eval(), info


def _file(name: str) -> str:
    return f"{name}.safetensors"
