"""Musical time: integer ticks, and the one map between ticks and seconds.

A tick is 1/480 of a quarter note; a step is a sixteenth; a MIDI clock is 1/24 of a quarter note (MIDI 1.0, "System
Real Time Messages"). Nothing in the project holds a position in fractions of a beat.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

PPQ = 480
"""Ticks per quarter note, everywhere but inside a MIDI file that says otherwise."""
STEPS_PER_BEAT = 4
"""Steps of a piano roll per beat: sixteenths."""
TICKS_PER_STEP = PPQ // STEPS_PER_BEAT
CLOCKS_PER_BEAT = 24
"""MIDI timing clocks per quarter note (MIDI 1.0)."""
TICKS_PER_CLOCK = PPQ // CLOCKS_PER_BEAT
TICKS_PER_SONG_POSITION = 6 * TICKS_PER_CLOCK
"""A MIDI beat, the unit of song position: six clocks, a sixteenth (MIDI 1.0)."""
DEFAULT_US_PER_BEAT = 500_000
"""120 BPM, what a MIDI file means when it sets no tempo (Standard MIDI Files 1.0)."""


def us_per_beat(bpm: float) -> int:
    """Tempo in beats per minute as whole microseconds per beat, the unit MIDI files keep."""
    return round(60_000_000 / bpm)


def bpm_of(us: int) -> float:
    """Tempo in microseconds per beat as beats per minute."""
    return 60_000_000 / us


@dataclass(frozen=True, slots=True)
class Meter:
    """How beats make bars.

    Args:
        beats_per_bar: Upper figure of the time signature.
        beat_unit: Lower figure: 4 means that a beat is a quarter note.
    """

    beats_per_bar: int = 4
    beat_unit: int = 4

    @property
    def ticks_per_beat(self) -> int:
        """Length of one beat in ticks."""
        return PPQ * 4 // self.beat_unit

    @property
    def ticks_per_bar(self) -> int:
        """Length of one bar in ticks."""
        return self.ticks_per_beat * self.beats_per_bar

    def __str__(self) -> str:
        """As musicians write it: 4/4."""
        return f"{self.beats_per_bar}/{self.beat_unit}"


@dataclass(frozen=True, slots=True)
class TempoMap:
    """Tempo over time, and the only converter between ticks and seconds.

    Immutable.

    Args:
        changes: (tick, microseconds per beat), ascending ticks, the first at tick 0.
        ppq: Ticks per quarter note.
        origin_s: The moment of tick 0, in seconds of whatever clock the owner uses.
    """

    changes: tuple[tuple[int, int], ...] = ((0, DEFAULT_US_PER_BEAT),)
    ppq: int = PPQ
    origin_s: float = 0.0

    def __post_init__(self) -> None:
        ticks = [tick for tick, _ in self.changes]
        if not ticks or ticks[0] != 0 or ticks != sorted(set(ticks)):
            raise ValueError(f"tempo changes must ascend from tick 0, got ticks {ticks[:8]}")
        if any(us <= 0 for _, us in self.changes):
            raise ValueError("a tempo must be above 0 microseconds per beat")
        if self.ppq <= 0:
            raise ValueError(f"{self.ppq} ticks per quarter note; at least 1 is needed")

    @classmethod
    def constant(cls, bpm: float, *, origin_s: float = 0.0) -> TempoMap:
        """One tempo throughout."""
        return cls(((0, us_per_beat(bpm)),), origin_s=origin_s)

    def us_per_beat_at(self, tick: int) -> int:
        """Tempo in force at a tick, in microseconds per beat."""
        if len(self.changes) == 1:  # nearly always
            return self.changes[0][1]
        at = bisect_right(self.changes, tick, key=lambda change: change[0]) - 1
        return self.changes[max(at, 0)][1]

    def s_at(self, tick: float) -> float:
        """The moment of a tick, in seconds."""
        elapsed_us = 0.0
        start, us = self.changes[0]
        for end, following_us in self.changes[1:]:
            if tick < end:
                break
            elapsed_us += (end - start) * us / self.ppq
            start, us = end, following_us
        return self.origin_s + (elapsed_us + (tick - start) * us / self.ppq) / 1e6

    def tick_at(self, s: float) -> int:
        """The last tick that has begun at a moment (floor), with a tenth of a microsecond's grace for rounding.

        The grace is above the rounding of seconds held in a float for three years of a machine's uptime.
        """
        left_us = (s - self.origin_s) * 1e6 + 0.1
        start, us = self.changes[0]
        for end, following_us in self.changes[1:]:
            length_us = (end - start) * us / self.ppq
            if left_us < length_us:
                break
            left_us -= length_us
            start, us = end, following_us
        return start + int(left_us * self.ppq // us)
