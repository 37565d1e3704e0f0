"""What a run recorded, as numbers: `metrics.jsonl` read on from where the last look ended.

A record is only ever appended to, so a follower reads what is new and nothing else. A resumed run cuts it back first:
that is noticed, and it is read anew. A long record is kept as numbers beside it, in `history.npz`; who deletes that
loses nothing but the second or two that it takes to read the record again.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from accompanist.errors import DataError
from accompanist.runs.lines import Lines
from accompanist.runs.thinning import thinned

CACHE = "history.npz"
CACHE_AFTER_BYTES = 32 << 20
"""Reading this much anew takes about 0.15 s: less is not worth a cache."""
_BLOCK_BYTES = 1 << 20
_TAIL_BYTES = 256


class _Kept(msgspec.Struct, frozen=True):
    """What stands in the cache beside the numbers."""

    bytes: int
    phases: list[tuple[str, ...]]
    epochs: list[dict[str, Any]]


class Series(NamedTuple):
    """A curve.

    Args:
        steps: (N,), ascending.
        epochs: (N,), passes through the music at each.
        values: (N,).
    """

    steps: NDArray[np.int64]
    epochs: NDArray[np.float64]
    values: NDArray[np.float64]


class History:
    """The record of a run, followed.

    Args:
        record: The run's `metrics.jsonl`, which need not be there yet.
    """

    def __init__(self, record: Path) -> None:
        self.record = record
        self._lines = Lines()
        self._forget()
        self._recall()
        self.update()

    def _forget(self) -> None:
        self._bytes = self._cached_bytes = 0
        self._tail = b""
        # A phase of training has losses of its own: columns of step, epoch and losses, by the names of the losses.
        self._phases: dict[tuple[str, ...], list[NDArray[np.float64]]] = {}
        self.epochs: list[dict[str, Any]] = []

    def update(self) -> bool:
        """Read what was recorded since the last look.

        Returns:
            Whether what was read before no longer holds, because a resumed run has cut its record back.

        Raises:
            DataError: a line is no record of training.
        """
        try:
            file = self.record.open("rb")
        except FileNotFoundError:
            return False
        with file:
            cut_back = not self._goes_on(file)
            if cut_back:
                self._forget()
            file.seek(self._bytes)
            rest = b""
            while block := file.read(_BLOCK_BYTES):
                whole, newline, rest = (rest + block).rpartition(b"\n")
                if newline:
                    self._take(whole + newline)
        if self._bytes - self._cached_bytes >= CACHE_AFTER_BYTES:
            self._keep()
        return cut_back

    @property
    def losses(self) -> tuple[str, ...]:
        """Names of what is measured at each step, of all phases."""
        return tuple(dict.fromkeys(name for names in self._phases for name in names))

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of what is measured at a sampled epoch."""
        return tuple(dict.fromkeys(name for line in self.epochs for name in line["metrics"]))

    @property
    def data(self) -> dict[str, float]:
        """The music's own value of each metric, as last recorded."""
        return dict(self.epochs[-1]["data"]) if self.epochs else {}

    @property
    def phase_began(self) -> int:
        """First step of the newest phase, whose losses are not those of the one before; 0 before any step."""
        begins = [int(blocks[0][0, 0]) for blocks in self._phases.values()]
        return max(begins, default=0)

    @property
    def last_step(self) -> int:
        """The last step recorded; 0 before the first."""
        ends = [int(blocks[-1][0, -1]) for blocks in self._phases.values()]
        return max([*ends, *(int(line["step"]) for line in self.epochs[-1:])], default=0)

    def loss(self, name: str, *, most: int | None = None) -> Series:
        """A curve of what is measured at each step; empty where nothing has that name.

        Args:
            name: One of `losses`.
            most: Points wanted at most, at least 4: the lowest and highest of each stretch; None: all.
        """
        parts = []
        for names, blocks in self._phases.items():
            if name in names:
                _join(blocks)
                steps, epochs, *losses = blocks[0]
                parts.append((steps, epochs, losses[names.index(name)]))
        steps, epochs, values = map(np.concatenate, zip((np.empty(0),) * 3, *parts, strict=True))
        if len(parts) > 1:
            order = np.argsort(steps, kind="stable")
            steps, epochs, values = steps[order], epochs[order], values[order]
        if most is not None:
            chosen = thinned(values, most)
            steps, epochs, values = steps[chosen], epochs[chosen], values[chosen]
        return Series(steps.astype(np.int64), epochs, values)

    def metric(self, name: str) -> Series:
        """A curve of what is measured at sampled epochs; empty where nothing has that name."""
        lines = [line for line in self.epochs if line["metrics"].get(name) is not None]
        return Series(
            np.array([line["step"] for line in lines], np.int64),
            np.array([line["epoch"] for line in lines], np.float64),
            np.array([line["metrics"][name] for line in lines], np.float64),
        )

    def _goes_on(self, file: BinaryIO) -> bool:
        """Whether the file still has what was read last, where it was."""
        file.seek(self._bytes - len(self._tail))
        return file.read(len(self._tail)) == self._tail

    def _take(self, lines: bytes) -> None:
        try:
            phases, epochs = self._lines.columns(lines)
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"{self.record} is damaged between byte {self._bytes} and {self._bytes + len(lines)}: {error}",
                hint=f"go on from the last checkpoint, which cuts it back: accompanist train --resume "
                f"{self.record.parent}",
            ) from error
        for names, columns in phases.items():
            self._phases.setdefault(names, []).append(columns)
        self.epochs += epochs
        self._bytes += len(lines)
        self._tail = (self._tail + lines[-_TAIL_BYTES:])[-_TAIL_BYTES:]

    def _recall(self) -> None:
        """Begin with what an earlier reader kept, where it is legible and the record still begins with it."""
        illegible = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, msgspec.DecodeError)
        with contextlib.suppress(*illegible), np.load(self.record.with_name(CACHE), allow_pickle=False) as kept:
            facts = msgspec.json.decode(kept["facts"].tobytes(), type=_Kept)
            phases = {tuple(names): [kept[f"columns{i}"]] for i, names in enumerate(facts.phases)}
            self._tail = kept["tail"].tobytes()
            self._bytes = self._cached_bytes = facts.bytes
            self._phases, self.epochs = phases, facts.epochs

    def _keep(self) -> None:
        self._cached_bytes = self._bytes
        for blocks in self._phases.values():
            _join(blocks)
        facts = _Kept(self._bytes, list(self._phases), self.epochs)
        arrays: dict[str, Any] = {f"columns{i}": blocks[0] for i, blocks in enumerate(self._phases.values())}
        # A folder that cannot be written, or a disk that is full, costs the reader time and nothing else.
        with contextlib.suppress(OSError), _replacing(self.record.with_name(CACHE)) as file:
            text = {"facts": msgspec.json.encode(facts), "tail": self._tail}
            np.savez(file, allow_pickle=False, **arrays, **{k: np.frombuffer(v, np.uint8) for k, v in text.items()})


def _join(blocks: list[NDArray[np.float64]]) -> None:
    if len(blocks) > 1:
        blocks[:] = [np.concatenate(blocks, axis=1)]


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of another when it is whole."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
