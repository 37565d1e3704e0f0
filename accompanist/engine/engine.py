"""The engine: what came in and what time it is, turned into what goes out.

    inputs -> transport -> bar buffer -> job to the model ... answer -> planner -> schedule -> messages

`Engine.step` is a pure function of the engine's state and its arguments. It knows no clock, no port and no model: the
owner tells it the time, sends what it returns, hands its jobs to a model and calls again at `wake_at_s`. Inputs that
arrived between two calls are taken in the order of their stamps, and what was due before each is done before it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from accompanist.config import EngineConfig
from accompanist.engine.bars import BarBuffer
from accompanist.engine.figures import Figures, Source, Tally
from accompanist.engine.follower import ClockFollower
from accompanist.engine.hold import Hold
from accompanist.engine.planner import Planner, scaled
from accompanist.engine.player import THRU_TRACK, Player, begins_note
from accompanist.engine.protocol import (
    Answer,
    BeatReport,
    Committed,
    Event,
    Failure,
    Input,
    Job,
    Message,
    PlanReport,
    Received,
    Step,
    Stop,
    TempoChange,
)
from accompanist.engine.schedule import COMMIT_LEAD_TICKS, Schedule
from accompanist.engine.transport import InternalTransport, Transport, Turn
from accompanist.music.note import DEFAULT_VELOCITY
from accompanist.music.spec import ModelSpec
from accompanist.music.time import PPQ

SOFTEST, LOUDEST = 0.6, 1.25
"""How far the player's loudness may carry the band's: times its own velocity."""
OLDEST_STAMP_S = 1.0
"""An input stamped longer ago than this before the last call is taken as that old."""
FARTHEST_S = 1e12
"""Times beyond this are no times (a broken clock) and are passed over."""
FIRST_SYSTEM = 0xF0
"""Status bytes from here on belong to no channel: clock, start, stop, song position (MIDI 1.0)."""


class Status(NamedTuple):
    """Where the performance stands.

    Args:
        running: The song moves.
        bar: From 1.
        beat: From 1.
        tick: Position in the song.
        bpm: Tempo.
        lock: "internal", or of a MIDI clock "waiting", "locked", "lost".
        listening: Still in the first window: nothing can be planned yet.
        notes_in: Note-ons from the player.
        notes_out: Note-ons sent, thru not counted.
        late_answers: Answers that came when their first beats were gone.
        dropped_answers: Answers of which nothing was left to play.
        failures: Failures of the model, and answers that were none.
        figures: How well it was planned.
        inference_s: How long the model took for its last answer; 0 before the first.
    """

    running: bool
    bar: int
    beat: int
    tick: int
    bpm: float
    lock: str
    listening: bool
    notes_in: int
    notes_out: int
    late_answers: int
    dropped_answers: int
    failures: int
    figures: Figures
    inference_s: float


class Engine:
    """A performance, from the first note to the last note-off.

    Args:
        spec: The model that will answer.
        settings: Tempo, meter and lead.
        follow_clock: A MIDI clock leads; otherwise the engine's own tempo map.
        channel: MIDI channel of the player, 1 to 16; 0: any.
        thru: Send the player's messages on.
        wait_for_player: Without a clock: the song begins with the player's first note, else with the first step.
    """

    def __init__(
        self,
        spec: ModelSpec,
        settings: EngineConfig,
        *,
        follow_clock: bool = False,
        channel: int = 0,
        thru: bool = False,
        wait_for_player: bool = True,
    ) -> None:
        self._beats_per_bar = settings.beats_per_bar
        self._transport: Transport = (
            ClockFollower(settings.bpm, settings.lost_clock_beats) if follow_clock else InternalTransport(settings.bpm)
        )
        self._bars = BarBuffer(spec.context_steps)
        self._player = Player(self._bars, channel=channel, thru=thru)
        self._planner = Planner(spec, settings)
        self._hold = Hold(settings.hold_bars * settings.beats_per_bar)
        self._schedule = Schedule(track.channel for track in spec.tracks)
        self._begun = follow_clock  # the player, or the first step, has begun the song
        self._wait_for_player = wait_for_player
        self._ended = False
        self._now_s: float | None = None
        self._done_s = -math.inf  # everything due up to here is done
        self._done_tick = 0  # and this is where the song was then
        self._sent_s = -math.inf  # the last message's due time: none goes before it
        self._loudness = 1.0
        self._notes_out = 0
        self._late_answers = self._dropped_answers = self._failures = 0
        self._tally = Tally()
        self._heard_tick = 0  # end of the melody heard by the last plan that played
        self._inference_s = 0.0
        # What the running call returns:
        self._messages: list[Message] = []
        self._events: list[Event] = []
        self._reports: list[PlanReport | BeatReport] = []
        self._job: Job | None = None

    def step(self, now_s: float, inputs: Sequence[Input]) -> Step:
        """Take what came in, and do everything that is due.

        Args:
            now_s: The present, in seconds of the owner's clock; a time before the last call's is taken as that.
            inputs: What arrived since the last call, in any order; a stamp later than now is taken as now.

        Returns:
            What to send and what to ask, and when to call again. Never raises.
        """
        self._messages, self._events, self._reports, self._job = [], [], [], None
        if self._ended:
            return Step()
        before_s = self._now_s
        now_s = self._now_s = self._sane(now_s)
        if not self._begun and not self._wait_for_player:
            self._begin(now_s)
        for at_s, item in self._in_order(inputs, now_s if before_s is None else before_s, now_s):
            self._catch_up(at_s)
            self._take(item, at_s)
            if self._ended:
                return self._done(None)
        self._catch_up(now_s)
        return self._done(self._wake_at_s())

    def _done(self, wake_at_s: float | None) -> Step:
        job = None if self._ended else self._job
        return Step(tuple(self._messages), job, wake_at_s, tuple(self._events), tuple(self._reports))

    def close(self, now_s: float) -> Step:
        """End the performance: note-offs for everything that sounds, once."""
        return self.step(now_s, (Stop(self._sane(now_s)),))

    def status(self, now_s: float) -> Status:
        """Where the performance stands at a moment."""
        tick = self._transport.tick_at(self._sane(now_s))
        return Status(
            running=self._transport.running,
            bar=tick // PPQ // self._beats_per_bar + 1,
            beat=tick // PPQ % self._beats_per_bar + 1,
            tick=tick,
            bpm=self._transport.bpm,
            lock=self._transport.lock,
            listening=tick < self._planner.first_plan_tick,
            notes_in=self._player.notes_in,
            notes_out=self._notes_out,
            late_answers=self._late_answers,
            dropped_answers=self._dropped_answers,
            failures=self._failures,
            figures=self._tally.figures(),
            inference_s=self._inference_s,
        )

    # --- time ---

    def _sane(self, now_s: float) -> float:
        last_s = 0.0 if self._now_s is None else self._now_s
        if not abs(now_s) < FARTHEST_S:  # also where it is no number
            return last_s
        return now_s if self._now_s is None else max(now_s, last_s)

    @staticmethod
    def _in_order(inputs: Sequence[Input], before_s: float, now_s: float) -> Iterator[tuple[float, Input]]:
        """Inputs by their stamps, each held between a little before the last call and now."""
        oldest_s = before_s - OLDEST_STAMP_S
        stamped = [
            (min(max(item.at_s, oldest_s), now_s) if math.isfinite(item.at_s) else now_s, item) for item in inputs
        ]
        yield from sorted(stamped, key=lambda pair: pair[0])

    def _catch_up(self, until_s: float) -> None:
        """Do everything that is due up to a moment, the transport's own deadlines in between."""
        if until_s < self._done_s:
            return
        while (deadline_s := self._transport.deadline_s) <= until_s:
            deadline_s = max(deadline_s, self._done_s)
            self._do_due(deadline_s)
            self._turn(self._transport.expire(deadline_s))
        self._do_due(until_s)

    def _do_due(self, until_s: float) -> None:
        self._done_s = max(self._done_s, until_s)
        transport, planner = self._transport, self._planner
        if transport.running:
            if transport.s_at(planner.ask_tick) <= until_s:
                self._ask(transport.tick_at(until_s), until_s)
            while transport.s_at(planner.next_beat_tick - COMMIT_LEAD_TICKS) <= until_s:
                self._commit(transport.tick_at(until_s), until_s)
            self._send(self._schedule.due(transport.s_at, until_s))
        transport.settle(until_s)
        self._done_tick = transport.tick_at(until_s)
        self._tally.played(self._done_tick)

    def _wake_at_s(self) -> float | None:
        ticks = [self._planner.ask_tick, self._planner.next_beat_tick - COMMIT_LEAD_TICKS]
        if (next_tick := self._schedule.next_tick) is not None:
            ticks.append(next_tick)
        wake_s = min(*(self._transport.s_at(tick) for tick in ticks), self._transport.deadline_s)
        return wake_s if math.isfinite(wake_s) else None

    # --- what is due ---

    def _ask(self, tick: int, at_s: float) -> None:
        self._planner.skip_missed(tick)
        plan_tick = self._planner.next_plan_tick
        self._bars.forget_before(plan_tick)
        deadline_s = self._transport.s_at(plan_tick - COMMIT_LEAD_TICKS)
        if not math.isfinite(deadline_s):  # a clock must come first; as it would be at the present tempo
            deadline_s = at_s + (plan_tick - COMMIT_LEAD_TICKS - tick) * 60 / (self._transport.bpm * PPQ)
        self._job = self._planner.ask(self._bars.melody(plan_tick), deadline_s, tick)
        self._tell(at_s, "job", f"{self._job.number} for {self._place(plan_tick)}")

    def _commit(self, tick: int, at_s: float) -> None:
        self._tally.played(tick)
        beat_tick = self._planner.next_beat_tick
        beat = self._planner.take_beat()
        if beat is not None:
            notes = beat.notes
            self._hold.planned(beat_tick, notes)
            self._heard_tick = beat.heard_tick
            self._decided("rest" if beat.rest else "plan", beat_tick, tick, at_s, notes)
            if beat.rest:
                self._tell(at_s, "fallback_rest", self._place(beat_tick))
        else:
            held = self._fall_back(beat_tick, tick, at_s)
            if held is None:
                return
            notes = held
        self._bars.forget_before(beat_tick)
        mean_velocity = self._bars.mean_velocity()
        if mean_velocity is not None:
            # The square root: the band follows half of the player's change, in decibels.
            self._loudness = min(max(math.sqrt(mean_velocity / DEFAULT_VELOCITY), SOFTEST), LOUDEST)
        self._schedule.commit(scaled(notes, self._loudness))

    def _fall_back(self, beat_tick: int, tick: int, at_s: float) -> list[Committed] | None:
        """The last harmony for a beat without a plan; None where it stays silent, as do those that are over by now."""
        over = 1 + self._planner.skip_beats(tick) if tick >= beat_tick + PPQ else 0
        self._hold.pass_over(over)
        notes = self._hold.take_beat(beat_tick) if over == 0 else None
        if notes is not None:
            self._decided("hold", beat_tick, tick, at_s, notes)
            self._tell(at_s, "fallback_hold", self._place(beat_tick))
            return notes
        beats = max(over, 1)
        self._decided("silence", beat_tick, tick, at_s, (), beats=beats)
        more = f" and {beats - 1} more" if beats > 1 else ""
        self._tell(at_s, "fallback_silence", self._place(beat_tick) + more)
        return None

    def _decided(
        self, source: Source, beat_tick: int, tick: int, at_s: float, notes: Sequence[Committed], *, beats: int = 1
    ) -> None:
        heard_tick = None if source == "silence" else self._heard_tick
        isr, misses = self._tally.isr, self._tally.deadline_misses
        self._reports.append(BeatReport(at_s, beat_tick, beats, source, heard_tick, len(notes), isr, misses))
        self._tally.decided(source, beat_tick, now_tick=tick, heard_tick=self._heard_tick, beats=beats)

    def _send(self, messages: list[Message]) -> None:
        for message in messages:
            self._sent_s = max(self._sent_s, message.due_s)
            self._messages.append(message._replace(due_s=self._sent_s))
            if message.track != THRU_TRACK and begins_note(message.data):
                self._notes_out += 1

    # --- what came in ---

    def _take(self, item: Input, at_s: float) -> None:
        match item:
            case Received():
                self._receive(item, at_s)
            case TempoChange():
                self._transport.change_tempo(item.us_per_beat, item.tick)
            case Answer():
                self._take_answer(item, at_s)
            case Failure():
                if self._planner.failed(item):
                    self._failures += 1
                    self._tell(at_s, "model_failure", f"{item.job.number}: {item.reason}")
            case Stop():
                self._end(max(at_s, self._done_s))

    def _take_answer(self, answer: Answer, at_s: float) -> None:
        self._tally.deadline_misses += self._planner.awaits(answer.job) and at_s > answer.job.deadline_s
        outcome = self._planner.answered(answer)
        self._inference_s = answer.inference_s
        self._late_answers += outcome == "late_answer"
        self._dropped_answers += outcome == "dropped_answer"
        self._failures += outcome == "model_failure"
        notes = self._planner.notes_of(answer.job)
        self._reports.append(PlanReport(at_s, answer.job, outcome, answer.inference_s, notes))
        detail = "not a finite answer of the model's shape" if outcome == "model_failure" else ""
        self._tell(at_s, outcome, f"{answer.job.number}: {detail or f'{answer.inference_s * 1000:.1f} ms'}")

    def _receive(self, received: Received, at_s: float) -> None:
        data = received.data
        if self._player.owns(received):
            if not self._begun and begins_note(data):
                self._begin(max(at_s, self._done_s))
            self._send(self._player.hear(data, self._transport.tick_at(at_s), at_s))
        elif data and data[0] >= FIRST_SYSTEM:
            self._turn(self._transport.receive(data, at_s))

    # --- the course of the song ---

    def _begin(self, at_s: float) -> None:
        self._begun = True
        self._turn(self._transport.player_began(at_s))

    def _turn(self, turns: Sequence[Turn]) -> None:
        for turn in turns:
            tick = self._transport.tick_at(max(turn.at_s, self._done_s))
            if turn.silence:
                self._send(self._schedule.silence(turn.at_s, self._done_tick))
            if turn.jump:
                self._schedule.drop_waiting()
                self._planner.restart(tick)
                self._hold.clear()
                self._tally.jumped()
                self._bars.restart(tick)
                self._job = None
            self._tell(turn.at_s, turn.name, self._place(tick))

    def _end(self, at_s: float) -> None:
        self._turn(self._transport.stop(at_s))
        self._send(self._schedule.silence(at_s, self._done_tick))
        self._send(self._player.release(at_s, self._done_tick))
        self._ended = True

    def _place(self, tick: int) -> str:
        """A position as musicians say it: bar.beat, both from 1."""
        beat = tick // PPQ
        return f"{beat // self._beats_per_bar + 1}.{beat % self._beats_per_bar + 1}"

    def _tell(self, at_s: float, name: str, detail: str = "") -> None:
        self._events.append(Event(at_s, name, detail))
