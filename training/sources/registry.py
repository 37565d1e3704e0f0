"""The list of the user's own folders: a small JSON file in the user's data folder."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import msgspec

from accompanist.errors import ConfigError, DataError, StorageError
from accompanist.places import data_folder
from training.sources.folder import Folder

_NAME = re.compile(r"[\w.+-]{1,40}")


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One folder as it stands in the file."""

    name: str
    path: str
    melody_track: str = ""
    tags: dict[str, str] = {}


class _Registry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    folders: list[_Entry]
    version: int = 1


def registry_path() -> Path:
    """Where the list is kept."""
    return data_folder() / "folders.json"


def registered() -> list[Folder]:
    """The user's folders, in the order in which they were added.

    Raises:
        DataError: the list is damaged.
    """
    path = registry_path()
    try:
        registry = msgspec.json.decode(path.read_bytes(), type=_Registry)
    except FileNotFoundError:
        return []
    except (OSError, msgspec.MsgspecError) as error:
        raise DataError(
            f"the list of your folders, {path}, cannot be read: {error}",
            hint="repair or delete it, then: accompanist data add FOLDER",
        ) from error
    return [Folder(entry.name, Path(entry.path), entry.melody_track, entry.tags) for entry in registry.folders]


def check_name(name: str) -> None:
    """See that a name can be typed on a command line and be part of a file name.

    Raises:
        ConfigError: it cannot.
    """
    if not _NAME.fullmatch(name) or name.startswith(("-", ".")):
        raise ConfigError(
            f"{name!r} cannot be a source's name: 1 to 40 letters, digits, . _ + or -, not beginning with . or -",
            hint="choose one with --name",
        )


def register(folder: Folder) -> None:
    """Add a folder to the list; one of the same name is replaced.

    Raises:
        StorageError: the list cannot be written.
        DataError: the list is damaged.
    """
    _write([*(other for other in registered() if other.name != folder.name), folder])


def forget(name: str) -> bool:
    """Take a folder off the list, leaving its files alone; False where it was not there.

    Raises:
        StorageError: the list cannot be written.
        DataError: the list is damaged.
    """
    before = registered()
    after = [folder for folder in before if folder.name != name]
    if len(after) < len(before):
        _write(after)
    return len(after) < len(before)


def _write(folders: list[Folder]) -> None:
    entries = [_Entry(folder.name, str(folder.path), folder.melody_track, dict(folder.tags)) for folder in folders]
    text = msgspec.json.format(msgspec.json.encode(_Registry(entries)), indent=2)
    path = registry_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text + b"\n")
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StorageError(
            f"the list of your folders, {path}, cannot be written: {error.strerror or error}",
            hint="check the folder's permissions and free space",
        ) from error
