"""Each figure of a whole song on music whose answer is known by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accompanist.music.note import Note
from accompanist.music.time import TICKS_PER_STEP
from training.evaluation.chords import tones_of
from training.evaluation.measures import SongMeasures, measure, measure_notes

C, D, E, F, G, A, B = 60, 62, 64, 65, 67, 69, 71
Line = Sequence[tuple[int, int, int]]


def notes(line: Line) -> list[Note]:
    """Notes given as (first step, pitch, length in steps)."""
    return [Note(at * TICKS_PER_STEP, pitch, (at + steps) * TICKS_PER_STEP) for at, pitch, steps in line]


def song(melody: Line, bars: int = 1, **tracks: Line) -> SongMeasures:
    return measure_notes(notes(melody), {name: notes(line) for name, line in tracks.items()}, bars)


def figures(melody: Line, bars: int = 1, **tracks: Line) -> dict[str, float]:
    return song(melody, bars, **tracks).figures


def test_note_in_chord_and_chance() -> None:
    # Beat 1: C over C major at its last step: met. Beat 2: E over C: not. Beat 3: C over nothing: not.
    found = figures([(0, C, 4), (4, E, 2), (8, C, 2)], piano=[(3, 36, 1), (3, 52, 1), (3, 55, 1), (4, 48, 4)])
    assert found["note_in_chord"] == 4 / 8
    # Of the 11 others, a C meets 3 tones of the 12 transpositions of a triad, an E one of the single note's.
    assert found["chance"] == pytest.approx((4 * 2 + 2 * 1) / 11 / 8)
    assert found["coupling"] == found["note_in_chord"] - found["chance"]


@pytest.mark.parametrize("below", range(12))
def test_consonant_are_thirds_sixths_fifths_and_unisons_below_at_the_very_step(below: int) -> None:
    found = figures([(0, C, 2), (2, C, 2)], piano=[(0, C - 12 - below, 2)])
    assert found["consonant"] == (0.5 if below in {0, 3, 4, 7, 8, 9} else 0.0)
    assert found["unsupported"] == 0.5


def test_one_consonant_tone_is_enough() -> None:
    assert figures([(0, C, 4)], piano=[(0, 58, 4), (0, 48, 4)])["consonant"] == 1.0


def test_pitch_classes_and_sets_are_of_the_beats_that_sound() -> None:
    found = figures(
        [], 2, bass=[(0, 36, 4), (8, 36, 4)], piano=[(0, C, 1), (2, E, 1), (8, G, 4), (17, E, 1), (17, C, 1)]
    )
    assert found["pitch_classes_per_beat"] == 2.0  # {C, E}, {C, G}, {C, E}
    assert found["distinct_sets"] == 2.0


def test_chord_fit_is_of_the_beats_that_sound() -> None:
    cluster = [(4, C, 4), (4, C + 1, 4), (4, D, 4)]
    assert figures([], piano=[(0, C, 4), (0, E, 4), *cluster])["chord_fit"] == 0.5


def test_harmonic_rhythm_counts_changes_between_beats() -> None:
    def chord(beat: int, root: int) -> list[tuple[int, int, int]]:
        return [(4 * beat, root, 4), (4 * beat, root + 4, 4), (4 * beat, root + 7, 4)]

    held = [note for beat in range(4) for note in chord(beat, C)]
    assert figures([], piano=held)["harmonic_rhythm"] == 0.0
    assert figures([], piano=[*chord(0, C), *chord(1, C), *chord(2, F), *chord(3, G)])["harmonic_rhythm"] == 2 / 3
    assert figures([], piano=chord(0, C))["harmonic_rhythm"] == 0.0  # silence goes on with what was there


def test_chord_tones_are_weighed_by_time_where_a_chord_is_written() -> None:
    chords = np.stack(
        [tones_of(0, (0, 4, 7)), tones_of(0, (0, 4, 7)), np.zeros(12, dtype=bool), tones_of(7, (0, 4, 7))]
    )
    line = [(0, C, 4), (4, D, 2), (4, E, 2), (8, D, 4), (12, B, 4)]  # on, off and on, not asked, on
    found = measure_notes([], {"piano": notes(line)}, 1, chords=chords)
    assert found.figures["chord_tones"] == 10 / 12
    assert math.isnan(measure_notes([], {"piano": notes(line)}, 1).figures["chord_tones"])


def test_onsets_polyphony_and_empty_bars() -> None:
    found = song([], 3, bass=[(0, 36, 4)], piano=[(0, 36, 2), (0, C, 1), (1, C, 1), (33, E, 2)])
    assert found.figures["onsets_per_bar"] == 5 / 3
    assert found.figures["bass.onsets_per_bar"] == 1 / 3
    assert found.figures["polyphony"] == (2 + 2 + 1 + 1 + 1 + 1) / 6  # one pitch on two tracks is one pitch
    assert found.figures["empty_bars"] == 1 / 3
    assert found.places.tolist()[:16] == [3, 2, *[0] * 14]
    assert found.places.sum() == 5


def test_qualified_notes_of_each_track() -> None:
    found = figures([], bass=[(0, 36, 1), (1, 36, 1), (4, 38, 2), (8, 40, 8)], piano=[])
    assert found["bass.qualified"] == 0.5
    assert math.isnan(found["piano.qualified"])
    assert found["piano.onsets_per_bar"] == 0.0


def test_drums_count_in_their_own_figures_alone() -> None:
    melody, piano = [(0, C, 8)], [(0, C - 12, 8)]
    without = song(melody, piano=piano)
    beside = song(melody, piano=piano, drums=[(0, 36, 1), (4, 38, 1), (8, 42, 1)])
    assert {name: beside.figures[name] for name in without.figures} == pytest.approx(without.figures, nan_ok=True)
    assert beside.places.tolist() == without.places.tolist()
    assert beside.figures["drums.onsets_per_bar"] == 3.0


def test_silence_has_no_polyphony_but_earns_nothing() -> None:
    found = figures([(0, C, 16)], piano=[])
    assert (found["note_in_chord"], found["unsupported"], found["empty_bars"]) == (0.0, 1.0, 1.0)
    assert all(math.isnan(found[name]) for name in ("polyphony", "chord_fit", "pitch_classes_per_beat"))
    assert math.isnan(figures([], piano=[(0, C, 4)])["note_in_chord"])


def test_three_four_has_bars_of_its_own() -> None:
    found = measure_notes([], {"piano": notes([(0, C, 2), (12, C, 2), (23, C, 1)])}, 2, beats_per_bar=3)
    assert found.figures["onsets_per_bar"] == 1.5
    assert found.places.tolist()[:13] == [2, *[0] * 10, 1, 0]


def test_rolls_that_are_no_whole_bars_are_refused() -> None:
    with pytest.raises(ValueError, match="17 steps long; whole bars of 16"):
        measure(np.zeros((2, 17, 128), dtype=bool), {"piano": np.zeros((2, 17, 128), dtype=bool)})
    with pytest.raises(ValueError, match="must all be"):
        measure(np.zeros((2, 16, 128), dtype=bool), {"piano": np.zeros((2, 32, 128), dtype=bool)})


lines = st.lists(st.tuples(st.integers(0, 31), st.integers(40, 80), st.integers(1, 8)), max_size=30)


@given(lines, lines, st.integers(-12, 12))
def test_what_is_transposed_as_a_whole_measures_the_same_but_for_ties(melody: Line, piano: Line, by: int) -> None:
    moved = [[(at, pitch + by, steps) for at, pitch, steps in line] for line in (melody, piano)]
    here, there = figures(melody, 3, piano=piano), figures(moved[0], 3, piano=moved[1])
    for found in (here, there):
        del found["harmonic_rhythm"]  # between triads that fit equally well the first is taken
    assert here == pytest.approx(there, nan_ok=True)


@given(lines, lines)
def test_shares_are_shares(melody: Line, piano: Line) -> None:
    found = figures(melody, 3, piano=piano)
    counts = {"pitch_classes_per_beat", "distinct_sets", "onsets_per_bar", "polyphony", "piano.onsets_per_bar"}
    for name, value in found.items():
        low, high = (-1.0, 1.0) if name == "coupling" else (0.0, 1000.0 if name in counts else 1.0)
        assert math.isnan(value) or low <= value <= high, name
