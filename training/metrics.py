"""How accompaniment is judged: numbers of what would sound, each written from its definition.

All take playable rolls (see `accompanist.music.playable`): booleans, planes onset and held, steps of a sixteenth, bars
of sixteen steps. Per track, as `<track>.<metric>`:

empty_bar_rate         Bars in which nothing sounds, over all bars. [1] EB
pitches_per_bar        Distinct pitches sounding in a bar, mean over the bars that are not empty.
pitch_classes_per_bar  The same for pitch classes. [1] UPC; over non-empty bars, so that it says nothing twice that the
                       empty bar rate says already.
in_scale_c_major       Sounding time on the white keys, over all sounding time (step x pitch).
in_scale_best_key      Sounding time inside the major scale that holds most of it, one scale per window and track. A
                       track of few pitches fits some scale easily: compare with the data's own value. [3]
polyphonic_rate        Steps with more than two pitches sounding, over all steps. [2] PP
qualified_note_rate    Notes of at least two steps, over all notes. [1] QN counts notes of at least a 32nd, which on a
                       grid of sixteenths is all of them; the meaning (how far is it broken into shreds?) is kept by
                       asking for more than the shortest note the grid can show. A note is cut by the window's edges.

Over the window as a whole:

note_in_chord          Melody time whose pitch class sounds in any track, at any step of the same beat (4 steps).
note_in_chord_chance   The same against the accompaniment transposed, mean of the eleven other transpositions: what a
                       texture of this density gets for nothing.
coupling               note_in_chord - note_in_chord_chance: how much the accompaniment is about this melody.
pitch_classes_per_beat Distinct pitch classes of all tracks in a beat, mean over the beats in which any sounds.
onsets_per_bar         Notes begun by all tracks, per bar, empty bars included.
in_scale_best_key      As above, for all tracks together in one scale per window.

Where a share has nothing to be a share of (no bar that sounds, no note, a silent melody) it is 0.0. That is a number
any JSON reader takes, keys never come and go between two lines of a log, and silence earns nothing: a generator that
stops playing falls to the bottom of every share, with empty_bar_rate 1.0 beside it to say why.

Sources:
    [1] Dong, Hsiao, Yang, Yang: MuseGAN (AAAI 2018), "Objective Metrics for Evaluation".
    [2] Dong, Yang: Convolutional GANs with binary neurons for polyphonic music generation (ISMIR 2018), "Evaluation
        metrics".
    [3] Mogren: C-RNN-GAN (2016), "scale consistency", here over the twelve major scales.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from accompanist.music.roll import HELD, ONSET, PITCHES, BoolRoll
from accompanist.music.roll import pitch_classes as touched_classes
from accompanist.music.theory import major_scale
from accompanist.music.time import STEPS_PER_BEAT

STEPS_PER_BAR = 4 * STEPS_PER_BEAT
"""A 4/4 bar, the only one the recipes are trained on."""
QUALIFIED_STEPS = 2
"""Shortest note that is no shred: an eighth."""
CHORD_PITCHES = 3
"""Fewest pitches that make a step polyphonic: "more than two" in the source."""
_SCALES = np.stack([major_scale(tonic) for tonic in range(12)]).astype(np.float64)


def score(melody: BoolRoll, tracks: BoolRoll, names: Sequence[str]) -> dict[str, float]:
    """All metrics of a batch of windows: see the module's own docstring for what each one means.

    Args:
        melody: (N windows, 2 planes, S steps, 128); S is a number of whole bars.
        tracks: (N windows, T tracks, 2 planes, S steps, 128), playable.
        names: The T tracks' names.

    Returns:
        Metric name to value; per-track names are `<track>.<metric>`. Every value is finite.

    Raises:
        ValueError: the shapes do not fit each other, or S is not whole bars.
    """
    _check_shapes(melody, tracks, names)
    held = tracks[:, :, HELD] | tracks[:, :, ONSET]  # (N, T, S, 128)
    begins = note_begins(tracks)
    values: dict[str, float] = {}
    for at, name in enumerate(names):
        for metric, value in _track_metrics(held[:, at], begins[:, at]).items():
            values[f"{name}.{metric}"] = value
    bars = held.shape[0] * (held.shape[2] // STEPS_PER_BAR)
    band = _any(held, axis=1)  # (N, S, 128)
    chords = touched_classes(_any(_in_blocks(band, STEPS_PER_BEAT), axis=2))  # (N, beats, 12)
    fit, chance = note_in_chord(melody[:, HELD] | melody[:, ONSET], band)
    return values | {
        "note_in_chord": fit,
        "note_in_chord_chance": chance,
        "coupling": fit - chance,
        "pitch_classes_per_beat": _share(chords.sum(), chords.any(axis=-1).sum()),
        "onsets_per_bar": _share(begins.sum(), bars),
        "in_scale_best_key": _in_scale(_class_time(held.sum(axis=1, dtype=np.int64)))[1],
    }


def note_begins(rolls: BoolRoll) -> NDArray[np.bool_]:
    """Where notes begin, by the rule `roll.decode` plays by: an onset, or sound after silence.

    Args:
        rolls: (..., 2 planes, S steps, 128).

    Returns:
        (..., S, 128).
    """
    onset = rolls[..., ONSET, :, :]
    held = rolls[..., HELD, :, :] | onset
    before = np.zeros_like(held)
    before[..., 1:, :] = held[..., :-1, :]
    return np.asarray(held & (onset | ~before))


def note_in_chord(melody: NDArray[np.bool_], band: NDArray[np.bool_]) -> tuple[float, float]:
    """How much of the melody's time its pitch class sounds in the accompaniment of the same beat, and by chance.

    Args:
        melody: (N, S, 128), where the melody sounds.
        band: (N, S, 128), where any accompaniment track sounds.

    Returns:
        The share, and the mean of the same share over the accompaniment's eleven other transpositions.
    """
    lines = _in_blocks(touched_classes(melody), STEPS_PER_BEAT).sum(axis=-2).reshape(-1, 12).astype(np.float64)
    chords = touched_classes(_any(_in_blocks(band, STEPS_PER_BEAT), axis=2)).reshape(-1, 12).astype(np.float64)
    # Cell (p, q): melody time on class p during beats whose chord has class q. The diagonal meets untransposed, and
    # each of the other eleven diagonals (wrapped) is one transposition.
    meetings = lines.T @ chords
    met = float(np.trace(meetings))
    total = float(lines.sum())
    return _share(met, total), _share((float(meetings.sum()) - met) / 11, total)


def _track_metrics(held: NDArray[np.bool_], begins: NDArray[np.bool_]) -> dict[str, float]:
    """Metrics of one track; both (N, S, 128)."""
    bars = _any(_in_blocks(held, STEPS_PER_BAR), axis=2)  # (N, bars, 128)
    sounding_bars = int(bars.any(axis=-1).sum())
    all_bars = bars.shape[0] * bars.shape[1]
    c_major, best_key = _in_scale(_class_time(held))
    crowded = held.sum(axis=-1) >= CHORD_PITCHES
    return {
        "empty_bar_rate": _share(all_bars - sounding_bars, all_bars),
        "pitches_per_bar": _share(bars.sum(), sounding_bars),
        "pitch_classes_per_bar": _share(touched_classes(bars).sum(), sounding_bars),
        "in_scale_c_major": c_major,
        "in_scale_best_key": best_key,
        "polyphonic_rate": _share(crowded.sum(), crowded.size),
        "qualified_note_rate": _share(long_notes(held, begins), begins.sum()),
    }


def long_notes(held: NDArray[np.bool_], begins: NDArray[np.bool_]) -> int:
    """How many notes sound for QUALIFIED_STEPS or more; both (N, S, 128)."""
    goes_on = held & ~begins
    steps = held.shape[1] - QUALIFIED_STEPS + 1
    long = begins[:, :steps].copy()
    for later in range(1, QUALIFIED_STEPS):
        long &= goes_on[:, later : later + steps]
    return int(long.sum())


def _class_time(sounding: NDArray[np.generic]) -> NDArray[np.float64]:
    """Sounding time of each pitch class per window: (N, S, 128) to (N, 12), in steps x pitches."""
    per_pitch = sounding.sum(axis=1, dtype=np.float64)
    padded = np.zeros((len(per_pitch), 132))
    padded[:, :PITCHES] = per_pitch
    return np.asarray(padded.reshape(-1, 11, 12).sum(axis=1))  # octaves outer: pitch = 12 x octave + class


def _in_scale(class_time: NDArray[np.float64]) -> tuple[float, float]:
    """Share of (N windows, 12) sounding time in C major, and in each window's best major scale."""
    in_scale = class_time @ _SCALES.T  # (N, 12 tonics)
    total = class_time.sum()
    return _share(in_scale[:, 0].sum(), total), _share(in_scale.max(axis=1).sum(), total)


def _in_blocks(values: NDArray[np.bool_], steps: int) -> NDArray[np.bool_]:
    """(N, S, K) cut along time into (N, blocks, steps, K)."""
    return values.reshape(values.shape[0], values.shape[1] // steps, steps, values.shape[2])


def _any(values: NDArray[np.bool_], axis: int) -> NDArray[np.bool_]:
    return np.asarray(values.any(axis=axis))


def _share(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else 0.0


def _check_shapes(melody: BoolRoll, tracks: BoolRoll, names: Sequence[str]) -> None:
    windows, steps = melody.shape[0], melody.shape[-2]
    if melody.shape != (windows, 2, steps, PITCHES) or tracks.shape != (windows, len(names), 2, steps, PITCHES):
        raise ValueError(
            f"expected a melody of (N, 2, S, {PITCHES}) and tracks of (N, {len(names)}, 2, S, {PITCHES}), "
            f"got {melody.shape} and {tracks.shape}"
        )
    if steps % STEPS_PER_BAR or not steps:
        raise ValueError(f"windows are {steps} steps long; whole bars of {STEPS_PER_BAR} steps are needed")
