"""When to ask the model, what to make of its answer, and which notes the next beat gets."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from accompanist.config import EngineConfig
from accompanist.engine.protocol import Answer, Committed, Failure, Job
from accompanist.music.note import Note
from accompanist.music.roll import BoolRoll
from accompanist.music.spec import ModelSpec
from accompanist.music.time import PPQ, TICKS_PER_STEP

MOST_OPEN_JOBS = 8
"""Questions remembered at once: an answer that comes later than this many plans has nothing left to play."""


class Beat(NamedTuple):
    """What a plan has for one beat.

    Args:
        notes: Those that begin in it, ordered by start.
        rest: It is the rest of an older plan: a newer one was due by now and is not there.
        heard_tick: End of the melody that the newest of its plans heard.
    """

    notes: list[Committed]
    rest: bool
    heard_tick: int


class Plan(NamedTuple):
    """An answer as notes.

    Args:
        job: The question.
        start_tick: First tick it speaks for.
        end_tick: First tick it no longer speaks for; no note of it is longer.
        notes: Ordered by start.
    """

    job: Job
    start_tick: int
    end_tick: int
    notes: tuple[Committed, ...]


class Planner:
    """Asks for a plan per `plan_steps` and hands out its notes beat by beat.

    Args:
        spec: The model's shapes and tracks.
        settings: Beats per bar and the lead at which to ask.
    """

    def __init__(self, spec: ModelSpec, settings: EngineConfig) -> None:
        self._spec = spec
        self._plan_ticks = spec.plan_steps * TICKS_PER_STEP
        self._bar_ticks = settings.beats_per_bar * PPQ
        self._lead_ticks = settings.lead_steps * TICKS_PER_STEP
        self._jobs = 0
        self.restart(0)

    def restart(self, tick: int) -> None:
        """Begin to listen anew: for one window from the next bar line on."""
        listened_tick = _round_up(tick, self._bar_ticks) + self._spec.context_steps * TICKS_PER_STEP
        self.first_plan_tick = _round_up(listened_tick, PPQ)
        self.next_plan_tick = self.first_plan_tick
        self.next_beat_tick = self.first_plan_tick
        self._plans: list[Plan] = []
        self._open: dict[int, Job] = {}
        self._ahead: deque[tuple[int, int]] = deque(maxlen=MOST_OPEN_JOBS)  # (plan_tick, job) asked for beats to come
        self._due_job = -1  # the newest question whose plan should speak for the present beat

    @property
    def ask_tick(self) -> int:
        """When the next question is due."""
        return self.next_plan_tick - self._lead_ticks

    def skip_missed(self, tick: int) -> None:
        """After a stall: leave out the questions whose successor is due as well; the newest wins."""
        self.next_plan_tick += max((tick - self.ask_tick) // self._plan_ticks, 0) * self._plan_ticks

    def ask(self, melody: BoolRoll, deadline_s: float, tick: int) -> Job:
        """The question for the next plan.

        Args:
            melody: (2 planes, context_steps, 128), the window before `next_plan_tick`.
            deadline_s: When the plan's first beat is committed.
            tick: Where the song is.
        """
        job = Job(self._jobs, melody, self.next_plan_tick, deadline_s, min(tick, self.next_plan_tick))
        self._jobs += 1
        self.next_plan_tick += self._plan_ticks
        self._open[job.number] = job
        self._ahead.append((job.plan_tick, job.number))
        while len(self._open) > MOST_OPEN_JOBS:
            del self._open[min(self._open)]
        return job

    def answered(self, answer: Answer) -> str:
        """Take an answer.

        Returns:
            "answer"; "late_answer" where its first beats are gone already; "dropped_answer" where nothing of it is
            left to play, or nobody waits for it any more.
        """
        if not self._close(answer.job):
            return "dropped_answer"
        plan_tick = answer.job.plan_tick
        end_tick = plan_tick + self._plan_ticks
        from_tick = max(plan_tick, self.next_beat_tick)
        if from_tick >= end_tick:
            return "dropped_answer"
        notes = [
            # What should sound already begins late rather than not at all.
            Committed(planned.track, planned.note._replace(start_tick=max(planned.note.start_tick, from_tick)))
            for planned in answer.notes
            if planned.note.end_tick > from_tick
        ]
        notes.sort(key=lambda committed: (committed.note.start_tick, committed.track, committed.note.pitch))
        self._plans = [_cut(plan, from_tick) for plan in self._plans if plan.start_tick < from_tick]
        self._plans.append(Plan(answer.job, from_tick, end_tick, tuple(notes)))
        return "answer" if from_tick == plan_tick else "late_answer"

    def notes_of(self, job: Job) -> tuple[int, ...]:
        """How many notes of each track the plan for a question brings."""
        tracks = [track for plan in self._plans if plan.job.number == job.number for track, _ in plan.notes]
        return tuple(tracks.count(track) for track in range(len(self._spec.tracks)))

    def failed(self, failure: Failure) -> bool:
        """Take a failure; False where nobody waits for that job any more."""
        return self._close(failure.job)

    def awaits(self, job: Job) -> bool:
        """It was asked in this course of the song, and has no answer yet."""
        mine = self._open.get(job.number)
        return mine is not None and mine.plan_tick == job.plan_tick

    def _close(self, job: Job) -> bool:
        if not self.awaits(job):
            return False
        del self._open[job.number]
        return True

    def take_beat(self) -> Beat | None:
        """The next beat, which is thereby settled; None where no plan speaks for it."""
        begin, end = self.next_beat_tick, self.next_beat_tick + PPQ
        while self._ahead and self._ahead[0][0] <= begin:
            _, self._due_job = self._ahead.popleft()
        speaking = [plan for plan in self._plans if plan.start_tick < end and plan.end_tick > begin]
        self._plans = [plan for plan in self._plans if plan.end_tick > end]
        self.next_beat_tick = end
        if not speaking:
            return None
        notes = [c for plan in speaking for c in plan.notes if begin <= c.note.start_tick < end]
        newest = max((plan.job for plan in speaking), key=lambda job: job.number)
        return Beat(notes, rest=newest.number < self._due_job, heard_tick=newest.heard_tick)

    def skip_beats(self, tick: int) -> int:
        """After a stall: pass over the beats before a tick that no plan speaks for; how many they were."""
        if self._plans or tick - self.next_beat_tick < PPQ:
            return 0
        beats = (tick - self.next_beat_tick) // PPQ
        self.next_beat_tick += beats * PPQ
        return beats


def _cut(plan: Plan, end_tick: int) -> Plan:
    """A plan that a newer one takes over from at a tick."""
    if plan.end_tick <= end_tick:
        return plan
    notes = tuple(
        Committed(track, note._replace(end_tick=min(note.end_tick, end_tick)))
        for track, note in plan.notes
        if note.start_tick < end_tick
    )
    return Plan(plan.job, plan.start_tick, end_tick, notes)


def _round_up(tick: int, unit: int) -> int:
    return -(-tick // unit) * unit


def scaled(notes: list[Committed], loudness: float) -> list[Committed]:
    """Notes with their velocity scaled, kept within 1 to 127."""
    return [Committed(track, _scaled_note(note, loudness)) for track, note in notes]


def _scaled_note(note: Note, loudness: float) -> Note:
    return note._replace(velocity=min(max(round(note.velocity * loudness), 1), 127))
