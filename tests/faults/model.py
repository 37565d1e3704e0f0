"""A model that is late, loses answers, gives them twice, answers nonsense and fails."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

import numpy as np
from faults.source import Source

from accompanist.engine.protocol import Answer, Failure, Job, Planned
from accompanist.music.note import Note
from accompanist.music.question import UNKNOWN, Codes, Reply
from accompanist.music.time import PPQ, TICKS_PER_STEP
from accompanist.runtime.infer import infer

if TYPE_CHECKING:
    from faults.world import World


class FakeSession:
    """A model for `infer`: answers with whatever it is told to."""

    def __init__(self, spec: Any) -> None:
        self.spec = spec
        self.values: Any = None

    def run_in_place(self, *_: Any, **__: Any) -> Any:
        """The values, or their exception."""
        if isinstance(self.values, Exception):
            raise self.values
        return Reply(self.values)


class Model(Source):
    """A model that is late, loses answers, gives them twice, answers nonsense and fails."""

    MOODS = (("prompt", 4), ("slow", 2), ("flaky", 2), ("dead", 1), ("nonsense", 1), ("dense", 0.3))

    def __init__(self, world: World, rng: random.Random) -> None:
        super().__init__(world, rng)
        self._session = FakeSession(world.spec)
        self._old: list[Job] = []

    def ask(self, job: Job) -> None:
        """The loop's way to the inference thread."""
        self.world.callback("ask")
        self._check(job)
        rng = self.rng
        delay_s = rng.uniform(0, 0.02)
        if self.mood == "slow" or (self.mood == "flaky" and rng.random() < 0.3):
            self.world.note("late answer")
            delay_s = 10 ** rng.uniform(-2, 2)
        if self.mood == "dead" or (self.mood == "flaky" and rng.random() < 0.2):
            self.world.note("lost answer")
            return
        self.world.at(delay_s, lambda: self._answer(job))
        if self.mood == "flaky" and rng.random() < 0.2:
            self.world.note("doubled answer")
            self.world.at(delay_s + rng.uniform(0, 10), lambda: self._answer(job))
        if self.mood == "flaky" and rng.random() < 0.1 and self._old:
            self.world.note("answer to an old question")
            self.world.at(delay_s, lambda: self._answer(rng.choice(self._old)))
        self._old = [*self._old[-3:], job]

    def _check(self, job: Job) -> None:
        """A question of a model with codes: it stands on a beat, and every code where its plan put it."""
        if job.codes is None or job.moment is None:
            return
        spec, (first, known, beat_in_bar, beats_per_bar, _) = self.world.spec, job.moment
        plan_beat, rest = divmod(job.plan_tick, PPQ)
        if rest or beat_in_bar != plan_beat % beats_per_bar:
            self.world.watch.fail(f"a plan of a model with codes begins at {job.plan_tick}, {job.moment}")
        if not 0 <= first <= spec.context_steps or not 0 <= known <= spec.context_steps or job.melody[:, known:].any():
            self.world.watch.fail(f"a melody that nobody can have heard, {job.moment}")
        beats = plan_beat - spec.context_beats + np.arange(len(job.codes))
        told = job.codes[:, 0] != UNKNOWN
        if (job.codes[told, 1] != beats[told]).any() or (job.codes[told, 0] >= job.number).any():
            self.world.watch.fail(f"codes of other beats at {job.plan_tick}: {job.codes.tolist()}")

    def _codes(self, job: Job) -> Codes | None:
        """For each beat of a plan the number of the question, and which beat of the song it is."""
        beats = job.plan_tick // PPQ + np.arange(self.world.spec.plan_beats)
        return np.stack([np.full_like(beats, job.number), beats], axis=1) if self.world.spec.codes else None

    def _answer(self, job: Job) -> None:
        rng, at_s = self.rng, self.world.now()
        if (self.mood == "nonsense" and rng.random() < 0.5) or (self.mood == "flaky" and rng.random() < 0.1):
            self.world.note("wrong answer")
            self._session.values = self._nonsense()
            self.world.receive(infer(self._session, job, self.world, seed=0))  # type: ignore[arg-type]  # a session's part
        elif self.mood == "flaky" and rng.random() < 0.1:
            self.world.note("model failure")
            self.world.receive(Failure(at_s, job, "out of memory"))
        else:
            self.world.receive(Answer(at_s, job, self._notes(job), 0.01, self._codes(job)))

    def _notes(self, job: Job) -> tuple[Planned, ...]:
        """A plan as decoding makes them: ordered, and no two copies of a pitch of a track at once."""
        rng, spec = self.rng, self.world.spec
        rest = 0.95 if self.world.scenes.long else 0.3
        planned, end_tick = [], job.plan_tick + spec.plan_steps * TICKS_PER_STEP
        steps = rng.choice((1, 2)) if self.mood == "dense" else rng.choice((4, 8))
        chord = 6 if self.mood == "dense" else 1
        for track, its in enumerate(spec.tracks):
            free: dict[int, int] = {}
            for tick in range(job.plan_tick, end_tick, steps * TICKS_PER_STEP):
                if rng.random() < rest:
                    continue
                for pitch in {rng.randrange(its.lowest, its.highest + 1) for _ in range(chord)}:
                    if free.get(pitch, 0) > tick:
                        continue
                    length = rng.choice((1, steps, steps, 2 * steps, 16)) * TICKS_PER_STEP
                    free[pitch] = min(tick + length, end_tick)
                    sounds_on = tick == job.plan_tick and rng.random() < 0.2
                    planned.append(Planned(track, Note(tick, pitch, free[pitch], rng.randrange(1, 128)), sounds_on))
        planned.sort(key=lambda one: (one.note.start_tick, one.track, one.note.pitch))
        return tuple(planned)

    def _nonsense(self) -> Any:
        """What a broken model may say; now and then just a roll at random."""
        rng, spec = self.rng, self.world.spec
        shape = len(spec.tracks), spec.planes, spec.plan_steps, 128
        values = rng.choice(
            (math.nan, 1e38, -math.inf, "no", None, (1, *shape), (), (0,), MemoryError("no memory"), shape)
        )
        if values is shape:
            return np.random.default_rng(rng.randrange(1000)).standard_normal(shape, np.float32) - 1.5
        if isinstance(values, tuple):
            return np.zeros(values, np.float32)
        return np.full(shape, values, np.float32) if isinstance(values, float) else values
