"""Long runs, replays and shorter failures.

    python tests/faults/run.py --seeds 0-100 --hours 10        a hundred performances of ten simulated hours each
    python tests/faults/run.py --seed 17 --hours 10 --trace    one, with its transcript

A seed that fails is run again without each source of faults in turn, as long as it goes on failing, and is then told
with the command that replays it and the last lines of its transcript.
"""

# ruff: noqa: T201  (a program for people, who read what it prints)
from __future__ import annotations

import argparse
import gc
import math
import multiprocessing
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.report import Report
from faults.sources import SOURCES
from faults.world import World

TELL_EVERY_S = 60.0


def shrunk(report: Report, hours: float, without: tuple[str, ...]) -> tuple[Report, tuple[str, ...]]:
    """The same seed failing with as few sources of faults as possible, and so the sooner the better."""
    for name in SOURCES:
        if name in without:
            continue
        hours = min(hours, 1.5 * report.at_s / 3600 + 0.01)
        shorter = World(report.seed, hours, without=(*without, name)).run()
        if shorter.broken:
            report, without = shorter, (*without, name)
    return report, without


def tell(report: Report, without: tuple[str, ...]) -> None:
    """A failure, and how to see it again."""
    left_out = f" --without {','.join(without)}" if without else ""
    hours = report.at_s / 3600 + 0.01
    print("\n".join(World(report.seed, hours, without=without, keep=60).run().last))
    print(f"seed {report.seed} fails after {report.at_s:.6f} s: {report.broken}")
    print(f"again: python tests/faults/run.py --seed {report.seed} --hours {hours:.2f}{left_out} --trace", flush=True)


class Task(NamedTuple):
    """A performance to run.

    Args:
        seed: Its seed.
        hours: Simulated.
        without: Sources left out.
        keep: Lines of the transcript kept; None: all.
        until_s: Not begun after this second of the machine's clock.
    """

    seed: int
    hours: float
    without: tuple[str, ...]
    keep: int | None
    until_s: float


def perform(task: Task) -> Report | None:
    """Run a performance; None where there is no time left for it."""
    if time.monotonic() > task.until_s:
        return None
    return World(task.seed, task.hours, without=task.without, keep=task.keep).run()


class Sums:
    """What all performances amounted to."""

    def __init__(self) -> None:
        self.done = self.failed = self.beats = self.messages = self.inputs = self.turns = 0
        self.hours = 0.0
        self.faults: Counter[str] = Counter()
        self._began_s = time.monotonic()

    def add(self, report: Report) -> None:
        """One more."""
        self.done += 1
        self.failed += bool(report.broken)
        self.hours += report.hours
        self.beats += report.beats
        self.messages += report.messages
        self.inputs += report.inputs
        self.turns += report.turns
        self.faults.update(report.faults)

    def __str__(self) -> str:
        took_s = time.monotonic() - self._began_s
        faults = ", ".join(f"{count:,} {name}" for name, count in self.faults.most_common())
        return (
            f"{self.done} seeds, {self.failed} failed: {self.hours:,.1f} simulated hours in {took_s:.1f} s "
            f"({self.hours / took_s:.1f} per s); {self.beats:,} beats, {self.inputs:,} inputs, "
            f"{self.messages:,} messages, {self.turns:,} turns of the loop\nfaults: {faults}"
        )


def main() -> None:
    """Run the seeds; exit code 1 where one fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0-20", help="FIRST-LAST, the last one left out")
    parser.add_argument("--seed", type=int, help="just this one")
    parser.add_argument("--hours", type=float, default=10.0, help="simulated, of each seed")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no further seed after so many real ones")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="as many as there are cores, if not said")
    parser.add_argument("--without", default="", help="sources of faults to leave out, such as player,clock")
    parser.add_argument("--trace", action="store_true", help="print the whole transcript")
    parser.add_argument("--no-shrink", action="store_true", help="tell a failing seed as it is")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first failure")
    asked = parser.parse_args()
    without = tuple(filter(None, asked.without.split(",")))
    first, last = (int(number) for number in asked.seeds.split("-"))
    seeds = range(first, last) if asked.seed is None else range(asked.seed, asked.seed + 1)
    until_s = time.monotonic() + 60 * asked.minutes
    keep = None if asked.trace else 0
    tasks = [Task(seed, asked.hours, without, keep, until_s) for seed in seeds]
    sums, told_s = Sums(), time.monotonic()
    gc.freeze()
    with multiprocessing.Pool(min(asked.processes, len(tasks))) as pool:
        for report in pool.imap_unordered(perform, tasks):
            if report is None:
                continue
            sums.add(report)
            if asked.trace:
                print("\n".join(report.last))
            if report.broken:
                tell(*((report, without) if asked.no_shrink or asked.trace else shrunk(report, asked.hours, without)))
                if not asked.keep_going:
                    break
            if time.monotonic() > told_s + TELL_EVERY_S:
                told_s = time.monotonic()
                print(str(sums).splitlines()[0], flush=True)
    print(sums)
    sys.exit(1 if sums.failed else 0)


if __name__ == "__main__":
    main()
