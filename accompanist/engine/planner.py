"""When to ask the model, which plan speaks for a beat, and how a newer plan takes over from an older one.

Plans overlap: a model that anticipates is asked again on every beat, and each plan reaches further than the next
question. One beat is handed out at a time and is thereby settled. What was settled never changes; what was not belongs
to the newest plan, from the first tick it speaks for:

- notes that begin from there on are the new plan's;
- a note that sounds already goes on where the new plan sounds that pitch without striking it, to the new plan's end of
  it; it ends where the new plan is silent, and is struck anew where the new plan strikes it;
- what the new plan holds already, and nobody plays yet, begins there: late rather than not at all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from accompanist.config import EngineConfig
from accompanist.engine.codes import BeatCodes
from accompanist.engine.protocol import Answer, Committed, Failure, Job, Planned
from accompanist.engine.schedule import COMMIT_LEAD_TICKS
from accompanist.engine.timetable import listen_ticks, replan_steps
from accompanist.music.note import Note
from accompanist.music.question import Codes, Moment
from accompanist.music.roll import BoolRoll
from accompanist.music.spec import ModelSpec
from accompanist.music.time import PPQ, TICKS_PER_STEP

PATIENCE_TICKS = TICKS_PER_STEP
"""After a jump into known music the first plan is asked for with its first beat: so long that beat waits for it."""


class Beat(NamedTuple):
    """What is settled with a beat.

    Args:
        notes: Those that begin in it, ordered by start.
        changed: Notes handed out earlier that sound into it and end elsewhere than they said.
        sounding: All that sounds in it.
        rest: It is the rest of an older plan: a newer one was due by now and is not there.
        heard_tick: End of the melody that the newest of its plans heard.
        codes: By which that plan names it; None for a model without.
    """

    notes: list[Committed]
    changed: list[Committed]
    sounding: list[Committed]
    rest: bool
    heard_tick: int
    codes: BeatCodes | None = None


class Plan(NamedTuple):
    """An answer, and for what it speaks.

    Args:
        job: The question.
        start_tick: First tick it speaks for: where it was asked for, or the first that was not settled when it came.
        end_tick: First tick it no longer speaks for: its end, or where a newer plan begins.
        notes: All that sound from `start_tick` on, ordered by start.
        codes: By which the model names its beats, from the first one it was asked for; None for a model without.
    """

    job: Job
    start_tick: int
    end_tick: int
    notes: tuple[Planned, ...]
    codes: Codes | None = None

    def codes_of(self, beat_tick: int) -> BeatCodes | None:
        """The codes of one of its beats."""
        return None if self.codes is None else self.codes[(beat_tick - self.job.plan_tick) // PPQ]


class Planner:
    """Asks for plans and hands out what they say, beat by beat.

    Args:
        spec: The model's shapes and tracks.
        settings: Beats per bar, the lead at which to ask and how often.

    Raises:
        ConfigError: plans would be asked for further apart than they are long.
    """

    def __init__(self, spec: ModelSpec, settings: EngineConfig) -> None:
        self._spec = spec
        self._plan_ticks = spec.plan_steps * TICKS_PER_STEP
        self._period_ticks = replan_steps(spec, settings) * TICKS_PER_STEP
        self._bar_ticks = settings.beats_per_bar * PPQ
        self._listen_ticks = listen_ticks(spec, settings, begins=False)
        self._first_listen_ticks = listen_ticks(spec, settings)
        self._on_beats = spec.codes > 0
        self._lead_ticks = settings.lead_steps * TICKS_PER_STEP
        # Questions remembered at once: an answer that comes after so many more has nothing left to play.
        self._most_open = (self._plan_ticks + self._lead_ticks) // self._period_ticks + 1
        self._jobs = 0
        self.restart(0)

    def restart(self, tick: int, *, known: bool = False, begins: bool = True) -> None:
        """The song goes on from another place.

        Args:
            tick: Where.
            known: There is a melody to plan by: the band comes in with the next beat. Otherwise it listens first, from
                the next bar line on.
            begins: The song begins: it listens for as many bars as set, where that is longer.
        """
        listened_tick = _round_up(tick, self._bar_ticks) + (self._first_listen_ticks if begins else self._listen_ticks)
        self.first_plan_tick = _round_up(tick if known else listened_tick, PPQ)
        self._waits_for_plan = known  # the next beat may still get the plan that was asked for with it
        self.next_plan_tick = self.first_plan_tick
        self.next_beat_tick = self.first_plan_tick
        self._plans: list[Plan] = []
        self._open: dict[int, tuple[Job, int]] = {}  # by number: the question, and the first beat it can speak for
        self._ahead: deque[tuple[int, int]] = deque(maxlen=self._most_open)  # (first beat, job) for beats to come
        self._due_job = -1  # the newest question whose plan should speak for the present beat
        # By track and pitch the last note handed out; of these only such as end no earlier than the next beat begins.
        self._handed_out: dict[tuple[int, int], Note] = {}
        self._voice = -1  # the question whose plan spoke last

    def let_go(self, tick: int | None = None) -> None:
        """What has begun by a tick, or all, was silenced: the next beat strikes anew what its plan holds there."""
        self._handed_out = {
            key: note for key, note in self._handed_out.items() if tick is not None and note.start_tick > tick
        }
        self._voice = -1

    # --- questions ---

    @property
    def ask_tick(self) -> int:
        """When the next question is due."""
        return self.next_plan_tick - self._lead_ticks

    def skip_missed(self, tick: int) -> None:
        """After a stall: leave out the questions whose successor is due as well; the newest wins."""
        self.next_plan_tick += max((tick - self.ask_tick) // self._period_ticks, 0) * self._period_ticks

    @property
    def plan_tick(self) -> int:
        """Where the plan of the next question begins; of a model with codes on the first beat it can speak for."""
        return max(self.next_plan_beat_tick, self.next_beat_tick) if self._on_beats else self.next_plan_tick

    @property
    def next_plan_beat_tick(self) -> int:
        """The first beat that the next question's plan can speak for: one that is settled by then is not."""
        beat_tick = self.next_plan_tick // PPQ * PPQ
        return beat_tick if beat_tick >= self.next_beat_tick else _round_up(self.next_plan_tick, PPQ)

    def ask(
        self,
        melody: BoolRoll,
        deadline_s: float,
        tick: int,
        *,
        temperature: float = 1.0,
        style: int = 0,
        codes: Codes | None = None,
        moment: Moment | None = None,
    ) -> Job:
        """The question for the next plan.

        Args:
            melody: (2 planes, melody_steps, 128), the window before `plan_tick` and what may be seen ahead.
            deadline_s: When the plan's first beat is committed.
            tick: Where the song is.
            temperature: As `Job` has it.
            style: As `Job` has it.
            codes: As `Job` has them.
            moment: As `Job` has it.
        """
        plan_tick = self.plan_tick
        heard_tick = min(tick, plan_tick)
        job = Job(self._jobs, melody, plan_tick, deadline_s, heard_tick, temperature, style, codes, moment)
        beat_tick = self.next_plan_beat_tick
        self._jobs += 1
        self.next_plan_tick += self._period_ticks
        if self._waits_for_plan:
            # A jump may lead anywhere in a bar; from the next bar line on plans begin on bar lines again.
            bar_tick = _round_up(job.plan_tick + 1, self._bar_ticks)
            if job.plan_tick % self._bar_ticks:
                self.next_plan_tick = min(self.next_plan_tick, bar_tick)
            # What would have been asked for before the jump is left out: the newest question wins, and this is it.
            self.skip_missed(tick + self._period_ticks)
        self._open[job.number] = job, beat_tick
        self._ahead.append((beat_tick, job.number))
        while len(self._open) > self._most_open:
            del self._open[min(self._open)]
        return job

    # --- answers ---

    def answered(self, answer: Answer) -> str:
        """Take an answer.

        Returns:
            "answer"; "late_answer" where its first beats are gone already; "dropped_answer" where nothing of it is
            left to play, or nobody waits for it any more: it was asked before a jump, or a newer one is there.
        """
        if not self.awaits(answer.job):
            return "dropped_answer"
        _, beat_tick = self._open[answer.job.number]
        self._open = {number: asked for number, asked in self._open.items() if number > answer.job.number}
        end_tick = answer.job.plan_tick + self._plan_ticks
        from_tick = max(answer.job.plan_tick, self.next_beat_tick)
        if from_tick >= end_tick:
            return "dropped_answer"
        self._plans = [
            plan._replace(end_tick=min(plan.end_tick, from_tick)) for plan in self._plans if plan.start_tick < from_tick
        ]
        # From lists: what a generator fills, CPython allocates at another length than it frees, and keeps.
        notes = tuple([planned for planned in answer.notes if planned.note.end_tick > from_tick])
        self._plans.append(Plan(answer.job, from_tick, end_tick, notes, answer.codes))
        return "late_answer" if self.next_beat_tick > beat_tick else "answer"

    def plan_for(self, job: Job) -> Plan | None:
        """The plan that answers a question, where there is one and it still speaks."""
        return next((plan for plan in self._plans if plan.job.number == job.number), None)

    def codes_ahead(self) -> Iterator[tuple[int, BeatCodes]]:
        """What the plans say of beats that are not settled: first tick and codes, in their order."""
        for plan in self._plans:
            for beat_tick in range(max(plan.start_tick, self.next_beat_tick), plan.end_tick, PPQ):
                codes = plan.codes_of(beat_tick)
                if codes is not None:
                    yield beat_tick, codes

    def failed(self, failure: Failure) -> bool:
        """Take a failure; False where nobody waits for that job any more."""
        waited = self.awaits(failure.job)
        if waited:
            del self._open[failure.job.number]
        return waited

    def awaits(self, job: Job) -> bool:
        """It was asked in this course of the song, it has no answer yet, and neither has a later one."""
        asked = self._open.get(job.number)
        return asked is not None and asked[0].plan_tick == job.plan_tick

    # --- beats ---

    @property
    def commit_tick(self) -> int:
        """When the next beat is settled."""
        if self._waits_for_plan and not self._plans:
            return self.next_beat_tick + PATIENCE_TICKS
        return self.next_beat_tick - COMMIT_LEAD_TICKS

    @property
    def deadline_tick(self) -> int:
        """By when the next question should be answered: when the first beat it can speak for is settled."""
        patience = PATIENCE_TICKS if self._waits_for_plan else -COMMIT_LEAD_TICKS
        return self.next_plan_beat_tick + patience

    def take_beat(self, tick: int = 0) -> Beat | None:
        """The next beat, which is thereby settled; None where no plan speaks for it.

        Args:
            tick: Where the song is; of a beat that waited for its plan what is past does not play any more.
        """
        begin, end = self.next_beat_tick, self.next_beat_tick + PPQ
        here = min(tick + 1, end - 1) if self._waits_for_plan and tick > begin else begin
        self._waits_for_plan = False
        while self._ahead and self._ahead[0][0] <= begin:
            _, self._due_job = self._ahead.popleft()
        speaking = [plan for plan in self._plans if plan.start_tick < end and plan.end_tick > begin]
        self._plans = [plan for plan in self._plans if plan.end_tick > end]
        self.next_beat_tick = end
        if not speaking:
            self._handed_out, self._voice = {}, -1
            return None
        before = dict(self._handed_out)
        notes = _Notes(before)
        self._voice = notes.speak(speaking, here, end, self._voice)
        self._handed_out = {key: note for key, note in notes.last.items() if note.end_tick >= end}
        sounding = [c for c in notes.all() if c.note.end_tick > begin]
        newest = speaking[-1].job
        return Beat(
            [c for c in sounding if c.note.start_tick >= begin],
            [c for c in notes.all() if c.note.start_tick < begin and before[c.track, c.note.pitch] != c.note],
            sounding,
            rest=newest.number < self._due_job,
            heard_tick=newest.heard_tick,
            codes=speaking[-1].codes_of(begin),
        )

    def ahead(self) -> list[Committed]:
        """All that the plans sound in the beats that are not settled, what sounds by then too; in no order."""
        notes = _Notes(self._handed_out)
        end = max((plan.end_tick for plan in self._plans), default=self.next_beat_tick)
        notes.speak(self._plans, self.next_beat_tick, end, self._voice)
        return [c for c in notes.unordered() if c.note.end_tick > self.next_beat_tick] if self._plans else []

    def skip_beats(self, tick: int) -> int:
        """After a stall: pass over the beats before a tick that no plan speaks for; how many they were."""
        if self._plans or tick - self.next_beat_tick < PPQ:
            return 0
        beats = (tick - self.next_beat_tick) // PPQ
        self.next_beat_tick += beats * PPQ
        return beats


class _Notes:
    """The notes of a beat while it is put together, and those that sound into it.

    Args:
        sounding: By track and pitch, what was handed out and may sound on.
    """

    def __init__(self, sounding: dict[tuple[int, int], Note]) -> None:
        self.last = dict(sounding)  # by track and pitch
        self._over: list[Committed] = []  # those after which their pitch was struck again

    def all(self) -> list[Committed]:
        """All of them, ordered by start, track and pitch."""
        return in_order(self.unordered())

    def unordered(self) -> list[Committed]:
        """All of them."""
        return [*self._over, *(Committed(track, note) for (track, _), note in self.last.items())]

    def speak(self, plans: Iterable[Plan], begin: int, end: int, voice: int) -> int:
        """Plans, one after the other, say what plays from a tick to another.

        Args:
            plans: Ordered by start.
            begin: First tick.
            end: First tick behind.
            voice: Number of the question whose plan spoke before.

        Returns:
            That of the last one.
        """
        for plan in plans:
            from_tick, until_tick = max(plan.start_tick, begin), min(plan.end_tick, end)
            if plan.job.number != voice:
                voice = plan.job.number
                self.take_over(plan, from_tick)
                from_tick += 1
            self.begin(planned for planned in plan.notes if from_tick <= planned.note.start_tick < until_tick)
        return voice

    def begin(self, plan: Iterable[Planned]) -> None:
        """Notes of a plan begin where they say."""
        for track, note, _ in plan:
            key = track, note.pitch
            if key in self.last:
                self._over.append(Committed(track, self.last[key]))
            self.last[key] = note

    def take_over(self, plan: Plan, tick: int) -> None:
        """From a tick on another plan speaks."""
        held = {(p.track, p.note.pitch): p for p in plan.notes if p.note.start_tick <= tick < p.note.end_tick}
        for key, note in self.last.items():
            if note.end_tick < tick:
                continue
            planned = held.get(key)
            if planned is not None and (planned.sounds_on or planned.note.start_tick < tick):
                self.last[key] = note._replace(end_tick=planned.note.end_tick)
                del held[key]
            else:
                self.last[key] = note._replace(end_tick=tick)
        self.begin(p._replace(note=p.note._replace(start_tick=tick)) for p in held.values())


def in_order(notes: Iterable[Committed]) -> list[Committed]:
    """By start, track and pitch."""
    return sorted(notes, key=lambda committed: (committed.note.start_tick, committed.track, committed.note.pitch))


def _round_up(tick: int, unit: int) -> int:
    return -(-tick // unit) * unit


def scaled(notes: list[Committed], loudness: float) -> list[Committed]:
    """Notes with their velocity scaled, kept within 1 to 127."""
    return [Committed(track, _scaled_note(note, loudness)) for track, note in notes]


def _scaled_note(note: Note, loudness: float) -> Note:
    return note._replace(velocity=min(max(round(note.velocity * loudness), 1), 127))
