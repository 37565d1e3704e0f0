"""Where the user's own files go, by the habit of each system (XDG Base Directory Specification 0.8 on Linux)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from accompanist.config import DataConfig


def cache_folder(data: DataConfig) -> Path:
    """Folder of music already read; may be deleted at any time."""
    if data.cache:
        return Path(data.cache).expanduser()
    return _folder("XDG_CACHE_HOME", ".cache", mac="Caches", windows="Cache")


def data_folder() -> Path:
    """Folder of what the user has registered; not to be deleted."""
    return _folder("XDG_DATA_HOME", ".local/share", mac="Application Support", windows="Data")


def _folder(variable: str, default: str, *, mac: str, windows: str) -> Path:
    if os.environ.get(variable):
        return Path(os.environ[variable]) / "accompanist"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / "accompanist" / windows
    if sys.platform == "darwin":
        return Path.home() / "Library" / mac / "accompanist"
    return Path.home() / default / "accompanist"
