"""How well a real MIDI clock is followed: phase and tempo against `jack_midi_clock`, steady, in steps and in ramps.

python benchmarks/follow.py [--json] [--seconds 30] [--period 256] [--backend jack --backend rtmidi]

The master's position is known from the frames of its own clocks (`conductor.py`); the follower hears them through the
port that `serve` would open (`clock_listener.py`), with both back ends at once, so under the same conditions. The error
at a moment is that of the next tick: when the follower expects it, less when the master came to it. Its median is the
back end's offset, which `--advance-ms` takes out; what is left, the phase error, is what nothing takes out. A step is
settled when the phase error comes below 3 ms to stay there for the next beats.

How far the machine stood still is told beside it: what it lost in a cycle no follower can have foreseen, and so the
second after each such loss is left out where it says so. `--retries` plays a scenario again until the machine stood
still for less than 10 ms in it, and keeps the calmest.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stage import Program, Stage

Floats = NDArray[np.float64]

HERE = Path(__file__).parent
RAMP_S = 16
STEP_S = 12
SETTLED_MS = 3.0
SETTLING_BEATS = 4
"""So long after a step it is watched whether it has settled."""
FIRST_BEATS = 8
"""After Start the first beats are those in which the tempo is found; they are no part of the figures."""
LOSS_MS = 2.0
"""A gap between two clocks that is longer by this than the tempo has it is time lost."""
AFTERMATH_S = 1.0
CALM_S = 0.01


def scenarios(seconds: float) -> dict[str, list[tuple[float, float]]]:
    """What the conductor leads: (second, beats per minute), straight lines in between."""
    return {
        "steady": [(0, 120), (seconds, 120)],
        "steps": [(0, 100), (STEP_S, 100), (STEP_S, 140), (2 * STEP_S, 140), (2 * STEP_S, 80), (3 * STEP_S, 80)],
        "ramps": [(0, 100), (8, 100), (8 + RAMP_S, 140), (16 + RAMP_S, 140), (16 + 2 * RAMP_S, 100)],
    }


def perform(tempo: list[tuple[float, float]], period: int, backends: list[str]) -> tuple[dict[str, Any], list[Any]]:
    """One scenario on a server of its own: the master's record, and what each follower foretold."""
    with Stage(period_frames=period) as stage:
        followers = [stage.start([sys.executable, str(HERE / "clock_listener.py"), backend,
                                  str(stage.folder / f"{backend}.json")], f"{backend}.txt")
                     for backend in backends]  # fmt: skip
        ports = [json.loads(follower.line_with("ready").partition(" ")[2])["port"] for follower in followers]
        stage.start(["jack_midi_clock", "-d", "0"], "master.txt")
        script = {"tempo": separated(tempo), "to": ports, "length_s": tempo[-1][0]}
        (stage.folder / "script.json").write_text(json.dumps(script), encoding="utf-8")
        paths = [str(stage.folder / name) for name in ("script.json", "record.json")]
        conductor = stage.start([sys.executable, str(HERE / "conductor.py"), *paths], "conductor.txt")
        conductor.line_with("done")
        for follower in followers:
            hang_up(follower)
        record: dict[str, Any] = json.loads((stage.folder / "record.json").read_text(encoding="utf-8"))
        seen = [json.loads((stage.folder / f"{name}.json").read_text(encoding="utf-8")) for name in backends]
    return record, seen


def separated(tempo: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """A step as a very steep line."""
    return [(second + 1e-6 * i, bpm) for i, (second, bpm) in enumerate(tempo)]


def hang_up(follower: Program) -> None:
    """Let a follower write down what it saw."""
    follower.say("stop")
    follower.line_with("done")


def judged(record: dict[str, Any], seen: list[list[float]], steps_s: list[float]) -> dict[str, Any]:
    """Figures of one follower in one scenario."""
    clocks, bpm = np.array(record["clocks"]), np.array(record["bpm"])
    at_s, tick, due_s, shown_bpm = np.array(seen).T
    known = (tick / 20 < len(clocks) - 1) & (tick / 20 >= 24 * FIRST_BEATS)
    at_s, tick, due_s, shown_bpm = at_s[known], tick[known], due_s[known], shown_bpm[known]
    place = tick / 20
    error_ms = 1000 * (due_s - np.interp(place, np.arange(len(clocks)), clocks))
    offset_ms = float(np.median(error_ms))
    phase_ms = np.abs(error_ms - offset_ms)
    led_bpm = bpm[place.astype(int)]
    tempo_percent = 100 * np.abs(shown_bpm / led_bpm - 1)
    gaps = np.diff(clocks) - 60 / 24 / ((bpm[1:] + bpm[:-1]) / 2)
    steps = clocks[0] + np.array(steps_s)
    lost = clocks[1:][(gaps > LOSS_MS / 1000) & ~near(clocks[1:], steps, -0.2, 0.2)]
    calm = ~near(at_s, lost, -0.05, AFTERMATH_S)
    settling = near(at_s, steps, -0.01, SETTLING_BEATS * 60 / 80)
    figures: dict[str, Any] = {
        "offset_ms": round(offset_ms, 3),
        "phase_ms": spread(phase_ms[~settling]),
        "phase_ms_without_losses": spread(phase_ms[calm & ~settling]),
        "tempo_percent": spread(tempo_percent[calm & ~settling]),
        "times_lost": len(lost),
    }
    if steps_s:
        figures["settled_beats"] = [settled(place, phase_ms, clocks, step, lost) for step in steps]
    return figures


def settled(place: Floats, phase_ms: Floats, clocks: Floats, step_s: float, lost: Floats) -> float | str:
    """Beats from a step to the last moment that was off, unless time was lost meanwhile."""
    if near(lost, np.array([step_s]), -AFTERMATH_S, SETTLING_BEATS * 60 / 80).any():
        return "time was lost"
    beats = (place - np.searchsorted(clocks, step_s)) / 24
    off = beats[(beats >= 0) & (beats < SETTLING_BEATS) & (phase_ms > SETTLED_MS)]
    return round(float(off.max()) if len(off) else 0.0, 2)


def near(at_s: Floats, moments: Floats, from_s: float, to_s: float) -> NDArray[np.bool_]:
    """Which times lie between so long before and so long after one of the moments."""
    return np.array([bool(((s - moments > from_s) & (s - moments < to_s)).any()) for s in at_s], dtype=bool)


def spread(values: Floats) -> dict[str, float]:
    """Median, p99, largest."""
    return {name: round(float(np.quantile(values, q)), 3) for name, q in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="of the steady scenario")
    parser.add_argument("--period", type=int, default=256, help="of the JACK server, in frames at 48 kHz")
    parser.add_argument("--backend", action="append", choices=["jack", "rtmidi"], help="both where not given")
    parser.add_argument("--scenario", action="append", choices=list(scenarios(1)), help="all where not given")
    parser.add_argument("--retries", type=int, default=0, help="where the machine stood still")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    backends = asked.backend or ["jack", "rtmidi"]
    found: dict[str, Any] = {"period_frames": asked.period}
    for name, tempo in scenarios(asked.seconds).items():
        if asked.scenario and name not in asked.scenario:
            continue
        record, seen = perform(tempo, asked.period, backends)
        for _ in range(asked.retries):
            if record["lost_s"] < CALM_S:
                break
            again = perform(tempo, asked.period, backends)
            record, seen = min((record, seen), again, key=lambda run: run[0]["lost_s"])
        steps_s = [STEP_S, 2 * STEP_S] if name == "steps" else []
        found[name] = {"stood_still_ms": round(1000 * record["lost_s"], 1)}
        found[name] |= {backend: judged(record, of, steps_s) for backend, of in zip(backends, seen, strict=True)}
    print(json.dumps(found, indent=None if asked.json else 2))


if __name__ == "__main__":
    main()
