"""A fill: what the band plays up to the next bar line when the player asks for one.

No model is asked: the rule works on the harmony that sounds. The band strikes it in eighths, in sixteenths on the last
beat before the bar line, and grows louder towards it. A track of one voice leaps between its note and the octave above,
a track of several breaks its chord upwards, and tracks whose sound is bowed or sung into being (General MIDI's strings,
choirs and pads) hold theirs. The percussion channel is left to the plan.
"""

from __future__ import annotations

from collections.abc import Sequence

from accompanist.engine.protocol import Committed
from accompanist.music.note import Note
from accompanist.music.spec import ModelSpec, TrackSpec
from accompanist.music.time import PPQ

LOUDER = 1.3
"""How much louder than the plan a bar-long fill has become at its end."""
_SUSTAINED = (*range(40, 45), *range(48, 56), *range(88, 96))
"""Programs, from 0: bowed strings, string and voice ensembles, pads (General MIDI 1 sound set)."""
_STROKE_TICKS, _LAST_STROKE_TICKS = PPQ // 2, PPQ // 4
"""Eighths, and on the last beat before the bar line sixteenths."""


def striking(spec: ModelSpec) -> frozenset[int]:
    """The tracks that a fill sets in motion."""
    return frozenset(i for i, track in enumerate(spec.tracks) if not track.is_drums and track.program not in _SUSTAINED)


def filled(
    notes: Sequence[Committed], going_on: Sequence[Committed], begin_tick: int, bar_ticks: int, spec: ModelSpec
) -> list[Committed]:
    """One beat of a fill.

    Args:
        notes: What would begin in the beat.
        going_on: What began before it and would sound on in it.
        begin_tick: First tick of the beat.
        bar_ticks: Length of a bar.
        spec: The model's tracks.

    Returns:
        Notes that begin in the beat; those of the striking tracks end in it.
    """
    last = begin_tick % bar_ticks + PPQ >= bar_ticks
    strikes = striking(spec)
    beat = [c for c in notes if c.track not in strikes]
    for i in strikes:
        own = [c.note for c in (*going_on, *notes) if c.track == i]
        if own:
            strokes = _strokes(own, spec.tracks[i], begin_tick, _LAST_STROKE_TICKS if last else _STROKE_TICKS)
            beat += [Committed(i, note) for note in strokes]
    beat = [Committed(track, _louder(note, bar_ticks)) for track, note in beat]
    return sorted(beat, key=lambda c: (c.note.start_tick, c.track, c.note.pitch))


def _louder(note: Note, bar_ticks: int) -> Note:
    by = 1 + (LOUDER - 1) * (note.start_tick % bar_ticks) / bar_ticks
    return note._replace(velocity=min(round(note.velocity * by), 127))


def _strokes(sounding: Sequence[Note], track: TrackSpec, begin_tick: int, length_ticks: int) -> list[Note]:
    """A beat of one track, from what it sounds."""
    pitches = sorted({note.pitch for note in sounding})
    loudness = max(note.velocity for note in sounding)
    if track.polyphony == 1:
        low = pitches[0]
        pitches = [low, low + 12] if low + 12 <= track.highest else [low]
    first = begin_tick // length_ticks  # goes on where the beat before left off
    starts = range(begin_tick, begin_tick + PPQ, length_ticks)
    return [
        Note(start, pitches[(first + i) % len(pitches)], start + length_ticks, loudness)
        for i, start in enumerate(starts)
    ]
