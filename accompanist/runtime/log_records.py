"""What stands in a performance log: one JSON object per line, its kind in the field "record".

`docs/performance-log.md` shows these tables; a test holds the two together (`python scripts/write-log-schema`).
"""

from __future__ import annotations

import types
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

LOG_VERSION = 1
"""Goes up when a field goes away or comes to mean something else; new fields and kinds of record may come without."""

Seconds = Annotated[float, Meta(description="seconds since the log was opened")]


class Header(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="header"):
    """A performance begins. A file that was written to several times has several."""

    version: Annotated[int, Meta(description="version of this schema")] = LOG_VERSION
    program: Annotated[str, Meta(description="version of Accompanist")]
    started: Annotated[str, Meta(description="date and time of day, ISO 8601, UTC")]
    model: Annotated[str, Meta(description="path of the model")]
    kind: Annotated[str, Meta(description="recipe of the model")]
    trained: Annotated[str, Meta(description="what the model says of its training")]
    tracks: Annotated[tuple[str, ...], Meta(description="names of the tracks; a track is named by its index elsewhere")]
    provider: Annotated[str, Meta(description="what runs the model")]
    inference_s: Annotated[float, Meta(description="seconds one inference took at the start")]
    system: Annotated[str, Meta(description="name of the MIDI system")]
    melody_port: Annotated[str, Meta(description="the player's port")]
    clock_port: Annotated[str | None, Meta(description="the clock's own port, if it has one")]
    band_ports: Annotated[tuple[str, ...], Meta(description="the ports the band leaves by")]
    follows_clock: Annotated[bool, Meta(description="a MIDI clock leads")]
    link: Annotated[bool, Meta(description="a Link session leads")] = False
    bpm: Annotated[float, Meta(description="tempo in beats per minute, until a MIDI clock says otherwise")]
    beats_per_bar: Annotated[int, Meta(description="beats in a bar")]
    ticks_per_beat: Annotated[int, Meta(description="ticks of a quarter note")]
    seed: Annotated[int, Meta(description="engine.seed")]


class EventRecord(msgspec.Struct, frozen=True, tag_field="record", tag="event"):
    """Something happened.

    To a port: port_lost, port_back, port_refused (it is there and cannot be used). To the transport: start, stop,
    continue, position, locked, clock_lost, stopped. To a question: job, answer, late_answer, dropped_answer,
    model_failure. For want of a plan: fallback_rest, fallback_hold, fallback_silence.
    """

    at_s: Seconds
    name: Annotated[str, Meta(description="what")]
    detail: Annotated[str, Meta(description="a few words, such as the place in the song as bar.beat")]


class MessageRecord(msgspec.Struct, frozen=True, tag_field="record", tag="message"):
    """A MIDI message left."""

    at_s: Seconds
    due_s: Annotated[float, Meta(description="when it should have left; lateness is at_s minus due_s")]
    tick: Annotated[int, Meta(description="its place in the song")]
    track: Annotated[int, Meta(description="index of the track; -1: the player's own melody sent on")]
    data: Annotated[str, Meta(description="its bytes in hexadecimal")]


class HeardRecord(msgspec.Struct, frozen=True, tag_field="record", tag="heard"):
    """The player began or ended a note."""

    at_s: Seconds
    tick: Annotated[int, Meta(description="where the song was")]
    data: Annotated[str, Meta(description="the message's bytes in hexadecimal")]


class PlanRecord(msgspec.Struct, frozen=True, tag_field="record", tag="plan"):
    """The model's answer came."""

    at_s: Seconds
    job: Annotated[int, Meta(description="number of the question")]
    plan_tick: Annotated[int, Meta(description="where the plan begins")]
    heard_tick: Annotated[int, Meta(description="end of the melody it heard")]
    deadline_s: Annotated[float, Meta(description="when its first beat was committed")]
    inference_s: Annotated[float, Meta(description="seconds the model took")]
    outcome: Annotated[str, Meta(description="answer, late_answer or dropped_answer")]
    notes: Annotated[tuple[int, ...], Meta(description="notes of each track that the plan brings")]
    from_tick: Annotated[int, Meta(description="first tick it speaks for, in place of older plans; 0: dropped")] = 0


class AheadRecord(msgspec.Struct, frozen=True, tag_field="record", tag="ahead"):
    """What is about to sound: told when a plan came, and when a control or the left hand changed what plays of it."""

    at_s: Seconds
    from_tick: Annotated[int, Meta(description="first tick that is not settled; what was said from there on is void")]
    notes: Annotated[
        tuple[int, ...],
        Meta(
            description="four numbers each: track, pitch at the port, first tick, tick of its end; what sounds on into "
            "from_tick begins there"
        ),
    ]
    silent: Annotated[
        tuple[int, ...], Meta(description="tracks whose notes do not sound, because they are muted or the band rests")
    ] = ()


class BeatRecord(msgspec.Struct, frozen=True, tag_field="record", tag="beat"):
    """It was settled what a beat plays."""

    at_s: Seconds
    tick: Annotated[int, Meta(description="the beat's first tick")]
    beats: Annotated[int, Meta(description="so many beats from there on; above 1 only after a stall")]
    source: Annotated[str, Meta(description="plan; or, without the newest one: rest, hold, silence")]
    age_steps: Annotated[
        float | None, Meta(description="sixteenths since the end of the melody that its plan heard; null: silence")
    ]
    notes: Annotated[int, Meta(description="notes that begin in it")]
    isr: Annotated[float | None, Meta(description="in-time share so far; null: none was due before")]
    deadline_misses: Annotated[int, Meta(description="answers after their deadline so far")]


class DroppedRecord(msgspec.Struct, frozen=True, tag_field="record", tag="dropped"):
    """The disk did not keep up: records are missing here."""

    at_s: Seconds
    records: Annotated[int, Meta(description="how many")]


class End(msgspec.Struct, frozen=True, tag_field="record", tag="end"):
    """The performance ended. A log without one was cut off."""

    at_s: Seconds
    exit_code: Annotated[int, Meta(description="of the program")]
    lost: Annotated[str, Meta(description="what was lost, where that ended it; else empty")]
    summary: Annotated[
        dict[str, float | int | None], Meta(description="the figures, as `serve --json` prints them at the end")
    ]


Record = (
    Header | EventRecord | MessageRecord | HeardRecord | PlanRecord | AheadRecord | BeatRecord | DroppedRecord | End
)


def schema_text() -> str:
    """The tables of `docs/performance-log.md`."""
    lines = []
    for kind in get_args(Record):
        lines += [f"### `{kind.__struct_config__.tag}`", "", " ".join((kind.__doc__ or "").split()), ""]
        lines += ["| field | kind | meaning |", "|---|---|---|"]
        for name, annotation in get_type_hints(kind, include_extras=True).items():
            inner, meta = get_args(annotation)
            lines.append(f"| `{name}` | {_kind_text(inner)} | {meta.description} |")
        lines.append("")
    return "\n".join(lines)


def _kind_text(kind: Any) -> str:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        names = dict.fromkeys("null" if part is types.NoneType else _kind_text(part) for part in inner)
        return " or ".join(names)
    if origin is tuple:
        return f"list of {_kind_text(inner[0])}"
    if origin is dict:
        return f"object of {_kind_text(inner[1])}"
    return {str: "text", int: "whole number", float: "number", bool: "true or false"}[kind]
