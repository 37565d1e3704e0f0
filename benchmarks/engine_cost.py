"""What the engine's own work costs, in microseconds: per event, per beat, and per message of the performance log.

python benchmarks/engine_cost.py [--kind live] [--bars 500] [--replan-steps 4] [--json]

A player who plays every sixteenth, and a busy band: bass and chord on each eighth, planned anew on every beat. Time is
simulated, so the engine runs without a pause and what is measured is computing alone, with the priority it has while
playing (where the system gives it); the model's answers are ready-made. Each call of `Engine.step` is measured and
named after the dearest thing that happened in it. Of the live kind is a model that is given 64 bars of melody and the
codes of as many beats, and plays drums too. The log is written to a real file in the temporary folder.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from accompanist.config import EngineConfig
from accompanist.engine.decode import decoded, decoded_codes
from accompanist.engine.engine import Engine
from accompanist.engine.protocol import Answer, BeatReport, Event, Input, Job, Message, Received, Report, Step
from accompanist.music.question import Reply
from accompanist.music.roll import HELD, ONSET
from accompanist.music.spec import BAND, LIVE_BAND, ModelSpec
from accompanist.runtime.clock import MonotonicClock
from accompanist.runtime.performance_log import CHUNK, PerformanceLog, Sent
from accompanist.runtime.realtime import engine_thread, punctual_process

SPECS = {
    "classic": ModelSpec(
        kind="musegan", tracks=BAND, planes=2, context_steps=32, plan_steps=32, lag_steps=32, noise_shape=(2, 1, 1)
    ),
    "live": ModelSpec(
        kind="live",
        tracks=LIVE_BAND,
        planes=2,
        context_steps=1024,
        plan_steps=32,
        lag_steps=0,
        noise_shape=(8, 16),
        velocity=True,
        ahead_steps=64,
        codes=8,
    ),
}
BPM = 120
STEP_S = 60 / BPM / 4
CHORD = ((36,), (60, 64, 67), (72, 76), (36, 42))
"""Bass, piano, strings, drums."""


def busy_answer(spec: ModelSpec) -> Reply:
    """A chord of all tracks on each eighth."""
    values = np.full((len(spec.tracks), 2, spec.plan_steps, 128), -1.0, dtype=np.float32)
    for track, pitches in zip(range(len(spec.tracks)), CHORD, strict=False):
        values[track, HELD][:, list(pitches)] = 1
        values[track, ONSET][::2, list(pitches)] = 1
    velocities = np.where(values[:, ONSET] > 0, np.float32(0.6), np.float32(0)) if spec.velocity else None
    return Reply(values, velocities, np.zeros((spec.plan_beats, spec.codes), np.int64) if spec.codes else None)


def melody(bars: int) -> Iterator[Received]:
    """A note on each sixteenth, as people play: a little late, so that it is never due together with the band's."""
    for step in range(16 * bars):
        pitch = 60 + step * 7 % 24
        yield Received((step + 0.1) * STEP_S, bytes((0x90, pitch, 80)))
        yield Received((step + 0.6) * STEP_S, bytes((0x80, pitch, 64)))


def kind_of(step: Step, inputs: list[Input]) -> str:
    """The dearest thing that happened in a call."""
    if inputs and isinstance(inputs[0], Answer):
        return "answer taken"
    if step.job is not None:
        return "question asked"
    if any(isinstance(report, BeatReport) for report in step.reports):
        return "beat committed"
    return "message in" if inputs else "messages out" if step.messages else "nothing due"


def perform(spec: ModelSpec, bars: int, replan_steps: int) -> tuple[dict[str, list[float]], list[Step]]:
    """Microseconds of each call of `step` by kind, and of `status`; and what the engine did."""
    engine = Engine(spec, EngineConfig(bpm=BPM, replan_steps=replan_steps), wait_for_player=False)
    waiting: list[Received] = list(melody(bars))[::-1]
    reply = busy_answer(spec)
    took_us: dict[str, list[float]] = defaultdict(list)
    steps: list[Step] = []
    now_s, answered = 0.0, list[Input]()
    while waiting:
        inputs = answered
        if not answered and waiting[-1].at_s <= now_s:
            inputs = [waiting.pop()]
        began = time.perf_counter_ns()
        step = engine.step(now_s, inputs)
        ended = time.perf_counter_ns()
        engine.status(now_s)
        took_us["status told"].append((time.perf_counter_ns() - ended) / 1000)
        took_us[kind_of(step, inputs)].append((ended - began) / 1000)
        steps.append(step)
        job: Job | None = step.job
        answered = []
        if job is not None:
            began = time.perf_counter_ns()
            notes = decoded(reply.values, spec, job.plan_tick, velocities=reply.velocities)
            codes = decoded_codes(reply.codes, spec)
            took_us["answer decoded (inference thread)"].append((time.perf_counter_ns() - began) / 1000)
            answered = [Answer(now_s, job, notes, 0.0, codes)]
        if not answered and waiting:
            due_s = waiting[-1].at_s
            now_s = max(now_s, due_s if step.wake_at_s is None else min(due_s, step.wake_at_s))
    return took_us, steps


def log_cost(steps: list[Step], path: Path) -> dict[str, list[float]]:
    """Microseconds per item that the engine thread spends on the log, and per record that the log's thread does."""
    clock = MonotonicClock()
    log = PerformanceLog(path, clock, print)
    took_us: dict[str, list[float]] = defaultdict(list)
    told: list[Message | Event | Report] = [
        item for step in steps for item in (*step.messages, *step.events, *step.reports)
    ]
    for first in range(0, len(told), CHUNK):
        chunk = told[first : first + CHUNK]
        for item in chunk:
            began = time.perf_counter_ns()
            log.put(Sent(item, clock.now()) if isinstance(item, Message) else item)
            took_us["log: put (engine thread)"].append((time.perf_counter_ns() - began) / 1000)
        began = time.perf_counter_ns()
        log._write_waiting()  # noqa: SLF001  what the log's own thread does, here without its pauses
        took_us["log: written (its own thread)"].append((time.perf_counter_ns() - began) / 1000 / len(chunk))
    log.close()
    return took_us


def summary(took_us: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Count and percentiles of each kind."""
    return {
        kind: {
            "count": len(values),
            "p50_us": float(np.percentile(values, 50)),
            "p99_us": float(np.percentile(values, 99)),
            "max_us": max(values),
        }
        for kind, values in took_us.items()
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=SPECS, default="classic", help="of the model")
    parser.add_argument("--bars", type=int, default=500)
    parser.add_argument("--replan-steps", type=int, default=4, help="sixteenths from one plan to the next")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    spec = SPECS[asked.kind]
    perform(spec, 4, asked.replan_steps)  # warm
    with punctual_process(), engine_thread(), tempfile.TemporaryDirectory() as folder:
        took_us, steps = perform(spec, asked.bars, asked.replan_steps)
        took_us |= log_cost(steps, Path(folder) / "log.jsonl")
    found = summary(took_us)
    if asked.json:
        print(json.dumps(found))
        return
    print(f"{'':36}{'count':>10}{'p50 us':>10}{'p99 us':>10}{'max us':>10}")
    for kind, its in found.items():
        print(f"{kind:36}{its['count']:10.0f}{its['p50_us']:10.2f}{its['p99_us']:10.2f}{its['max_us']:10.1f}")


if __name__ == "__main__":
    main()
