"""Melodies that were brought, and what was made of them: in memory, so many and no more, found by what is in them."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Annotated, Generic, TypeVar

import msgspec
from msgspec import Meta

from accompanist.melodies import Melody
from accompanist.music import midifile
from accompanist.music.note import Note, without_doubles
from accompanist.music.song import MidiSong, MidiTrack
from accompanist.music.time import PPQ, TempoMap, us_per_beat

MOST_NOTES = 20_000
_T = TypeVar("_T")
_PROGRAM = 0


class PlayedNote(msgspec.Struct, forbid_unknown_fields=True):
    """A note as it was played.

    Args:
        pitch: MIDI note number.
        start_s: Since the first beat; a little before it is on it.
        end_s: When it was let go.
        velocity: How hard.
    """

    pitch: Annotated[int, Meta(ge=0, le=127)]
    start_s: Annotated[float, Meta(ge=-10, le=3600)]
    end_s: Annotated[float, Meta(ge=-10, le=3700)]
    velocity: Annotated[int, Meta(ge=1, le=127)] = 90


class Played(msgspec.Struct, forbid_unknown_fields=True):
    """A melody that was played on the page's keys, to its clicks."""

    notes: Annotated[list[PlayedNote], Meta(min_length=1, max_length=MOST_NOTES)]
    bpm: Annotated[float, Meta(ge=30, le=300)]
    beats_per_bar: Annotated[int, Meta(ge=2, le=12)] = 4

    def midi(self) -> bytes:
        """As a MIDI file."""
        tempo = TempoMap.constant(self.bpm)
        notes = []
        for note in self.notes:
            start_tick = max(tempo.tick_at(note.start_s), 0)
            end_tick = max(tempo.tick_at(note.end_s), start_tick + PPQ // 8)
            notes.append(Note(start_tick, note.pitch, end_tick, note.velocity))
        track = MidiTrack("played here", tuple(without_doubles(notes)), _PROGRAM)
        return midifile.render(MidiSong((track,), tempo, ((0, self.beats_per_bar, 4),)))


def ready_midi(melody: Melody) -> bytes:
    """One of the house's own tunes as a MIDI file."""
    track = MidiTrack("melody", tuple(melody.notes()), melody.program)
    meter = (0, melody.meter.beats_per_bar, melody.meter.beat_unit)
    return midifile.render(MidiSong((track,), TempoMap(((0, us_per_beat(melody.bpm)),)), (meter,)))


def name_of(data: bytes) -> str:
    """What something is called by: a digest of it."""
    return hashlib.sha256(data).hexdigest()[:24]


class Kept(Generic[_T]):
    """The last things, by name; the one that was asked for the longest ago goes first.

    Args:
        most: So many are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._things: OrderedDict[str, _T] = OrderedDict()

    def get(self, name: str) -> _T | None:
        """One of them."""
        if name in self._things:
            self._things.move_to_end(name)
        return self._things.get(name)

    def put(self, name: str, thing: _T) -> None:
        """One more."""
        self._things[name] = thing
        self._things.move_to_end(name)
        while len(self._things) > self._most:
            self._things.popitem(last=False)

    def __len__(self) -> int:
        return len(self._things)
