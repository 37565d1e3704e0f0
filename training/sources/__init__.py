"""Where songs come from: one module per source, each of them a `Source`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from training.read import LeftOut, Progress, Song


class Source(Protocol):
    """Something that songs can be read from."""

    @property
    def name(self) -> str:
        """What it is called on the command line and in tags."""

    @property
    def about(self) -> str:
        """One line for the list."""

    @property
    def licence(self) -> str:
        """Under what terms its music may be used; also the licence of what a model trained on it may claim."""

    @property
    def reader(self) -> str:
        """Version of the reader with its settings: when it changes, what was read before is read again."""

    def locate(self) -> str:
        """Where the music was found.

        Raises:
            DataError: nowhere; the hint says how to point to it.
        """

    def fingerprint(self) -> str:
        """Hash of all bytes that `read` would read.

        Raises:
            DataError: the music is nowhere to be found.
        """

    def read(self, progress: Progress) -> Iterator[Song | LeftOut]:
        """Every song, and every file left out.

        Raises:
            DataError: the source as a whole cannot be read.
        """
