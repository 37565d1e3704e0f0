"""A song as a MIDI file has it: parts, tempo, meters; and which of the parts is the melody."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from accompanist.errors import DataError
from accompanist.music.note import Note
from accompanist.music.time import TempoMap

DRUM_CHANNEL = 9
"""Channel 10 as musicians count: General MIDI keeps it for drums."""
MELODY_NAMES = ("melody", "vocal", "lead", "voice", "soprano")
"""What melodies are usually called, the surest first. In a name each begins a word: `LeadVox`, not `misleading`."""
MOSTLY_MONOPHONIC = 0.8
"""Least share of a line's sounding time in which one note sounds alone; legato overlaps a little."""
ENOUGH_OF_A_LINE = 0.25
"""Least sounding time of a melody, against the line that sounds longest: a few high bells are no melody."""


@dataclass(frozen=True, slots=True)
class MidiTrack:
    """One part: notes on one channel.

    Args:
        name: May be empty.
        notes: Sorted; ticks of the file.
        program: General MIDI program, 0 to 127.
        channel: 0 to 15.
    """

    name: str
    notes: tuple[Note, ...]
    program: int = 0
    channel: int = 0


@dataclass(frozen=True, slots=True)
class MidiSong:
    """What a MIDI file says.

    Args:
        tracks: The parts.
        tempo: Tempo over time, with the file's own ticks per quarter note.
        meters: Time signatures: (tick, numerator, denominator), ascending, the first at tick 0.
    """

    tracks: tuple[MidiTrack, ...]
    tempo: TempoMap = field(default_factory=TempoMap)
    meters: tuple[tuple[int, int, int], ...] = ((0, 4, 4),)

    @property
    def ppq(self) -> int:
        """Ticks per quarter note."""
        return self.tempo.ppq


def rescaled(song: MidiSong, ppq: int) -> MidiSong:
    """The same song on another grid of ticks, each edge moved to its nearest tick; no note gets shorter than one.

    Args:
        song: Any song.
        ppq: Ticks per quarter note wanted.
    """
    if ppq == song.ppq:
        return song

    def moved(tick: int) -> int:
        return (2 * tick * ppq + song.ppq) // (2 * song.ppq)

    def moved_note(note: Note) -> Note:
        start_tick = moved(note.start_tick)
        return note._replace(start_tick=start_tick, end_tick=max(moved(note.end_tick), start_tick + 1))

    changes = {moved(tick): us for tick, us in song.tempo.changes}  # of two that meet on one tick the later stays
    meters = {moved(tick): (beats, unit) for tick, beats, unit in song.meters}
    return MidiSong(
        tracks=tuple(replace(track, notes=tuple(sorted(map(moved_note, track.notes)))) for track in song.tracks),
        tempo=TempoMap(tuple(changes.items()), ppq, song.tempo.origin_s),
        meters=tuple((tick, *meter) for tick, meter in meters.items()),
    )


def melody_track(song: MidiSong, name: str | None = None) -> int:
    """Which part is the melody.

    Args:
        song: Any song.
        name: What the user calls it: the exact name of a part, or text in one part's name alone, upper or lower case.
            Without it, the first part with a usual name (`MELODY_NAMES`) is taken, else the highest of those that
            mostly sound one note at a time, else the highest part there is. Drums are never the melody.

    Returns:
        Index into `song.tracks`.

    Raises:
        DataError: there is no part of that name, or more than one, or no part that has notes.
    """
    if name is not None:
        return _named(song, name)
    playing = [i for i, track in enumerate(song.tracks) if track.notes and track.channel != DRUM_CHANNEL]
    if not playing:
        raise DataError("the song has no notes outside the drums, so there is no melody", hint="choose another file")
    for usual in MELODY_NAMES:
        for i in playing:
            if re.search(rf"(?<![^\W\d_]){usual}", song.tracks[i].name, re.IGNORECASE):
                return i
    ticks = {i: _sounding_ticks(song.tracks[i].notes) for i in playing}
    lines = [i for i, (sounding, alone) in ticks.items() if alone >= MOSTLY_MONOPHONIC * sounding]
    longest = max((ticks[i][0] for i in lines), default=0)
    lines = [i for i in lines if ticks[i][0] >= ENOUGH_OF_A_LINE * longest]
    return max(lines or playing, key=lambda i: _mean_pitch(song.tracks[i].notes))


def _named(song: MidiSong, name: str) -> int:
    wanted = name.casefold()
    exact = [i for i, track in enumerate(song.tracks) if track.name == name]
    found = exact or [i for i, track in enumerate(song.tracks) if wanted in track.name.casefold()]
    playing = [i for i in found if song.tracks[i].notes]
    if len(playing) == 1 or (exact and playing):
        return playing[0]
    there = ", ".join(repr(track.name) for track in song.tracks if track.notes) or "none"
    problem = "more than one track is" if playing else "no track with notes is" if found else "no track is"
    raise DataError(
        f"{problem} named {name!r}; the tracks with notes are {there}", hint="give one of these names in full"
    )


def _sounding_ticks(notes: Iterable[Note]) -> tuple[int, int]:
    """For how many ticks anything sounds, and for how many a single note does."""
    edges = sorted(edge for note in notes for edge in ((note.start_tick, 1), (note.end_tick, -1)))
    sounding = alone = 0
    notes_on = before = 0
    for tick, change in edges:
        sounding += (tick - before) * (notes_on > 0)
        alone += (tick - before) * (notes_on == 1)
        notes_on += change
        before = tick
    return sounding, alone


def _mean_pitch(notes: tuple[Note, ...]) -> float:
    return sum(note.pitch for note in notes) / len(notes)
