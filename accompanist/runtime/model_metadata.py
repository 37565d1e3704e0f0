"""What a model file says of itself, read without loading the model.

An ONNX file is one protocol-buffer message. Its metadata are fields of their own beside the graph, whose megabytes are
stepped over: a list of models is there in milliseconds, where loading each of them takes seconds on a busy machine.
That a model can be played is another question, which only loading answers.

Source: onnx.proto (ModelProto: graph 7, metadata_props 14; StringStringEntryProto: key 1, value 2); Protocol Buffers,
"Encoding".
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from accompanist.errors import ModelError
from accompanist.music.spec import ModelSpec
from accompanist.runtime.model_file import check_file, spec_from

_GRAPH, _METADATA = 7, 14
_KEY, _VALUE = 1, 2
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {_FIXED64: 8, _FIXED32: 4}
_MOST_VARINT_BYTES = 10
_MOST_ENTRY_BYTES = 1 << 20
"""A spec is some thousand bytes; what says it is longer is damaged, and not read into memory."""


class _Damaged(ValueError):
    """This is no such message."""


def spec_in(path: Path) -> ModelSpec:
    """What a model file says that it plays.

    Raises:
        ModelError: there is no such file, or it is no ONNX model, or one that was cut short.
        SpecMismatch: it says nothing, or what this program cannot serve.
        OSError: it cannot be read.
    """
    return spec_from(metadata_of(path), path)


def metadata_of(path: Path) -> dict[str, str]:
    """The metadata of a model file, by key.

    Raises:
        ModelError: there is no such file, or it is no ONNX model, or one that was cut short.
        OSError: it cannot be read.
    """
    check_file(path)
    found = {}
    has_graph = False
    with path.open("rb") as file:
        try:
            for number, content in _fields(file, os.fstat(file.fileno()).st_size, read=_METADATA):
                has_graph = has_graph or number == _GRAPH
                if number == _METADATA:
                    entry = dict(_fields(io.BytesIO(content), len(content)))
                    found[entry[_KEY].decode()] = entry.get(_VALUE, b"").decode()
        except (_Damaged, KeyError, UnicodeDecodeError):
            has_graph = False
    if not has_graph:
        raise ModelError(
            f"{path} is no ONNX model, or a damaged one",
            hint="export a training run again: accompanist export RUN -o model.onnx",
        )
    return found


def _fields(file: BinaryIO, size: int, read: int | None = None) -> Iterator[tuple[int, bytes]]:
    """The fields of a message: number and content, which is empty where it is not read.

    Args:
        file: At the message's beginning.
        size: Of the message in bytes; the file ends with it.
        read: The only field that is read; None: all.
    """
    while (at := file.tell()) < size:
        number, kind = divmod(_varint(file), 8)
        if kind == _VARINT:
            _varint(file)
            length = 0
        elif kind == _BYTES:
            length = _varint(file)
        elif kind in _FIXED_SIZES:
            length = _FIXED_SIZES[kind]
        else:
            raise _Damaged(f"field {number} at byte {at} is of kind {kind}")
        if not number or length > size - file.tell():
            raise _Damaged(f"field {number} at byte {at} has {length} bytes")
        content = b""
        if kind == _BYTES and read in (None, number):
            if length > _MOST_ENTRY_BYTES:
                raise _Damaged(f"field {number} at byte {at} has {length} bytes")
            content = file.read(length)
        else:
            file.seek(length, os.SEEK_CUR)
        yield number, content


def _varint(file: BinaryIO) -> int:
    """A number in groups of seven bits, the lowest first."""
    value = 0
    for place in range(_MOST_VARINT_BYTES):
        byte = file.read(1)
        if not byte:
            raise _Damaged("it ends within a number")
        value |= (byte[0] & 0x7F) << (7 * place)
        if byte[0] < 0x80:
            return value
    raise _Damaged("a number that does not end")
