from __future__ import annotations

import numpy as np
import pytest

from accompanist.music.note import Note
from training.evaluation.piece import longest_run, piece_of
from training.read import Song, SongTable

BAR = 1920


def table(bars: list[int], *melody: Note, tags: dict[str, str] | None = None, bass: tuple[Note, ...] = ()) -> SongTable:
    return SongTable.of(Song("a", "test", tags or {}, melody, {"bass": bass}, tuple(bars)))


def test_a_regular_song_is_taken_whole() -> None:
    song = piece_of(table([0, BAR, 2 * BAR], Note(0, 60, 480), Note(2 * BAR - 480, 62, 2 * BAR)))
    assert (song.bars, song.beats_per_bar, song.steps, song.end_tick) == (2, 4, 32, 2 * BAR)
    assert song.melody == (Note(0, 60, 480), Note(2 * BAR - 480, 62, 2 * BAR))


def test_of_irregular_bars_the_longest_run_is_taken_from_its_own_tick_0() -> None:
    half = BAR // 2
    starts = [0, BAR, BAR + half, 2 * BAR + half, 3 * BAR + half, 4 * BAR + half]
    begin, end = starts[2], starts[5]
    notes = [
        Note(0, 50, 480),  # before it
        Note(begin - 480, 51, begin + 480),  # sounds on into it: begins with it
        Note(begin - 480, 52, begin + 10),  # is over with it
        Note(begin - 20, 53, begin + 480),  # a little early
        Note(begin + 480, 54, begin + 960),
        Note(end - 240, 55, end + 480),  # sounds on behind it: ends with it
        Note(end - 20, 56, end + 480),  # belongs behind it
    ]
    song = piece_of(table(starts, *notes))
    assert song.bars == 3
    assert song.melody == (
        Note(0, 51, 480),
        Note(0, 53, 480),
        Note(480, 54, 960),
        Note(3 * BAR - 240, 55, 3 * BAR),
    )


def test_chords_are_cut_with_the_bars() -> None:
    starts = [0, BAR // 2, BAR // 2 + BAR, BAR // 2 + 2 * BAR]
    chords = np.eye(12, dtype=bool)[np.arange(10)]
    cut = piece_of(table(starts, Note(BAR, 60, BAR + 480)), chords).chords
    assert cut is not None
    assert cut.argmax(axis=1).tolist() == list(range(2, 10))


def test_parts_without_a_note_are_none() -> None:
    assert piece_of(table([0, BAR], Note(0, 60, 480))).parts == {}
    assert list(piece_of(table([0, BAR], Note(0, 60, 480), bass=(Note(0, 36, 480),))).parts) == ["bass"]


def test_three_four() -> None:
    assert piece_of(table([0, 1440, 2880], Note(0, 60, 480))).beats_per_bar == 3


@pytest.mark.parametrize("bars", [[], [0], [0, 1200, 2400], [0, 480, 960], [0, 13 * 480]])
def test_bars_that_are_no_2_to_12_whole_beats_make_no_song(bars: list[int]) -> None:
    assert longest_run(np.array(bars, dtype=np.int32)) is None
    with pytest.raises(ValueError, match="test/a has no regular bars"):
        piece_of(table(bars, Note(0, 60, 480)))
