"""Time signatures over time, and the bar lines they draw."""

from __future__ import annotations

from collections.abc import Sequence

from accompanist.music.time import PPQ, Meter

Meters = Sequence[tuple[int, int, int]]
"""Time signatures as a MIDI file has them: (tick, beats per bar, beat unit), ascending; 4/4 before the first."""
ALL_FOUR_FOUR: Meters = ((0, 4, 4),)


def meter_at(meters: Meters, tick: int) -> Meter:
    """The time signature in force at a tick."""
    return next((Meter(beats, unit) for start, beats, unit in reversed(meters) if start <= tick), Meter())


def bar_starts(meters: Meters, end_tick: int, *, ppq: int = PPQ) -> list[int]:
    """Where bars begin, from tick 0 on; the last entry is the first bar line at or after `end_tick`.

    Args:
        meters: On the same scale of ticks.
        end_tick: At least one bar is counted, however small it is.
        ppq: Ticks per quarter note of all ticks here.
    """
    changes = [start for start, _, _ in meters]
    starts = [0]
    while starts[-1] < max(end_tick, 1):
        tick = starts[-1]
        following = tick + max(meter_at(meters, tick).ticks_per_bar * ppq // PPQ, 1)
        # A new meter starts a new bar, even where the old one is not full.
        starts.append(min([following, *(change for change in changes if tick < change < following)]))
    return starts
