"""How late notes leave, and how unevenly: both back ends of Accompanist beside its peers, on a real JACK server.

python benchmarks/timing.py [--json] [--seconds 20] [--load idle|infer|both] [--players jack,rtmidi,...] [--period 256]

A private JACK server with the dummy driver; the listener is a JACK client in a process of its own (timing_probe.py)
that takes down the frame of every message. The players (timing_players.py) come one after the other, each with the same
chords every 62.5 ms, idle, and while the shipped model computes without a pause in the same process. Frames are turned
into seconds afterwards, from all cycles the listener saw. Needs jackd, and isobar (pip install isobar==0.2.1).

lateness    the second of the frame a note-on was heard at, minus the second it was due at
jitter      distance of that from its own median
even        frames by which the way from a note to the next differs from what was due, counted in JACK's frames alone
frames off  jack back end: frames between where a note-on should have left and where it did
thru        from the frame the melody was played at to the frame it came back at
still       how far JACK's frames fell behind the seconds: a machine that stands still. Notes due within 0.3 s of that
            are not judged; "frames off, with stalls" counts them all
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from stage import RATE, Program, Stage
from timing_figures import Line, matched, of_frames, of_notes, of_thru

HERE = Path(__file__).parent
PLAYERS = ("jack", "jack-log", "rtmidi", "rtmidi-log", "isobar", "mido", "polling")
_AFTER_S = 1.5
_THRU_CHANNEL = 3
"""Of the player's own notes beside a band of three."""


def performance(stage: Stage, player: str, *, infer: bool, seconds: float) -> dict[str, Any]:
    """One player under one load."""
    kind, _, log = player.partition("-")
    record = stage.folder / f"{player}-{infer}.json"
    command = [sys.executable, str(HERE / "timing_players.py"), kind, "--seconds", str(seconds)]
    command += ["--infer"] if infer else []
    command += ["--log", str(stage.folder / "log.jsonl")] if log else []
    program: Program = stage.start(command, f"{player}.txt")
    ports = program.asked("")
    probe_command = [sys.executable, str(HERE / "timing_probe.py"), "--hear", ports["out"], "--record", str(record)]
    probe_command += ["--play", ports["in"]] if ports["in"] else []
    probe = stage.start([*probe_command, "--seconds", str(seconds + _AFTER_S)], "probe.txt")
    probe.line_with("playing")
    program.say("go")
    probe.ends()
    told = program.asked("stop")
    program.end()
    heard = json.loads(record.read_text(encoding="utf-8"))
    line = Line(heard["cycles"], heard["rate"])
    first_s, last_s = line.s_at(heard["cycles"][0][0]), line.s_at(heard["cycles"][-1][0])
    due = [row for row in told["due"] if first_s < row[0] < last_s - 0.1]
    notes, missing = matched(due, heard["heard"])
    figures = {
        "player": player,
        "load": "infer" if infer else "idle",
        **of_notes(notes, line, heard["rate"]),
        "missing": missing,
    }
    if kind == "jack":
        figures |= of_frames(notes, line, heard["rate"])
    if heard["played"]:
        figures["thru"] = of_thru(heard["played"], heard["heard"], _THRU_CHANNEL, line, heard["rate"])
    return figures | {
        "inferences": told["inferences"],
        "still_s": round(line.stood_still_s, 4),
        "stalls": len(line.stalls_s),
        "longest_still_s": round(line.longest_still_s, 4),
    }


def line_of(figures: dict[str, Any]) -> str:
    """One performance as a row of the table."""

    def cells(values: dict[str, float] | None) -> str:
        return f"{values['p50']:8.2f}{values['p99']:8.2f}{values['max']:8.2f}" if values else f"{'':24}"

    thru = figures.get("thru")
    frames = figures.get("frames_off")
    return (
        f"{figures['player']:11}{figures['load']:6}{figures['judged']:6}"
        f"{cells(figures['lateness_ms'])} {cells(figures['jitter_ms'])} {cells(thru and thru['latency_ms'])} "
        f"{cells(figures['interval_off_frames'])} "
        + (f"{frames['p99']:6.0f}{frames['max']:6.0f}" if frames else f"{'':12}")
        + f"{1000 * figures['still_s']:9.1f}{figures['missing']:6}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--load", choices=["idle", "infer", "both"], default="both")
    parser.add_argument("--players", default=",".join(PLAYERS), help="some of: " + ", ".join(PLAYERS))
    parser.add_argument("--period", type=int, default=256, help="frames of a JACK cycle")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    loads = {"idle": [False], "infer": [True], "both": [False, True]}[asked.load]
    if not asked.json:
        titles = "".join(f"{title:>24} " for title in ("lateness ms", "jitter ms", "thru ms", "even, frames"))
        print(f"{'':23}{titles}{'frames off':>12}{'still ms':>9}{'lost':>6}")
        columns = f"{'p50':>8}{'p99':>8}{'max':>8}"
        print(f"{'player':11}{'load':6}{'notes':>6}{columns} {columns} {columns} {columns} {'p99':>6}{'max':>6}")
    for infer in loads:
        for player in asked.players.split(","):
            with Stage(period_frames=asked.period) as stage:
                figures = performance(stage, player, infer=infer, seconds=asked.seconds)
            figures |= {"period_ms": round(1000 * asked.period / RATE, 3), "seconds": asked.seconds}
            print(json.dumps(figures) if asked.json else line_of(figures), flush=True)


if __name__ == "__main__":
    main()
