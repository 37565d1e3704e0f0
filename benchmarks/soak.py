"""A soak: `accompanist serve` with the shipped model on a real JACK server, and a player that never rests.

python benchmarks/soak.py [--json] [--minutes 60] [--bpm 120] [--log soak.jsonl] [-- flags of serve]

Every minute it looks at the daemon from outside: memory, threads, open files, and from its performance log the
lateness of that minute's messages, in-time share and deadline misses; and asks the listener at the band's port what it
heard. The verdict at the end: memory does not grow, lateness does not drift, and every note-on had its note-off. How
long the machine stood still meanwhile is reported beside it: lateness of such a minute is the machine's.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from stage import LogTail, Program, Stage, percentiles, usage

MOST_GROWTH_KIB_PER_HOUR = 1024.0
"""Slope of the daemon's own memory over the second half, least squares. A leak of one small object per message would be
some 6,000 KiB an hour at 120 BPM."""
MOST_DRIFT_MS = 1.0
"""Between the median minute of the first and of the last third: of lateness as the daemon logs it, and of the moments
at which the listener hears notes begin."""
FEWEST_SAMPLES, SHORTEST_S = 6, 1200.0
"""In less, growth and drift are not judged: a process takes minutes to reach its size."""


class Sample(NamedTuple):
    """A minute of the soak.

    Args:
        at_s: Its end, from the beginning.
        serve: What the daemon takes, see `stage.Usage`.
        player_kib: Memory of player and listener.
        messages: Messages the band sent.
        lateness_ms: p50, p99, max of them, as logged.
        isr: In-time share so far.
        deadline_misses: So far.
        log_dropped: Records the performance log had no room for.
        heard: The listener's tally, see `restless_player.Tally`.
    """

    at_s: float
    serve: dict[str, float]
    player_kib: int
    messages: int
    lateness_ms: dict[str, float | None]
    isr: float | None
    deadline_misses: int
    log_dropped: int
    heard: dict[str, Any]


class Soak:
    """The daemon under observation.

    Args:
        serve: `accompanist serve`.
        player: Player and listener.
        log: The daemon's performance log.
    """

    def __init__(self, serve: Program, player: Program, log: Path) -> None:
        self._serve, self._player, self._tail = serve, player, LogTail(log)
        self._isr: float | None = None
        self._misses = 0

    def sample(self, at_s: float, word: str = "tally") -> Sample:
        """Look at it now; the word is said to the player."""
        heard = self._player.asked(word)
        lateness_ms, dropped = [], 0
        for record in self._tail.records():
            if record["record"] == "message":
                lateness_ms.append(max(1000 * (record["at_s"] - record["due_s"]), 0.0))
            elif record["record"] == "beat":
                self._isr, self._misses = record["isr"], record["deadline_misses"]
            elif record["record"] == "dropped":
                dropped += record["records"]
        taken = usage(self._serve.pid)._asdict() if self._serve.running else {}
        counted = len(lateness_ms), percentiles(lateness_ms), self._isr, self._misses, dropped
        return Sample(round(at_s, 2), taken, usage(self._player.pid).rss_kib, *counted, heard)


def verdict(samples: list[Sample], summary: dict[str, Any], last: Sample) -> dict[str, dict[str, Any]]:
    """Each claim: what was found, what is allowed, whether it holds; None where the run was too short to say."""
    heard = [sample.heard for sample in (*samples, last)]
    counts = {name: sum(tally[name] for tally in heard) for name in ("begun", "ended", "doubled", "orphaned")}
    claims = {
        "note-ons without note-off": _claim(last.heard["sounding"], 0),
        "pitches begun twice": _claim(counts["doubled"], 0),
        "note-offs without note-on": _claim(counts["orphaned"], 0),
        "notes sent and not heard": _claim(abs(summary["notes_out"] - counts["begun"]), 0),
        "exceptions": _claim(summary["exceptions"] + summary["failures"], 0),
        "dropped inputs": _claim(summary["dropped_inputs"], 0),
        "log records dropped": _claim(sum(sample.log_dropped for sample in (*samples, last)), 0),
    }
    enough = len(samples) >= FEWEST_SAMPLES and samples[-1].at_s >= SHORTEST_S
    half = samples[len(samples) // 2 :]
    growth = slope([(s.at_s / 3600, s.serve["anon_kib"]) for s in half]) if enough else None
    claims["growth of memory, KiB per hour"] = _claim(growth, MOST_GROWTH_KIB_PER_HOUR)
    for name in ("threads", "files"):
        claims[f"growth of {name}"] = _claim(half[-1].serve[name] - half[0].serve[name] if enough else None, 0)
    # Medians: a machine that stands still makes some messages late, and these say nothing of a drift.
    logged = [sample.lateness_ms["p50"] for sample in samples] if enough else []
    begun = [sample.heard["phase_ms"]["p50"] for sample in samples] if enough else []
    claims["drift of lateness, ms"] = _claim(drift(logged), MOST_DRIFT_MS)
    claims["drift of what is heard, ms"] = _claim(drift(begun), MOST_DRIFT_MS)
    return claims


def _claim(found: float | None, most: float) -> dict[str, Any]:
    return {"found": found, "most": most, "holds": None if found is None else found <= most}


def slope(points: list[tuple[float, float]]) -> float:
    """Of the line of least squares."""
    mean_x, mean_y = (sum(values) / len(points) for values in zip(*points, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return round(sum((x - mean_x) * (y - mean_y) for x, y in points) / spread, 1)


def drift(values: list[float | None]) -> float | None:
    """From the median of the first third to that of the last; None of too few."""
    known = [value for value in values if value is not None]
    third = len(known) // 3
    if len(known) < FEWEST_SAMPLES:
        return None
    return round(abs(median(known[-third:]) - median(known[:third])), 3)


def soak(asked: argparse.Namespace) -> dict[str, Any]:
    """Play, look, judge."""
    samples: list[Sample] = []
    with Stage(period_frames=asked.period) as stage:
        log = stage.folder / "performance.jsonl"
        serve = stage.serve("--bpm", str(asked.bpm), "--log", str(log), *asked.serve_flags)
        player = stage.player(bpm=asked.bpm, seed=asked.seed)
        watched = Soak(serve, player, log)
        began_s = time.monotonic()
        for number in range(1, max(round(60 * asked.minutes / asked.every), 1) + 1):
            time.sleep(max(began_s + number * asked.every - time.monotonic(), 0.0))
            if not serve.running:
                raise SystemExit(f"serve ended by itself: {serve.complaints()}")
            sample = watched.sample(time.monotonic() - began_s)
            samples.append(sample)
            note(asked.log, {"record": "sample", **sample._asdict()})
            print(line(sample), file=sys.stderr)
        player.asked("rest")
        summary = serve.told_to_stop()
        time.sleep(1.0)  # what left last is heard a cycle later
        last = watched.sample(time.monotonic() - began_s, "end")
    claims = verdict(samples, summary, last)
    seconds_still = [sample.heard["stalled_ms"] / 1000 for sample in samples]
    result = {
        "minutes": round(last.at_s / 60, 2),
        "bpm": asked.bpm,
        "period_frames": asked.period,
        "green": all(claim["holds"] is not False for claim in claims.values()),
        "claims": claims,
        "machine_stood_still_s": round(sum(seconds_still), 3),
        "longest_stall_ms": max(sample.heard["longest_stall_ms"] for sample in samples),
        "memory_kib": [samples[0].serve["rss_kib"], samples[-1].serve["rss_kib"]],
        "player_memory_kib": [samples[0].player_kib, samples[-1].player_kib],
        "messages": sum(sample.messages for sample in (*samples, last)),
        "serve": summary,
    }
    note(asked.log, {"record": "summary", **result})
    return result


def note(path: Path | None, record: dict[str, Any]) -> None:
    """Add a line to the soak's own log, where one was asked for."""
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


def line(sample: Sample) -> str:
    """A minute for the eye."""
    late, heard = sample.lateness_ms, sample.heard
    return (
        f"{sample.at_s:7.0f} s  {sample.serve['rss_kib']:.0f} KiB ({sample.serve['anon_kib']:.0f} own)  "
        f"{sample.serve['threads']:.0f} threads  {sample.serve['files']:.0f} files  "
        f"late {late['p50']} / {late['p99']} / {late['max']} ms  ISR {sample.isr}  misses {sample.deadline_misses}  "
        f"heard {heard['begun']}  stood still {heard['stalled_ms']} ms"
    )


def main() -> None:
    """Run it and print the verdict; exit code 1 where a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--every", type=float, default=60.0, help="seconds between two samples")
    parser.add_argument("--bpm", type=float, default=120.0)
    parser.add_argument("--period", type=int, default=256, help="frames of JACK's period, at 48 kHz")
    parser.add_argument("--seed", type=int, default=0, help="another seed, another melody")
    parser.add_argument("--log", type=Path, help="add a line a minute to this file (JSON Lines)")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("serve_flags", nargs="*", help="after --: more flags for serve")
    asked = parser.parse_args()
    result = soak(asked)
    if asked.json:
        print(json.dumps(result))
    else:
        for name, claim in result["claims"].items():
            word = {True: "holds", False: "FAILS", None: "too short to say"}[claim["holds"]]
            print(f"{name:34}{claim['found']!s:>12}  (most {claim['most']:g})  {word}")
        print(f"{result['minutes']} minutes, the machine stood still for {result['machine_stood_still_s']} s of them")
    sys.exit(0 if result["green"] else 1)


if __name__ == "__main__":
    main()
