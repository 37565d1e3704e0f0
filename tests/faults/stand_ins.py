"""What stands in for parts of the machine that a simulation has no use for."""

from __future__ import annotations

import threading


class Flag(threading.Event):
    """An event that nobody waits for in another thread."""

    def __init__(self) -> None:
        self._up = False

    def is_set(self) -> bool:
        """It is up."""
        return self._up

    def set(self) -> None:
        """Up."""
        self._up = True

    def clear(self) -> None:
        """Down."""
        self._up = False


class no_priority:  # noqa: N801  stands in for a function
    """A thread of a test needs no priority."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...
