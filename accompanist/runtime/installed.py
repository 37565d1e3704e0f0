"""The models that come with the program, and the one that plays where nothing else is asked for: `serve.model`."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from accompanist.config import ServeConfig
from accompanist.config_file import write_settings

DEFAULT = "default"
SHIPPED = (DEFAULT, "classic")


def default_model_path() -> Path:
    """Where the model stands that plays unless something else is said."""
    return shipped_model_path(DEFAULT)


def shipped_model_path(name: str) -> Path:
    """Where a model of `SHIPPED` stands."""
    return Path(str(resources.files("accompanist") / "models" / f"{name}.onnx"))


def model_in_use(serve: ServeConfig) -> Path:
    """The model that these settings name."""
    return Path(serve.model) if serve.model else default_model_path()


def take_into_use(model: Path, config_path: Path | None) -> Path:
    """Have `serve`, `accompany` and `demo` take a model from now on.

    Args:
        model: One that can be played; whoever calls has looked.
        config_path: The settings; None: the usual place.

    Returns:
        The settings file that says so.

    Raises:
        ConfigError: the settings file is damaged.
        StorageError: it cannot be written.
    """
    path = config_path or Path("config.toml")
    # Left empty for the model that is the default, so that the settings go on naming it wherever the program is put.
    named = "" if model.resolve() == default_model_path().resolve() else str(model.resolve())
    write_settings(path, {"serve.model": named})
    return path
