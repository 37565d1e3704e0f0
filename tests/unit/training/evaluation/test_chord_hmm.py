from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.pieces import C, piece, quarters

from accompanist.music.note import Note
from training.evaluation.chord_hmm import ChordModel, ChordPlayer, patterns, places
from training.evaluation.chords import TRIADS
from training.evaluation.trial import trial

MODEL = ChordModel.learnt([piece(by=by) for by in range(-5, 7)])
TRUTH = [root for root in (0, 5, 7, 0) for _ in range(4)]


@pytest.mark.parametrize("by", range(-5, 7))
def test_what_it_has_learnt_it_finds_in_every_key(by: int) -> None:
    expected = [(root + by) % 12 for root in TRUTH] * 4
    assert MODEL.path(piece(by=by)).tolist() == expected


def test_live_it_expects_what_comes_next_before_it_is_sung() -> None:
    chosen = MODEL.live(piece())
    assert chosen[0] == -1  # nothing was heard yet
    # By the second time it knows. C is followed by F more often than by itself, so it errs where the tune begins anew.
    assert chosen[16:].tolist() == [5, *TRUTH[1:]] * 3


pitches = st.lists(st.one_of(st.just(-1), st.integers(55, 80)), min_size=32, max_size=32)


@settings(max_examples=25)
@given(pitches, st.integers(1, 31), st.integers(55, 80))
def test_live_it_never_hears_the_beat_it_plays_in(line: list[int], beat: int, other: int) -> None:
    song = replace(piece(times=2), melody=quarters(line))
    changed = replace(song, melody=quarters([*line[:beat], *[other] * (32 - beat)]))
    assert MODEL.live(song)[: beat + 1].tolist() == MODEL.live(changed)[: beat + 1].tolist()


@settings(max_examples=25)
@given(pitches)
def test_any_melody_gets_a_triad_for_each_beat(line: list[int]) -> None:
    song = replace(piece(times=2), melody=quarters(line))
    for chosen in (MODEL.path(song), MODEL.live(song)):
        assert len(chosen) == 32
        assert chosen.min() >= -1
        assert chosen.max() < len(TRIADS)


def test_probabilities_are_probabilities() -> None:
    for table in (MODEL.first, MODEL.follows, MODEL.sings):
        assert np.allclose(table.sum(axis=-1), 1)
        assert (table > 0).all()


def test_it_learns_where_in_the_bar_chords_change() -> None:
    stay = MODEL.follows[:, 0, 0]
    assert stay[0] < 0.6  # on the bar line
    assert stay[1] > 0.9  # in its middle
    assert stay[2] > 0.9


def test_places_in_bars_of_four_and_of_three() -> None:
    song = piece(times=1)
    assert places(song).tolist() == [0, 2, 1, 2] * 4
    assert places(replace(song, beats_per_bar=3, bars=2)).tolist() == [0, 2, 2] * 2


def test_patterns_strike_triads_on_beats_and_the_root_on_strong_ones_or_with_the_chord() -> None:
    a_minor = 12 + 9
    tracks = patterns(piece(times=1), np.array([-1, 0, 0, a_minor, a_minor, a_minor, a_minor, 0, *[-1] * 8]))
    assert tracks["bass"] == [
        Note(480, 36, 960),
        Note(960, 36, 1440),
        Note(1440, 33, 1920),
        Note(1920, 33, 2880),
        Note(2880, 33, 3360),
        Note(3360, 36, 3840),
    ]
    assert [note.pitch for note in tracks["piano"] if note.start_tick == 480] == [55, C, 64]
    assert [note.pitch for note in tracks["piano"] if note.start_tick == 1440] == [57, C, 64]
    assert len(tracks["piano"]) == 3 * 7


def test_its_trial_on_what_it_knows() -> None:
    found = trial(ChordPlayer(MODEL, foresight=True), piece(times=6), seeds=3).figures
    assert found["note_in_chord"] == 1.0
    assert found["harmonic_rhythm"] == pytest.approx((6 * 4 - 1 - 5) / (6 * 16 - 1))  # C goes on into the next time
    assert (found["recovered"], found["recovery_bars"]) == (1.0, 0.0)  # it knew
