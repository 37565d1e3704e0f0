"""What a performance is measured by: lateness of every message, inference times, what was played; and how to tell it.

Threads: the engine thread alone writes; the main thread reads whole values for the status line, the rest at the end.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import NamedTuple

from accompanist.engine.engine import Status


class Summary(NamedTuple):
    """A performance in numbers.

    Args:
        bars: Bars in which the song moved.
        notes_in: Note-ons of the player.
        notes_out: Note-ons of the band.
        late_answers: Answers of the model that came when their first beats were gone.
        rest_beats: Beats played from the rest of an older plan, where a newer one was due.
        held_beats: Beats without a plan, in which the last harmony was held.
        silent_beats: Beats without a plan, left silent.
        failures: Failures of the model.
        exceptions: Failures of the engine itself.
        lateness_p50_ms: Median of how much later than due a message left.
        lateness_p99_ms: Ninety-nine of a hundred were not later.
        lateness_max_ms: The latest.
        inference_p50_ms: Median time of an inference.
        inference_max_ms: The slowest.
    """

    bars: int
    notes_in: int
    notes_out: int
    late_answers: int
    rest_beats: int
    held_beats: int
    silent_beats: int
    failures: int
    exceptions: int
    lateness_p50_ms: float
    lateness_p99_ms: float
    lateness_max_ms: float
    inference_p50_ms: float
    inference_max_ms: float

    def __str__(self) -> str:
        """As one paragraph."""
        text = (
            f"{self.bars} bars: {self.notes_in} notes in, {self.notes_out} notes out. "
            f"Lateness {self.lateness_p50_ms:.2f} ms median, {self.lateness_p99_ms:.2f} ms p99, "
            f"{self.lateness_max_ms:.2f} ms at most; inference {self.inference_p50_ms:.1f} ms median, "
            f"{self.inference_max_ms:.1f} ms at most; {self.late_answers} late answers. Beats from the rest of a plan "
            f"{self.rest_beats}, with the last harmony held {self.held_beats}, silent for want of a plan "
            f"{self.silent_beats}."
        )
        if self.failures or self.exceptions:
            text += f" The model failed {self.failures} times, the engine {self.exceptions} times."
        return text


class Telemetry:
    """Collects the numbers of one performance."""

    def __init__(self) -> None:
        self.status: Status | None = None
        self.exceptions = 0
        self.last_lateness_s = 0.0
        self._lateness_s = array("d")
        self._inference_s = array("d")
        self._bars = 0
        self._bar: int | None = None

    def sent(self, due_s: float, at_s: float) -> None:
        """A message left.

        Args:
            due_s: When it should have.
            at_s: When it did.
        """
        self.last_lateness_s = max(at_s - due_s, 0.0)
        self._lateness_s.append(self.last_lateness_s)

    def answered(self, inference_s: float) -> None:
        """The model answered."""
        self._inference_s.append(inference_s)

    def stands(self, status: Status) -> None:
        """Where the performance stands now."""
        if status.running and status.bar != self._bar:
            self._bars += 1
        self._bar = status.bar if status.running else None
        self.status = status

    @property
    def worst_lateness_s(self) -> float:
        """The largest of the last hundred."""
        return max(self._lateness_s[-100:], default=0.0)

    def summary(self) -> Summary:
        """The numbers so far."""
        status = self.status
        lateness_ms = sorted(1000 * late_s for late_s in self._lateness_s)
        inference_ms = sorted(1000 * took_s for took_s in self._inference_s)
        return Summary(
            bars=self._bars,
            notes_in=status.notes_in if status else 0,
            notes_out=status.notes_out if status else 0,
            late_answers=status.late_answers if status else 0,
            rest_beats=status.rest_beats if status else 0,
            held_beats=status.held_beats if status else 0,
            silent_beats=status.silent_beats if status else 0,
            failures=status.failures if status else 0,
            exceptions=self.exceptions,
            lateness_p50_ms=percentile(lateness_ms, 50),
            lateness_p99_ms=percentile(lateness_ms, 99),
            lateness_max_ms=percentile(lateness_ms, 100),
            inference_p50_ms=percentile(inference_ms, 50),
            inference_max_ms=percentile(inference_ms, 100),
        )


def percentile(ascending: Sequence[float], percent: int) -> float:
    """The smallest value that `percent` of all values do not exceed (nearest rank); 0 of nothing."""
    if not ascending:
        return 0.0
    rank = -(-percent * len(ascending) // 100)  # rounded up, in whole numbers
    return ascending[max(rank, 1) - 1]


def status_line(telemetry: Telemetry) -> str:
    """Bar and beat, tempo, lock, notes in and out, inference and lateness (the worst of late): fits 80 columns."""
    status = telemetry.status
    if status is None:
        return "starting"
    tempo = f"{status.bpm:.1f} BPM {status.lock}"
    if not status.running:
        return f"{'waiting for your first note' if status.lock == 'internal' else 'waiting for the clock'} | {tempo}"
    doing = "listening" if status.listening else "playing"
    return (
        f"{status.bar}.{status.beat} {doing} | {tempo} | in {status.notes_in} out {status.notes_out} | "
        f"infer {1000 * status.inference_s:.1f} late {1000 * telemetry.worst_lateness_s:.2f} ms"
    )
