"""Writing single settings into a settings file, which otherwise stays as its owner wrote it.

Comments, order and line ends stay. The file is replaced in one go, so that whoever reads it meanwhile finds it whole.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table, Whitespace

from accompanist.config import parse_config
from accompanist.errors import ConfigError, StorageError


def write_settings(path: Path, values: Mapping[str, Any]) -> None:
    """Write settings into a file, which is made where there is none.

    Args:
        path: The settings file.
        values: By key, such as {"controls.mute.bass": "cc 20"}.

    Raises:
        ConfigError: the file is not TOML, or with these values it is no settings file; it is left as it was.
        StorageError: it cannot be read or written.
    """
    path = path.resolve()  # where it is a link, the file it leads to is replaced and not the link
    try:
        text = path.read_bytes().decode("utf-8") if path.exists() else ""
        document = tomlkit.parse(text)
    except OSError as error:
        raise StorageError(
            f"cannot read {path}: {error.strerror}", hint="check the path and the permissions"
        ) from error
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} is not valid TOML: {error}", hint="compare it with: accompanist config explain"
        ) from error
    for key, value in values.items():
        _set(document, key.split("."), value)
    text = tomlkit.dumps(document)
    parse_config(text, path)
    try:
        _replace(path, text.encode("utf-8"))
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror}", hint="check the path and the permissions"
        ) from error


def _set(document: tomlkit.TOMLDocument, keys: list[str], value: Any) -> None:
    if not isinstance(document.get(keys[0]), Table):
        if document.body:
            document.add(tomlkit.nl())
        document.add(keys[0], tomlkit.table())
    table, rest = document[keys[0]], keys[1:]
    while len(rest) > 1 and isinstance(table.get(rest[0]), Table):
        table, rest = table[rest[0]], rest[1:]
    if rest[0] in table:
        table[rest[0]] = value
        return
    # What stands behind the table's last line belongs to the next table: blank lines, and the remarks after them.
    body = table.value.body
    end = len(body)
    while end and body[end - 1][0] is None:
        end -= 1
    while end < len(body) and not isinstance(body[end][1], Whitespace):
        end += 1
    behind = body[end:]
    del body[end:]
    table.append(tomlkit.key(rest) if len(rest) > 1 else rest[0], value)
    body.extend(behind)


def _replace(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        if path.exists():
            shutil.copymode(path, name)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
