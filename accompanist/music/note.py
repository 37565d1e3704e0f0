"""A note, and what can be done to a line of notes."""

from __future__ import annotations

from typing import NamedTuple

DEFAULT_VELOCITY = 80
"""Mezzo-forte; used where a source or a model says nothing of loudness."""


class Note(NamedTuple):
    """One note of one track. Sorts by start, then pitch.

    Args:
        start_tick: First tick at which it sounds.
        pitch: MIDI note number, 0 to 127; 60 is middle C.
        end_tick: First tick at which it no longer sounds; above `start_tick`.
        velocity: 1 to 127.
    """

    start_tick: int
    pitch: int
    end_tick: int
    velocity: int = DEFAULT_VELOCITY

    @property
    def duration_ticks(self) -> int:
        """How long it sounds."""
        return self.end_tick - self.start_tick

    def shifted(self, ticks: int) -> Note:
        """The same note earlier or later."""
        return self._replace(start_tick=self.start_tick + ticks, end_tick=self.end_tick + ticks)

    def transposed(self, semitones: int) -> Note:
        """The same note higher or lower."""
        return self._replace(pitch=self.pitch + semitones)


def without_doubles(notes: list[Note]) -> list[Note]:
    """No two sounding copies of one pitch: the earlier copy ends where the later begins.

    A synthesiser given a second note-on for a sounding pitch either hangs or cuts the wrong one. Of two copies that
    start together the longer stays.
    """
    kept: list[Note] = []
    last: dict[int, int] = {}
    for note in sorted(notes):
        at = last.get(note.pitch)
        if at is not None and kept[at].end_tick > note.start_tick:
            if kept[at].start_tick == note.start_tick:
                kept[at] = max(kept[at], note, key=lambda n: n.end_tick)
                continue
            kept[at] = kept[at]._replace(end_tick=note.start_tick)
        last[note.pitch] = len(kept)
        kept.append(note)
    return kept


def top_line(notes: list[Note]) -> list[Note]:
    """The upper line of a polyphonic part: one note at a time, each beginning where it was played.

    A note ends early where a higher one begins or its own pitch is struck again. A note that begins under a higher one
    is left out, also where it outlasts it: it accompanies, and would come in late.
    """
    line: list[Note] = []
    for note in sorted(notes, key=lambda n: (n.start_tick, -n.pitch, -n.end_tick)):
        if line and note.start_tick < line[-1].end_tick:
            if note.pitch < line[-1].pitch or note.start_tick == line[-1].start_tick:
                continue
            line[-1] = line[-1]._replace(end_tick=note.start_tick)
        line.append(note)
    return line
