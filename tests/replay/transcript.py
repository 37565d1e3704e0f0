"""Golden replays: a performance as text, what went in and what must come out.

Write a transcript's inputs, then let the engine write down what it does, and read that as you would read a score:

    python tests/replay/transcript.py tests/replay/*.txt

A transcript begins with settings, one to a line (`bpm = 100`, `follow_clock = yes`, `split = C3`,
`controls.mute.bass = cc 20`), and replies of the model that are
not the usual ones (`job 1 = late 1.5`, `= fails no memory`, `= nan`, `= up 5` for so many semitones
higher). Then, in the order of time, seconds first:

    0.500 on C5 80          the player's messages: on, off, all-off; start, stop, continue, clock, position SIXTEENTHS
    0.500 cc 20 127         a knob, button or pedal
    0.500 command mute bass off
    0.500 clocks 24 at 120  so many clocks at that many beats per minute
    4.000 tempo 90 at 3840  a new tempo, from a tick on where one is given
    9.000 end               the performance ends; every transcript has it last

and between them what the engine did, which is what the test compares:

    > 4.0000 tick 3840 bass on C3 84
    ! 3.8750 job 0 for 3.1

`model = live` is a model with codes, which says what it was told (`support.live`): on each beat the bass is a semitone
higher than on the last one that it knows of, the piano plays the melody of two bars ago, drums are struck on beats.

Lines that begin with # are remarks and stay where they are.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from support.band import chords, clocks, play
from support.live import LIVE_SPEC, said
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.config_controls import ControlsConfig
from accompanist.engine.controls import TRACK_SWITCHES, worded
from accompanist.engine.decode import decoded
from accompanist.engine.engine import Engine
from accompanist.engine.protocol import Answer, Event, Input, Job, Message, Received, Stop, TempoChange
from accompanist.music.question import Question
from accompanist.music.roll import FloatRoll
from accompanist.music.spec import ModelSpec
from accompanist.music.theory import pitch_name, pitch_number
from accompanist.music.time import us_per_beat

OUTPUT = (">", "!")
ENGINE = EngineConfig.__struct_fields__
REAL_TIME = {"start": b"\xfa", "continue": b"\xfb", "stop": b"\xfc", "clock": b"\xf8"}


def rewritten(text: str) -> str:
    """A transcript with the engine's part played anew: unchanged where the engine does what it did."""
    given = [line for line in text.splitlines() if not line.startswith(OUTPUT)]
    first = next(i for i, line in enumerate(given) if line[:1].isdigit())
    done = _performed(given[:first], [line for line in given[first:] if line[:1].isdigit()])
    lines = given[:first]
    for line in given[first:]:
        if line[:1].isdigit():
            at_s = float(line.split()[0])
            lines += [told for told_s, told in done if told_s < at_s]
            done = [(told_s, told) for told_s, told in done if told_s >= at_s]
        lines.append(line)
    return "\n".join([*lines, *(told for _, told in done)]) + "\n"


def _performed(head: list[str], body: list[str]) -> list[tuple[float, str]]:
    """What the engine does: (seconds, line), in the order in which it was done."""
    settings = dict(line.split(" = ") for line in head if " = " in line and not line.startswith("#"))
    spec = LIVE_SPEC if settings.get("model") == "live" else TINY_SPEC
    inputs = [item for line in body for item in _inputs(line, spec)]
    switches: dict[str, Any] = {key: settings[key] == "yes" for key in settings if settings[key] in ("yes", "no")}
    engine = {key: switches.pop(key) for key in list(switches) if key in ENGINE}
    engine |= {
        key: float(its) if key == "bpm" else int(its) for key, its in settings.items() if key in {*ENGINE} - {*engine}
    }
    if "split" in settings:
        switches["split"] = pitch_number(settings["split"])
    band = Engine(spec, EngineConfig(**engine), controls=_controls(settings), **switches)

    def reply(job: Job) -> tuple[float, FloatRoll | str | Answer]:
        how, _, what = settings.get(f"job {job.number}", "late 0").partition(" ")
        if how == "fails":
            return 0.0, what
        if spec is LIVE_SPEC:
            return float(what), _told(job)
        if how == "up":
            return 0.0, np.roll(chords(job), int(what), axis=-1)
        return (0.0, chords(job) * np.nan) if how == "nan" else (float(what), chords(job))

    show = play(band, inputs, max(item.at_s for item in inputs), reply)
    done = [(m.due_s, 1, _message_line(m, spec)) for m in show.messages] + [
        (e.at_s, 0, _event_line(e)) for e in show.events
    ]
    return [(at_s, line) for at_s, _, line in sorted(done, key=lambda item: item[:2])]


def _told(job: Job) -> Answer:
    """The live model's answer; its noise is silence for even questions."""
    noise = np.full(LIVE_SPEC.noise_shape, job.number % 2, dtype=np.float32)
    reply = said(Question(job.melody, job.codes, job.moment), noise)
    return Answer(
        0.0, job, decoded(reply.values, LIVE_SPEC, job.plan_tick, velocities=reply.velocities), 0.0, reply.codes
    )


def _controls(settings: dict[str, str]) -> ControlsConfig:
    table: dict[str, Any] = {}
    for key, control in settings.items():
        stage, *names = key.split(".")
        if stage == "controls":
            place = table.setdefault(names[0], {}) if len(names) > 1 else table
            place[names[-1]] = control
    return msgspec.convert(table, ControlsConfig)


def _inputs(line: str, spec: ModelSpec) -> list[Input]:
    at_text, what, *rest = line.split()
    at_s = float(at_text)
    if (data := _message(what, rest)) is not None:
        return [Received(at_s, data)]
    item: Input
    match what, rest:
        case "command", [name, *words]:
            track = words.pop(0) if name in TRACK_SWITCHES else None
            item = worded(name, track, words[0] if words else None, spec)._replace(at_s=at_s)
        case "clocks", [count, "at", bpm]:
            return clocks(at_s, int(count), bpm=float(bpm))
        case "tempo", [bpm]:
            item = TempoChange(at_s, us_per_beat(float(bpm)))
        case "tempo", [bpm, "at", tick]:
            item = TempoChange(at_s, us_per_beat(float(bpm)), int(tick))
        case "end", []:
            item = Stop(at_s)
        case _:
            raise ValueError(f"no such input: {line!r}")
    return [item]


def _message(what: str, rest: list[str]) -> bytes | None:
    """A MIDI message that comes in; None where the words are none."""
    match what, rest:
        case "on", [pitch, velocity]:
            return bytes((0x90, pitch_number(pitch), int(velocity)))
        case "off", [pitch]:
            return bytes((0x80, pitch_number(pitch), 64))
        case "all-off", []:
            return b"\xb0\x7b\x00"
        case "cc", [number, value]:
            return bytes((0xB0, int(number), int(value)))
        case "position", [sixteenths]:
            return bytes((0xF2, int(sixteenths) & 0x7F, int(sixteenths) >> 7))
    return None if rest else REAL_TIME.get(what)


def _message_line(message: Message, spec: ModelSpec) -> str:
    kinds = {0x80: "off", 0x90: "on"}
    kind, name = (
        kinds.get(message.data[0] & 0xF0),
        "thru" if message.track < 0 else spec.tracks[message.track].name,
    )
    what = f"{kind} {pitch_name(message.data[1])}" if kind else message.data.hex(" ")
    loud = f" {message.data[2]}" if kind == "on" else ""
    return f"> {message.due_s:.4f} tick {message.tick} {name} {what}{loud}"


def _event_line(event: Event) -> str:
    return f"! {event.at_s:.4f} {event.name} {event.detail}".rstrip()


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(rewritten(path.read_text(encoding="utf-8")), encoding="utf-8")
