"""Lines of a record as columns of numbers, quickly: a long run has a million of them.

A line of a step is what the step before it was: the same names in the same order, until the next phase of training. So
the names are taken from the first one and a decoder is made for exactly these, which makes numbers of a line and no
dictionary. Where a line is any different, its block is read again line by line as what it is.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

PLACE = ("kind", "step", "epoch")
"""Of a step's line, beside what it measured."""
_ANY = msgspec.json.Decoder()


class _Epoch(msgspec.Struct, tag_field="kind", tag="epoch"):
    """A line of a sampled epoch: there are few, each is read by itself."""


class _Speed(msgspec.Struct, tag_field="kind", tag="speed"):
    """A line of the speed, which is no curve's."""


class Block(NamedTuple):
    """What stands in some lines.

    Args:
        phases: Of each phase of training the names of its losses, and (2 + losses, steps): step, epoch, losses.
        epochs: Lines of sampled epochs.
    """

    phases: dict[tuple[str, ...], NDArray[np.float64]]
    epochs: list[dict[str, Any]]


class Lines:
    """Reads blocks of lines, one after the other."""

    def __init__(self) -> None:
        self._names: tuple[str, ...] | None = None
        self._step: type[msgspec.Struct] = _Speed
        self._decoder: msgspec.json.Decoder[Any] = _ANY

    def columns(self, lines: bytes) -> Block:
        """Whole lines as numbers.

        Args:
            lines: Ending with a newline.

        Raises:
            msgspec.DecodeError, KeyError, TypeError, ValueError: a line is no line of a record.
        """
        if self._names is not None:
            try:
                return self._alike(lines)
            except msgspec.DecodeError:  # another phase, or damage, of which the other way tells more
                pass
        return self._each(lines)

    def _alike(self, lines: bytes) -> Block:
        names, step = self._names or (), self._step
        found = self._decoder.decode_lines(lines)
        steps = [row for row in found if type(row) is step]
        fields = step.__struct_fields__
        columns = [np.fromiter(map(attrgetter(field), steps), np.float64, len(steps)) for field in fields]
        epochs = []
        if len(steps) < len(found):
            texts = lines.split(b"\n")
            epochs = [_ANY.decode(texts[i]) for i, row in enumerate(found) if type(row) is _Epoch]
        return Block({names: np.array(columns)} if steps else {}, epochs)

    def _each(self, lines: bytes) -> Block:
        phases: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        epochs = []
        for line in _ANY.decode_lines(lines):
            if line["kind"] == "step":
                phases.setdefault(tuple(line), []).append(line)
            elif line["kind"] == "epoch":
                epochs.append(line)
        arrays = {}
        for keys, rows in phases.items():
            names = tuple(key for key in keys if key not in PLACE)
            columns = ("step", "epoch", *names)
            arrays[names] = np.array([[row[key] for row in rows] for key in columns], np.float64)
        if arrays:
            self._expect(list(arrays)[-1])
        return Block(arrays, epochs)

    def _expect(self, names: tuple[str, ...]) -> None:
        """Make a decoder of steps that measured these."""
        keys = ("step", "epoch", *names)
        fields = [f"column{i}" for i in range(len(keys))]  # a loss may have a name that is no identifier
        self._names = names
        self._step = msgspec.defstruct(
            "Step",
            [(field, float) for field in fields],
            rename=dict(zip(fields, keys, strict=True)),
            tag_field="kind",
            tag="step",
            forbid_unknown_fields=True,
            gc=False,
        )
        self._decoder = msgspec.json.Decoder(self._step | _Epoch | _Speed)
