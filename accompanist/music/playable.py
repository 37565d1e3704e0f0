"""From what a model says to what a player could play: the last word before the scheduler and before every metric."""

from __future__ import annotations

import numpy as np

from accompanist.music.note import Note, without_doubles
from accompanist.music.roll import HELD, ONSET, PITCHES, BoolRoll, FloatRoll, decode
from accompanist.music.spec import ModelSpec, TrackSpec
from accompanist.music.time import TICKS_PER_STEP

STAYING_POWER = 0.25
"""Added to a sounding note's value in the contest for a place, on the scale of -1 to 1: fewer broken notes."""


def playable_roll(values: FloatRoll, track: TrackSpec, *, threshold: float = 0.0) -> BoolRoll:
    """One track's values as a roll that keeps its range and polyphony.

    Where more notes are above the threshold than the track can sound, the strongest stay, those that have been
    sounding having `STAYING_POWER`. A note shorter than `track.shortest_steps` is lengthened into the silence behind it
    where there is room, else dropped.

    Drums are struck and not held: each hit lasts one step, and where there are too many at once the strongest stay.
    What a model with onsets holds from the first step on without striking it was struck before.

    Args:
        values: (planes, steps, 128), 1 plane (held) or 2 (onset, held); a note where above the threshold.
        track: Range, polyphony and shortest note.
        threshold: Values above it sound.

    Returns:
        Booleans, (2 planes, steps, 128).
    """
    held_values = values[-1].astype(np.float32)  # a copy, and of a kind that can hold -inf
    held_values[:, : track.lowest] = -np.inf
    held_values[:, track.highest + 1 :] = -np.inf
    held = held_values > threshold
    if track.is_drums:
        return _struck(held, held_values, values[ONSET] > threshold if values.shape[0] > 1 else None, track)
    for step in np.flatnonzero(held.sum(axis=1) > track.polyphony):
        strength = np.where(held[step], held_values[step], -np.inf)
        if step:
            strength += STAYING_POWER * held[step - 1]
        held[step, np.argsort(-strength, kind="stable")[track.polyphony :]] = False
    onset = (values[ONSET] > threshold) & held if values.shape[0] > 1 else np.zeros_like(held)
    roll = np.stack([onset, held])
    return _long_enough(roll, track) if track.shortest_steps > 1 else _with_onsets(roll)


def _struck(held: BoolRoll, strength: FloatRoll, onset: BoolRoll | None, track: TrackSpec) -> BoolRoll:
    """The hits of a drum track, a step each.

    Args:
        held: (steps, 128), within the range.
        strength: The same places.
        onset: Where the model says that something is struck; None where it never does.
        track: Its polyphony.
    """
    before = np.zeros_like(held)
    before[1:] = held[:-1]
    before[0] = onset is not None
    hits = held & (~before if onset is None else onset | ~before)
    for step in np.flatnonzero(hits.sum(axis=1) > track.polyphony):
        order = np.argsort(-np.where(hits[step], strength[step], -np.inf), kind="stable")
        hits[step, order[track.polyphony :]] = False
    return np.stack([hits, hits])


def _with_onsets(roll: BoolRoll) -> BoolRoll:
    """Every sounding run begins with an onset."""
    before = np.zeros_like(roll[HELD])
    before[1:] = roll[HELD][:-1]
    return np.stack([roll[HELD] & (roll[ONSET] | ~before), roll[HELD]])


def _long_enough(roll: BoolRoll, track: TrackSpec) -> BoolRoll:
    kept = _with_onsets(roll)
    steps = kept.shape[1]
    shortest = min(track.shortest_steps, steps)
    for note in decode(kept, ticks_per_step=1):
        enough = note.start_tick + shortest
        if note.end_tick >= enough:
            continue
        behind = kept[HELD, note.end_tick : enough]
        crowded = behind[:, note.pitch].any() or (behind.sum(axis=1) >= track.polyphony).any()
        if enough > steps or crowded:
            kept[:, note.start_tick : note.end_tick, note.pitch] = False
        else:
            kept[HELD, note.end_tick : enough, note.pitch] = True
    return kept


def playable_notes(
    values: FloatRoll,
    track: TrackSpec,
    *,
    start_tick: int = 0,
    threshold: float = 0.0,
    velocities: FloatRoll | None = None,
) -> list[Note]:
    """One track's values as notes, sorted, no two sounding copies of one pitch.

    Args:
        values: (planes, steps, 128).
        track: Range, polyphony, shortest note and velocity.
        start_tick: Tick of the first step.
        threshold: Values above it sound.
        velocities: (steps, 128), velocity / 127 where a note begins; the track's own velocity where it is not above 0,
            or None.
    """
    roll = playable_roll(values, track, threshold=threshold)
    notes = decode(roll, start_tick=start_tick, ticks_per_step=TICKS_PER_STEP, velocity=track.velocity)
    if velocities is not None:
        notes = [
            _said(note, velocities[(note.start_tick - start_tick) // TICKS_PER_STEP, note.pitch]) for note in notes
        ]
    return without_doubles(notes)


def _said(note: Note, share: float) -> Note:
    """A note as loud as the model says, where it does."""
    return note._replace(velocity=min(max(round(float(share) * 127), 1), 127)) if share > 0 else note


def split_tracks(output: FloatRoll, spec: ModelSpec) -> FloatRoll:
    """A model's output with tracks and planes on axes of their own.

    Args:
        output: (tracks x planes, steps, 128), with a plane of velocities where the model has one.
        spec: The model's spec.

    Returns:
        (tracks, planes, steps, 128), a view.
    """
    return output.reshape(len(spec.tracks), spec.planes_out, -1, PITCHES)
