"""Following a performance log: whole lines from a byte on, however the file is written, cut off or replaced.

`Lines` makes records of bytes and touches no file; `LogTail` reads a bounded piece at a time. Where the file became
another one, or shorter than what was read of it, it begins anew.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import msgspec

from accompanist.runtime.log_records import Header, Record

PIECE_BYTES = 1 << 18
"""Read at once at most: some minutes of a dense performance."""
BACK_BYTES = 1 << 19
"""How far back a log is read that was long when it was opened: the last minutes."""
LONGEST_LINE = 1 << 16
"""A longer line is no record; it is passed over."""
_HEADER = b'{"record":"header"'
_decoder = msgspec.json.Decoder(Record)


class Lines:
    """Bytes in, records out.

    Args:
        offset: Place in the file of the first byte that will be given.
    """

    def __init__(self, offset: int = 0) -> None:
        self.offset = offset
        """Where the line begins that is not whole yet: to go on from here is to miss nothing."""
        self._rest = b""
        self._skipping = False

    def feed(self, data: bytes) -> list[Record]:
        """Take the next bytes.

        Returns:
            The records that they completed. Lines that are none, or of a kind that is not known, are passed over.
        """
        *whole, rest = (self._rest + data).split(b"\n")
        records = []
        for line in whole:
            self.offset += len(line) + 1
            if self._skipping:
                self._skipping = False
                continue
            try:
                records.append(_decoder.decode(line))
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue
        if len(rest) > LONGEST_LINE:
            self.offset += len(rest)
            rest, self._skipping = b"", True
        self._rest = rest
        return records


class LogTail:
    """The newest performance in a log file, and what is added to it.

    Args:
        path: The file; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity: tuple[int, int] | None = None
        self._lines = Lines()
        self._read_bytes = 0

    @property
    def offset(self) -> int:
        """The byte to go on from."""
        return self._lines.offset

    def read(self) -> tuple[list[Record], bool]:
        """What was added since the last call, up to a bound.

        Returns:
            Records, and whether they begin anew: it is another file than before, or its first reading.

        Raises:
            OSError: the file cannot be read, or is not there.
        """
        with self._path.open("rb") as file:
            seen = os.fstat(file.fileno())
            anew = (seen.st_dev, seen.st_ino) != self._identity or seen.st_size < self._read_bytes
            records: list[Record] = []
            if anew:
                self._identity = seen.st_dev, seen.st_ino
                header, begin = _beginning(file.fileno(), seen.st_size)
                records += [header] if header is not None else []
                self._lines = Lines(begin)
                self._read_bytes = begin
            file.seek(self._read_bytes)
            data = file.read(PIECE_BYTES)
            self._read_bytes += len(data)
            return records + self._lines.feed(data), anew


def _beginning(file: int, size: int) -> tuple[Header | None, int]:
    """Where to begin in a log: at the newest header, or, where that is far back, with it and then near the end."""
    if size == 0:
        return None, 0
    with mmap.mmap(file, 0, access=mmap.ACCESS_READ) as data:
        at = data.rfind(_HEADER)
        if at < 0 or size - at <= BACK_BYTES:
            return None, max(at, 0)
        end = data.find(b"\n", at)
        begin = data.find(b"\n", size - BACK_BYTES) + 1
        try:
            header = _decoder.decode(data[at:end])
        except msgspec.MsgspecError:
            header = None
        return (header if isinstance(header, Header) else None), begin or size
