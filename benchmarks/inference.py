"""How long the model takes for an answer: back to back and at the pace of play, on every provider that loads.

python benchmarks/inference.py [--calls 20] [--model M] [--json]

Every way of running the model is asked for answers one after another, then for one every quarter, half and whole
second, with nothing else to do and beside a process that keeps one core busy. Ways: each provider, the CPU on one
thread and on two; each with its arrays bound, as in play, and without. They take turns within one run, so that their
ratios are of one machine in one mood. Decoding is what it takes from an answer to the notes of a plan, which the
inference thread does next. The process has the priority it has in play, where the system grants it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from accompanist.engine.decode import decoded
from accompanist.melodies import MELODIES
from accompanist.music.question import Question
from accompanist.music.roll import BoolRoll, encode
from accompanist.runtime.choice import Way
from accompanist.runtime.clock import MonotonicClock
from accompanist.runtime.infer import Session
from accompanist.runtime.installed import default_model_path
from accompanist.runtime.providers import built_in, why_provider_fails
from accompanist.runtime.realtime import punctual_process

PACES_S = (0.0, 0.25, 0.5, 1.0)
"""Seconds from one question to the next; 0: one right after the other."""
ROUNDS = 4
"""Turns that the ways take at each pace."""
LOADS = ("idle", "busy")
BUSY_CALLS = 10
"""Back to back, so many times more calls are made."""


class Cell(NamedTuple):
    """What is measured."""

    way: Way
    bound: bool
    load: str
    pace_s: float


def ways() -> list[Way]:
    """Every way there is on this machine."""
    cards = [Way(name) for name in built_in() if name != "cpu" and not why_provider_fails(name)]
    return [Way("cpu"), Way("cpu", threads=2), *cards]


def question(session: Session) -> BoolRoll:
    """A window of a tune: (2 planes, melody_steps, 128)."""
    return encode(MELODIES["ode-to-joy"].notes(), session.spec.melody_steps)


def _spin(stop: Event) -> None:
    while not stop.is_set():
        sum(range(1000))


@contextmanager
def beside(load: str) -> Iterator[None]:
    """Within the block another process keeps a core busy, where the load says so."""
    if load == "idle":
        yield
        return
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    process = context.Process(target=_spin, args=(stop,), daemon=True)
    process.start()
    try:
        yield
    finally:
        stop.set()
        process.join()


def measure(path: Path, calls: int) -> dict[Cell, dict[str, list[float]]]:
    """Seconds of each answer, and of its decoding, by cell."""
    took_s: dict[Cell, dict[str, list[float]]] = defaultdict(lambda: {"answer": [], "decoding": []})
    for load in LOADS:
        with beside(load), punctual_process():  # loaded within: the threads of onnxruntime have a priority as well
            sessions = {
                (way, bound): Session(path, provider=way.provider, threads=way.threads, binding=bound)
                for way in ways()
                for bound in (True, False)
            }
            for pace_s in PACES_S:
                for _ in range(ROUNDS):
                    for (way, bound), session in sessions.items():
                        cell = took_s[Cell(way, bound, load, pace_s)]
                        ask(session, pace_s, -(-calls // ROUNDS), cell)
    return took_s


def ask(session: Session, pace_s: float, calls: int, took_s: dict[str, list[float]]) -> None:
    """Ask a model at a pace; the first call, after another's turn, is not counted."""
    clock, melody = MonotonicClock(), question(session)
    due_s = clock.now()
    for number in range((calls if pace_s else BUSY_CALLS * calls) + 1):
        clock.wait(due_s, threading.Event())
        began_s = clock.now()
        values = session.run_in_place(Question(melody), seed=number).values
        answered_s = clock.now()
        decoded(values, session.spec, 0)
        if number:
            took_s["answer"].append(answered_s - began_s)
            took_s["decoding"].append(clock.now() - answered_s)
        due_s = began_s + pace_s


def summary(took_s: list[float]) -> dict[str, float]:
    """Milliseconds: median, p99 and largest."""
    ms = 1000 * np.array(took_s)
    return {"p50_ms": float(np.median(ms)), "p99_ms": float(np.percentile(ms, 99)), "max_ms": float(ms.max())}


def ratios(found: list[dict[str, Any]]) -> dict[str, float]:
    """Medians of each kind of row over those of the same row with one thing changed, averaged over all such pairs."""
    rows = {(row["way"], row["bound"], row["load"], row["pace_s"]): row for row in found}

    def between(one: dict[str, Any], other: dict[str, Any]) -> float:
        """Of the rows that have `one`, to those with `other` in its place."""
        names = ("way", "bound", "load", "pace_s")
        pairs = [
            (row, rows[tuple({**row, **other}[name] for name in names)])
            for row in found
            if all(row[name] == value for name, value in one.items())
        ]
        return float(np.mean([row["answer"]["p50_ms"] / base["answer"]["p50_ms"] for row, base in pairs]))

    return {
        "one a second / back to back": between({"pace_s": 1.0}, {"pace_s": 0.0}),
        "two threads / one": between({"way": "cpu with 2 threads"}, {"way": "cpu"}),
        "bound / unbound": between({"bound": True}, {"bound": False}),
        "busy core beside / idle": between({"load": "busy"}, {"load": "idle"}),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--model", type=Path, default=default_model_path())
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = [
        {**cell._asdict(), "way": str(cell.way), "calls": len(its["answer"])}
        | {name: summary(values) for name, values in its.items()}
        for cell, its in measure(asked.model, asked.calls).items()
    ]
    shares = ratios(found)
    if asked.json:
        print(json.dumps({"model": str(asked.model), "rows": found, "ratios_of_medians": shares}))
        return
    show(found)
    for name, ratio in shares.items():
        print(f"{name}: {ratio:.2f}")


def show(found: list[dict[str, Any]]) -> None:
    """The table: a line for each way and load, a column for each pace."""
    heads = ("back to back", *(f"one in {pace_s:g} s" for pace_s in PACES_S[1:]))
    print(f"{'ms: median / largest':34}" + "".join(f"{head:>16}" for head in heads))
    lines: dict[tuple[str, str], str] = defaultdict(str)
    for row in found:
        name = f"{row['way']}, {'bound' if row['bound'] else 'unbound'}, {row['load']}"
        for kind in ("answer", "decoding"):
            text = f"{row[kind]['p50_ms']:.2f} / {row[kind]['max_ms']:.1f}"
            lines[name, kind] += f"{text:>16}"
    for (name, kind), text in lines.items():
        print(f"{name if kind == 'answer' else '  its decoding':34}{text}")


if __name__ == "__main__":
    main()
