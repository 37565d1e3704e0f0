from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.music_files import pop909_grid, pop909_song, write_pop909

from accompanist.config import DataConfig
from accompanist.errors import EmptyDataset
from accompanist.music.note import Note
from training import catalog
from training.evaluation.songs import pieces, symbols
from training.read import Song, SongTable


@pytest.fixture
def data(tmp_path: Path) -> DataConfig:
    """Thirty songs of nine bars, and one each that is too short or has too few regular bars."""
    numbers = [f"{number:03}" for number in range(1, 31)]
    songs = dict.fromkeys(numbers, pop909_song(bars=9)) | {"900": pop909_song(bars=7), "901": pop909_song(bars=12)}
    grids = dict.fromkeys(numbers, pop909_grid(bars=9))
    grids |= {"900": pop909_grid(bars=7), "901": pop909_grid(bars=12, half_bar_after=6)}
    write_pop909(tmp_path, songs, grids)
    return DataConfig(home=str(tmp_path), cache=str(tmp_path / "cache"))


def test_each_song_stands_in_the_split_that_training_puts_it_in(data: DataConfig) -> None:
    found = {split: [song.label for song in pieces(["pop909"], data, split)] for split in catalog.SPLITS}
    assert sum(map(len, found.values())) == 30  # the short ones are in none
    for split, labels in found.items():
        assert all(catalog.split_of(label) == split for label in labels)


def test_a_song_is_whole_and_has_peoples_parts(data: DataConfig) -> None:
    song = pieces(["pop909"], data, "train", most=1)[0]
    assert (song.bars, song.beats_per_bar) == (9, 4)
    assert list(song.parts) == ["bass", "piano", "strings"]
    assert song.chords is None


def test_some_songs_are_spread_over_all(data: DataConfig) -> None:
    every = [song.label for song in pieces(["pop909"], data, "train")]
    some = [song.label for song in pieces(["pop909"], data, "train", most=3)]
    assert len(some) == 3
    assert (some[0], some[-1]) == (every[0], every[-1])
    assert [song.label for song in pieces(["pop909"], data, "train", most=99)] == every


def test_nothing_to_play_is_told(data: DataConfig, tmp_path: Path) -> None:
    write_pop909(tmp_path, {"900": pop909_song(bars=7)}, {"900": pop909_grid(bars=7)})
    with pytest.raises(EmptyDataset, match="no song of the test split of pop909 has a melody with accompaniment and 8"):
        pieces(["pop909"], data, "test")


def test_chord_symbols_are_chords_that_were_written_down() -> None:
    chords = (Note(0, 48, 960), Note(0, 55, 960), Note(1200, 53, 1920))
    sheet = SongTable.of(Song("a", "test", {}, (Note(0, 72, 1920),), {"chords": chords}, (0, 1920)))
    tones = symbols(sheet)
    assert tones is not None
    assert [np.flatnonzero(beat).tolist() for beat in tones] == [[0, 7], [0, 7], [], [5]]
    assert symbols(SongTable.of(Song("a", "test", {}, (), {"bass": chords}, (0, 1920)))) is None
