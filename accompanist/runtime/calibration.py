"""How long a note is under way: out by one port, through a DAW or a synthesiser, and back by another.

Threads: the MIDI system's own threads put what comes back into a queue; the caller's thread sends and waits.
"""

from __future__ import annotations

import queue
import statistics
import threading
from collections.abc import Callable
from typing import NamedTuple, cast

from accompanist.errors import PortError
from accompanist.runtime.clock import Clock
from accompanist.runtime.ports import OutputPort, TimedPort

FIRST_PITCH, PITCHES = 60, 24
"""One note after the other on another pitch: what comes back late is not taken for the next."""
VELOCITY = 40
_NOTE_OFF, _NOTE_ON = 0x80, 0x90
_PAUSE_S = 0.11  # and some more each time: notes fall on every place of the loop's own grain
_MORE_S = 0.0071
_EVERY_S = 0.5  # while nothing has come back

Heard = queue.SimpleQueue[tuple[float, bytes]]


class Trips(NamedTuple):
    """What was measured.

    Args:
        round_trips_s: Of every note that came back.
        lost: Notes that did not.
    """

    round_trips_s: tuple[float, ...]
    lost: int

    @property
    def median_ms(self) -> float:
        """The usual round trip."""
        return 1000 * statistics.median(self.round_trips_s)

    @property
    def spread_ms(self) -> float:
        """Between the fastest and the slowest of the middle nine tenths."""
        ordered = sorted(self.round_trips_s)
        cut = len(ordered) // 20
        return 1000 * (ordered[len(ordered) - 1 - cut] - ordered[cut])

    @property
    def advance_ms(self) -> float:
        """What makes up for the way there: half of the round trip, as both ways are alike; never below 0."""
        return max(0.0, round(self.median_ms / 2, 1))  # in this order: of 0.0 and -0.0 the first is taken


class Circuit:
    """A MIDI loop through something.

    Args:
        out: Where notes leave.
        heard: What comes back: (second, bytes).
        clock: The one clock.
    """

    def __init__(self, out: OutputPort, heard: Heard, clock: Clock) -> None:
        self._out = out
        self._heard = heard
        self._clock = clock
        self._sent = 0

    def find(self, timeout_s: float) -> None:
        """Send notes until one comes back: somebody may still be connecting.

        Raises:
            PortError: none did.
        """
        end_s = self._clock.now() + timeout_s
        while self._clock.now() < end_s:
            if self._trip(_EVERY_S) is not None:
                return
        raise PortError(
            f"no note came back: {self._sent} left by {self._out.name!r}, none arrived",
            hint="in the DAW, play what arrives from --out on to --in: a MIDI track with both, monitoring on",
        )

    def measure(self, notes: int, *, patience_s: float = 0.5, progress: Callable[[], None] = lambda: None) -> Trips:
        """Send notes one by one, each when the last has come back.

        Args:
            notes: How many.
            patience_s: After so long one is lost.
            progress: Called after each.

        Raises:
            PortError: fewer than half came back.
        """
        round_trips_s: list[float] = []
        for _ in range(notes):
            trip_s = self._trip(patience_s)
            if trip_s is not None:
                round_trips_s.append(trip_s)
            progress()
            pause_s = _PAUSE_S + self._sent % 7 * _MORE_S
            self._clock.wait(self._clock.now() + pause_s, threading.Event())
        if 2 * len(round_trips_s) < notes:
            raise PortError(
                f"only {len(round_trips_s)} of {notes} notes came back, which tells nothing; accepted: at least half",
                hint="take away whatever filters or changes notes between --out and --in",
            )
        return Trips(tuple(round_trips_s), notes - len(round_trips_s))

    def _trip(self, patience_s: float) -> float | None:
        """One note there and back, in seconds; None where it did not come back. It is ended either way."""
        pitch = FIRST_PITCH + self._sent % PITCHES
        self._sent += 1
        on, off = bytes((_NOTE_ON, pitch, VELOCITY)), bytes((_NOTE_OFF, pitch, 0))
        left_s = self._clock.now() + self._out.ahead_s
        try:
            if self._out.ahead_s > 0:
                cast(TimedPort, self._out).send_at(on, left_s)
            else:
                self._out.send(on)
            return self._back(pitch, left_s, patience_s)
        finally:
            self._out.send(off)

    def _back(self, pitch: int, left_s: float, patience_s: float) -> float | None:
        end_s = left_s + patience_s
        while True:
            try:
                at_s, data = self._heard.get(timeout=max(end_s - self._clock.now(), 0.0))
            except queue.Empty:
                return None
            if data[0] & 0xF0 == _NOTE_ON and data[1] == pitch and data[2] > 0:
                return at_s - left_s
