"""A band for the engine's tests: answers known by hand, and a stage that calls the engine as its owner would."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from accompanist.config import EngineConfig
from accompanist.engine.decode import decoded
from accompanist.engine.engine import Engine
from accompanist.engine.protocol import Answer, Event, Failure, Input, Job, Message, Received
from accompanist.errors import ModelError
from accompanist.music.roll import HELD, ONSET, FloatRoll
from accompanist.music.spec import ModelSpec
from support.tiny import TINY_SPEC

CHORDS = ((48, 60, 64, 67), (45, 57, 60, 64), (41, 53, 57, 60), (43, 55, 59, 62))
"""C, a, F, G: root for the bass, the rest for the piano; a bar each."""

Replier = Callable[[Job], tuple[float, FloatRoll | str | Answer]]
"""What the model does with a job: seconds it takes, and its values, the answer itself, or the reason it fails for."""


def chords(job: Job) -> FloatRoll:
    """Per bar of the plan a chord of the piano held through and the bass on each beat; strings silent."""
    values = np.full((len(TINY_SPEC.tracks), 2, TINY_SPEC.plan_steps, 128), -1.0, dtype=np.float32)
    for step in range(TINY_SPEC.plan_steps):
        place = job.plan_tick // 120 + step
        bass, *others = CHORDS[place // 16 % len(CHORDS)]
        values[0, HELD, step, bass] = 1
        values[1, HELD, step, others] = 1
        if place % 4 == 0:
            values[0, ONSET, step, bass] = 1
        if place % 16 == 0:
            values[1, ONSET, step, others] = 1
    return values


def at_once(job: Job) -> tuple[float, FloatRoll | str]:
    """The model that answers with `chords` and takes no time."""
    return 0.0, chords(job)


def answered(
    job: Job, values: object, at_s: float = 0.0, *, inference_s: float = 0.01, spec: ModelSpec = TINY_SPEC
) -> Answer | Failure:
    """What the inference thread would hand to the engine for a model's values."""
    try:
        return Answer(at_s, job, decoded(values, spec, job.plan_tick), inference_s)
    except ModelError as error:
        return Failure(at_s, job, error.message)


class Show(NamedTuple):
    """What came out of the engine."""

    messages: list[Message]
    events: list[Event]
    jobs: list[Job]

    def names(self) -> list[str]:
        """The events' names, in order."""
        return [event.name for event in self.events]


def play(
    engine: Engine, inputs: Iterable[Input], until_s: float, reply: Replier = at_once, *, from_s: float = 0
) -> Show:
    """Run an engine through a list of inputs, as its owner does: at each input and whenever it asks to be woken.

    Args:
        engine: Afterwards at `until_s`, not closed.
        inputs: Stamped; in any order.
        until_s: The last call.
        reply: The model.
        from_s: The first call.
    """
    show = Show([], [], [])
    waiting = sorted(inputs, key=lambda item: item.at_s)
    now_s = from_s
    while True:
        arrived = [item for item in waiting if item.at_s <= now_s]
        waiting = [item for item in waiting if item.at_s > now_s]
        step = engine.step(now_s, arrived)
        show.messages.extend(step.messages)
        show.events.extend(step.events)
        if step.job is not None:
            show.jobs.append(step.job)
            took_s, values = reply(step.job)
            at_s = now_s + took_s
            if isinstance(values, Answer):
                waiting.append(values._replace(at_s=at_s, inference_s=took_s))
            elif isinstance(values, str):
                waiting.append(Failure(at_s, step.job, values))
            else:
                waiting.append(answered(step.job, values, at_s, inference_s=took_s))
            waiting.sort(key=lambda item: item.at_s)
        if now_s >= until_s and not (waiting and waiting[0].at_s <= now_s):
            return show
        next_s = [until_s] if step.wake_at_s is None else [until_s, step.wake_at_s]
        now_s = max(min([*next_s, *(item.at_s for item in waiting[:1])]), now_s)


def note(start_s: float, end_s: float, pitch: int = 72, velocity: int = 80, channel: int = 0) -> list[Input]:
    """A note of the player's, as its two messages."""
    return [
        Received(start_s, bytes((0x90 | channel, pitch, velocity))),
        Received(end_s, bytes((0x80 | channel, pitch, 64))),
    ]


def clocks(first_s: float, count: int, *, bpm: float = 120) -> list[Input]:
    """MIDI clocks at an even tempo."""
    return [Received(first_s + i * 60 / bpm / 24, b"\xf8") for i in range(count)]


def tiny_band(**options: Any) -> Engine:
    """An engine for the tiny model that plays all of its plan, also while nobody plays; takes settings and options."""
    options = {"rest_bars": 0, "follow_density": False, **options}
    settings = EngineConfig(**{key: options.pop(key) for key in list(options) if key in EngineConfig.__struct_fields__})
    return Engine(TINY_SPEC, settings, **options)


def onsets(messages: list[Message], track: int) -> list[int]:
    """Ticks at which notes of a track begin."""
    return [m.tick for m in messages if m.track == track and m.data[0] & 0xF0 == 0x90]


def stray_job() -> Job:
    """A question that nobody asked."""
    return Job(99, np.zeros((2, 32, 128), np.bool_), 0, 0.0)


def failing_from(number: int) -> Replier:
    """The model that answers with `chords` up to a question, and fails from there on."""
    return lambda job: (0.0, chords(job)) if job.number < number else (0.0, "no memory")
