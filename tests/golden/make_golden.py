"""Writes the golden MIDI files beside it, byte by byte, without any MIDI library: python tests/golden/make_golden.py.

What each is for stands in README.md; what must be read from it in test_golden_midi.py.
"""

from __future__ import annotations

import struct
from pathlib import Path

ON, OFF, CONTROL, PROGRAM = 0x90, 0x80, 0xB0, 0xC0
Timed = tuple[int, bytes]
"""Ticks since the event before, and the event's bytes."""


def varlen(value: int) -> bytes:
    """A delta time of up to two bytes."""
    return bytes([value]) if value < 0x80 else bytes([0x80 | value >> 7, value & 0x7F])


def meta(kind: int, contents: bytes) -> bytes:
    return bytes([0xFF, kind, len(contents)]) + contents


def name(text: str, encoding: str = "ascii") -> Timed:
    return 0, meta(0x03, text.encode(encoding))


def tempo(bpm: int, after: int = 0) -> Timed:
    return after, meta(0x51, (60_000_000 // bpm).to_bytes(3, "big"))


def meter(beats: int, power: int, after: int = 0) -> Timed:
    return after, meta(0x58, bytes([beats, power, 24, 8]))


def on(after: int, pitch: int, velocity: int = 80, channel: int = 0) -> Timed:
    return after, bytes([ON | channel, pitch, velocity])


def off(after: int, pitch: int, channel: int = 0) -> Timed:
    return after, bytes([OFF | channel, pitch, 64])


def program(number: int, channel: int = 0) -> Timed:
    return 0, bytes([PROGRAM | channel, number])


def chunk(*events: Timed, end: int = 0) -> bytes:
    body = b"".join(varlen(after) + data for after, data in (*events, (end, meta(0x2F, b""))))
    return b"MTrk" + struct.pack(">I", len(body)) + body


def file(*chunks: bytes, kind: int = 1, division: int = 480, tracks: int | None = None) -> bytes:
    count = len(chunks) if tracks is None else tracks
    return b"MThd" + struct.pack(">IHHH", 6, kind, count, division) + b"".join(chunks)


REPEATED = file(
    # The second note begins before, the third after the one before it has ended, all on the same tick.
    chunk(name("Melody"), on(0, 60), on(120, 60), off(0, 60), off(120, 60), on(0, 60), off(120, 60))
)
OVERLAPS = file(
    # C from 0 to 240 and from 120 to 480; a D of no length; an E that never ends; an end of an F that never began.
    chunk(
        name("Melody"),
        on(0, 60, 70),
        on(120, 60, 90),
        off(120, 60),
        on(0, 62),
        off(0, 62),
        on(0, 64),
        off(0, 65),
        off(240, 60),
        end=480,
    )
)
TEMPO = file(
    chunk(tempo(120), tempo(60, after=96), tempo(180, after=192)),
    chunk(name("Melody"), on(0, 60), off(96, 60), on(0, 62), off(192, 62), tempo(90, after=0), on(0, 64), off(96, 64)),
    division=96,
)
THREE_FOUR = file(
    chunk(meter(3, 2), meter(6, 3, after=2880)),
    chunk(name("Melody"), on(0, 60), off(1440, 60), on(0, 62), off(1440, 62), on(0, 64), off(1440, 64)),
)
PICKUP = file(
    chunk(meter(4, 2), tempo(100)),
    chunk(name("Melody"), on(1440, 67), off(480, 67), on(0, 72), off(960, 72)),
)
DRUMS = file(
    chunk(name("Drums"), on(0, 36, 100, 9), off(60, 36, 9), on(60, 38, 100, 9), off(60, 38, 9)),
    chunk(name("Bass"), program(33, 1), on(0, 36, 80, 1), off(240, 36, 1)),
)
EMPTY = file(chunk(name("Nothing"), tempo(140), meter(4, 2), end=1920))
LATIN_1 = file(chunk(name("Mélodie", "latin-1"), on(0, 60), off(480, 60)))
UTF_8 = file(chunk(name("旋律 ♪", "utf-8"), on(0, 60), off(480, 60)))
RUNNING = file(
    chunk(
        name("Melody"),
        on(0, 60),
        (120, bytes([60, 0])),  # no status byte: note-on goes on, and velocity 0 ends the note
        (0, bytes([62, 80])),
        (0, meta(0x01, b"text")),
        (120, bytes([62, 0])),  # goes on behind the text as well
        (0, bytes([0xF0, 3, 0x7E, 0x7F, 0xF7])),
        (0, bytes([CONTROL, 7, 100])),
        (0, bytes([64, 127])),  # controller 64: running status is that of the controller now
        (0, bytes([ON, 64, 80])),
        (120, bytes([64, 0])),
    )
)
FORMAT_0 = file(
    chunk(
        name("Song"),
        tempo(90),
        program(33, 0),
        program(0, 2),
        on(0, 40, 80, 0),
        on(0, 72, 80, 2),
        on(0, 36, 80, 9),
        off(240, 36, 9),
        off(0, 72, 2),
        off(240, 40, 0),
    ),
    kind=0,
)
STRANGE_CHUNK = file(
    b"XFIH" + struct.pack(">I", 5) + b"hello", chunk(name("Melody"), on(0, 60), off(480, 60)), tracks=1
)

FILES = {
    "repeated_notes.mid": REPEATED,
    "overlaps.mid": OVERLAPS,
    "tempo_changes.mid": TEMPO,
    "three_four.mid": THREE_FOUR,
    "pickup.mid": PICKUP,
    "drums.mid": DRUMS,
    "empty.mid": EMPTY,
    "name_latin1.mid": LATIN_1,
    "name_utf8.mid": UTF_8,
    "running_status.mid": RUNNING,
    "format_0.mid": FORMAT_0,
    "strange_chunk.mid": STRANGE_CHUNK,
    "damaged_truncated.mid": PICKUP[:-9],
    "damaged_lost_track.mid": PICKUP[: PICKUP.index(b"MTrk", 20)],
    "damaged_header.mid": b"RIFF" + PICKUP[4:],
    "damaged_event.mid": REPEATED.replace(bytes([ON, 60, 80]), bytes([ON, 60, 208]), 1),
    "smpte.mid": file(chunk(on(0, 60), off(40, 60)), division=0xE728),
    "format_2.mid": file(chunk(on(0, 60), off(40, 60)), kind=2),
}

if __name__ == "__main__":
    for file_name, contents in FILES.items():
        (Path(__file__).parent / file_name).write_bytes(contents)
