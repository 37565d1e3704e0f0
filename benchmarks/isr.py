"""Is every plan there in time? The shipped model under `serve` on JACK, replanning every beat, on a busy machine.

python benchmarks/isr.py [--json] [--minutes 10] [--bpm 240] [--busy 2] [--replan-steps 4] [-- flags of serve]

The goal: an in-time share (ISR) of 1.000 and no deadline miss over ten minutes at 240 BPM, while as many programs of
ordinary priority as there are cores compute without a pause. Exit code 1 where it is missed. How long the machine
itself stood still is reported beside it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from stage import Stage, may_be_real_time

from accompanist.config import settings

KEPT = (
    "isr", "deadline_misses", "late_answers", "dropped_answers", "failures", "exceptions", "dropped_inputs",
    "planned_beats", "rest_beats", "held_beats", "silent_beats", "staleness_mean_steps", "staleness_max_steps",
    "lateness_p50_ms", "lateness_p99_ms", "lateness_max_ms", "inference_p50_ms", "inference_p99_ms",
    "inference_max_ms", "notes_in", "notes_out",
)  # fmt: skip


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Play for the time asked for; the daemon's own figures, and what they were measured on."""
    lines = ["[engine]", f"bpm = {asked.bpm}"]
    replans = "engine.replan_steps" in {setting.key for setting in settings()}
    if replans:
        lines.append(f"replan_steps = {asked.replan_steps}")
    stalls_ms, longest_ms = 0.0, 0.0
    with Stage(period_frames=asked.period) as stage:
        serve = stage.serve(*asked.serve_flags, settings="\n".join(lines) + "\n")
        player = stage.player(bpm=asked.bpm, seed=asked.seed)
        stage.busy(asked.busy)
        end_s = time.monotonic() + 60 * asked.minutes
        while (left_s := end_s - time.monotonic()) > 0:
            time.sleep(min(left_s, 30.0))
            if not serve.running:
                raise SystemExit(f"serve ended by itself: {serve.complaints()}")
            tally = player.asked("tally")
            stalls_ms += tally["stalled_ms"]
            longest_ms = max(longest_ms, tally["longest_stall_ms"])
        player.asked("rest")
        summary = serve.told_to_stop()
    return {
        "minutes": asked.minutes,
        "bpm": asked.bpm,
        "busy": asked.busy,
        "replan_steps": asked.replan_steps if replans else None,
        "real_time_priority": may_be_real_time(),
        "goal_met": round(summary["isr"], 3) == 1.0 and summary["deadline_misses"] == 0,
        "machine_stood_still_s": round(stalls_ms / 1000, 3),
        "longest_stall_ms": longest_ms,
        **{name: summary[name] for name in KEPT},
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--bpm", type=float, default=240.0)
    parser.add_argument("--busy", type=int, default=2, help="programs that compute meanwhile")
    parser.add_argument("--replan-steps", type=int, default=4, help="sixteenths between two plans")
    parser.add_argument("--period", type=int, default=256, help="frames of JACK's period, at 48 kHz")
    parser.add_argument("--seed", type=int, default=0, help="another seed, another melody")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("serve_flags", nargs="*", help="after --: more flags for serve")
    asked = parser.parse_args()
    found = measure(asked)
    if asked.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:24}{value}")
    sys.exit(0 if found["goal_met"] else 1)


if __name__ == "__main__":
    main()
