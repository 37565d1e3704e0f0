"""What a whole song's accompaniment is like, each figure from its definition.

Where `training.metrics` scores windows, this scores songs: every figure is taken over a whole song, to be averaged over
songs. It needs no model, only what sounded: rolls of whole bars, on a grid of sixteenths, a beat being four steps.
Drums have figures of their own and count in no other. `band`: all tracks but the drums, as one.

note_in_chord          Melody time whose pitch class sounds in the band at any step of the same beat.
chance                 The same against the band transposed, mean of the eleven other transpositions.
coupling               note_in_chord - chance.
consonant              Melody steps under which the band sounds, at that very step, a pitch class 0, 3, 4, 7, 8 or 9
                       semitones below the melody's.
unsupported            Melody steps under which the band is silent.
pitch_classes_per_beat Distinct pitch classes of the band, mean over the beats in which it sounds.
distinct_sets          Different sets of pitch classes among the beats in which it sounds.
chord_fit              Beats whose pitch classes lie inside one common chord (`chords.COMMON_CHORDS`), of those in which
                       it sounds.
chord_tones            Sounding time (step x pitch) on the tones of the chord that a person wrote down for the beat, of
                       that in beats for which one did.
harmonic_rhythm        Beats whose best triad (`chords.best_triads`) is not that of the beat before, of all but the
                       first.
onsets_per_bar         Notes begun, per bar.
polyphony              Pitches sounding, mean over the steps in which any does.
empty_bars             Bars in which nothing sounds.
<track>.onsets_per_bar Notes begun by that track, per bar.
<track>.qualified      Notes of at least two steps, of all that track's.

A figure that has nothing to be taken of (the polyphony of silence, the qualified notes of a track that rests) is NaN,
and is left out of the mean over songs. What a band that stops playing escapes there it pays for in `note_in_chord`,
`unsupported` and `empty_bars`, which any song with a melody has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from accompanist.music.note import Note
from accompanist.music.roll import HELD, ONSET, PITCHES, BoolRoll, encode, pitch_classes
from accompanist.music.time import STEPS_PER_BEAT
from training.evaluation.chords import best_triads, fits_common_chord
from training.metrics import long_notes, note_begins, note_in_chord

DRUMS = ("drums",)
"""Names of tracks that have no harmony."""
CONSONANT = (0, 3, 4, 7, 8, 9)
"""Semitones, modulo the octave, that a consonant note may lie below the melody."""
MOST_STEPS_PER_BAR = 48
"""Of a bar of twelve beats, the longest the engine counts."""


class SongMeasures(NamedTuple):
    """One song, measured.

    Args:
        figures: By name; NaN where there is nothing to measure.
        places: (`MOST_STEPS_PER_BAR`,) notes the band began at each sixteenth of its bars.
    """

    figures: dict[str, float]
    places: NDArray[np.int64]


def measure(
    melody: BoolRoll,
    tracks: Mapping[str, BoolRoll],
    *,
    beats_per_bar: int = 4,
    drums: Collection[str] = DRUMS,
    chords: NDArray[np.bool_] | None = None,
) -> SongMeasures:
    """All figures of a song: see the module's own docstring for what each one means.

    Args:
        melody: (2 planes, steps, 128), whole bars from a bar line on.
        tracks: By name, each of the melody's shape; at least one that is no drums.
        beats_per_bar: Up to 12.
        drums: Those of `tracks` that have no harmony.
        chords: (beats, 12) tones of the chord written down for each beat, none where none was; None: for no beat.

    Raises:
        ValueError: the shapes do not fit each other.
    """
    steps_per_bar = beats_per_bar * STEPS_PER_BEAT
    _check_shapes(melody, tracks, steps_per_bar)
    bars = melody.shape[1] // steps_per_bar
    held = {name: roll[HELD] | roll[ONSET] for name, roll in tracks.items()}
    begins = {name: note_begins(roll) for name, roll in tracks.items()}
    pitched = [name for name in tracks if name not in drums]
    band = np.any([held[name] for name in pitched], axis=0)
    onsets = np.sum([begins[name].sum(axis=1) for name in pitched], axis=0)
    figures = _beside(melody[HELD] | melody[ONSET], band) | _harmony(band, chords)
    figures["onsets_per_bar"] = _share(onsets.sum(), bars)
    figures["polyphony"] = _share(band.sum(), band.any(axis=1).sum())
    figures["empty_bars"] = _share((~band.reshape(bars, -1).any(axis=1)).sum(), bars)
    for name in tracks:
        notes = begins[name].sum()
        figures[f"{name}.onsets_per_bar"] = _share(notes, bars)
        figures[f"{name}.qualified"] = _share(long_notes(held[name][None], begins[name][None]), notes)
    places = np.zeros(MOST_STEPS_PER_BAR, dtype=np.int64)
    places[:steps_per_bar] = onsets.reshape(bars, steps_per_bar).sum(axis=0)
    return SongMeasures(figures, places)


def measure_notes(
    melody: Iterable[Note],
    tracks: Mapping[str, Iterable[Note]],
    bars: int,
    *,
    beats_per_bar: int = 4,
    drums: Collection[str] = DRUMS,
    chords: NDArray[np.bool_] | None = None,
) -> SongMeasures:
    """As `measure`, of notes: ticks of 1/480 quarter note, bars from tick 0 on."""
    steps = bars * beats_per_bar * STEPS_PER_BEAT
    rolls = {name: encode(notes, steps) for name, notes in tracks.items()}
    return measure(encode(melody, steps), rolls, beats_per_bar=beats_per_bar, drums=drums, chords=chords)


def chroma(band: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pitch classes that sound in each beat: (steps, 128) to (beats, 12)."""
    return pitch_classes(np.asarray(band.reshape(-1, STEPS_PER_BEAT, PITCHES).any(axis=1)))


def _beside(melody: NDArray[np.bool_], band: NDArray[np.bool_]) -> dict[str, float]:
    """What relates the band to the melody; both (steps, 128)."""
    if not melody.any():
        return dict.fromkeys(("note_in_chord", "chance", "coupling", "consonant", "unsupported"), float("nan"))
    fit, chance = note_in_chord(melody[None], band[None])
    line, below = pitch_classes(melody), pitch_classes(band)
    sings = line.any(axis=1)
    # Turned up by an interval, a tone below the melody's meets it.
    agrees = np.any([(line & np.roll(below, interval, axis=1)).any(axis=1) for interval in CONSONANT], axis=0)
    return {
        "note_in_chord": fit,
        "chance": chance,
        "coupling": fit - chance,
        "consonant": _share(agrees.sum(), sings.sum()),
        "unsupported": _share((sings & ~below.any(axis=1)).sum(), sings.sum()),
    }


def _harmony(band: NDArray[np.bool_], chords: NDArray[np.bool_] | None) -> dict[str, float]:
    """What the band's own harmony is like; (steps, 128)."""
    sets = chroma(band)
    sets = sets[sets.any(axis=1)]
    triads = best_triads(band)
    return {
        "pitch_classes_per_beat": _share(sets.sum(), len(sets)),
        "distinct_sets": float(len(np.unique(sets @ (1 << np.arange(12))))),
        "chord_fit": _share(fits_common_chord(sets).sum(), len(sets)),
        "chord_tones": _on_chord_tones(band, chords),
        "harmonic_rhythm": _share((triads[1:] != triads[:-1]).sum(), len(triads) - 1),
    }


def _on_chord_tones(band: NDArray[np.bool_], chords: NDArray[np.bool_] | None) -> float:
    if chords is None:
        return float("nan")
    padded = np.zeros((len(chords), 132), dtype=np.int64)
    padded[:, :PITCHES] = band.reshape(-1, STEPS_PER_BEAT, PITCHES).sum(axis=1)
    time = padded.reshape(-1, 11, 12).sum(axis=1)  # (beats, 12): octaves outer
    return _share(time[chords].sum(), time[chords.any(axis=1)].sum())


def _share(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else float("nan")


def _check_shapes(melody: BoolRoll, tracks: Mapping[str, BoolRoll], steps_per_bar: int) -> None:
    steps = melody.shape[1]
    shapes = {melody.shape, *(roll.shape for roll in tracks.values())}
    if shapes != {(2, steps, PITCHES)}:
        raise ValueError(f"a song's rolls must all be (2, steps, {PITCHES}), got {sorted(shapes)}")
    if not steps or steps % steps_per_bar or steps_per_bar > MOST_STEPS_PER_BAR:
        raise ValueError(f"the song is {steps} steps long; whole bars of {steps_per_bar} steps are needed")
