"""How much work it is to open the record of a long run: at first sight, with its cache, and as curves for a screen.

python benchmarks/open_run.py [--steps 200000] [--json]

The record is one as the classic recipe writes it, made for the occasion. Beside it, in the same run, the same record
is read as one would without thinking: a dictionary per line, decoded by the same library. Seconds are of the processor.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from accompanist.runs import History
from accompanist.runs.history import CACHE

NAMES = ("critic", "penalty", "critic_gradient", "generator", "generator_gradient")
RATES = {"critic_rate": 0.001, "generator_rate": 0.001, "critic_updates": 5}
STEPS_PER_EPOCH, STEPS_PER_SPEED = 54, 30
SCREEN = 1200
REPEATS = 2


def write(path: Path, steps: int) -> None:
    """A record of so many steps, with its epochs and speeds."""
    noise = np.random.default_rng(0).standard_normal((1000, len(NAMES))).astype(np.float32).tolist()
    with path.open("w") as file:
        for step in range(1, steps + 1):
            losses = dict(zip(NAMES, noise[step % len(noise)], strict=True))
            line: dict[str, Any] = {"kind": "step", "step": step, "epoch": round(step / STEPS_PER_EPOCH, 6)}
            file.write(json.dumps(line | losses | RATES) + "\n")
            if step % STEPS_PER_EPOCH == 0:
                metrics = {"coupling": 0.1, "similarity_index": 0.5}
                line = {"kind": "epoch", "step": step, "epoch": step // STEPS_PER_EPOCH}
                file.write(json.dumps(line | {"metrics": metrics, "data": metrics, "distances": {}}) + "\n")
            if step % STEPS_PER_SPEED == 0:
                file.write(json.dumps({"kind": "speed", "step": step, "trained_s": 1.5, "steps_per_s": 3.0}) + "\n")


def thoughtless(path: Path) -> int:
    """The same numbers, a dictionary per line; returns how many steps."""
    lines = msgspec.json.Decoder().decode_lines(path.read_bytes())
    keys = ("step", "epoch", *NAMES, *RATES)
    return len(np.array([[line[key] for key in keys] for line in lines if line["kind"] == "step"], np.float64))


def cpu_s(work: Callable[[], object]) -> float:
    """Seconds of the processor that something takes, at best of a few times."""
    taken = []
    for _ in range(REPEATS):
        began_s = time.process_time()
        work()
        taken.append(time.process_time() - began_s)
    return min(taken)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "metrics.jsonl"
        write(record, given.steps)
        cache = record.with_name(CACHE)

        def first() -> None:
            cache.unlink(missing_ok=True)
            History(record)

        plain_s, first_s = cpu_s(lambda: thoughtless(record)), cpu_s(first)
        cached_s = cpu_s(lambda: History(record))
        history = History(record)
        curves_s = cpu_s(lambda: [history.loss(name, most=SCREEN) for name in history.losses])
        found = {
            "steps": history.last_step,
            "megabytes": round(record.stat().st_size / 1e6),
            "a_dictionary_per_line_s": round(plain_s, 2),
            "first_time_s": round(first_s, 2),
            "first_time_ratio": round(plain_s / first_s, 2),
            "with_cache_s": round(cached_s, 2),
            "curves_for_a_screen_s": round(curves_s, 2),
        }
    print(json.dumps(found) if given.json else "\n".join(f"{name}: {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
