"""Who plays what in a MIDI file that does not say: the melody, and the ensemble around it.

The melody is the track that the user names; else one whose name says so; else the highest of those that mostly play one
note at a time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accompanist.music.note import Note, without_doubles
from training.read import one_at_a_time

MELODY_WORDS = ("melody", "vocal", "vox", "voice", "singer", "soprano", "lead", "solo")
"""Beginnings of words in a track's name that mark the melody, the surest first."""
BASS_WORDS = ("bass", "contrabass", "synthbass")
STRING_WORDS = ("string", "viol", "cello", "ensemble", "choir", "pad")
NOT_BASS_WORDS = ("bassoon", "basson", "bass drum")
BASS_PROGRAMS = range(32, 40)
"""General MIDI 33 to 40, counted from 1."""
STRING_PROGRAMS = range(40, 56)
"""General MIDI 41 to 56: solo strings, ensembles and choir."""
SINGLE_LINE_SHARE = 0.9
"""A track mostly plays one note at a time where it sounds for this share of its notes' summed lengths."""
BASS_BELOW = 52
"""A single line that is bass by its pitch alone lies below E3 on average."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One track of a file.

    Args:
        name: As in the file; may be empty.
        program: General MIDI program, from 0.
        notes: Sorted, at least one.
    """

    name: str
    program: int
    notes: list[Note]

    @property
    def title(self) -> str:
        """The name, or a stand-in."""
        return self.name.strip() or f"unnamed (program {self.program + 1})"

    def mean_pitch(self) -> float:
        """Of its notes, each counted once."""
        return float(np.mean([note.pitch for note in self.notes]))

    def is_single(self) -> bool:
        """Whether it mostly plays one note at a time."""
        summed = sum(note.duration_ticks for note in self.notes)
        sounding = heard_until = 0
        for note in self.notes:
            sounding += max(0, note.end_tick - max(note.start_tick, heard_until))
            heard_until = max(heard_until, note.end_tick)
        return sounding >= SINGLE_LINE_SHARE * summed

    def named(self, words: Sequence[str]) -> bool:
        """Whether a word of its name begins with one of some words."""
        return any(re.search(rf"(?<![^\W\d_]){word}", self.name.casefold()) for word in words)

    def is_bass(self) -> bool:
        """By its program or its name."""
        return self.program in BASS_PROGRAMS or (self.named(BASS_WORDS) and not self.named(NOT_BASS_WORDS))


def find_melody(lines: Sequence[Line], wanted: str = "") -> tuple[Line, str] | None:
    """The melody of a file, and how it was found; None where there is none.

    Args:
        lines: All tracks with pitched notes.
        wanted: Name the user gave: the whole name, else a part of it, upper or lower case.
    """
    if wanted:
        key = wanted.strip().casefold()
        exact = [line for line in lines if line.name.strip().casefold() == key]
        named = exact or [line for line in lines if key in line.name.casefold()]
        return (max(named, key=lambda line: len(line.notes)), "as asked") if named else None
    for word in MELODY_WORDS:
        named = [line for line in lines if line.named([word]) and not line.is_bass()]
        if named:
            return max(named, key=lambda line: len(line.notes)), "by name"
    # A handful of notes, a bell at the end say, is no melody however high it lies.
    enough = max(len(line.notes) for line in lines) / 10
    single = [line for line in lines if line.is_single() and not line.is_bass() and len(line.notes) >= enough]
    return (max(single, key=Line.mean_pitch), "highest single line") if single else None


def share_out(lines: Sequence[Line]) -> dict[str, tuple[Note, ...]]:
    """The accompaniment of a file on the ensemble: bass, strings, and piano for all else.

    Where nothing is bass by program or name, the lowest single line is, if it is low enough.
    """
    roles: dict[str, list[Line]] = {"bass": [line for line in lines if line.is_bass()], "piano": [], "strings": []}
    low = [line for line in lines if line.is_single() and line.mean_pitch() < BASS_BELOW]
    if not roles["bass"] and low:
        roles["bass"] = [min(low, key=Line.mean_pitch)]
    for line in lines:
        if not any(line is bass for bass in roles["bass"]):
            is_string = line.program in STRING_PROGRAMS or line.named(STRING_WORDS)
            roles["strings" if is_string else "piano"].append(line)
    merged = {role: sorted(note for line in members for note in line.notes) for role, members in roles.items()}
    parts = {"bass": one_at_a_time(merged.pop("bass"))}
    parts |= {role: without_doubles(notes) for role, notes in merged.items()}
    return {role: tuple(notes) for role, notes in parts.items() if notes}
