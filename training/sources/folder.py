"""Any folder of MIDI files: the user's own music.

Which track is the melody, and which part of the ensemble each of the others becomes, is found out in
`training.sources.roles`; the track taken for the melody is the song's tag `melody`. Drums and sound effects are left
out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import symusic

from accompanist.errors import BadMidi, DataError
from accompanist.music.note import without_doubles
from accompanist.music.time import PPQ, TICKS_PER_STEP
from training.read import (
    LeftOut,
    Progress,
    Song,
    estimated_mode,
    mean_bpm,
    notes_of,
    parse_midi,
    tempo_class,
)
from training.sources.roles import Line, find_melody, share_out

NOISE_PROGRAMS = range(112, 128)
"""General MIDI 113 to 128: percussive sounds and effects, whose pitches are no music."""
OFF_GRID_STEPS = 0.2
"""Largest mean distance of onsets from the grid of sixteenths; chance alone gives 0.25, triplets throughout 0.22."""
OWN_LICENCE = "your own files: check their terms before you publish a model"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of the user's.

    Args:
        name: What the user calls it.
        path: The folder; read with all that is under it.
        melody_track: Name, or part of the name, of the track that holds the melody; empty: found out.
        tags: Given to every song, over what its files say.
    """

    name: str
    path: Path
    melody_track: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def about(self) -> str:
        """One line for the list."""
        marks = [f"{key}={value}" for key, value in self.tags.items()]
        if self.melody_track:
            marks.append(f"melody track {self.melody_track!r}")
        return f"your folder of MIDI files{' (' + ', '.join(marks) + ')' if marks else ''}"

    @property
    def licence(self) -> str:
        """Nobody but the user knows."""
        return OWN_LICENCE

    @property
    def reader(self) -> str:
        """Version of the reader, and the settings of this folder."""
        return repr(("1", self.melody_track, sorted(self.tags.items())))

    def locate(self) -> str:
        """The folder.

        Raises:
            DataError: it is gone.
        """
        if not self.path.is_dir():
            raise DataError(
                f"the folder of {self.name!r} is not there: {self.path}",
                hint=f"bring it back, or register its new place: accompanist data add FOLDER --name {self.name}",
            )
        return str(self.path)

    def files(self) -> list[Path]:
        """Every MIDI file in the folder and under it.

        Raises:
            DataError: the folder is gone, or holds none.
        """
        self.locate()
        found = sorted(
            path for path in self.path.rglob("*") if path.suffix.lower() in {".mid", ".midi"} and path.is_file()
        )
        if not found:
            raise DataError(
                f"no MIDI file (.mid, .midi) in {self.path} or under it", hint="name the folder that holds them"
            )
        return found

    def fingerprint(self) -> str:
        """Hash of the files' names and bytes."""
        total = hashlib.sha256()
        for path in self.files():
            try:
                digest = hashlib.sha256(path.read_bytes()).digest()
            except OSError as error:  # unreadable counts as a content of its own: it will be named as left out
                digest = repr(error.errno).encode()
            total.update(path.relative_to(self.path).as_posix().encode("utf-8", "surrogateescape") + b"\0" + digest)
        return total.hexdigest()

    def read(self, progress: Progress) -> Iterator[Song | LeftOut]:
        """Every file; damaged ones are named and left out."""
        paths = self.files()
        for done, path in enumerate(paths):
            progress(self.name, done, len(paths))
            name = path.relative_to(self.path).as_posix().encode("utf-8", "replace").decode()
            try:
                yield self.song_of(name, parse_midi(path.read_bytes()))
            except BadMidi as error:
                yield LeftOut(name, error.message)
            except OSError as error:
                yield LeftOut(name, f"cannot be read: {error.strerror}")
        progress(self.name, len(paths), len(paths))

    def song_of(self, name: str, score: symusic.Score) -> Song | LeftOut:
        """One file as a song, or why it is left out.

        Args:
            name: The file's path within the folder.
            score: In the file's own ticks.
        """
        lines = [
            Line(track.name, track.program, without_doubles(notes_of(track, ticks_per_quarter=score.ticks_per_quarter)))
            for track in score.tracks
            if not track.is_drum and track.program not in NOISE_PROGRAMS and len(track.notes)
        ]
        if len(lines) < 2:
            return LeftOut(name, f"needs a melody and an accompaniment; has {len(lines)} tracks with pitched notes")
        off = _mean_offset_steps(lines)
        if off > OFF_GRID_STEPS:
            return LeftOut(
                name, f"not played to its grid of sixteenths: {off:.2f} steps off on average, {OFF_GRID_STEPS} accepted"
            )
        found = find_melody(lines, self.melody_track)
        if found is None:
            wanted = f"track named {self.melody_track!r}" if self.melody_track else "named melody and no single line"
            return LeftOut(name, f"no {wanted} among its tracks: {', '.join(line.title for line in lines)}")
        melody, how = found
        parts = share_out([line for line in lines if line is not melody])
        meters = [(0, 4, 4), *((mark.time, mark.numerator, mark.denominator) for mark in score.time_signatures)]
        bars, meter = bars_of(
            [(round(time * PPQ / score.ticks_per_quarter), beats, unit) for time, beats, unit in meters],
            max(note.end_tick for line in lines for note in line.notes),
        )
        tags = {
            "source": self.name,
            "meter": meter,
            "mode": estimated_mode([line.notes for line in lines]),
            "tempo": tempo_class(mean_bpm(score)),
            "style": "unknown",
            "melody": f"{melody.title} ({how})",
            **self.tags,
        }
        return Song(name, self.name, tags, tuple(melody.notes), parts, bars)


def bars_of(meters: Sequence[tuple[int, int, int]], end_tick: int) -> tuple[tuple[int, ...], str]:
    """Bar lines from time signatures, and the meter that holds longest.

    Args:
        meters: (tick, beats per bar, beat unit), ascending, the first at tick 0; of several at one tick the last holds.
        end_tick: Where the last note ends.

    Returns:
        Start tick of each bar and the end of the last one; a meter such as 4/4.
    """
    in_force = {tick: (beats, unit) for tick, beats, unit in meters if beats > 0 and unit > 0 and tick < end_tick}
    changes = [*sorted(in_force), end_tick]
    bars = [0]
    lengths: dict[str, int] = {}
    for tick, following in pairwise(changes):
        beats, unit = in_force[tick]
        bar_ticks = max(beats * PPQ * 4 // unit, TICKS_PER_STEP)
        last = following == end_tick
        # A change in mid-bar cuts the bar short there; the last bar is always whole.
        starts = range(tick + bar_ticks, following + (bar_ticks if last else 0), bar_ticks)
        bars += [*starts] if last else [*starts, following]
        lengths[f"{beats}/{unit}"] = lengths.get(f"{beats}/{unit}", 0) + following - tick
    return tuple(sorted(set(bars))), max(lengths, key=lambda meter: lengths[meter])


def _mean_offset_steps(lines: Sequence[Line]) -> float:
    starts = np.array([note.start_tick for line in lines for note in line.notes]) / TICKS_PER_STEP
    return float(np.abs(starts - np.floor(starts + 0.5)).mean())
