"""Sources that are one archive, and finding that on this machine. Nothing is ever downloaded."""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from accompanist.config import DataConfig
from accompanist.errors import BadMidi, DataError

ENVIRONMENT = "ACCOMPANIST_DATA"
"""Environment variable that names the folder of archives."""


@dataclass(frozen=True, slots=True)
class Archived:
    """What all sources have in common whose music is one zip file, called after the source.

    Args:
        data: Where to look for it.
        name: The source's.
        origin: Where one gets the archive, for the hint.
    """

    data: DataConfig
    name: str
    origin: str

    def archive(self) -> Path:
        """Path of the zip file.

        Raises:
            DataError: it is nowhere.
        """
        return find(f"{self.name}.zip", self.data, origin=self.origin)

    def locate(self) -> str:
        """The same as text."""
        return str(self.archive())

    def fingerprint(self) -> str:
        """Hash of the archive."""
        return hash_of_file(self.archive())


def folders(data: DataConfig) -> list[Path]:
    """Where archives are looked for, first match wins; a folder that is set is the only one."""
    if data.home:
        return [Path(data.home).expanduser()]
    if os.environ.get(ENVIRONMENT):
        return [Path(os.environ[ENVIRONMENT]).expanduser()]
    return [Path("data"), Path("../shared/data")]


def find(name: str, data: DataConfig, *, origin: str) -> Path:
    """Path of an archive.

    Args:
        name: File name, such as pop909.zip.
        data: Settings.
        origin: Where one gets it, for the hint.

    Raises:
        DataError: it is in none of the folders.
    """
    for folder in folders(data):
        if (folder / name).is_file():
            return folder / name
    looked = ", ".join(str(folder) for folder in folders(data))
    raise DataError(
        f"{name} was not found; looked in: {looked}",
        hint=f"get {origin}, save it as FOLDER/{name} and set {ENVIRONMENT}=FOLDER (or data.home in config.toml)",
    )


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open an archive for reading.

    Raises:
        DataError: it is damaged, or no zip file.
    """
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{path} cannot be read as a zip file: {error}", hint="get the archive again") from error


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of one file in an archive.

    Raises:
        BadMidi: it is not there, or damaged.
    """
    try:
        return archive.read(name)
    except KeyError as error:
        raise BadMidi(f"{name} is not in the archive") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise BadMidi(f"{name} is damaged in the archive: {error}") from error


def hash_of_file(path: Path) -> str:
    """Hash of a file's bytes.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror}", hint="check the file and its permissions"
        ) from error
