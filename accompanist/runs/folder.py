"""A training run is a directory, readable on its own, long after.

runs/0001-musegan-chorales/
    config.toml      the settings in full, written before the first step
    model.json       the ModelSpec: tracks, planes, shapes
    data.json        what it was trained on: songs and windows, or beats, per split
    books.safetensors    of a live run: the figures that its codes stand for
    origin.json      which versions and commits of this program trained it, from which step on
    metrics.jsonl    the record (see training.record)
    history.npz      of a long run: the record as numbers, so that it opens quickly; may be deleted
    outcome.json     how the last session ended (see accompanist.runs.status)
    losses.png       the record, drawn
    checkpoints/     see training.checkpoint
    samples/         epoch-NNNN/: the same melodies each time, accompanied; people/: as people accompany them
    report.html      the run's story on one page (see training.report)
    model.onnx       its best checkpoint as a model, where it was exported into its folder
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec

from accompanist.config import Config, load_config
from accompanist.errors import DataError
from accompanist.music.spec import ModelSpec
from accompanist.runs import checkpoints
from accompanist.runs.checkpoints import Checkpoint
from accompanist.runs.status import OUTCOME, Status, status_of

MODEL = "model.onnx"
"""What a run's export is called, in the run's folder."""


class Origin(msgspec.Struct, frozen=True):
    """The program that trained from a step on.

    Args:
        step: The first step after which it trained; 0 at a run's beginning.
        version: Of Accompanist.
        commit: Abbreviated, with "-dirty" behind it where files had been changed since; empty outside a clone.
    """

    step: int
    version: str
    commit: str


class SampledEpoch(NamedTuple):
    """What the model played at the end of an epoch.

    Args:
        epoch: Passes done; 0 before any.
        path: The folder with its MIDI, pictures and sound.
    """

    epoch: int
    path: Path


@dataclass(frozen=True)
class RunFolder:
    """One run's folder.

    Args:
        path: Where it is.
    """

    path: Path

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        """Folder of the samples."""
        return self.path / "samples"

    @property
    def record(self) -> Path:
        """The record of losses and metrics."""
        return self.path / "metrics.jsonl"

    @property
    def losses_plot(self) -> Path:
        """The record, drawn."""
        return self.path / "losses.png"

    @property
    def model(self) -> Path:
        """Its best checkpoint as a model, once it was exported."""
        return self.path / MODEL

    @property
    def report(self) -> Path:
        """Its story on one page."""
        return self.path / "report.html"

    @property
    def report_is_current(self) -> bool:
        """Whether its report was written after the last that there is to tell."""
        try:
            written_ns = self.report.stat().st_mtime_ns
        except OSError:
            return False
        told = (self.record, self.path / OUTCOME)
        return all(path.stat().st_mtime_ns <= written_ns for path in told if path.is_file())

    @property
    def number(self) -> int | None:
        """Its number among the runs beside it; None for a folder of another name."""
        match = re.match(r"(\d+)-", self.path.name)
        return int(match[1]) if match else None

    @classmethod
    def open(cls, path: Path) -> Self:
        """An existing run.

        Raises:
            DataError: the folder is no run.
        """
        run = cls(path)
        missing = [name for name in ("config.toml", "model.json", "data.json") if not (path / name).is_file()]
        if missing:
            what = f"has no {missing[0]}" if path.is_dir() else "is not a folder" if path.exists() else "does not exist"
            raise DataError(
                f"{path} is no training run: it {what}", hint="name a folder such as runs/0001-musegan-chorales"
            )
        return run

    @classmethod
    def find(cls, name: str, runs: Path) -> Self:
        """A run by its folder, its name under `runs` with or without its number, or its number alone.

        Raises:
            DataError: there is none, or several of that name; the message lists those there are.
        """
        numbered = sorted(runs.glob(f"{int(name):04d}-*")) if name.isascii() and name.isdigit() else []
        for path in (Path(name), runs / name, *numbered):
            if (path / "config.toml").is_file():
                return cls.open(path)
        there = [run.path.name for run in cls.all_in(runs)]
        called = [run for run in there if re.fullmatch(rf"\d+-{re.escape(name)}", run)]
        if len(called) == 1:
            return cls.open(runs / called[0])
        if called:
            raise DataError(f"{len(called)} runs are called {name}: {', '.join(called)}", hint="name one by its number")
        listed = f"{runs} holds {', '.join(there[-5:])}" if there else f"{runs} holds none"
        raise DataError(
            f"there is no training run {name}; {listed}", hint="name one by its folder, its name or its number"
        )

    @classmethod
    def all_in(cls, runs: Path) -> list[Self]:
        """Every run of a folder, by name: ascending by number."""
        return [cls(path.parent) for path in sorted(runs.glob("*/config.toml"))]

    def config(self) -> Config:
        """The settings it was started with.

        Raises:
            ConfigError: the file is damaged.
        """
        return load_config(self.path / "config.toml")

    def spec(self) -> ModelSpec:
        """What its model will need to be played."""
        return ModelSpec.from_json((self.path / "model.json").read_text(encoding="utf-8"))

    def facts(self) -> dict[str, Any]:
        """What it was trained on.

        Raises:
            DataError: the file is damaged.
        """
        path = self.path / "data.json"
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{path} cannot be read: {error}", hint="train anew: accompanist train") from error
        return found

    def origins(self) -> tuple[Origin, ...]:
        """Which programs trained it, ascending by step; empty for a run begun before that was written down.

        Raises:
            DataError: the file is damaged.
        """
        path = self.path / "origin.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=tuple[Origin, ...])
        except FileNotFoundError:
            return ()
        except (OSError, msgspec.MsgspecError) as error:
            raise DataError(
                f"{path} cannot be read: {error}", hint=f"delete it: the run is then of unknown origin; rm {path}"
            ) from error

    def epochs(self) -> int:
        """How many epochs it was asked for, those of an adversarial phase included.

        Raises:
            ConfigError: its settings are damaged.
        """
        train = self.config().train
        return train.epochs + (train.adversarial_epochs if train.model == "live" else 0)

    def kept(self) -> list[Checkpoint]:
        """Its checkpoints that can be read, oldest first."""
        return checkpoints.readable(checkpoints.all_in(self.checkpoints))

    def sampled(self) -> list[SampledEpoch]:
        """The epochs at which it played, ascending."""
        found = (re.fullmatch(r"epoch-(\d+)", path.name) for path in self.samples.glob("epoch-*"))
        return sorted(SampledEpoch(int(match[1]), self.samples / match[0]) for match in found if match)

    def status(self) -> Status:
        """How it stands at this moment.

        Raises:
            ConfigError: its settings are damaged.
        """
        kept = self.kept()
        return status_of(self.path, complete=bool(kept) and kept[-1].state.epoch >= self.epochs())
