"""Each metric on rolls whose answer is known by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accompanist.music.note import Note
from accompanist.music.roll import HELD, ONSET, BoolRoll, decode, encode
from training.metrics import note_begins, score

C, D, E, F, G, A, B = 60, 62, 64, 65, 67, 69, 71
BLACK = (61, 63, 66, 68, 70)


def roll(*notes: tuple[int, int, int], steps: int = 16) -> BoolRoll:
    """Notes given as (first step, pitch, length in steps)."""
    return encode([Note(at, pitch, at + length) for at, pitch, length in notes], steps, ticks_per_step=1)


def one_track(*notes: tuple[int, int, int], steps: int = 16) -> dict[str, float]:
    """Metrics of a single track under a silent melody."""
    return score(roll(steps=steps)[None], roll(*notes, steps=steps)[None, None], ["t"])


def duo(melody: BoolRoll, band: BoolRoll) -> dict[str, float]:
    return score(melody[None], band[None, None], ["t"])


def test_empty_bar_rate_counts_the_empty_ones() -> None:
    # The best-known implementations give the share of bars that are NOT empty: three quarters here.
    values = one_track((16, C, 4), (35, C, 1), (63, C, 1), steps=64)
    assert values["t.empty_bar_rate"] == 0.25
    assert one_track((0, C, 64), steps=64)["t.empty_bar_rate"] == 0.0


def test_a_note_held_over_a_bar_line_fills_both_bars() -> None:
    assert one_track((15, C, 2), steps=32)["t.empty_bar_rate"] == 0.0


def test_pitches_and_pitch_classes_are_counted_per_sounding_bar() -> None:
    # Bar 1: C4, C5, E4 (three pitches, two classes). Bar 2: G4. Bar 3: empty, in neither mean.
    values = one_track((0, C, 2), (4, C + 12, 2), (8, E, 2), (9, E, 1), (16, G, 16), steps=48)
    assert values["t.pitches_per_bar"] == 2.0
    assert values["t.pitch_classes_per_bar"] == 1.5


@pytest.mark.parametrize("pitch", [0, 11, 12, 119, 120, 127])
def test_the_fold_to_pitch_classes_reaches_the_ends_of_the_keyboard(pitch: int) -> None:
    values = one_track((0, pitch, 4), (4, pitch % 12, 4), (8, pitch % 12 + 108, 4))
    assert values["t.pitch_classes_per_bar"] == 1.0
    assert values["t.in_scale_c_major"] == (1.0 if pitch % 12 in {0, 2, 4, 5, 7, 9, 11} else 0.0)


def test_black_keys_alone_are_not_in_c_major() -> None:
    # A fold that reshapes (12, 7) where it needs (7, 12) gives 0.57 here.
    values = one_track(*((at, pitch, 2) for at, pitch in enumerate(BLACK)))
    assert values["t.in_scale_c_major"] == 0.0
    assert values["t.in_scale_best_key"] == 1.0  # F sharp, B and D flat major hold all five


def test_in_scale_ratios_weigh_by_sounding_time() -> None:
    semitone = one_track((0, C, 3), (3, 61, 1))
    assert semitone["t.in_scale_c_major"] == 0.75
    assert semitone["t.in_scale_best_key"] == 1.0  # D flat major
    assert one_track((0, C, 4), (4, 61, 2), (6, D, 2))["t.in_scale_best_key"] == 0.75  # no major scale has all three
    chromatic = one_track(*((at, C + at, 1) for at in range(12)))
    assert chromatic["t.in_scale_c_major"] == pytest.approx(7 / 12)
    assert chromatic["t.in_scale_best_key"] == pytest.approx(7 / 12)


def test_the_best_key_is_chosen_for_each_window() -> None:
    d_flat_major = [(at, 61 + semitones, 1) for at, semitones in enumerate((0, 2, 4, 5, 7, 9, 11))]
    c_major = [(at, 60 + semitones, 1) for at, semitones in enumerate((0, 2, 4, 5, 7, 9, 11))]
    tracks = np.stack([roll(*c_major), roll(*d_flat_major)])[:, None]
    values = score(np.zeros((2, 2, 16, 128), dtype=np.bool_), tracks, ["t"])
    assert values["t.in_scale_best_key"] == 1.0
    assert values["t.in_scale_c_major"] == pytest.approx((7 + 2) / 14)  # F and C are in both


def test_the_band_is_judged_in_one_key() -> None:
    """Two tracks, each perfect in a key of its own, are not in key together."""
    c_major = [(at, 60 + semitones, 1) for at, semitones in enumerate((0, 2, 4, 5, 7, 9, 11))]
    f_sharp_major = [(at, pitch + 6, 1) for at, pitch, _ in c_major]
    tracks = np.stack([roll(*c_major), roll(*f_sharp_major)])[None]
    values = score(roll()[None], tracks, ["a", "b"])
    assert values["a.in_scale_best_key"] == values["b.in_scale_best_key"] == 1.0
    assert values["in_scale_best_key"] == pytest.approx((7 + 2) / 14)  # F and B are in both


def test_polyphonic_means_more_than_two_pitches_over_all_steps() -> None:
    assert one_track((0, C, 16), (0, E, 16))["t.polyphonic_rate"] == 0.0
    assert one_track((0, C, 16), (0, E, 16), (0, G, 4))["t.polyphonic_rate"] == 0.25
    assert one_track((0, C, 8), (0, E, 8), (0, G, 8), (0, B, 8))["t.polyphonic_rate"] == 0.5


def test_qualified_notes_are_longer_than_the_grid() -> None:
    assert one_track((0, C, 1), (2, C, 2), (5, C, 3), (9, E, 7))["t.qualified_note_rate"] == 0.75
    assert one_track((0, C, 1), (2, C, 1))["t.qualified_note_rate"] == 0.0


def test_repeated_notes_are_not_one_long_note() -> None:
    # Four sixteenths of the same pitch: with the held plane alone this would be one qualified note.
    values = one_track((0, C, 1), (1, C, 1), (2, C, 1), (3, C, 1))
    assert values["t.qualified_note_rate"] == 0.0
    assert values["onsets_per_bar"] == 4.0


def test_note_in_chord_is_melody_time_met_in_the_same_beat() -> None:
    # Beat 1: C over a C major chord sounding at its last step only: met. Beat 2: E over C: not. Beat 3: C over
    # nothing: not. Beat 4: the melody rests, and its time does not count.
    melody = roll((0, C, 4), (4, E, 2), (8, C, 2))
    band = roll((3, 36, 1), (3, 52, 1), (3, 55, 1), (4, 48, 4), (12, C, 4))
    values = duo(melody, band)
    assert values["note_in_chord"] == 4 / 8
    assert values["pitch_classes_per_beat"] == (3 + 1 + 1) / 3


def test_the_chance_level_is_the_mean_of_the_eleven_other_transpositions() -> None:
    melody = roll((0, C, 16))
    one_class = duo(melody, roll((0, 48, 16)))
    assert one_class["note_in_chord"] == 1.0
    assert one_class["note_in_chord_chance"] == 0.0  # no other transposition of a lone C holds a C
    assert one_class["coupling"] == 1.0
    triad = duo(melody, roll((0, 48, 16), (0, 52, 16), (0, 55, 16)))
    assert triad["note_in_chord_chance"] == pytest.approx(2 / 11)  # the C is third of A flat and fifth of F
    everything = duo(melody, roll(*((0, pitch, 16) for pitch in range(48, 60))))
    assert everything["note_in_chord_chance"] == everything["note_in_chord"] == 1.0
    assert everything["coupling"] == 0.0


def test_the_chance_level_agrees_with_transposing_for_real() -> None:
    dice = np.random.default_rng(7)
    melody = np.zeros((3, 2, 32, 128), dtype=np.bool_)
    melody[:, HELD, :, 60:72] = dice.random((3, 32, 12)) < 0.1
    band = np.zeros((3, 1, 2, 32, 128), dtype=np.bool_)
    band[:, :, HELD, :, 40:64] = dice.random((3, 1, 32, 24)) < 0.05
    moved = [score(melody, np.roll(band, up, axis=-1), ["t"])["note_in_chord"] for up in range(1, 12)]
    assert score(melody, band, ["t"])["note_in_chord_chance"] == pytest.approx(np.mean(moved))


def test_two_melody_notes_at_once_both_count() -> None:
    assert duo(roll((0, C, 4), (0, D, 4)), roll((0, C, 4)))["note_in_chord"] == 0.5


def test_any_track_of_the_band_can_meet_the_melody() -> None:
    tracks = np.stack([roll((0, C, 4)), roll((4, E, 4))])[None]
    values = score(roll((0, C, 4), (4, E, 4))[None], tracks, ["bass", "piano"])
    assert values["note_in_chord"] == 1.0
    assert values["onsets_per_bar"] == 2.0
    assert values["bass.pitches_per_bar"] == values["piano.pitches_per_bar"] == 1.0


def test_silence_is_zero_everywhere_but_in_the_empty_bar_rate() -> None:
    values = one_track(steps=32)
    assert values.pop("t.empty_bar_rate") == 1.0
    assert set(values.values()) == {0.0}


def test_no_windows_at_all_is_defined_and_json_safe() -> None:
    values = score(np.zeros((0, 2, 16, 128), dtype=np.bool_), np.zeros((0, 1, 2, 16, 128), dtype=np.bool_), ["t"])
    assert set(values.values()) == {0.0}
    assert json.loads(json.dumps(values, allow_nan=False)) == values


def test_one_plane_of_held_notes_is_enough() -> None:
    """A note that sounds through the opening of a window has no onset in it and still counts as a note."""
    band = roll((0, C, 8))
    band[ONSET] = False
    assert duo(roll(), band)["onsets_per_bar"] == 1.0
    assert duo(roll(), band)["t.qualified_note_rate"] == 1.0


@pytest.mark.parametrize(
    ("melody", "tracks", "names"),
    [
        ((1, 2, 24, 128), (1, 1, 2, 24, 128), ["t"]),
        ((1, 2, 0, 128), (1, 1, 2, 0, 128), ["t"]),
        ((1, 2, 16, 128), (1, 2, 2, 16, 128), ["t"]),
        ((1, 2, 16, 128), (2, 1, 2, 16, 128), ["t"]),
        ((1, 1, 16, 128), (1, 1, 2, 16, 128), ["t"]),
        ((1, 2, 16, 84), (1, 1, 2, 16, 84), ["t"]),
    ],
)
def test_shapes_that_do_not_fit_are_refused(melody: tuple[int, ...], tracks: tuple[int, ...], names: list[str]) -> None:
    with pytest.raises(ValueError, match=r"expected a melody|whole bars"):
        score(np.zeros(melody, dtype=np.bool_), np.zeros(tracks, dtype=np.bool_), names)


notes_in_a_window = st.lists(st.tuples(st.integers(0, 31), st.integers(36, 84), st.integers(1, 12)), max_size=12)


@given(melody=notes_in_a_window, band=notes_in_a_window, up=st.integers(-12, 12))
@settings(max_examples=50, deadline=None)
def test_transposing_everything_changes_nothing_but_c_major(
    melody: list[tuple[int, int, int]], band: list[tuple[int, int, int]], up: int
) -> None:
    there = duo(roll(*melody, steps=32), roll(*band, steps=32))
    moved = duo(
        roll(*((at, pitch + up, length) for at, pitch, length in melody), steps=32),
        roll(*((at, pitch + up, length) for at, pitch, length in band), steps=32),
    )
    del there["t.in_scale_c_major"], moved["t.in_scale_c_major"]
    assert moved == pytest.approx(there)


@given(melody=notes_in_a_window, band=notes_in_a_window, octaves=st.integers(-3, 3))
@settings(max_examples=50, deadline=None)
def test_octaves_of_the_melody_do_not_matter(
    melody: list[tuple[int, int, int]], band: list[tuple[int, int, int]], octaves: int
) -> None:
    there = duo(roll(*melody, steps=32), roll(*band, steps=32))
    raised = [(at, pitch + 12 * octaves, length) for at, pitch, length in melody]
    assert duo(roll(*raised, steps=32), roll(*band, steps=32)) == there


@given(melody=notes_in_a_window, band=notes_in_a_window)
@settings(max_examples=50, deadline=None)
def test_every_value_is_finite_and_every_share_within_bounds(
    melody: list[tuple[int, int, int]], band: list[tuple[int, int, int]]
) -> None:
    values = duo(roll(*melody, steps=32), roll(*band, steps=32))
    assert all(np.isfinite(value) for value in values.values())
    shares = [name for name in values if name.endswith(("_rate", "c_major", "best_key", "in_chord", "chance"))]
    assert all(0.0 <= values[name] <= 1.0 for name in shares)
    assert values["t.in_scale_best_key"] >= values["t.in_scale_c_major"]
    assert values["coupling"] == values["note_in_chord"] - values["note_in_chord_chance"]


@given(band=notes_in_a_window)
@settings(max_examples=50, deadline=None)
def test_a_batch_of_the_same_window_scores_as_one(band: list[tuple[int, int, int]]) -> None:
    melody, track = roll((0, C, 8), steps=32), roll(*band, steps=32)
    batch = score(np.stack([melody] * 3), np.stack([track] * 3)[:, None], ["t"])
    assert batch == pytest.approx(duo(melody, track))


@given(band=notes_in_a_window)
@settings(max_examples=50, deadline=None)
def test_notes_begin_where_decoding_begins_them(band: list[tuple[int, int, int]]) -> None:
    track = roll(*band, steps=32)
    cells = {(int(step), int(pitch)) for step, pitch in zip(*np.nonzero(note_begins(track)), strict=True)}
    assert cells == {(note.start_tick, note.pitch) for note in decode(track, ticks_per_step=1)}


def test_agrees_with_pypianoroll_where_that_is_right() -> None:
    pypianoroll = pytest.importorskip("pypianoroll", reason="needs the train extra")
    dice = np.random.default_rng(3)
    band = np.zeros((2, 32, 128), dtype=np.bool_)
    band[HELD, :, 30:90] = dice.random((32, 60)) < 0.06
    values = duo(roll(steps=32), band)
    held = band[HELD].astype(np.uint8)
    assert values["t.polyphonic_rate"] == pytest.approx(pypianoroll.polyphonic_rate(held))
