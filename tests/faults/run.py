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
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.report import Report
from faults.sources import SOURCES
from faults.world import World


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


def main() -> None:
    """Run the seeds; exit code 1 where one fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0-20", help="FIRST-LAST, the last one left out")
    parser.add_argument("--seed", type=int, help="just this one")
    parser.add_argument("--hours", type=float, default=10.0, help="simulated, of each seed")
    parser.add_argument("--minutes", type=float, help="begin no further seed after so many real minutes")
    parser.add_argument("--without", default="", help="sources of faults to leave out, such as player,clock")
    parser.add_argument("--trace", action="store_true", help="print the whole transcript")
    parser.add_argument("--no-shrink", action="store_true", help="tell a failing seed as it is")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first failure")
    asked = parser.parse_args()
    without = tuple(filter(None, asked.without.split(",")))
    first, last = (int(number) for number in asked.seeds.split("-"))
    seeds = range(first, last) if asked.seed is None else [asked.seed]
    faults: Counter[str] = Counter()
    hours, beats, messages, inputs, turns, done, failed = 0.0, 0, 0, 0, 0, 0, 0
    began_s = time.perf_counter()
    gc.freeze()
    for seed in seeds:
        if asked.minutes is not None and time.perf_counter() - began_s > 60 * asked.minutes:
            break
        report = World(seed, asked.hours, without=without, keep=None if asked.trace else 0).run()
        faults.update(report.faults)
        hours, beats, messages = hours + report.hours, beats + report.beats, messages + report.messages
        inputs, turns, done = inputs + report.inputs, turns + report.turns, done + 1
        if asked.trace:
            print("\n".join(report.last))
        if report.broken:
            failed += 1
            tell(*((report, without) if asked.no_shrink or asked.trace else shrunk(report, asked.hours, without)))
            if not asked.keep_going:
                break
    took_s = time.perf_counter() - began_s
    print(
        f"{done} seeds, {failed} failed: {hours:,.1f} simulated hours in {took_s:.1f} s ({hours / took_s:.1f} per s); "
        f"{beats:,} beats, {inputs:,} inputs, {messages:,} messages, {turns:,} turns of the loop"
    )
    print("faults: " + ", ".join(f"{count:,} {name}" for name, count in faults.most_common()))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
