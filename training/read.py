"""A song as training sees it: a melody, the parts that accompany it, and where its bars begin.

Readers in `training.sources` make songs; a `SongTable` is the same song as numbers, small enough to keep hundreds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import symusic
from numpy.typing import NDArray

from accompanist.errors import BadMidi
from accompanist.music.note import Note
from accompanist.music.theory import key_of
from accompanist.music.time import PPQ

MELODY = "melody"
"""Name of the melody where it stands among the parts."""
SLOW_BELOW_BPM, FAST_FROM_BPM = 76, 120
"""Tempo classes: slow below 76 BPM, fast from 120 on, medium between (where adagio ends and allegro begins)."""

Progress = Callable[[str, int, int], None]
"""Told what is being read, how many of it are done, and how many there are."""


def silent(what: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, slots=True)
class Song:
    """One piece of music, its grid of sixteenths starting at tick 0.

    Args:
        name: Unique within its source.
        source: Name of the source.
        tags: What training can filter on, as explained in `training.catalog.TAGS`.
        melody: Notes of the melody, sorted; none where the source has drums alone, or does not say which the melody is.
        parts: The accompaniment, keyed by the names of the ensemble (`accompanist.music.spec.BAND`); may lack some.
        bars: Start tick of each bar, ascending, and the end of the last one. Bars may differ in length.
    """

    name: str
    source: str
    tags: Mapping[str, str]
    melody: tuple[Note, ...]
    parts: Mapping[str, tuple[Note, ...]]
    bars: tuple[int, ...]


class LeftOut(NamedTuple):
    """A file that is not trained on, and why, in one line."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class SongTable:
    """A song as arrays: what the cache keeps.

    Args:
        name: Unique within its source.
        source: Name of the source.
        tags: As in `Song`.
        parts: Names that the first column of `notes` counts into; the melody is `MELODY`.
        notes: (notes, 5): part, start tick, pitch, end tick, velocity.
        bars: As in `Song`.
    """

    name: str
    source: str
    tags: Mapping[str, str]
    parts: tuple[str, ...]
    notes: NDArray[np.int32]
    bars: NDArray[np.int32]

    @property
    def label(self) -> str:
        """Its name among the songs of all sources."""
        return f"{self.source}/{self.name}"

    @property
    def family(self) -> str:
        """What decides its split: its label, or where it has relatives that are nearly the same music, the family's."""
        return f"{self.source}/{self.tags['family']}" if "family" in self.tags else self.label

    @property
    def playing(self) -> tuple[str, ...]:
        """The parts that have notes, the melody among them."""
        return tuple(self.parts[number] for number in np.unique(self.notes[:, 0]).tolist())

    @classmethod
    def of(cls, song: Song) -> SongTable:
        """A song's table."""
        lines = {MELODY: song.melody, **song.parts}
        blocks = [
            np.column_stack([np.full(len(line), part), np.array(line, dtype=np.int32)])
            for part, line in enumerate(lines.values())
            if line
        ]
        notes = np.concatenate(blocks) if blocks else np.zeros((0, 5))
        return cls(
            song.name,
            song.source,
            dict(song.tags),
            tuple(lines),
            notes.astype(np.int32),
            np.array(song.bars, dtype=np.int32),
        )

    def song(self) -> Song:
        """The song back: the inverse of `of`."""
        lines = {
            name: tuple(Note(*row) for row in self.notes[self.notes[:, 0] == part, 1:].tolist())
            for part, name in enumerate(self.parts)
        }
        melody = lines.pop(MELODY)
        return Song(self.name, self.source, self.tags, melody, lines, tuple(self.bars.tolist()))


def parse_midi(data: bytes) -> symusic.Score:
    """The bytes of a MIDI file as a symusic score, in the file's own ticks.

    Raises:
        BadMidi: they are no MIDI file, or a damaged one.
    """
    if not data.startswith(b"MThd"):
        raise BadMidi(f"not a MIDI file: it begins with {data[:4]!r}, not with b'MThd'")
    try:
        score = symusic.Score.from_midi(data)
    except Exception as error:  # symusic raises bare RuntimeErrors, and others, for damaged files
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        reason = first_line.removeprefix("MiniMidi: ").removesuffix(": iostream error")
        raise BadMidi(f"damaged MIDI file: {reason}") from error
    if score.ticks_per_quarter <= 0:
        raise BadMidi(f"damaged MIDI file: {score.ticks_per_quarter} ticks per quarter note; 1 or more is needed")
    return score


def notes_of(
    track: symusic.Track, *, ticks_per_quarter: int, origin: float = 0.0, shift_ticks: int = 0, pitch_shift: int = 0
) -> list[Note]:
    """A track's notes on the project's ticks, sorted.

    Args:
        track: Times in the file's own ticks.
        ticks_per_quarter: The file's own resolution.
        origin: The file's tick (it may lie between two) that becomes tick `shift_ticks`.
        shift_ticks: Added at the end, in the project's ticks.
        pitch_shift: Added to every pitch, in semitones; notes that leave 0 to 127 are dropped.
    """
    found = track.notes.numpy()
    scale = PPQ / ticks_per_quarter
    start = np.floor((found["time"] - origin) * scale + 0.5).astype(np.int64)
    end = np.floor((found["time"] + found["duration"] - origin) * scale + 0.5).astype(np.int64)
    end = np.maximum(end, start + 1) + shift_ticks
    start = start + shift_ticks
    pitch = found["pitch"].astype(np.int64) + pitch_shift
    velocity = np.clip(found["velocity"].astype(np.int64), 1, 127)
    kept = (pitch >= 0) & (pitch <= 127)
    rows = np.column_stack([start, pitch, end, velocity])[kept]
    in_order = np.lexsort(rows.T[::-1])
    return [Note(*row) for row in rows[in_order].tolist()]


def one_at_a_time(line: Iterable[Note]) -> list[Note]:
    """A line in which each note ends where the next begins, at the latest; of notes that start together the lowest."""
    kept: list[Note] = []
    for note in sorted(line):
        if kept and kept[-1].start_tick == note.start_tick:
            continue
        if kept and kept[-1].end_tick > note.start_tick:
            kept[-1] = kept[-1]._replace(end_tick=note.start_tick)
        kept.append(note)
    return kept


def tempo_class(bpm: float) -> str:
    """Slow, medium or fast."""
    return "slow" if bpm < SLOW_BELOW_BPM else "fast" if bpm >= FAST_FROM_BPM else "medium"


def mean_bpm(score: symusic.Score) -> float:
    """Beats of the whole score divided by its minutes; 120 where it sets no tempo (Standard MIDI Files 1.0)."""
    changes: list[tuple[int, float]] = [(tempo.time, tempo.qpm) for tempo in score.tempos if tempo.qpm > 0]
    end = max(score.end(), 1)
    if not changes or changes[0][0] >= end:
        return changes[0][1] if changes else 120.0
    # What comes before the first change counts as that change: it is usually there at tick 0.
    edges = [0, *(min(tick, end) for tick, _ in changes[1:]), end]
    quarters = [after - before for before, after in pairwise(edges)]
    minutes = sum(length / qpm for length, (_, qpm) in zip(quarters, changes, strict=True))
    return float(end / minutes) if minutes > 0 else 120.0


def estimated_mode(lines: Iterable[Sequence[Note]]) -> str:
    """Major or minor, from how long each pitch class sounds."""
    weights = np.zeros(12)
    for line in lines:
        if line:
            rows = np.array(line)
            np.add.at(weights, rows[:, 1] % 12, rows[:, 2] - rows[:, 0])
    return key_of(weights)[1]
