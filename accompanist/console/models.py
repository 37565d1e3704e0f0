"""The models there are: those that come with the program, those of the runs, and the one that the settings name."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

import msgspec

from accompanist.config import load_config
from accompanist.config_file import write_settings
from accompanist.errors import AccompanistError, ModelError
from accompanist.music.spec import ModelSpec
from accompanist.runtime.infer import Session, default_model_path

CARDS = {"default": "MODEL_CARD.md", "classic": "CLASSIC_CARD.md"}
RUN_MODEL = "model.onnx"
"""What a run's export is called, in the run's folder."""


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One model.

    Args:
        id: For the address: the shipped file's stem, or the run's name.
        origin: Shipped with the program, exported from a run, or named by the settings alone.
        path: The file.
        in_use: Whether `serve` and `demo` take it where nothing else is asked for.
        bytes: Size of the file.
        spec: What it plays; None where it cannot be read.
        problem: Why it cannot be read.
    """

    id: str
    origin: Literal["shipped", "run", "settings"]
    path: Path
    in_use: bool
    bytes: int
    spec: ModelSpec | None
    problem: str = ""


class Models:
    """The models of one console.

    Args:
        runs: Folder of the runs.
        config_path: The settings; None: the usual place.
        kept: Folder for what evaluations found.
    """

    def __init__(self, runs: Path, config_path: Path | None, kept: Path) -> None:
        self._runs = runs
        self._config_path = config_path
        self._evaluations = kept / "evaluations"
        self._specs: dict[tuple[Path, int, int], ModelSpec | str] = {}
        self._digests: dict[tuple[Path, int, int], str] = {}

    def all(self) -> list[Model]:
        """Shipped ones first, then those of runs, the newest first; then what only the settings name."""
        shipped = default_model_path().parent
        chosen = self._chosen()
        found = [self._told(name, "shipped", shipped / f"{name}.onnx", chosen) for name in CARDS]
        exported = sorted(self._runs.glob(f"*/{RUN_MODEL}"), reverse=True)
        found += [self._told(path.parent.name, "run", path, chosen) for path in exported]
        if not any(model.in_use for model in found):
            found.append(self._told("named-by-the-settings", "settings", chosen, chosen))
        return found

    def find(self, name: str) -> Model | None:
        """The one of that id."""
        return next((model for model in self.all() if model.id == name), None)

    def use(self, model: Model) -> Path:
        """Have `serve` and `demo` take it from now on; returns the settings file that says so.

        Raises:
            ModelError: it cannot be played.
            ConfigError: the settings file is damaged.
            StorageError: it cannot be written.
        """
        if model.spec is None:
            raise ModelError(f"{model.id} cannot be played: {model.problem}", hint="export its run again")
        path = self._config_path or Path("config.toml")
        write_settings(path, {"serve.model": "" if model.id == "default" else str(model.path.resolve())})
        return path

    def card(self, model: Model) -> str:
        """What is known of a shipped model, in Markdown; empty for others."""
        if model.origin != "shipped":
            return ""
        return (model.path.parent / CARDS[model.id]).read_text(encoding="utf-8")

    def evaluation(self, model: Model) -> dict[str, Any] | None:
        """What the last evaluation of exactly this file found."""
        path = self._evaluation_path(model)
        try:
            found: dict[str, Any] = msgspec.json.decode(path.read_bytes())
        except (OSError, msgspec.MsgspecError):
            return None
        return found

    def keep_evaluation(self, model: Model, found: Any) -> None:
        """Keep what an evaluation found.

        Raises:
            OSError: it cannot be written.
        """
        path = self._evaluation_path(model)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(msgspec.json.format(msgspec.json.encode(found)))
        part.replace(path)

    def _evaluation_path(self, model: Model) -> Path:
        """By content: a run that is exported again is another model."""
        key = _stamp(model.path)
        if key not in self._digests:
            self._digests[key] = hashlib.sha256(model.path.read_bytes()).hexdigest()[:32]
        return self._evaluations / f"{self._digests[key]}.json"

    def _chosen(self) -> Path:
        named = load_config(self._config_path).serve.model
        return Path(named) if named else default_model_path()

    def _told(self, name: str, origin: Literal["shipped", "run", "settings"], path: Path, chosen: Path) -> Model:
        spec = self._spec(path)
        return Model(
            id=name,
            origin=origin,
            path=path,
            in_use=_same_file(path, chosen),
            bytes=path.stat().st_size if path.is_file() else 0,
            spec=None if isinstance(spec, str) else spec,
            problem=spec if isinstance(spec, str) else "",
        )

    def _spec(self, path: Path) -> ModelSpec | str:
        try:
            key = _stamp(path)
            if key not in self._specs:
                self._specs[key] = Session(path).spec
            return self._specs[key]
        except AccompanistError as error:
            return error.message
        except OSError as error:
            return f"cannot read {path}: {error.strerror}"


def _stamp(path: Path) -> tuple[Path, int, int]:
    there = path.stat()
    return path, there.st_mtime_ns, there.st_size


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one.absolute() == other.absolute()
