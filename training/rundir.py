"""A training run is a directory, readable on its own, long after.

runs/0001-musegan-chorales/
    config.toml      the settings in full, written before the first step
    model.json       the ModelSpec: tracks, planes, shapes
    data.json        what it was trained on: songs and windows, or beats, per split
    books.safetensors    of a live run: the figures that its codes stand for
    origin.json      which versions and commits of this program trained it, from which step on
    metrics.jsonl    the record (see training.record)
    losses.png       the record, drawn
    checkpoints/     see training.checkpoint
    samples/         epoch-NNNN/: the same melodies each time, accompanied
"""

from __future__ import annotations

import json
import re
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from accompanist.config import Config, DataConfig, TrainConfig, load_config
from accompanist.errors import ConfigError, DataError, StorageError
from accompanist.music.spec import ModelSpec
from training import origin
from training.origin import Origin
from training.storage import told, write_whole

MOST_NAMED = 3
"""Sources that a run's own name tells; of more it tells how many."""


@dataclass(frozen=True)
class RunDir:
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

    @classmethod
    def create(
        cls,
        config: TrainConfig,
        data: DataConfig,
        spec: ModelSpec,
        facts: dict[str, Any],
        files: Mapping[str, bytes] = MappingProxyType({}),
    ) -> RunDir:
        """Make the next run's folder, with everything in it that is known before the first step.

        Args:
            config: Settings of the training; `runs` and `name` say where.
            data: Settings of the data.
            spec: Of the model to be.
            facts: Of the data.
            files: What else belongs into it, by name.

        Raises:
            StorageError: the folder cannot be written.
        """
        runs = Path(config.runs)
        name = re.sub(r"[^\w.+-]+", "-", config.name or _usual_name(config)).strip("-.")
        with told("a new run", runs):
            runs.mkdir(parents=True, exist_ok=True)
            path = _next(runs, name or "run")
            run = cls(path)
            run.checkpoints.mkdir()
            run.samples.mkdir()
            write_whole(path / "model.json", msgspec.json.format(spec.to_json().encode()) + b"\n")
            write_whole(path / "data.json", (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode())
            for file, content in files.items():
                write_whole(path / file, content)
        run.write_config(config, data)
        return run

    @classmethod
    def open(cls, path: Path) -> RunDir:
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
    def find(cls, name: str, runs: Path) -> RunDir:
        """A run by its folder, its name under `runs` with or without its number, or its number alone.

        Raises:
            DataError: there is none, or several of that name; the message lists those there are.
        """
        numbered = sorted(runs.glob(f"{int(name):04d}-*")) if name.isascii() and name.isdigit() else []
        for path in (Path(name), runs / name, *numbered):
            if (path / "config.toml").is_file():
                return cls.open(path)
        there = sorted(path.parent.name for path in runs.glob("*/config.toml"))
        called = [run for run in there if re.fullmatch(rf"\d+-{re.escape(name)}", run)]
        if len(called) == 1:
            return cls.open(runs / called[0])
        if called:
            raise DataError(f"{len(called)} runs are called {name}: {', '.join(called)}", hint="name one by its number")
        listed = f"{runs} holds {', '.join(there[-5:])}" if there else f"{runs} holds none"
        raise DataError(
            f"there is no training run {name}; {listed}", hint="name one by its folder, its name or its number"
        )

    def config(self) -> Config:
        """The settings it was started with."""
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

    def write_origin(self, step: int) -> None:
        """Write down that this program trains the run from a step on.

        Raises:
            DataError: the file is damaged.
            StorageError: it cannot be written.
        """
        before = self.origins()
        after = origin.gone_on(before, origin.present(step))
        if after == before:
            return
        path = self.path / "origin.json"
        with told("the run's origin", path):
            write_whole(path, msgspec.json.format(msgspec.json.encode(after)) + b"\n")

    def write_config(self, config: TrainConfig, data: DataConfig) -> None:
        """Write `config.toml`, every setting with its meaning.

        Raises:
            StorageError: it cannot be written.
        """
        text = f"# Settings of this run in full.\n{_table('train', config)}{_table('data', data)}"
        path = self.path / "config.toml"
        with told("the settings", path):
            write_whole(path, text.encode())


def check_writable(runs: Path) -> None:
    """Make sure that a run can be kept there, before anything takes time.

    Raises:
        StorageError: it can't.
    """
    with told("a new run", runs):
        runs.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=runs) as probe:
            probe.write(b"?")
            probe.flush()


def _usual_name(config: TrainConfig) -> str:
    """The recipe and its data, where these are few."""
    sources = list(map(_short, config.data))
    return "-".join(
        [config.model, *sources] if len(sources) <= MOST_NAMED else [config.model, str(len(sources)), "sources"]
    )


def _short(source: str) -> str:
    return Path(source).name or source


def _next(runs: Path, name: str) -> Path:
    taken = [int(match[1]) for path in runs.iterdir() if (match := re.match(r"(\d+)-", path.name))]
    for number in range(max(taken, default=0) + 1, 10**6):
        path = runs / f"{number:04d}-{name}"
        try:
            path.mkdir()
        except FileExistsError:  # another run began at this moment
            continue
        return path
    raise StorageError(f"{runs} is full of runs", hint="choose another folder with --runs")


def _table(name: str, settings: msgspec.Struct) -> str:
    lines = [f"\n[{name}]"]
    for key, value in msgspec.to_builtins(settings).items():
        # JSON's strings, numbers and lists are TOML's, but for one character that TOML wants escaped.
        written = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        lines.append(f"{key} = {written}")
    text = "\n".join(lines) + "\n"
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"a setting of [{name}] cannot be written down: {error}", hint="use plain text") from error
    return text
