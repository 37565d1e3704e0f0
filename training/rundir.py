"""Writing a training run's directory; `accompanist.runs.folder` says what stands in it, and reads it."""

from __future__ import annotations

import json
import re
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from accompanist.config import DataConfig, TrainConfig
from accompanist.errors import ConfigError, StorageError
from accompanist.music.spec import ModelSpec
from accompanist.runs.folder import RunFolder
from accompanist.runs.status import OUTCOME, Outcome
from training import origin
from training.mix import mix_of
from training.storage import told, write_whole

MOST_NAMED = 3
"""Sources that a run's own name tells; of more it tells how many."""


class RunDir(RunFolder):
    """One run's folder, to write in."""

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

    def write_outcome(self, outcome: Outcome) -> None:
        """Write down how a session ended.

        Raises:
            StorageError: it cannot be written.
        """
        path = self.path / OUTCOME
        with told("how the run ended", path):
            write_whole(path, msgspec.json.format(msgspec.json.encode(outcome)) + b"\n")

    def forget_outcome(self) -> None:
        """Let go of how an earlier session ended, because another begins."""
        (self.path / OUTCOME).unlink(missing_ok=True)

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
    sources = [_short(name) for name in mix_of(config).names]
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
