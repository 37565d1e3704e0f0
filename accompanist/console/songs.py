"""A song as the browser's piano roll is told it (`static/roll/still.js`)."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from accompanist.music.chord_names import named_chords
from accompanist.music.meters import bar_starts, meter_at
from accompanist.music.note import Note
from accompanist.music.song import DRUM_CHANNEL, MidiSong, rescaled
from accompanist.music.time import PPQ


class ToldNote(NamedTuple):
    """A note; ticks of 1/480 quarter note."""

    start_tick: int
    pitch: int
    end_tick: int
    velocity: int


class ToldTrack(msgspec.Struct, frozen=True):
    """A track.

    Args:
        name: As the file has it.
        drums: Its pitches are drums.
        notes: Sorted.
    """

    name: str
    drums: bool
    notes: tuple[ToldNote, ...]


class ToldSong(msgspec.Struct, frozen=True):
    """A song; all ticks are 1/480 quarter note.

    Args:
        tracks: The melody first.
        bars: Ticks of its bar lines, both ends included.
        tempo: (tick, microseconds a quarter note), from tick 0 on.
        chords: (first tick, tick of the end, name) of what the band plays.
    """

    tracks: tuple[ToldTrack, ...]
    bars: tuple[int, ...]
    tempo: tuple[tuple[int, int], ...]
    chords: tuple[tuple[int, int, str], ...]


def told(song: MidiSong) -> ToldSong:
    """A song for the roll.

    Args:
        song: Its first track is the melody, which names no chords where there are others.
    """
    song = rescaled(song, PPQ)
    last_tick = max((note.end_tick for track in song.tracks for note in track.notes), default=0)
    bars = bar_starts(song.meters, last_tick)
    harmony: list[Note] = [note for track in song.tracks[1:] if track.channel != DRUM_CHANNEL for note in track.notes]
    melody = song.tracks[0].notes if song.tracks else ()
    beats_per_bar = max(meter_at(song.meters, 0).ticks_per_bar // PPQ, 1)
    chords = named_chords(harmony, 0, bars[-1], beats_per_bar=beats_per_bar, around=melody)
    return ToldSong(
        tuple(
            ToldTrack(track.name, track.channel == DRUM_CHANNEL, tuple(ToldNote(*note) for note in track.notes))
            for track in song.tracks
        ),
        tuple(bars),
        song.tempo.changes,
        tuple((chord.tick, chord.end_tick, chord.name) for chord in chords),
    )
