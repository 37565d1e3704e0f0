"""Messages that wait for their frame: given by one thread, written by another, a cycle of audio at a time.

Threads: `give` and `departures` belong to the engine's thread, `write` to the one that plays the cycles. Between them
are two deques, whose `append` and `popleft` are atomic; no lock is held.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable

from accompanist.runtime.ports import Departure

_NOTE_OFF, _NOTE_ON = 0x80, 0x90
_Waiting = tuple[float, int, bytes, object]  # when it is due, its number, the bytes, and its tag


class FrameQueue:
    """What a port was given and has not sent, by its due time."""

    def __init__(self) -> None:
        self._given: deque[_Waiting] = deque()  # by the engine's thread
        self._left: deque[Departure] = deque()  # for the engine's thread
        self._waiting: list[_Waiting] = []  # a heap, in the cycles' thread alone
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._given) + len(self._waiting)

    def give(self, data: bytes, due_s: float, tag: object) -> None:
        """Take a message.

        Args:
            data: The raw bytes.
            due_s: When it should leave. What is due together leaves in the order it was given.
            tag: Comes back in its `Departure`; None: nobody wants to know.
        """
        self._given.append((due_s, next(self._numbers), data, tag))

    def departures(self) -> list[Departure]:
        """What has left since the last call, and when."""
        return [self._left.popleft() for _ in range(len(self._left))]

    def write(self, begin_s: float, frames: int, frame_s: float, put: Callable[[int, bytes], bool]) -> None:
        """Write what is due in a cycle; what was due before it leaves at its first frame.

        Args:
            begin_s: When the cycle begins.
            frames: Its length.
            frame_s: Length of a frame.
            put: Takes a frame's offset and the bytes; False where the cycle is full: the rest goes with the next one.
        """
        waiting = self._waiting
        for _ in range(len(self._given)):
            given = self._given.popleft()
            if not self._withdrawn(given):
                heapq.heappush(waiting, given)
        while waiting and (frame := math.floor((waiting[0][0] - begin_s) / frame_s + 0.5)) < frames:
            offset = max(frame, 0)
            if not put(offset, waiting[0][2]):
                break
            tag = heapq.heappop(waiting)[3]
            if tag is not None:
                self._left.append(Departure(tag, begin_s + offset * frame_s))

    def _withdrawn(self, given: _Waiting) -> bool:
        """A note-off that comes before its note-on has left: the song stopped meanwhile, and neither leaves."""
        due_s, _, off, _ = given
        if off[0] & 0xF0 != _NOTE_OFF:
            return False
        on = bytes((_NOTE_ON | off[0] & 0x0F, off[1]))
        for i, (on_s, _, data, _) in enumerate(self._waiting):
            if on_s >= due_s and data[:2] == on:
                del self._waiting[i]
                heapq.heapify(self._waiting)
                return True
        return False
