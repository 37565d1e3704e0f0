"""A melody to play in, what the tiny model makes of it, and how what came out is read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from support.device import Heard
from support.tiny import SEMITONES_DOWN

BEAT_S = 60 / 240
"""Device tests play at 240 beats per minute: two bars of listening are two seconds."""
WINDOW_BEATS = 8
"""The tiny model's window: two bars."""
TUNE = (60, 62, 64, 65, 67, 67, 69, 71, 72, 71, 69, 67, 65, 64, 62, 60)
"""A pitch per beat; one of them twice, which must not fuse."""


def played(*, beat_s: float = BEAT_S, channel: int = 0, tune: Iterable[int] = TUNE) -> list[tuple[float, str]]:
    """A tune as a script for the player: a note per beat, let go a little early as players do."""
    script = []
    for beat, pitch in enumerate(tune):
        script.append((beat * beat_s, bytes((0x90 | channel, pitch, 80)).hex()))
        script.append(((beat + 0.9) * beat_s, bytes((0x80 | channel, pitch, 0)).hex()))
    return script


class Sounded(NamedTuple):
    """A note that came out.

    Args:
        start_s: Its note-on.
        channel: 0 to 15.
        pitch: MIDI note number.
        end_s: Its note-off.
        port: Which input it arrived on.
    """

    start_s: float
    channel: int
    pitch: int
    end_s: float
    port: int


def sounded(heard: Iterable[Heard]) -> list[Sounded]:
    """Messages as notes; fails where a note-on has no note-off, or the other way round."""
    open_notes: dict[tuple[int, int, int], float] = {}
    notes = []
    for at_s, port, data in heard:
        kind, channel = data[0] & 0xF0, data[0] & 0x0F
        key = (port, channel, data[1]) if len(data) > 1 else (port, channel, 0)
        if kind == 0x90 and data[2] > 0:
            assert key not in open_notes, f"{key} begins at {at_s} while it sounds"
            open_notes[key] = at_s
        elif kind in (0x80, 0x90):
            assert key in open_notes, f"{key} ends at {at_s} without a beginning"
            notes.append(Sounded(open_notes.pop(key), channel, data[1], at_s, port))
    assert not open_notes, f"never ended: {open_notes}"
    return sorted(notes)


def by_channel(notes: Iterable[Sounded]) -> dict[int, list[Sounded]]:
    """Notes of each channel, in order."""
    found: dict[int, list[Sounded]] = defaultdict(list)
    for note in notes:
        found[note.channel].append(note)
    return dict(found)


def expected_pitches(tune: Iterable[int] = TUNE) -> dict[int, list[int]]:
    """What the tiny model plays on each channel: the tune, lower."""
    return {channel: [pitch - down for pitch in tune] for channel, down in enumerate(SEMITONES_DOWN)}
