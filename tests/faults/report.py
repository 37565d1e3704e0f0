"""What is told of a simulated performance."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from accompanist.engine.protocol import Answer, Failure, Input, Received


class Report(NamedTuple):
    """What a simulated performance amounted to.

    Args:
        seed: The seed.
        hours: Simulated.
        beats: That the song moved through.
        messages: That left.
        inputs: That came in.
        turns: Of the loop.
        faults: Injected, by kind.
        most_held: Largest number of elements that engine and loop held.
        digest: Of all messages with their times: the same for the same seed.
        took_s: Real seconds.
        broken: The invariant that failed; empty where all held.
        at_s: When it failed, in seconds from the beginning.
        last: The last lines of the transcript.
    """

    seed: int
    hours: float
    beats: int
    messages: int
    inputs: int
    turns: int
    faults: Counter[str]
    most_held: int
    digest: int
    took_s: float
    broken: str
    at_s: float
    last: tuple[str, ...]


def shown(item: Input) -> str:
    """An input in a line of the transcript."""
    kind = type(item).__name__
    if isinstance(item, Received):
        return f"{kind} {item.at_s} {item.data.hex(' ')}{' from the clock' if item.from_clock else ''}"
    if isinstance(item, Answer):
        return f"{kind} to {item.job.number} for tick {item.job.plan_tick}: {len(item.notes)} notes"
    return f"{kind} to {item.job.number}: {item.reason}" if isinstance(item, Failure) else str(item)
