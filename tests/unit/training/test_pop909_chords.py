from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from support.music_files import PHASE_TICKS, TrackText, midi_bytes, pop909_grid, pop909_song, write_pop909

from accompanist.config import DataConfig
from training import catalog
from training.evaluation.songs import pieces
from training.read import SongTable, parse_midi, silent
from training.sources.pop909 import Pop909
from training.sources.pop909_chords import annotated, tones_of

BEAT_S = 60 / 70


def names(tones: np.ndarray) -> list[tuple[int, ...]]:
    return [tuple(np.flatnonzero(beat).tolist()) for beat in tones]


def test_seconds_become_beats_through_the_tempo_map() -> None:
    # Two beats at 60 BPM, then two at 120; the first bar lies 48 ticks behind the file's beginning.
    score = parse_midi(midi_bytes([TrackText("a", [(0, 60, 480)])], tempos=((0, 60.0), (1008, 120.0))))
    text = "0.1 1.1 C:maj\n1.1 2.1 A:min/b3\n2.1 3.1 N\n"
    tones = tones_of(text, score, origin=48.0, first_tick=0, beats=5)
    assert names(tones) == [(0, 4, 7), (0, 4, 9), (), (), ()]


def test_a_song_that_begins_with_bars_before_the_first_is_met_there() -> None:
    score = parse_midi(midi_bytes([TrackText("a", [(0, 60, 480)])], tempos=((0, 60.0),)))
    tones = tones_of("0.0 1.0 Db:maj\n", score, origin=0.0, first_tick=2 * 480, beats=4)
    assert names(tones) == [(), (), (1, 5, 8), ()]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("C#:min7/b7", (1, 4, 8, 11)),
        ("Bb:sus4(b7)", (3, 5, 8, 10)),
        ("F:hdim7", (3, 5, 8, 11)),
        ("Cb:maj", (3, 6, 11)),
        ("C:unheard-of", ()),
    ],
)
def test_chords_by_name(name: str, expected: tuple[int, ...]) -> None:
    score = parse_midi(midi_bytes([TrackText("a", [(0, 60, 480)])], tempos=((0, 60.0),)))
    assert names(tones_of(f"0 1 {name}", score, origin=0.0, first_tick=0, beats=1)) == [expected]


@pytest.mark.parametrize("text", ["0 1", "0 1 H:maj", "a b C:maj", "0 1 C:maj more"])
def test_a_line_that_is_no_annotation_is_refused(text: str) -> None:
    score = parse_midi(midi_bytes([TrackText("a", [(0, 60, 480)])]))
    with pytest.raises(ValueError, match=r"expected|root|convert"):
        tones_of(text, score, origin=0.0, first_tick=0, beats=1)


def test_songs_without_a_readable_annotation_have_none(tmp_path: Path) -> None:
    grid = pop909_grid(bars=9)
    path = write_pop909(
        tmp_path, dict.fromkeys(("001", "002", "003"), pop909_song(bars=9)), dict.fromkeys(("001", "002", "003"), grid)
    )
    phase_s = PHASE_TICKS / 480 * BEAT_S
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("POP909/001/chord_midi.txt", f"{phase_s} {phase_s + 4 * BEAT_S} G:7\n")
        archive.writestr("POP909/002/chord_midi.txt", "what is this\n")
    source = Pop909(DataConfig(home=str(tmp_path)))
    songs = [SongTable.of(song) for song in source.read(silent)]  # type: ignore[arg-type]
    first, second, third = annotated(source, songs)
    assert first is not None
    assert names(first) == [(2, 5, 7, 11)] * 4 + [()] * 32
    assert second is None
    assert third is None


def test_people_play_what_is_written_down(data_folder: Path, tmp_path: Path) -> None:
    data = DataConfig(home=str(data_folder), cache=str(tmp_path))
    songs = pieces(["pop909"], data, "validation", most=8)
    assert len(songs) == 8
    found = [song.measured(song.rolls(song.parts)).figures["chord_tones"] for song in songs]
    assert min(found) > 0.85
    assert np.mean(found) > 0.92
    assert {catalog.split_of(song.label) for song in songs} == {"validation"}
