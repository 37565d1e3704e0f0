from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.music_files import GROOVE_COLUMNS, TrackText, groove_row, midi_bytes, write_groove

from accompanist.config import DataConfig
from accompanist.errors import DataError
from accompanist.music.note import Note
from training.catalog import split_of
from training.read import LeftOut, Song, SongTable, silent
from training.sources.groove import Groove

BEAT = midi_bytes(
    [TrackText("Drums", [(0, 36, 40), (3, 22, 60), (490, 40, 500), (960, 36, 1000), (1430, 38, 1440)], 0, 9)]
)


def read(folder: Path) -> tuple[dict[str, Song], dict[str, str]]:
    songs, left_out = {}, {}
    for found in Groove(DataConfig(home=str(folder))).read(silent):
        if isinstance(found, LeftOut):
            left_out[found.name] = found.reason
        else:
            songs[found.name] = found
    return songs, left_out


def test_strokes_keep_their_moment_and_become_the_kits(tmp_path: Path) -> None:
    write_groove(tmp_path, [(groove_row("drummer1/session1/7", style="neworleans/secondline", bpm=94), BEAT)])
    songs, left_out = read(tmp_path)
    assert left_out == {}
    song = songs["drummer1/session1/7"]
    assert song.melody == ()
    assert song.parts == {
        "drums": (
            Note(0, 36, 120, 90),
            Note(3, 42, 123, 90),
            Note(490, 38, 610, 90),
            Note(960, 36, 1080, 90),
            Note(1430, 38, 1550, 90),
        )
    }
    assert song.bars == (0, 1920)
    assert song.tags == {
        "source": "groove",
        "meter": "4/4",
        "tempo": "medium",
        "style": "neworleans",
        "take": "beat",
        "family": "drummer1/session1/neworleans/secondline/94",
    }


def test_a_song_of_drums_alone_survives_its_table(tmp_path: Path) -> None:
    write_groove(tmp_path, [(groove_row("drummer1/session1/7"), BEAT)])
    song = read(tmp_path)[0]["drummer1/session1/7"]
    table = SongTable.of(song)
    assert table.song() == song
    assert table.playing == ("drums",)


@pytest.mark.parametrize(
    ("meter", "last", "bars"), [("4-4", 1859, 1), ("4-4", 1861, 2), ("3-4", 1430, 2), ("3-4", 0, 1)]
)
def test_bars_reach_to_the_last_stroke(tmp_path: Path, meter: str, last: int, bars: int) -> None:
    stroke = midi_bytes([TrackText("Drums", [(last, 36, last + 10)], 0, 9)])
    write_groove(tmp_path, [(groove_row("d/s/1", meter=meter), stroke)])
    bar_ticks = 480 * int(meter[0])
    assert read(tmp_path)[0]["d/s/1"].bars == tuple(range(0, (bars + 1) * bar_ticks, bar_ticks))


def test_takes_of_one_groove_are_one_family(tmp_path: Path) -> None:
    rows = [
        groove_row("drummer1/session1/1", style="funk", bpm=95),
        groove_row("drummer1/session1/2", style="funk", bpm=95, take="fill"),
        groove_row("drummer1/session2/1", style="funk", bpm=95),
        groove_row("drummer1/eval_session/1", style="funk/groove1", bpm=138),
        groove_row("drummer5/eval_session/1", style="funk/groove1", bpm=138),
    ]
    write_groove(tmp_path, [(row, BEAT) for row in rows])
    families = {name: SongTable.of(song).family for name, song in read(tmp_path)[0].items()}
    assert families["drummer1/session1/1"] == families["drummer1/session1/2"] == "groove/drummer1/session1/funk/95"
    assert families["drummer1/eval_session/1"] == families["drummer5/eval_session/1"]
    assert len(set(families.values())) == 3


def test_what_is_left_out_is_named_with_its_reason(tmp_path: Path) -> None:
    cowbell = midi_bytes([TrackText("Drums", [(0, 56, 40)], 0, 9)])
    write_groove(
        tmp_path,
        [
            (groove_row("a", meter="6-8"), BEAT),
            (groove_row("b"), BEAT[:40]),
            (groove_row("c"), None),
            (groove_row("d"), cowbell),
            (groove_row("e") | {"bpm": "fast"}, BEAT),
            (groove_row("f"), BEAT),
        ],
    )
    songs, left_out = read(tmp_path)
    assert list(songs) == ["f"]
    assert left_out["a"] == "in 6/8; read are 4/4 and 3/4"
    assert left_out["b"].startswith("damaged MIDI file")
    assert left_out["c"] == "groove/c.mid is not in the archive"
    assert left_out["d"] == "no strokes on any piece of the kit"
    assert "malformed" in left_out["e"]


def test_a_table_that_lacks_a_column_leaves_all_out_by_name(tmp_path: Path) -> None:
    write_groove(tmp_path, [(groove_row("a"), BEAT)], columns=[name for name in GROOVE_COLUMNS if name != "bpm"])
    assert read(tmp_path) == ({}, {"a": "its row in info.csv is malformed: KeyError 'bpm'"})


def test_an_archive_without_table_is_a_data_error(tmp_path: Path) -> None:
    write_groove(tmp_path, [], columns=[])
    with pytest.raises(DataError, match=r"info\.csv"):
        read(tmp_path)


@pytest.fixture(scope="module")
def real(data_folder: Path) -> tuple[dict[str, Song], dict[str, str]]:
    if not (data_folder / "groove.zip").is_file():
        pytest.skip(f"no groove.zip in {data_folder}")
    return read(data_folder)


def test_groove_has_1143_takes_in_its_two_meters(real: tuple[dict[str, Song], dict[str, str]]) -> None:
    songs, left_out = real
    assert len(songs) == 1143
    assert {reason.split(";")[0] for reason in left_out.values()} == {"in 6/8", "in 5/4", "in 5/8"}
    assert sum(len(song.bars) - 1 for song in songs.values()) == pytest.approx(22_400, rel=0.01)
    assert all(song.parts["drums"] for song in songs.values())


def test_groove_begins_on_the_beat(real: tuple[dict[str, Song], dict[str, str]]) -> None:
    beats = [song for song in real[0].values() if song.tags["take"] == "beat" and song.tags["meter"] == "4/4"]
    ticks = np.array([note.start_tick for song in beats for note in song.parts["drums"] if note.pitch == 36])
    kicks = np.bincount((ticks + 60) // 120 % 16, minlength=16) / len(ticks)
    assert kicks.argmax() == 0  # the kick is on the one
    assert kicks[0] > 0.19
    off = ticks / 120 - np.round(ticks / 120)
    assert abs(off.mean()) < 0.1
    assert 0.1 < np.abs(off).mean() < 0.2  # human, and not without a grid: chance is 0.25


def test_groove_splits_near_to_the_shares_asked_for(real: tuple[dict[str, Song], dict[str, str]]) -> None:
    tables = [SongTable.of(song) for song in real[0].values()]
    bars = {name: sum(len(t.bars) - 1 for t in tables if split_of(t.family) == name) for name in ("train", "test")}
    assert 0.7 < bars["train"] / sum(len(t.bars) - 1 for t in tables) < 0.9
    assert bars["test"] > 1000
