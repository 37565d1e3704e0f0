"""Songs as beats, and as the numbers that the network reads and writes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")

from support.live_songs import beats, books, coded_tune, in_numbers, layout, tune

from accompanist.music.harmony import CHORDS, NO_CHORD
from accompanist.music.spec import LIVE_BAND
from training.live.beats import DRUM_LANES, Figures, beats_of
from training.live.codes import LEVELS, STYLES, UNKNOWN, levels_of
from training.live.lanes import lane_pitches
from training.read import MELODY

MIDDLE = LEVELS // 2


def test_a_known_song_beat_by_beat() -> None:
    song = beats(tune(key=2, bars=4))
    assert len(song) == 16
    assert song.chord.tolist() == [2] * 4 + [7] * 4 + [9] * 4 + [2] * 4  # D G A D
    assert set(song.key.tolist()) == {2}
    assert song.place.tolist() == [0, 1, 2, 3] * 4
    assert (song.melody >= 60).all()
    assert song.struck[:, 0].all()
    assert not song.struck[:, 1:].any()
    assert song.velocity.tolist() == [80.0] * 16
    assert song.figures.keys() == {"bass", "piano", "strings", "drums"}


def test_figures_come_back_as_the_pitches_that_were_played() -> None:
    song = beats(tune(key=7, bars=4))
    for track in LIVE_BAND[:3]:
        pitches = lane_pitches(track)[song.chord, song.key]  # (beats, lanes)
        beat, step, lane = np.nonzero(song.figures[track.name].cells[:, 0])
        played = sorted(zip(beat.tolist(), step.tolist(), pitches[beat, lane].tolist(), strict=True))
        rows = [row for row in tune(key=7, bars=4).notes.tolist() if row[0] == 1 + LIVE_BAND.index(track)]
        assert played == sorted((row[1] // 480, row[1] % 480 // 120, row[2]) for row in rows)


def test_drums_are_pieces_of_a_kit_that_are_struck() -> None:
    cells = beats(tune(bars=1)).figures["drums"].cells
    kick, snare, hat = (DRUM_LANES.index(pitch) for pitch in (36, 38, 42))
    assert np.argwhere(cells[:, 0]).tolist() == [
        [beat, 0, lane] for beat in range(4) for lane in sorted(((kick, snare)[beat % 2], hat))
    ]
    assert (cells[:, 0] == cells[:, 1]).all()


def test_three_four_and_what_is_neither() -> None:
    waltz = beats(tune(meter=3, bars=4))
    assert waltz.meter == 3
    assert waltz.place.tolist() == [0, 1, 2] * 4
    assert beats_of(replace(tune(), tags={"meter": "5/4"}), LIVE_BAND) is None
    assert beats_of(replace(tune(), tags={}), LIVE_BAND) is None
    crooked = tune()
    assert beats_of(replace(crooked, bars=crooked.bars + 240), LIVE_BAND) is None


def test_a_track_that_nobody_plays_is_unknown_and_not_silent() -> None:
    song = in_numbers(tune(parts=(MELODY, "bass")))
    assert (song.codes[:, [0, 1, 5]] >= 0).all()
    assert (song.codes[:, [2, 3, 4, 6, 7, 8]] == UNKNOWN).all()
    alone = in_numbers(tune(parts=("drums",)))
    assert not alone.has_melody
    assert (alone.codes[:, :4] == UNKNOWN).all()
    assert (alone.codes[:, 4] >= 0).all()


def test_a_melody_alone_has_no_harmony_to_learn() -> None:
    song = in_numbers(tune(parts=(MELODY,)))
    assert song.has_melody
    assert (song.codes == UNKNOWN).all()


def test_codes_of_a_song_say_what_was_played() -> None:
    song, original = coded_tune(bars=4), beats(tune(bars=4))
    assert song.style == STYLES.index("folk")
    assert song.codes[:, 0].tolist() == original.chord.tolist()
    for at, (name, book) in enumerate(books().items(), start=1):
        assert (book.cells[song.codes[:, at]] == original.figures[name].cells).all()
    sizes = layout().sizes
    assert all(song.codes[:, code].max() < size for code, size in enumerate(sizes))
    assert (layout().codes, layout().decisions, sizes[0]) == (9, 5, CHORDS + 1)


def test_loudness_is_told_beside_the_tracks_own_mean() -> None:
    cells = np.zeros((5, 2, 4, 1), np.bool_)
    velocity = np.array([80, 66, 0, 87, 87], np.float32)
    assert levels_of(Figures(cells, velocity)).tolist() == [MIDDLE, MIDDLE - 2, UNKNOWN, MIDDLE + 1, MIDDLE + 1]
    assert levels_of(Figures(cells[:2], np.array([10, 120], np.float32))).tolist() == [0, LEVELS - 1]
    assert levels_of(Figures(cells, np.zeros(5, np.float32))).tolist() == [UNKNOWN] * 5


def test_where_nothing_has_sounded_yet_there_is_no_chord() -> None:
    table = tune(bars=2)
    later = replace(table, notes=table.notes[(table.notes[:, 0] == 0) | (table.notes[:, 1] >= 1920)])
    assert beats(later).chord.tolist() == [NO_CHORD] * 4 + [5] * 4
