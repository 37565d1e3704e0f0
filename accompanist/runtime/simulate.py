"""The engine without a player: a melody from a file, played through the very engine that `serve` runs.

Time is simulated: the clock jumps from one thing that happens to the next, and the model is taken to answer at once. So
what comes out is what would have sounded, and it is the same on every machine.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from accompanist.config import EngineConfig
from accompanist.engine.bars import BarBuffer
from accompanist.engine.controls import Desk
from accompanist.engine.density import thinned
from accompanist.engine.engine import Engine
from accompanist.engine.line import encoded, nearest_step
from accompanist.engine.protocol import (
    Answer,
    Command,
    Committed,
    Failure,
    Input,
    Job,
    Message,
    Received,
    Stop,
    TempoChange,
)
from accompanist.engine.schedule import RELEASE_VELOCITY
from accompanist.engine.transport import LONGEST_BEAT_US, SHORTEST_BEAT_US
from accompanist.errors import ModelError
from accompanist.music.note import Note, without_doubles
from accompanist.music.playable import playable_notes
from accompanist.music.question import UNKNOWN, Moment, Question, Reply
from accompanist.music.roll import BoolRoll
from accompanist.music.spec import ModelSpec
from accompanist.music.time import PPQ, TICKS_PER_STEP, TempoMap
from accompanist.runtime.clock import ManualClock
from accompanist.runtime.infer import Session, infer, noise_seed

_NOTE_ON, _NOTE_OFF = 0x90, 0x80
_EARLY_S = 5e-10
"""How long before its tick the simulated player plays: what falls on the very moment of a question is then heard in it,
however the seconds are rounded. Less than the grace of `TempoMap.tick_at`, so no tick is lost."""


class Performance(NamedTuple):
    """What was played to a melody.

    Args:
        notes: Of each track in the order of the model's tracks; sorted, in ticks of 1/480 quarter note.
        inference_s: How long each question to the model really took, in the order they were asked.
        statistics: How often each of the engine's events happened ("answer", "late_answer", ...).
    """

    notes: tuple[list[Note], ...]
    inference_s: list[float]
    statistics: dict[str, int]


def perform(
    session: Session,
    melody: Sequence[Note],
    tempo: TempoMap,
    settings: EngineConfig,
    *,
    end_tick: int,
    commands: Sequence[Command] = (),
) -> Performance:
    """Play a melody to the engine and write down what it plays.

    Args:
        session: The model.
        melody: Ticks of 1/480 quarter note.
        tempo: At 480 ticks per quarter note.
        settings: The engine's; `seed` makes the performance.
        end_tick: Where the player stops; what sounds then ends there.
        commands: What the player turns before the song.

    Raises:
        ModelError: the model failed on a question, which in play would only be counted.
    """
    tempo = _within_reach(tempo)
    engine = Engine(session.spec, settings, wait_for_player=False)
    waiting = sorted(_played(without_doubles(list(melody)), tempo, end_tick), key=lambda received: received.at_s)
    inputs: list[Input] = [*commands, *(TempoChange(0.0, us, tick) for tick, us in tempo.changes)]
    messages: list[Message] = []
    inference_s: list[float] = []
    events: Counter[str] = Counter()
    now_s, end_s, at = 0.0, tempo.s_at(end_tick), 0
    while True:
        step = engine.step(now_s, inputs)
        messages += step.messages
        events.update(event.name for event in step.events)
        inputs = []
        if step.job is not None:
            answer, took_s = _asked(session, step.job, settings.seed, now_s)
            inference_s.append(took_s)
            inputs.append(answer)
            continue
        if now_s >= end_s:
            break
        next_input_s = waiting[at].at_s if at < len(waiting) else end_s
        now_s = max(min(next_input_s, end_s if step.wake_at_s is None else step.wake_at_s, end_s), now_s)
        while at < len(waiting) and waiting[at].at_s <= now_s:
            inputs.append(waiting[at])
            at += 1
    step = engine.step(end_s, [Stop(end_s)])
    messages += step.messages
    events.update(event.name for event in step.events)
    notes = [notes_of(messages, track, end_tick=end_tick) for track in range(len(session.spec.tracks))]
    return Performance(tuple(notes), inference_s, dict(events))


def perform_with_foresight(
    session: Session,
    melody: Sequence[Note],
    *,
    seed: int,
    end_tick: int,
    beats_per_bar: int | None = None,
    desk: Desk | None = None,
) -> Performance:
    """Accompany a melody that is known as a whole: plan after plan, each for its own place.

    A model with codes is given the melody before and ahead of each plan, and what it planned before it. Any other
    answers window by window.

    Args:
        session: The model.
        melody: Ticks of 1/480 quarter note.
        seed: Of the noise.
        end_tick: What would sound beyond is cut.
        beats_per_bar: Quarter notes in a bar, for a model with codes; as it was trained where None.
        desk: Where temperature, style, density and mutes stand; as at the beginning where None.
    """
    spec = session.spec
    desk = desk or Desk(spec)
    beats_per_bar = beats_per_bar or spec.beats_per_bar
    replies: list[Reply] = []
    inference_s: list[float] = []
    ask = _Foresight(spec, melody, end_tick, beats_per_bar, desk.style) if spec.codes else None
    for number, plan_tick in enumerate(range(0, end_tick, spec.plan_steps * TICKS_PER_STEP)):
        if ask is not None:
            question = ask.question(plan_tick, replies)
        else:  # the model's answer begins `lag_steps` before the end of the window it is given
            question = Question(_heard(melody, spec.context_steps, plan_tick + spec.lag_steps * TICKS_PER_STEP))
        began_s = time.perf_counter()
        replies.append(session.run(question, seed=noise_seed(seed, number), temperature=desk.temperature))
        inference_s.append(time.perf_counter() - began_s)
    notes = [
        [] if track in desk.closed else _thinned(its, desk.density, beats_per_bar)
        for track, its in enumerate(_notes_of_replies(replies, spec, end_tick))
    ]
    return Performance(tuple(notes), inference_s, {"answer": len(replies)} if replies else {})


def _thinned(notes: Sequence[Note], density: float, beats_per_bar: int) -> list[Note]:
    return [committed.note for committed in thinned([Committed(0, note) for note in notes], density, beats_per_bar)]


class _Foresight:
    """The questions to a model with codes that may know the whole melody."""

    def __init__(self, spec: ModelSpec, melody: Sequence[Note], end_tick: int, beats_per_bar: int, style: int) -> None:
        self._spec = spec
        self._beats_per_bar = beats_per_bar
        self._style = style
        last_step = nearest_step(end_tick) + spec.plan_steps + spec.ahead_steps
        self._roll = encoded(melody, -spec.context_steps, last_step)

    def question(self, plan_tick: int, replies: Sequence[Reply]) -> Question:
        """For the plan that begins at a tick, after those before it."""
        spec, plan_step = self._spec, plan_tick // TICKS_PER_STEP
        codes = np.full((spec.context_beats + spec.plan_beats, spec.codes), UNKNOWN, dtype=np.int64)
        latest = replies[-(spec.context_beats // spec.plan_beats + 1) :]
        planned = [reply.codes for reply in latest if reply.codes is not None]
        if planned:
            before = np.concatenate(planned)[-spec.context_beats :]
            codes[spec.context_beats - len(before) : spec.context_beats] = before
        moment = Moment(
            first_step=max(spec.context_steps - plan_step, 0),
            known_step=spec.melody_steps,
            beat_in_bar=plan_tick // PPQ % self._beats_per_bar,
            beats_per_bar=self._beats_per_bar,
            style=self._style,
        )
        return Question(self._roll[:, plan_step : plan_step + spec.melody_steps], codes, moment)


def notes_of(messages: Iterable[Message], track: int, *, end_tick: int) -> list[Note]:
    """The notes of one track's messages, sorted; what has no note-off ends at `end_tick`.

    Args:
        messages: In the order they were sent.
        track: Index into the model's tracks.
        end_tick: Nothing lasts beyond.
    """
    sounding: dict[tuple[int, int], tuple[int, int]] = {}
    notes = []

    def ended(key: tuple[int, int], tick: int) -> None:
        if key in sounding:
            start_tick, velocity = sounding.pop(key)
            if start_tick < min(tick, end_tick):
                notes.append(Note(start_tick, key[1], min(tick, end_tick), velocity))

    for message in messages:
        if message.track != track or len(message.data) != 3:
            continue
        kind, channel, (_, pitch, velocity) = message.data[0] & 0xF0, message.data[0] & 0x0F, message.data
        if kind == _NOTE_ON and velocity > 0:
            ended((channel, pitch), message.tick)
            sounding[channel, pitch] = (message.tick, velocity)
        elif kind in (_NOTE_ON, _NOTE_OFF):
            ended((channel, pitch), message.tick)
    for key in list(sounding):
        ended(key, end_tick)
    return sorted(notes)


def _within_reach(tempo: TempoMap) -> TempoMap:
    """The same tempo map from 0 s on, each tempo held within what the engine follows."""
    held = tuple((tick, min(max(us, SHORTEST_BEAT_US), LONGEST_BEAT_US)) for tick, us in tempo.changes)
    return TempoMap(held, tempo.ppq)


def _played(melody: Sequence[Note], tempo: TempoMap, end_tick: int) -> list[Received]:
    """A melody as the player's messages; at one tick note-offs stand before note-ons."""
    strokes = [(note.start_tick, 1, note.pitch, note.velocity) for note in melody if note.start_tick < end_tick]
    strokes += [(note.end_tick, 0, note.pitch, RELEASE_VELOCITY) for note in melody if note.start_tick < end_tick]
    return [
        Received(tempo.s_at(tick) - _EARLY_S, bytes((_NOTE_ON if begins else _NOTE_OFF, pitch, velocity)))
        for tick, begins, pitch, velocity in sorted(strokes)
    ]


def _asked(session: Session, job: Job, seed: int, now_s: float) -> tuple[Answer, float]:
    began_s = time.perf_counter()
    # On a manual clock the answer carries no real duration: nothing that the engine tells may depend on the machine.
    answer = infer(session, job, ManualClock(now_s), seed=seed)
    if isinstance(answer, Failure):
        raise ModelError(f"the model {session.path} failed: {answer.reason}", hint="check it with: accompanist doctor")
    return answer, time.perf_counter() - began_s


def _heard(melody: Sequence[Note], context_steps: int, end_tick: int) -> BoolRoll:
    """A window of the melody just as the engine hears it: (2 planes, context_steps, 128)."""
    buffer = BarBuffer(context_steps)
    begin_tick = end_tick - context_steps * TICKS_PER_STEP
    for note in melody:
        # A step on either side, because edges move to the nearest step.
        if note.start_tick < end_tick + TICKS_PER_STEP and note.end_tick > begin_tick - TICKS_PER_STEP:
            buffer.note_on(0, note.pitch, note.velocity, note.start_tick)
            buffer.note_off(0, note.pitch, note.end_tick)
    return buffer.melody(end_tick)


def _notes_of_replies(replies: Sequence[Reply], spec: ModelSpec, end_tick: int) -> list[list[Note]]:
    """Replies one after the other as notes; joined first, so that a note held over a plan's edge stays one."""
    if not replies:
        return [[] for _ in spec.tracks]
    values = np.concatenate([reply.values for reply in replies], axis=2)
    said = [reply.velocities for reply in replies if reply.velocities is not None]
    velocities = np.concatenate(said, axis=1) if said else None
    return [
        [
            note._replace(end_tick=min(note.end_tick, end_tick))
            for note in playable_notes(values[i], track, velocities=None if velocities is None else velocities[i])
            if note.start_tick < end_tick
        ]
        for i, track in enumerate(spec.tracks)
    ]
