"""What a performance is measured by: lateness of every message, inference times, what was played; and how to tell it.

Threads: the engine thread alone writes; the main thread reads whole values for the status line, the rest at the end.
Memory does not grow with the length of the performance.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

from accompanist.engine.figures import Figures
from accompanist.engine.status import Status
from accompanist.runtime.histogram import Histogram

_RECENT = 100
_AWAITED = {"internal": "your first note", "locked": "a start"}
"""What a song that rests waits for, by how its clock is heard; else for the clock."""


class Summary(NamedTuple):
    """A performance in numbers.

    Args:
        bars: Bars in which the song moved.
        notes_in: Note-ons of the player.
        notes_out: Note-ons of the band.
        isr: Share of ticks, since the first plan was due, at which committed material from a plan was there; None where
            no plan was ever due.
        planned_beats: Beats from a plan, those from the rest of an older one included.
        rest_beats: Of these, beats from the rest of an older plan, where a newer one was due.
        held_beats: Beats without a plan, in which the last harmony was held.
        silent_beats: Beats without a plan, left silent.
        staleness_mean_steps: Mean age of what played, in sixteenths, from the end of the melody its plan heard.
        staleness_max_steps: The oldest.
        deadline_misses: Answers of the model after their deadline.
        late_answers: Answers that came when their first beats were gone.
        dropped_answers: Answers of which nothing was left to play.
        failures: Failures of the model.
        exceptions: Failures of the engine itself.
        dropped_inputs: MIDI messages and answers that the engine never took: it failed on them, or its inbox was full.
        lateness_p50_ms: Median of how much later than due a message left. This and all percentiles are rounded up by at
            most 4.4 %.
        lateness_p95_ms: Ninety-five of a hundred were not later.
        lateness_p99_ms: Ninety-nine of a hundred were not later.
        lateness_max_ms: The latest.
        inference_p50_ms: Median time of an inference.
        inference_p99_ms: Ninety-nine of a hundred took no longer.
        inference_max_ms: The slowest.
    """

    bars: int
    notes_in: int
    notes_out: int
    isr: float | None
    planned_beats: int
    rest_beats: int
    held_beats: int
    silent_beats: int
    staleness_mean_steps: float
    staleness_max_steps: float
    deadline_misses: int
    late_answers: int
    dropped_answers: int
    failures: int
    exceptions: int
    dropped_inputs: int
    lateness_p50_ms: float
    lateness_p95_ms: float
    lateness_p99_ms: float
    lateness_max_ms: float
    inference_p50_ms: float
    inference_p99_ms: float
    inference_max_ms: float

    def __str__(self) -> str:
        """As one paragraph."""
        share = "no plan was due" if self.isr is None else f"{self.isr:.3f} of the time a plan was there (ISR)"
        text = (
            f"{self.bars} bars: {self.notes_in} notes in, {self.notes_out} notes out. "
            f"Lateness {self.lateness_p50_ms:.2f} ms median, {self.lateness_p95_ms:.2f} ms p95, "
            f"{self.lateness_p99_ms:.2f} ms p99, {self.lateness_max_ms:.2f} ms at most; "
            f"inference {self.inference_p50_ms:.1f} ms median, {self.inference_p99_ms:.1f} ms p99, "
            f"{self.inference_max_ms:.1f} ms at most. "
            f"Planning: {share}; what played was {self.staleness_mean_steps:.1f} sixteenths old on average, "
            f"{self.staleness_max_steps:.1f} at most; {self.deadline_misses} deadlines missed, "
            f"{self.late_answers} late answers. Beats from the rest of a plan {self.rest_beats}, with the last harmony "
            f"held {self.held_beats}, silent for want of a plan {self.silent_beats}."
        )
        if self.failures or self.exceptions:
            text += f" The model failed {self.failures} times, the engine {self.exceptions} times."
        if self.dropped_inputs:
            text += f" {self.dropped_inputs} inputs were dropped."
        return text


class Telemetry:
    """Collects the numbers of one performance."""

    def __init__(self) -> None:
        self.status: Status | None = None
        self.away: tuple[str, ...] = ()  # ports that are waited for; the main thread's
        self.exceptions = 0
        self.dropped_by_inbox = self.dropped_by_engine = 0
        self.last_lateness_s = 0.0
        self._lateness = Histogram()
        self._inference = Histogram()
        self._recent_s = array("d", bytes(8 * _RECENT))  # the last latenesses, round and round
        self._bars = 0
        self._bar: int | None = None

    def sent(self, due_s: float, at_s: float) -> None:
        """A message left.

        Args:
            due_s: When it should have.
            at_s: When it did.
        """
        self.last_lateness_s = max(at_s - due_s, 0.0)
        self._recent_s[self._lateness.count % _RECENT] = self.last_lateness_s
        self._lateness.add(self.last_lateness_s)

    def answered(self, inference_s: float) -> None:
        """The model answered."""
        self._inference.add(inference_s)

    def stands(self, status: Status) -> None:
        """Where the performance stands now."""
        if status.running and status.bar != self._bar:
            self._bars += 1
        self._bar = status.bar if status.running else None
        self.status = status

    @property
    def worst_lateness_s(self) -> float:
        """The largest of the last hundred."""
        return max(self._recent_s)

    def summary(self) -> Summary:
        """The numbers so far."""
        status = self.status
        figures = status.figures if status else Figures()
        return Summary(
            bars=self._bars,
            notes_in=status.notes_in if status else 0,
            notes_out=status.notes_out if status else 0,
            isr=figures.isr,
            planned_beats=figures.planned_beats,
            rest_beats=figures.rest_beats,
            held_beats=figures.held_beats,
            silent_beats=figures.silent_beats,
            staleness_mean_steps=figures.staleness_mean_steps,
            staleness_max_steps=figures.staleness_max_steps,
            deadline_misses=figures.deadline_misses,
            late_answers=status.late_answers if status else 0,
            dropped_answers=status.dropped_answers if status else 0,
            failures=status.failures if status else 0,
            exceptions=self.exceptions,
            dropped_inputs=self.dropped_by_inbox + self.dropped_by_engine,
            lateness_p50_ms=1000 * self._lateness.percentile_s(50),
            lateness_p95_ms=1000 * self._lateness.percentile_s(95),
            lateness_p99_ms=1000 * self._lateness.percentile_s(99),
            lateness_max_ms=1000 * self._lateness.max_s,
            inference_p50_ms=1000 * self._inference.percentile_s(50),
            inference_p99_ms=1000 * self._inference.percentile_s(99),
            inference_max_ms=1000 * self._inference.max_s,
        )


def status_line(telemetry: Telemetry) -> str:
    """Bar and beat, tempo, lock, notes in and out, inference and lateness (the worst of late): fits 80 columns.

    Beats without a plan come last, once there are any.
    """
    line = _song_line(telemetry)
    return f"waiting for {', '.join(telemetry.away)} | {line}" if telemetry.away else line


def _song_line(telemetry: Telemetry) -> str:
    status = telemetry.status
    if status is None:
        return "starting"
    tempo = f"{status.bpm:.1f} BPM {status.lock}"
    if not status.running:
        return f"waiting for {_AWAITED.get(status.lock, 'the clock')} | {tempo}"
    doing = "listening" if status.listening else "playing"
    line = (
        f"{status.bar}.{status.beat} {doing} | {tempo} | in {status.notes_in} out {status.notes_out} | "
        f"infer {1000 * status.inference_s:.1f} late {1000 * telemetry.worst_lateness_s:.2f} ms"
    )
    held, silent = status.figures.held_beats, status.figures.silent_beats
    return f"{line} | held {held} silent {silent}" if held or silent else line
