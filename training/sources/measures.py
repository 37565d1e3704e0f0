"""Bars from the measures of a written score, some of which are short: a pickup, or a bar that a repeat sign splits."""

from __future__ import annotations

from collections.abc import Sequence


def bar_lines(measures: Sequence[tuple[int, int]]) -> tuple[int, list[int]]:
    """Where bars begin, as regular as the music is.

    A pickup becomes the end of a whole bar, so the song moves later. Two short measures that together make a bar are
    one (the end of a strain and the pickup of the next). A short measure at the end is filled with rests.

    Args:
        measures: (ticks, ticks that its meter asks for) of each measure.

    Returns:
        Ticks by which all notes move later; start tick of each bar then, and the end of the last one.
    """
    if not measures:
        return 0, [0]
    (first, whole), rest = measures[0], list(measures[1:])
    shift_ticks = max(whole - first, 0)
    bars = [0, first + shift_ticks]
    while rest:
        (ticks, whole), rest = rest[0], rest[1:]
        if ticks < whole:
            if not rest:
                ticks = whole
            elif ticks + rest[0][0] == whole == rest[0][1]:
                ticks, rest = whole, rest[1:]
        bars.append(bars[-1] + ticks)
    return shift_ticks, bars
