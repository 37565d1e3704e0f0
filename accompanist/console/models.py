"""The models there are: those that come with the program, those of the runs, and the one that the settings name."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from accompanist.config import load_config
from accompanist.errors import AccompanistError, DataError, ModelError
from accompanist.music.spec import ModelSpec
from accompanist.runs.folder import MODEL, RunFolder
from accompanist.runtime.installed import SHIPPED, model_in_use, shipped_model_path, take_into_use
from accompanist.runtime.model_metadata import spec_in

Origin = Literal["shipped", "run", "settings"]
CARDS = {"default": "MODEL_CARD.md", "classic": "CLASSIC_CARD.md"}


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
    origin: Origin
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

    def all(self) -> list[Model]:
        """Shipped ones first, then those of runs, the newest first; then what only the settings name."""
        chosen = self._chosen()
        return [self._told(*place, chosen) for place in self._places(chosen)]

    def find(self, name: str) -> Model | None:
        """The one of that id; no other is read."""
        chosen = self._chosen()
        return next((self._told(*place, chosen) for place in self._places(chosen) if place[0] == name), None)

    def use(self, model: Model) -> Path:
        """Have `serve` and `demo` take it from now on; returns the settings file that says so.

        Raises:
            ModelError: it cannot be played.
            SpecMismatch: its inputs and outputs are not what it says.
            ConfigError: the settings file is damaged.
            StorageError: it cannot be written.
        """
        if model.spec is None:
            raise ModelError(f"{model.id} cannot be played: {model.problem}", hint="export its run again")
        from accompanist.runtime.infer import Session  # noqa: PLC0415 (onnxruntime takes a second; the list needs none)

        Session(model.path)  # as the daemon will: what cannot be played is refused now, not on stage
        return take_into_use(model.path, self._config_path)

    def card(self, model: Model) -> str:
        """What is known of a shipped model, in Markdown; empty for others."""
        if model.origin != "shipped":
            return ""
        return (model.path.parent / CARDS[model.id]).read_text(encoding="utf-8")

    def music(self, model: Model) -> list[str]:
        """Sources whose held-out songs say how a model plays: a run's own. Empty: the usual ones, or not known."""
        if model.origin != "run":
            return []
        try:
            sources = RunFolder(model.path.parent).facts()["sources"]
        except (DataError, KeyError):
            return []
        return [str(name) for name in sources] if isinstance(sources, list) else []

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
        return self._evaluations / f"{_digest_of(*_stamp(model.path))}.json"

    def _chosen(self) -> Path:
        return model_in_use(load_config(self._config_path).serve)

    def _places(self, chosen: Path) -> list[tuple[str, Origin, Path]]:
        found: list[tuple[str, Origin, Path]] = [(name, "shipped", shipped_model_path(name)) for name in SHIPPED]
        exported = sorted(self._runs.glob(f"*/{MODEL}"), reverse=True)
        found += [(path.parent.name, "run", path) for path in exported]
        if not any(_same_file(path, chosen) for _, _, path in found):
            found.append(("named-by-the-settings", "settings", chosen))
        return found

    def _told(self, name: str, origin: Origin, path: Path, chosen: Path) -> Model:
        spec = _spec(path)
        return Model(
            id=name,
            origin=origin,
            path=path,
            in_use=_same_file(path, chosen),
            bytes=path.stat().st_size if path.is_file() else 0,
            spec=None if isinstance(spec, str) else spec,
            problem=spec if isinstance(spec, str) else "",
        )


def _spec(path: Path) -> ModelSpec | str:
    """What a model file plays, or why that cannot be read."""
    try:
        return _spec_of(*_stamp(path))
    except AccompanistError as error:
        return error.message
    except OSError as error:
        return f"cannot read {path}: {error.strerror}"


@lru_cache(maxsize=256)
def _spec_of(path: Path, *_stamp: int) -> ModelSpec:
    """Its spec, as it tells it of itself; whether it can be played is seen when it is taken into use."""
    return spec_in(path)


@lru_cache(maxsize=256)
def _digest_of(path: Path, *_stamp: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:32]


def _stamp(path: Path) -> tuple[Path, int, int]:
    there = path.stat()
    return path, there.st_mtime_ns, there.st_size


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one.absolute() == other.absolute()
