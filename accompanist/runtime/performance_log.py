"""The performance log: what happened, as JSON Lines, for a console, for scripts and for whoever wants to know why.

Threads: the engine thread calls `put`, which appends to a bounded queue and returns; it never waits, wakes nobody and
formats nothing. A thread of the log's own writes, some three times a second. What the queue has no room for is dropped,
and the log says how much. Where the disk fails the log ends with a line to the user; the music goes on.
"""

from __future__ import annotations

import io
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from accompanist.engine.protocol import (
    AheadReport,
    BeatReport,
    Event,
    HeardReport,
    Message,
    PlanReport,
    Report,
)
from accompanist.errors import StorageError
from accompanist.music.time import TICKS_PER_STEP
from accompanist.runtime.clock import Clock
from accompanist.runtime.log_records import (
    AheadRecord,
    BeatRecord,
    DroppedRecord,
    End,
    EventRecord,
    Header,
    HeardRecord,
    MessageRecord,
    PlanRecord,
    Record,
)

MOST_WAITING = 65_536
"""Records that wait to be written at most: some minutes of a dense performance on a disk that hangs."""
WRITE_EVERY_S = 0.37
"""No beat or step of a common tempo has this length, so writing does not fall on the same note again and again."""
CHUNK = 64
"""Records written at a stretch."""
_JOIN_S = 5.0


class Sent(NamedTuple):
    """A message that left.

    Args:
        message: The message.
        at_s: When it did.
    """

    message: Message
    at_s: float


Item = Sent | Event | Report


class PerformanceLog:
    """A log file, open for one performance. What is in the file already stays.

    Args:
        path: The file.
        clock: The one clock; the log counts from now.
        tell: Called in the log's thread with a line for the user, where the log must end early.
        most_waiting: Bound of the queue.

    Raises:
        StorageError: the file cannot be written.
    """

    def __init__(
        self, path: Path, clock: Clock, tell: Callable[[str], None], *, most_waiting: int = MOST_WAITING
    ) -> None:
        self._path = path
        self._clock = clock
        self._tell = tell
        self._most_waiting = most_waiting
        self._waiting: deque[Item] = deque()
        self._dropped = 0  # written by the thread that puts; `_told_dropped` by the one that writes
        self._told_dropped = 0
        self._end: tuple[int, str, dict[str, float | int | None]] | None = None
        self._closing = threading.Event()
        self._over = False
        self._thread: threading.Thread | None = None
        self._encoder = msgspec.json.Encoder()
        self._file: io.BufferedRandom | None = _opened(path)
        self._origin_s = clock.now()

    def begin(self, header: Header) -> None:
        """Write the header and, from now on, what has been put and will be."""
        self._thread = threading.Thread(target=self._work, args=(header,), name="log", daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Have something written; from one thread, which it never holds up."""
        if self._over:
            return
        if len(self._waiting) >= self._most_waiting:
            self._dropped += 1
            return
        self._waiting.append(item)

    def finish(self, exit_code: int, lost: str, summary: dict[str, float | int | None]) -> None:
        """Write the rest and how it ended, and close."""
        self._end = exit_code, lost, summary
        self.close()

    def close(self) -> None:
        """Write what waits and close; a second time nothing happens."""
        self._closing.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(_JOIN_S)
            if thread.is_alive():
                self._tell(f"the log {self._path} could not be finished: the disk does not answer")
        elif self._file is not None and not self._over:
            self._close_file()  # nothing was begun

    def _work(self, header: Header) -> None:
        try:
            self._write(header)
            while not self._closing.wait(WRITE_EVERY_S):
                self._write_waiting()
            self._write_waiting()
            if self._end is not None:
                self._write(End(self._now(), *self._end))
        except Exception as error:  # noqa: BLE001 (whatever it is, it ends the log and not the music)
            reason = (
                error.strerror if isinstance(error, OSError) and error.strerror else f"{type(error).__name__}: {error}"
            )
            with suppress(Exception):  # a terminal that went away with the disk
                self._tell(f"the log {self._path} ends here: {reason}; the music goes on")
        finally:
            self._over = True
            self._waiting.clear()
            self._close_file()

    def _write_waiting(self) -> None:
        for _ in range(-(-len(self._waiting) // CHUNK)):  # what comes meanwhile waits for the next time
            lines = bytearray()
            for _ in range(min(CHUNK, len(self._waiting))):
                lines += self._encoder.encode(self._record(self._waiting.popleft())) + b"\n"
                time.sleep(0)  # gives the interpreter to the engine if it waits: its next note must not
            self._put_down(lines)
        if (dropped := self._dropped) > self._told_dropped:
            self._write(DroppedRecord(self._now(), dropped - self._told_dropped))
            self._told_dropped = dropped

    def _write(self, record: Record) -> None:
        self._put_down(self._encoder.encode(record) + b"\n")

    def _put_down(self, lines: bytes | bytearray) -> None:
        if self._file is not None:
            self._file.write(lines)
            self._file.flush()

    def _close_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):  # a full disk: told already
                file.close()

    def _now(self) -> float:
        return self._since(self._clock.now())

    def _since(self, at_s: float) -> float:
        return round(at_s - self._origin_s, 6)

    def _record(self, item: Item) -> Record:
        match item:
            case Sent(message, at_s):
                return MessageRecord(
                    self._since(at_s), self._since(message.due_s), message.tick, message.track, message.data.hex()
                )
            case Event():
                return EventRecord(self._since(item.at_s), item.name, item.detail)
            case PlanReport():
                job = item.job
                return PlanRecord(
                    self._since(item.at_s),
                    job.number,
                    job.plan_tick,
                    job.heard_tick,
                    self._since(job.deadline_s),
                    round(item.inference_s, 6),
                    item.outcome,
                    item.notes,
                    item.from_tick,
                )
            case AheadReport():
                numbers = tuple([value for its in item.notes for value in its])
                return AheadRecord(self._since(item.at_s), item.from_tick, numbers, item.silent)
            case HeardReport():
                return HeardRecord(self._since(item.at_s), item.tick, item.data.hex())
            case BeatReport():
                age_steps = None if item.heard_tick is None else (item.tick - item.heard_tick) / TICKS_PER_STEP
                return BeatRecord(
                    self._since(item.at_s),
                    item.tick,
                    item.beats,
                    item.source,
                    age_steps,
                    item.notes,
                    item.isr,
                    item.deadline_misses,
                )


def _opened(path: Path) -> io.BufferedRandom:
    try:
        file = path.open("a+b")
        if file.seekable() and file.seek(0, io.SEEK_END) > 0:
            file.seek(-1, io.SEEK_END)
            if file.read() != b"\n":  # the last performance was cut off within a line
                file.write(b"\n")
    except OSError as error:
        raise StorageError(
            f"cannot write the log {path}: {error.strerror or error}",
            hint="name a file in a folder that exists with --log",
        ) from error
    return file
