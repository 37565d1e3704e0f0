"""Where the user's own files go, by the habit of each system (XDG Base Directory Specification 0.8 on Linux)."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_folder(chosen: str = "") -> Path:
    """Folder of what can be made again: music already read, timings of providers; may be deleted at any time.

    Args:
        chosen: The folder that the user names instead; empty: none.
    """
    if chosen:
        return Path(chosen).expanduser()
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
