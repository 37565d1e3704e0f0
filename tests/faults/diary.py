"""The performance log of a simulated performance: its own thread, let go on step by step, and a disk that fails."""

from __future__ import annotations

import errno
import io
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faults.broken import Broken
from faults.source import Source

from accompanist.music.time import PPQ
from accompanist.runtime.log_records import Header
from accompanist.runtime.performance_log import Item, PerformanceLog

if TYPE_CHECKING:
    from faults.stage import Stage
    from faults.world import World

MOST_WAITING = 500
SHORTEST_GAP_S = 0.37
"""As often as the log writes."""
TURNS = 40
"""Times the log writes in a scene at most."""
ERRORS = {"full": (errno.ENOSPC, "No space left on device"), "gone": (errno.EIO, "Input/output error")}
DROPPED = b'{"record":"dropped"'


class Alarm(threading.Event):
    """Stands in for what the log's thread waits on: it goes on only while the simulation waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self._go, self._rests = threading.Semaphore(0), threading.Semaphore(0)

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002  simulated time decides
        """In the log's thread: rest until told to go on."""
        self._rests.release()
        self._go.acquire()
        return self.is_set()

    def set(self) -> None:
        """The log is being closed."""
        super().set()
        self._go.release()

    def go_on(self) -> None:
        """Let the log's thread go on."""
        self._go.release()

    def rests(self, thread: threading.Thread) -> None:
        """Wait until the log's thread rests again, or has ended."""
        while not self._rests.acquire(timeout=0.01) and thread.is_alive():
            pass


class FailingFile:
    """A file of the log's, on a disk that may fail.

    Args:
        file: The real one.
        fails: Asked at each write and flush for an exception.
    """

    def __init__(self, file: io.BufferedRandom, fails: Callable[[], Exception | None]) -> None:
        self._file, self._fails = file, fails
        self.records = 0  # of what happened
        self.dropped = 0  # that the log says it dropped
        self.failed = False

    def write(self, lines: bytes) -> int:
        """Take lines down, and count them."""
        self._try()
        for line in bytes(lines).splitlines():
            if line.startswith(DROPPED):
                self.dropped += int(line.rsplit(b":", 1)[1].rstrip(b"}"))
            else:
                self.records += 1
        return self._file.write(lines)

    def flush(self) -> None:
        """Onto the disk."""
        self._try()
        self._file.flush()

    def close(self) -> None:
        """Close it."""
        self._file.close()
        self._try()

    def _try(self) -> None:
        if (error := self._fails()) is not None:
            self.failed = True
            raise error


class Disk(Source):
    """A disk that is slow, full, or gone."""

    MOODS = (("well", 6), ("slow", 1), ("full", 0.3), ("gone", 0.1))

    def act(self, length_s: float) -> None:
        """Let the log write, now and then, and rarely where the disk is slow."""
        if self.world.diary is None:
            return
        least_s = length_s if self.mood == "slow" else SHORTEST_GAP_S
        gap_s = max(least_s, length_s / TURNS)
        self.again(lambda: self.rng.expovariate(1 / gap_s), self.world.diary.write)

    def tell(self, _: str) -> None:
        """The log tells the user that it ends: on a terminal that may be gone as well."""
        if self.rng.random() < 0.5:
            raise OSError(*ERRORS["gone"])

    def fails(self) -> Exception | None:
        """Asked at each write."""
        if self.mood not in ERRORS:
            return None
        self.world.note(f"disk {self.mood}")
        return OSError(*ERRORS[self.mood])


class Diary:
    """A performance log in a simulated world.

    Args:
        world: Its clock, and its disk.
    """

    def __init__(self, world: World) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._log = PerformanceLog(
            Path(self._folder.name) / "log.jsonl", world, world.disk.tell, most_waiting=MOST_WAITING
        )
        self._alarm = Alarm()
        self._log._closing = self._alarm
        assert self._log._file is not None
        self._file = FailingFile(self._log._file, world.disk.fails)
        self._log._file = self._file  # type: ignore[assignment]
        self._put = 0

    def begin(self, header: Header) -> None:
        """Start the log's thread."""
        self._log.begin(header)
        thread = self._log._thread
        assert thread is not None
        self._thread = thread
        self._alarm.rests(thread)

    def put(self, item: Item) -> None:
        """As the loop calls it."""
        self._put += 1
        self._log.put(item)
        if len(self._log._waiting) > MOST_WAITING:
            raise Broken(f"{len(self._log._waiting)} records wait for the log")

    def write(self) -> None:
        """Let the log's thread write what waits."""
        if self._thread.is_alive():
            self._alarm.go_on()
            self._alarm.rests(self._thread)

    def end(self, summary: dict[str, Any]) -> None:
        """The performance is over: all that was put down is in the file, or told as dropped; unless the disk failed."""
        self._log.finish(0, "", summary)
        if self._log._waiting:
            raise Broken("the log has ended and still keeps records")
        head_and_end = 2
        written = self._file.records - head_and_end + self._file.dropped
        if not self._file.failed and written != self._put:
            raise Broken(f"{self._put} records were put and {written} written or told as dropped")

    def close(self) -> None:
        """Whatever happened: close and remove the file."""
        self._log.close()
        self._folder.cleanup()


def header_of(stage: Stage) -> Header:
    """What the log begins with."""
    return Header(
        program="simulated",
        started="2000-01-01T00:00:00+00:00",
        model="none",
        kind=stage.spec.kind,
        trained=stage.spec.trained,
        tracks=tuple(track.name for track in stage.spec.tracks),
        provider="none",
        inference_s=0.01,
        system="simulated",
        melody_port="Piano",
        clock_port=None,
        band_ports=tuple(device.name for device in stage.each_device),
        follows_clock=stage.follows,
        bpm=stage.settings.bpm,
        beats_per_bar=stage.settings.beats_per_bar,
        ticks_per_beat=PPQ,
        seed=0,
    )
