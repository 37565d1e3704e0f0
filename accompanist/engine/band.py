"""The band: it asks the model, takes its answers, commits a beat at a time, and plays what is due.

bar buffer -> job ... answer -> planner -> commit (or fall back) -> schedule -> messages
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from accompanist.config import EngineConfig
from accompanist.engine.arranger import Arranger
from accompanist.engine.bars import BarBuffer
from accompanist.engine.codes import CodeMemory
from accompanist.engine.figures import Source, Tally
from accompanist.engine.hold import Hold
from accompanist.engine.line import nearest_step
from accompanist.engine.outbox import Outbox
from accompanist.engine.part import Part
from accompanist.engine.planner import Planner
from accompanist.engine.player import ALL_NOTES_OFF, CONTROL
from accompanist.engine.protocol import AheadReport, Answer, BeatReport, Committed, Failure, Message, PlanReport
from accompanist.engine.schedule import Schedule
from accompanist.engine.transport import Transport
from accompanist.music.question import Codes, Moment
from accompanist.music.roll import BoolRoll
from accompanist.music.spec import ModelSpec
from accompanist.music.time import PPQ, TICKS_PER_STEP


class Band:
    """Plans, fallbacks, committed notes, and the figures of how well it went.

    Args:
        spec: The model that will answer.
        settings: Meter, lead, how often to plan, and how long a harmony is held.
        bars: What the player has played.
        arranger: Makes of each beat what the player wants of it.
        outbox: Takes what is said to the world.
        parts: How each track leaves.
        ahead_s: How long before it is due everything is done.

    Raises:
        ConfigError: `replan_steps` is more than the model plans.
    """

    def __init__(
        self,
        spec: ModelSpec,
        settings: EngineConfig,
        bars: BarBuffer,
        arranger: Arranger,
        outbox: Outbox,
        *,
        parts: Sequence[Part],
        ahead_s: float,
    ) -> None:
        self._spec = spec
        self._parts = parts
        self._bars = bars
        self._arranger = arranger
        self._outbox = outbox
        self.ahead_s = ahead_s
        self._planner = Planner(spec, settings)
        self._hold = Hold(settings.hold_bars * settings.beats_per_bar)
        self._schedule = Schedule(parts)
        self._codes = CodeMemory(spec) if spec.codes else None
        self._beats_per_bar = settings.beats_per_bar
        self.tally = Tally()
        self._heard_tick = 0  # end of the melody heard by the last plan that played
        self._done_tick = 0  # everything before it is told
        self.now_tick = 0  # where the song was when that was done
        self.late_answers = self.dropped_answers = self.failures = 0
        self.inference_s = 0.0  # of the last answer

    @property
    def first_plan_tick(self) -> int:
        """Up to here it only listens."""
        return self._planner.first_plan_tick

    def next_s(self, transport: Transport) -> float:
        """When `play` has something to do again; infinite where only an input can change that."""
        ticks = [self._planner.ask_tick, self._planner.commit_tick]
        if (next_tick := self._schedule.next_tick) is not None:
            ticks.append(next_tick)
        due_s = transport.s_at(min(ticks))
        return due_s - self.ahead_s if due_s <= transport.end_s else math.inf

    def play(self, transport: Transport, at_s: float) -> None:
        """Do everything that is due up to the look-ahead after a moment.

        Args:
            transport: Where the song is.
            at_s: The moment.
        """
        horizon_s = max(min(at_s + self.ahead_s, transport.end_s), at_s)
        if transport.running:
            if transport.s_at(self._planner.ask_tick) <= horizon_s:
                self._planner.skip_missed(transport.tick_at(horizon_s))
                self._ask(transport, at_s)
            while transport.s_at(self._planner.commit_tick) <= horizon_s:
                self._commit(transport.tick_at(at_s), at_s)
            self._outbox.play(self._schedule.due(transport.s_at, horizon_s))
        transport.settle(at_s)
        self._done_tick = transport.tick_at(horizon_s)
        self.now_tick = transport.tick_at(at_s) if at_s < horizon_s else self._done_tick
        self.tally.played(self.now_tick)

    def silence(self, at_s: float) -> None:
        """End everything that sounds; where the song goes on from here, the next beat strikes anew what it holds."""
        self._planner.let_go(self._done_tick)
        self._outbox.play(self._schedule.silence(at_s, self._done_tick))

    def close(self, tracks: frozenset[int], at_s: float) -> None:
        """Tracks fall silent, now; what they play next is the arranger's to say."""
        self._schedule.drop_waiting(tracks)
        self._outbox.play(self._schedule.silence(at_s, self._done_tick, tracks))
        self._arranger.silenced(tracks)

    def panic(self, at_s: float) -> None:
        """End everything that sounds, now, on every channel of the band, and go on with the next beat."""
        self._schedule.drop_waiting()
        self.silence(at_s)
        self._planner.let_go()
        ends = [bytes((CONTROL | part.channel, ALL_NOTES_OFF, 0)) for part in self._parts]
        self._outbox.play(Message(at_s, i, data, self._done_tick) for i, data in enumerate(ends))

    def jump(self, transport: Transport, tick: int, at_s: float, *, begins: bool) -> None:
        """The song goes on from another place: what was planned and not played is void.

        Where the place is known, because the player has played up to it or on from it before, a plan is asked for at
        once, and the band is back on the first beat, late by what the model takes: a loop has no hole at its seam.
        Anywhere else it listens first, as at the beginning.

        Args:
            transport: It has jumped already; the bar buffer too.
            tick: Where the song goes on.
            at_s: When it was told to.
            begins: The song begins: where it must listen, it does so for as long as set.
        """
        self._schedule.drop_waiting()
        known = self._knows(-(-tick // PPQ) * PPQ)
        self._planner.restart(tick, known=known, begins=begins)
        if self._codes is not None:
            self._codes.pass_over(tick, self._planner.first_plan_tick)
        self._hold.clear()
        self._arranger.restart()
        self.tally.jumped()
        self._outbox.job = None
        if known:
            self._ask(transport, at_s)

    def forget(self) -> None:
        """Another piece begins."""
        self._bars.forget()
        if self._codes is not None:
            self._codes.clear()

    def _knows(self, tick: int) -> bool:
        """There is a melody to plan by at a place: what led to it, or what was played from there on the last time."""
        context_ticks, lag_ticks = self._spec.context_steps * TICKS_PER_STEP, self._spec.lag_steps * TICKS_PER_STEP
        if self._bars.knows(tick - (context_ticks if self._codes is None else PPQ), tick):
            return True
        if lag_ticks:
            return self._bars.knows(tick + lag_ticks - context_ticks, tick + lag_ticks)
        return self._bars.knows(tick, tick + PPQ)  # been here: a loop, which what was played just now leads into

    # --- questions and answers ---

    def _ask(self, transport: Transport, at_s: float) -> None:
        planner = self._planner
        plan_tick = planner.plan_tick
        self._bars.forget_before(plan_tick)
        heard_tick = transport.tick_at(at_s)
        due_tick = planner.deadline_tick
        due_s = transport.s_at(due_tick)
        if not math.isfinite(due_s):  # a clock must come first; as it would be at the present tempo
            due_s = at_s + (due_tick - heard_tick) * 60 / (transport.bpm * PPQ)
        desk = self._arranger.desk
        moment = self._moment(plan_tick, heard_tick)
        job = planner.ask(
            self._melody(plan_tick, moment),
            due_s - self.ahead_s,
            heard_tick,
            temperature=desk.temperature,
            style=desk.style,
            codes=self._codes_before(plan_tick),
            moment=moment,
        )
        self._outbox.job = job
        self._outbox.tell(at_s, "job", f"{job.number} for {self._outbox.place(plan_tick)}")

    def _moment(self, plan_tick: int, heard_tick: int) -> Moment | None:
        """Where a plan stands, for a model with codes."""
        if self._codes is None:
            return None
        context, begin_step = self._spec.context_steps, plan_tick // TICKS_PER_STEP - self._spec.context_steps
        return Moment(
            first_step=min(max(nearest_step(self._bars.since_tick) - begin_step, 0), context),
            # A step is known when all that belongs to it was heard: its notes begin up to half a step late.
            known_step=min(max(nearest_step(heard_tick) - begin_step, 0), context),
            beat_in_bar=plan_tick // PPQ % self._beats_per_bar,
            beats_per_bar=self._beats_per_bar,
            style=self._arranger.desk.style,
        )

    def _codes_before(self, plan_tick: int) -> Codes | None:
        """What was settled for the beats before a plan; of those that are not yet, what is planned for them."""
        if self._codes is None:
            return None
        codes = self._codes.question(plan_tick, self._bars.since_tick)
        for beat_tick, planned in self._planner.codes_ahead():
            beats_before = (plan_tick - beat_tick) // PPQ
            if 0 < beats_before <= self._spec.context_beats:
                codes[self._spec.context_beats - beats_before] = planned
        return codes

    def _melody(self, plan_tick: int, moment: Moment | None) -> BoolRoll:
        """What the model is given for a plan: the window that ends where the plan begins.

        A model with codes tells what is unknown from silence: it is given whole steps, up to where all was heard.

        A model that answers for the window it was given is, soon after a jump back, better given the very bars it will
        play to, as they were played the last time. As soon as a whole window was played since, that is what it hears.
        """
        if self._spec.lag_steps and not self._bars.window_is_whole(plan_tick):
            recalled = self._bars.recalled(plan_tick + self._spec.lag_steps * TICKS_PER_STEP)
            if recalled is not None:
                return recalled
        if moment is None:
            return self._bars.melody(plan_tick)
        known_tick = plan_tick - (self._spec.context_steps - moment.known_step) * TICKS_PER_STEP
        return self._bars.melody(plan_tick, known_tick=known_tick)

    def answered(self, answer: Answer, at_s: float) -> None:
        """The model's answer is there."""
        self.tally.deadline_misses += self._planner.awaits(answer.job) and at_s > answer.job.deadline_s
        outcome = self._planner.answered(answer)
        self.inference_s = answer.inference_s
        self.late_answers += outcome == "late_answer"
        self.dropped_answers += outcome == "dropped_answer"
        # An answer may come twice: what is dropped is the second one, not the plan of the first.
        plan = None if outcome == "dropped_answer" else self._planner.plan_for(answer.job)
        from_tick, planned = (plan.start_tick, plan.notes) if plan is not None else (0, ())
        tracks = [its.track for its in planned]
        notes = tuple([tracks.count(track) for track in range(len(self._spec.tracks))])
        self._outbox.report(PlanReport(at_s, answer.job, outcome, answer.inference_s, notes, from_tick))
        if plan is not None:
            self.tell_ahead(at_s)
        self._outbox.tell(at_s, outcome, f"{answer.job.number}: {answer.inference_s * 1000:.1f} ms")

    def tell_ahead(self, at_s: float) -> None:
        """Say what is about to sound, as everything stands."""
        begin_tick = self._planner.next_beat_tick
        notes, silent = self._arranger.ahead(begin_tick, self._planner.ahead())
        leave = [
            (track, self._parts[track].sounding(note.pitch), max(note.start_tick, begin_tick), note.end_tick)
            for track, note in notes
        ]
        self._outbox.report(AheadReport(at_s, begin_tick, tuple(leave), tuple(sorted(silent))))

    def failed(self, failure: Failure, at_s: float) -> None:
        """The model gave no answer."""
        if self._planner.failed(failure):
            self.failures += 1
            self._outbox.tell(at_s, "model_failure", f"{failure.job.number}: {failure.reason}")

    # --- a beat ---

    def _commit(self, tick: int, at_s: float) -> None:
        self.tally.played(tick)
        beat_tick = self._planner.next_beat_tick
        beat = self._planner.take_beat(tick)
        before: list[Committed] = []
        if beat is not None:
            notes = beat.notes
            before = [c for c in beat.sounding if c.note.start_tick < beat_tick]
            self._hold.planned(beat_tick, beat.sounding)
            self._heard_tick = beat.heard_tick
            self._decided("rest" if beat.rest else "plan", beat_tick, tick, at_s, notes)
            if beat.rest:
                self._outbox.tell(at_s, "fallback_rest", self._outbox.place(beat_tick))
        else:
            held = self._fall_back(beat_tick, tick, at_s)
            if held is None:
                return
            notes = held
        self._bars.forget_before(beat_tick)
        arranged = self._arranger.beat(beat_tick, notes, before, beat.changed if beat is not None else ())
        if self._codes is not None:
            self._codes.settle(beat_tick, beat.codes if beat is not None and arranged.as_planned else None)
        self._schedule.change(arranged.changed)
        self._schedule.end_at(beat_tick, arranged.ends)
        self._schedule.commit(arranged.notes)
        if self._arranger.ahead_changed:
            self.tell_ahead(at_s)

    def _fall_back(self, beat_tick: int, tick: int, at_s: float) -> list[Committed] | None:
        """The last harmony, or none, for a beat without a plan; None where it is over by now."""
        over = 1 + self._planner.skip_beats(tick) if tick >= beat_tick + PPQ else 0
        if self._codes is not None:
            self._codes.pass_over(beat_tick, beat_tick + over * PPQ)
        self._hold.pass_over(over)
        notes = self._hold.take_beat(beat_tick) if over == 0 else None
        if notes is not None:
            self._decided("hold", beat_tick, tick, at_s, notes)
            self._outbox.tell(at_s, "fallback_hold", self._outbox.place(beat_tick))
            return notes
        beats = max(over, 1)
        self._decided("silence", beat_tick, tick, at_s, (), beats=beats)
        more = f" and {beats - 1} more" if beats > 1 else ""
        self._outbox.tell(at_s, "fallback_silence", self._outbox.place(beat_tick) + more)
        return None if over else []

    def _decided(
        self, source: Source, beat_tick: int, tick: int, at_s: float, notes: Sequence[Committed], *, beats: int = 1
    ) -> None:
        heard_tick = None if source == "silence" else self._heard_tick
        isr, misses = self.tally.isr, self.tally.deadline_misses
        self._outbox.report(BeatReport(at_s, beat_tick, beats, source, heard_tick, len(notes), isr, misses))
        self.tally.decided(source, beat_tick, now_tick=tick, heard_tick=self._heard_tick, beats=beats)
