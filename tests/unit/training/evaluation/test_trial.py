"""Players whose playing is known, on a tune whose harmony is known."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from support.pieces import piece

from accompanist.music.note import Note
from accompanist.music.roll import encode
from accompanist.music.time import PPQ
from training.evaluation.measures import MOST_STEPS_PER_BAR, SongMeasures
from training.evaluation.people import LATE, PEOPLE, TRANSPOSED, late, people, transposed
from training.evaluation.piece import Piece, Tracks
from training.evaluation.trial import averaged, bars_lost, diversity, trial, turned

BAR = 4 * PPQ


@dataclass
class Echo:
    """Plays each note of the melody an octave lower, some beats late: it meets what stays."""

    beats: int = 0
    listens: bool = True
    is_random: bool = False

    def play(self, song: Piece, seed: int) -> Tracks:
        by = self.beats * PPQ
        notes = [note.transposed(-12 - 12 * (seed % 2)).shifted(by) for note in song.melody]
        return {"piano": [note for note in notes if note.end_tick <= song.end_tick]}


def drone(bars: int) -> Piece:
    """One note in quarters for a number of bars."""
    melody = tuple(Note(beat * PPQ, 60, (beat + 1) * PPQ) for beat in range(4 * bars))
    return replace(piece(), melody=melody, bars=bars)


def test_one_performance_where_nothing_is_drawn_and_one_for_each_seed_where_it_is() -> None:
    once = trial(Echo(), drone(16), seeds=3)
    thrice = trial(Echo(is_random=True), drone(16), seeds=3)
    assert once.places.sum() * 3 == thrice.places.sum()
    assert once.figures["onsets_per_bar"] == thrice.figures["onsets_per_bar"] == 4.0
    assert math.isnan(once.figures["diversity_onsets"])
    # Seeds 0 and 2 are alike, 1 is an octave lower: two pairs of three differ in pitch, none in pitch class.
    assert thrice.figures["diversity_onsets"] == pytest.approx(2 / 3)
    assert thrice.figures["diversity_chroma"] == 0.0


def test_who_does_not_listen_is_not_asked_to_recover() -> None:
    assert "recovery_bars" not in trial(Echo(listens=False), drone(16), seeds=1).figures


@pytest.mark.parametrize(("beats", "bars"), [(0, 0), (4, 1), (8, 2), (20, 5)])
def test_recovery_counts_the_bars_until_four_of_them_are_good(beats: int, bars: int) -> None:
    """On a drone an echo of n bars is right until the melody turns, then wrong for n bars."""
    found = trial(Echo(beats), drone(64), seeds=1).figures
    assert found["recovered"] == 1.0
    # Nine tenths of what was before; the echo's first bars are silent and lower it.
    before = (32 * 4 - beats) / (32 * 4)
    wrong_in_window = [max(0, beats - 4 * lost) for lost in range(17)]
    expected = next(lost for lost, wrong in enumerate(wrong_in_window) if 1 - wrong / 16 >= 0.9 * before)
    assert found["recovery_bars"] == expected
    assert found["recovery_unturned"] == 0.0
    assert abs(expected - bars) <= 1


def test_who_never_comes_back_has_lost_all_the_bars_there_were_to_see() -> None:
    class Deaf(Echo):
        def play(self, song: Piece, seed: int) -> Tracks:  # noqa: ARG002
            return {"piano": [Note(0, 48, song.end_tick)]}

    assert trial(Deaf(), drone(64), seeds=1).figures["recovery_bars"] == 17.0
    short = trial(Deaf(), drone(16), seeds=1).figures
    assert (short["recovery_bars"], short["recovered"]) == (5.0, 0.0)


def test_a_song_too_short_is_not_asked() -> None:
    found = trial(Echo(), drone(15), seeds=1).figures
    assert math.isnan(found["recovery_bars"])
    assert math.isnan(found["recovery_unturned"])
    assert math.isnan(found["recovered"])


def test_the_melody_turns_on_a_bar_line_and_stays_within_midi() -> None:
    song = replace(drone(64), melody=(Note(0, 60, BAR), Note(BAR - 10, 62, 2 * BAR), Note(BAR, 125, 99 * BAR)))
    heard = turned(song, 1)
    assert heard.melody == (Note(0, 60, BAR), Note(BAR - 10, 62, 2 * BAR), Note(BAR, 119, 21 * BAR))
    assert heard.bars == 21


def test_what_a_song_does_by_itself_is_told_beside_its_recovery() -> None:
    """Its player is silent for two bars after the middle, whatever is sung."""

    class Resting(Echo):
        def play(self, song: Piece, seed: int) -> Tracks:
            notes = super().play(song, seed)["piano"]
            return {"piano": [note for note in notes if note.start_tick // BAR not in {32, 33}]}

    found = trial(Resting(), drone(64), seeds=1).figures
    assert found["recovery_bars"] == found["recovery_unturned"] == 2.0


def test_a_rest_is_no_recovery() -> None:
    """The first window in which anything is sung decides."""
    song = replace(drone(12), melody=(*drone(2).melody, Note(11 * BAR, 66, 12 * BAR)))
    met = song.rolls({"piano": [Note(0, 48, 12 * BAR), Note(11 * BAR, 54, 12 * BAR)]})
    assert bars_lost(song, met, 2) == 6
    missed = song.rolls({"piano": [Note(0, 48, 12 * BAR)]})
    assert bars_lost(song, missed, 2) is None


def test_diversity_leaves_drums_out_and_needs_two() -> None:
    silence, hit = encode([], 16), encode([Note(0, 36, 120)], 16)
    same = {"piano": hit, "drums": silence}, {"piano": hit, "drums": hit}
    assert diversity(same) == {"diversity_onsets": 0.0, "diversity_chroma": 0.0}
    assert math.isnan(diversity(same[:1])["diversity_onsets"])
    assert math.isnan(diversity([{"piano": silence}, {"piano": silence}])["diversity_onsets"])


def test_the_average_of_performances_is_over_those_that_have_the_figure() -> None:
    places = np.ones(MOST_STEPS_PER_BAR, dtype=np.int64)
    found = averaged([SongMeasures({"a": 1.0, "b": float("nan")}, places), SongMeasures({"a": 2.0, "b": 4.0}, places)])
    assert found.figures == {"a": 1.5, "b": 4.0}
    assert found.places.tolist() == (2 * places).tolist()


def test_people_as_they_are_a_bar_late_and_elsewhere() -> None:
    found = people(piece())
    own = found[PEOPLE].figures
    assert own["note_in_chord"] == 1.0
    # Of E G C E, F A C F, G B D G, E C G E each over the chord of the bar before (C F G C, and silence first):
    met = 0 + 1 + 0 + 1 + 3 * (4 + 1 + 0 + 1)
    assert found[LATE].figures["note_in_chord"] == met / 64
    assert found[TRANSPOSED].figures["note_in_chord"] == pytest.approx(own["chance"])
    assert found[TRANSPOSED].figures["onsets_per_bar"] == own["onsets_per_bar"]
    assert found[LATE].figures["empty_bars"] == 1 / 16


def test_drums_keep_their_pitches_in_every_key() -> None:
    rolls = {"piano": encode([Note(0, 60, 120)], 4), "drums": encode([Note(0, 36, 120)], 4)}
    for by in (-5, 6):
        moved = transposed(rolls, by)
        assert moved["drums"][:, 0].nonzero()[1].tolist() == [36, 36]
        assert moved["piano"][:, 0].nonzero()[1].tolist() == [60 + by, 60 + by]


def test_what_is_late_moves_and_loses_its_end() -> None:
    moved = late({"piano": encode([Note(0, 60, 120), Note(360, 62, 480)], 4)}, 2)["piano"]
    assert moved[1].nonzero()[0].tolist() == [2]
    assert moved[1].nonzero()[1].tolist() == [60]
