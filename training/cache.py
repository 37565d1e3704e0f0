"""Music already read, kept by content: the same files are read once.

One .npz file per source, named after a hash of the source's bytes and of its reader's version and settings. It is
written under another name and then moved into place, so that there is never half a cache; one that is damaged all the
same is read anew.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from accompanist.errors import StorageError
from training.read import LeftOut, Progress, Song, SongTable, silent
from training.sources import Source

FORMAT = "1"
"""Version of the file's layout."""
_KEY_DIGITS = 24


@dataclass(frozen=True, slots=True)
class Reading:
    """All that a source has."""

    songs: tuple[SongTable, ...]
    left_out: tuple[LeftOut, ...]


class _SongEntry(msgspec.Struct, frozen=True):
    """What of a song is no number."""

    name: str
    tags: dict[str, str]
    parts: tuple[str, ...]
    notes: int
    bars: int


class _Contents(msgspec.Struct, frozen=True):
    """The table of contents, JSON in the file."""

    source: str
    songs: list[_SongEntry]
    left_out: list[tuple[str, str]]


def read(source: Source, folder: Path, *, progress: Progress = silent) -> Reading:
    """Everything of a source, from the cache where it holds it.

    Args:
        source: What to read.
        folder: The cache; made where it is missing.
        progress: Told while the source itself is read.

    Raises:
        DataError: the source is missing or cannot be read.
        StorageError: the cache cannot be written.
    """
    path = cache_path(source, folder)
    cached = _load(path)
    if cached is not None:
        return cached
    songs, left_out = [], []
    for found in source.read(progress):
        if isinstance(found, Song):
            songs.append(SongTable.of(found))
        else:
            left_out.append(found)
    reading = Reading(tuple(songs), tuple(left_out))
    _save(path, source.name, reading)
    return reading


def cached(source: Source, folder: Path) -> Reading | None:
    """What the cache holds of a source, without reading the source; None where it holds nothing."""
    return _load(cache_path(source, folder))


def cache_path(source: Source, folder: Path) -> Path:
    """The file that holds, or would hold, exactly this content read by exactly this reader."""
    key = hashlib.sha256(f"{FORMAT}\n{source.name}\n{source.reader}\n{source.fingerprint()}".encode())
    return folder / f"{source.name}-{key.hexdigest()[:_KEY_DIGITS]}.npz"


def _load(path: Path) -> Reading | None:
    """The file's contents; None where it is missing or damaged."""
    try:
        # numpy leaves a damaged file open unless it was opened for it.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            contents = msgspec.json.decode(stored["contents"].tobytes(), type=_Contents)
            notes, bars = stored["notes"], stored["bars"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, msgspec.MsgspecError):
        return None
    if len(notes) != sum(song.notes for song in contents.songs) or len(bars) != sum(
        song.bars for song in contents.songs
    ):
        return None
    songs = []
    note_at = bar_at = 0
    for song in contents.songs:
        songs.append(
            SongTable(
                song.name,
                contents.source,
                song.tags,
                song.parts,
                notes[note_at : note_at + song.notes],
                bars[bar_at : bar_at + song.bars],
            )
        )
        note_at, bar_at = note_at + song.notes, bar_at + song.bars
    return Reading(tuple(songs), tuple(LeftOut(*entry) for entry in contents.left_out))


def _save(path: Path, source: str, reading: Reading) -> None:
    contents = _Contents(
        source,
        [_SongEntry(song.name, dict(song.tags), song.parts, len(song.notes), len(song.bars)) for song in reading.songs],
        [(name, reason) for name, reason in reading.left_out],
    )
    notes = _joined([song.notes for song in reading.songs], (0, 5))
    bars = _joined([song.bars for song in reading.songs], (0,))
    encoded = np.frombuffer(msgspec.json.encode(contents), dtype=np.uint8)
    write_arrays(path, {"contents": encoded, "notes": notes, "bars": bars})
    drop_others(path, re.compile(rf"{re.escape(source)}-[0-9a-f]{{{_KEY_DIGITS}}}\.npz"))


def write_arrays(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Write an .npz file into the cache, whole or not at all.

    Raises:
        StorageError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]  # any name may be an array's
            temporary.replace(path)
        except BaseException:  # Ctrl-C as well: nothing unfinished may stay
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StorageError(
            f"the cache {path.parent} cannot be written: {error.strerror or error}",
            hint="free some space there, or choose another folder with data.cache in config.toml",
        ) from error


def drop_others(path: Path, pattern: re.Pattern[str]) -> None:
    """Remove what an older reader made, or what was made of older files: all of the pattern but the file itself."""
    for other in path.parent.iterdir():
        if other != path and pattern.fullmatch(other.name):
            with suppress(OSError):  # on Windows another process may have it open; the next run removes it
                other.unlink()


def _joined(blocks: Sequence[NDArray[np.int32]], empty: tuple[int, ...]) -> NDArray[np.int32]:
    return np.concatenate(blocks) if blocks else np.zeros(empty, dtype=np.int32)
