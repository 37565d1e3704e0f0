"""Writing so that a crash or a full disk costs nothing that was already written."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from accompanist.errors import StorageError

if sys.platform != "win32":
    import fcntl

PART = ".part"
"""Suffix of what is not yet whole. Nothing that ends in it is ever read, and it may be deleted."""
_TRIES, _PAUSE_S = 10, 0.01


@contextmanager
def told(what: str, path: Path) -> Iterator[None]:
    """Tell a failed write in plain words.

    Args:
        what: What was being written: "the checkpoint".
        path: Where to.

    Raises:
        StorageError: the disk is full, or the place cannot be written.
    """
    try:
        yield
    except (OSError, StorageError) as error:  # the latter from whoever draws or renders a file on our behalf
        cause = error if isinstance(error, OSError) else error.__cause__
        if not isinstance(cause, OSError):
            raise
        if cause.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageError(
                f"the disk is full: {what} could not be written to {path}; what was written before is whole",
                hint="free some space, then go on with: accompanist train --resume RUN",
            ) from cause
        raise StorageError(
            f"cannot write {what} to {path}: {cause.strerror or cause}",
            hint="check the permissions, or choose another folder with --runs",
        ) from cause


def sync(path: Path) -> None:
    """Force a file, or a folder's list of names, onto the disk."""
    if path.is_dir() and os.name == "nt":  # Windows opens no folders, and keeps its names in order by itself
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that at any moment either the old or the new content is there, whole."""
    part = path.with_name(path.name + PART)
    try:
        part.write_bytes(content)
        sync(part)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    sync(path.parent)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Fill a folder under another name; it takes its own name only when all of it is on the disk.

    Args:
        path: Its final place; replaced if it exists.

    Yields:
        The folder to write into.
    """
    part = path.with_name(path.name + PART)
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        for file in part.iterdir():
            sync(file)
        sync(part)
        if path.exists():
            shutil.rmtree(path)
        part.rename(path)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    sync(path.parent)


def lock(handle: int) -> bool:
    """Claim an open file until it is closed or this process ends, however it ends.

    Args:
        handle: File descriptor.

    Returns:
        Whether it is ours; on Windows, which has no such lock, always.
    """
    if sys.platform == "win32":
        return True
    for _ in range(_TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # held by another trainer, or for a moment by who looks whether there is one
            time.sleep(_PAUSE_S)
        else:
            return True
    return False
