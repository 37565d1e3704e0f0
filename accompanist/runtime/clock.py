"""Physical time: one monotonic clock, injected wherever seconds are needed.

`time.time` jumps when the machine's date is set and is used nowhere. A `ManualClock` lets a whole performance run in a
test, or into a file, without one real second passing.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Where seconds come from."""

    def now(self) -> float:
        """Seconds since some fixed moment; never runs backwards."""
        ...

    def wait(self, until_s: float | None, wake: threading.Event) -> None:
        """Return at `until_s` (None: never), or as soon as `wake` is set, whichever is first; clears `wake`."""
        ...


class MonotonicClock:
    """The machine's monotonic clock."""

    def now(self) -> float:
        """Seconds since an arbitrary moment."""
        return time.monotonic()

    def wait(self, until_s: float | None, wake: threading.Event) -> None:
        """Sleep until a moment or until woken."""
        if until_s is None:
            wake.wait()
        else:
            left_s = until_s - time.monotonic()
            if left_s > 0:
                wake.wait(left_s)
        wake.clear()


class ManualClock:
    """A clock that moves when told to, for tests and for playing into a file.

    Args:
        now_s: Where it begins.
    """

    def __init__(self, now_s: float = 0.0) -> None:
        self._now_s = now_s

    def now(self) -> float:
        """Seconds it has been moved to."""
        return self._now_s

    def advance(self, seconds: float) -> None:
        """Move on.

        Raises:
            ValueError: backwards.
        """
        if seconds < 0:
            raise ValueError(f"a clock cannot run backwards: {seconds} s")
        self._now_s += seconds

    def wait(self, until_s: float | None, wake: threading.Event) -> None:
        """Waiting takes no time: the clock jumps to the moment, unless it was woken before."""
        if not wake.is_set() and until_s is not None:
            self._now_s = max(self._now_s, until_s)
        wake.clear()
