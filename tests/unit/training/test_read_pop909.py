from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from support.music_files import pop909_grid, pop909_song, write_pop909

from accompanist.config import DataConfig
from accompanist.errors import DataError
from accompanist.music.note import Note
from training.read import LeftOut, Song, silent
from training.sources.pop909 import BASS_CEILING, Pop909, annotated_mode, split_piano


def read(folder: Path) -> tuple[dict[str, Song], dict[str, str]]:
    songs, left_out = {}, {}
    for found in Pop909(DataConfig(home=str(folder))).read(silent):
        if isinstance(found, LeftOut):
            left_out[found.name] = found.reason
        else:
            songs[found.name] = found
    return songs, left_out


@pytest.mark.parametrize("ppq", [480, 960])
def test_the_grids_phase_is_removed(tmp_path: Path, ppq: int) -> None:
    write_pop909(tmp_path, {"001": pop909_song(ppq=ppq)}, {"001": pop909_grid(ppq=ppq)})
    songs, left_out = read(tmp_path)
    assert left_out == {}
    song = songs["001"]
    assert song.bars == (0, 1920, 3840, 5760, 7680)
    assert [note.start_tick for note in song.melody] == [480 * beat for beat in range(16)]
    assert [note.pitch for note in song.parts["bass"]] == [40] * 4
    assert [note.start_tick for note in song.parts["bass"]] == [0, 1920, 3840, 5760]
    assert len(song.parts["piano"]) == 32
    assert len(song.parts["strings"]) == 8
    assert song.tags == {"source": "pop909", "meter": "4/4", "mode": "minor", "tempo": "slow", "style": "pop"}


def test_an_inserted_half_bar_makes_one_bar_longer(tmp_path: Path) -> None:
    write_pop909(tmp_path, {"001": pop909_song(bars=4)}, {"001": pop909_grid(bars=3, half_bar_after=2)})
    song = read(tmp_path)[0]["001"]
    assert np.diff(song.bars).tolist() == [1920, 2880, 1920]


def test_notes_before_the_first_bar_line_move_it_to_a_later_bar(tmp_path: Path) -> None:
    grid = pop909_grid(bars=4)
    grid["bar_start_ticks"] = grid["bar_start_ticks"][1:]
    write_pop909(tmp_path, {"001": pop909_song(bars=4)}, {"001": grid})
    song = read(tmp_path)[0]["001"]
    assert song.bars == (1920, 3840, 5760, 7680)
    assert song.melody[0].start_tick == 0


def test_what_is_left_out_is_named_with_its_reason(tmp_path: Path) -> None:
    good = pop909_song()
    no_bridge = good.replace(b"BRIDGE", b"STRING")
    grids = {number: pop909_grid() for number in ("001", "002", "003", "004", "006")}
    grids["005"] = pop909_grid(quality="loose_timing")
    del grids["006"]["bar_start_ticks"]
    write_pop909(tmp_path, {"001": good, "002": good[:100], "003": no_bridge, "005": good, "006": good}, grids)
    songs, left_out = read(tmp_path)
    assert list(songs) == ["001"]
    assert left_out["002"].startswith("damaged MIDI file")
    assert left_out["003"] == "no track named BRIDGE; it has MELODY, STRING, PIANO"
    assert left_out["004"] == "POP909/004/004.mid is not in the archive"
    assert left_out["005"] == "bar lines are not sure: loose_timing"
    assert "malformed" in left_out["006"]


def test_a_member_damaged_inside_the_archive_is_left_out(tmp_path: Path) -> None:
    path = write_pop909(
        tmp_path, {"001": pop909_song(), "002": pop909_song(bars=5)}, dict.fromkeys(("001", "002"), pop909_grid())
    )
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("POP909/002/002.mid")
    data = bytearray(path.read_bytes())
    at = info.header_offset + 60 + info.compress_size // 2
    data[at : at + 8] = bytes(byte ^ 0xFF for byte in data[at : at + 8])
    path.write_bytes(data)
    songs, left_out = read(tmp_path)
    assert list(songs) == ["001"]
    assert "damaged in the archive" in left_out["002"]


def test_a_missing_archive_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"pop909\.zip was not found") as caught:
        read(tmp_path)
    assert str(tmp_path) in caught.value.message
    assert "ACCOMPANIST_DATA" in caught.value.hint


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pop909(tmp_path, {}, {})
    monkeypatch.setenv("ACCOMPANIST_DATA", str(tmp_path))
    assert Pop909(DataConfig()).locate() == str(tmp_path / "pop909.zip")
    monkeypatch.delenv("ACCOMPANIST_DATA")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError):
        Pop909(DataConfig()).locate()


@pytest.mark.parametrize("content", [b"no zip at all", b""])
def test_a_damaged_archive_is_a_data_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pop909.zip").write_bytes(content)
    with pytest.raises(DataError, match="zip"):
        read(tmp_path)


def test_an_archive_without_bar_lines_is_a_data_error(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "pop909.zip", "w") as archive:
        archive.writestr("POP909/001/001.mid", pop909_song())
    with pytest.raises(DataError, match="derived_bars"):
        read(tmp_path)


def test_the_lowest_that_sounds_is_bass_and_the_broken_chord_above_stays() -> None:
    root, fifth, octave = Note(0, 40, 1000), Note(240, 47, 480), Note(480, 52, 720)
    next_root, right_hand = Note(960, 45, 1920), Note(960, 64, 1440)
    bass, rest = split_piano(sorted([root, fifth, octave, next_root, right_hand]))
    # The root's last moments are legato: it ends where the next begins, and does not make that one an upper note.
    assert bass == [root._replace(end_tick=960), next_root]
    assert rest == [fifth, octave, right_hand]


def test_a_right_hand_alone_has_no_bass() -> None:
    chord = [Note(0, pitch, 480) for pitch in (BASS_CEILING + 1, 60, 64)]
    assert split_piano(chord) == ([], chord)
    assert split_piano([]) == ([], [])


def test_the_mode_that_holds_longest_wins() -> None:
    assert annotated_mode("0.0\t10.0\tC:maj\n10.0\t25.0\tA:min\n") == "minor"
    assert annotated_mode("0 9 C:maj") == "major"
    assert annotated_mode("") is None
    assert annotated_mode("0 9 N\nnonsense") is None


@pytest.fixture(scope="module")
def real(data_folder: Path) -> tuple[dict[str, Song], dict[str, str]]:
    if not (data_folder / "pop909.zip").is_file():
        pytest.skip(f"no pop909.zip in {data_folder}")
    return read(data_folder)


def test_pop909_has_736_songs_on_sure_bars(real: tuple[dict[str, Song], dict[str, str]]) -> None:
    songs, left_out = real
    assert len(songs) == 736
    assert len(left_out) == 83
    assert sum(len(song.bars) - 1 for song in songs.values()) == pytest.approx(61_000, rel=0.01)


def test_pop909_lies_on_the_grid(real: tuple[dict[str, Song], dict[str, str]], data_folder: Path) -> None:
    songs, _ = real
    with zipfile.ZipFile(data_folder / "pop909.zip") as archive:
        grids = json.loads(archive.read("POP909/derived_bars.json"))
    assert {number for number, grid in grids.items() if grid["quality"] == "ok"} == set(songs)
    for name, lines, most in (
        ("melody", [song.melody for song in songs.values()], 0.025),
        ("strings", [song.parts["strings"] for song in songs.values()], 0.045),
    ):
        ticks = np.concatenate([[note.start_tick for note in line] for line in lines if line])
        off = np.abs(ticks / 120 - np.round(ticks / 120))
        assert off.mean() < most, name
    assert all(bar % 120 == 0 for song in songs.values() for bar in song.bars)


def test_pop909_keeps_every_note_and_gives_every_song_a_bass(real: tuple[dict[str, Song], dict[str, str]]) -> None:
    songs, _ = real
    melody = sum(len(song.melody) for song in songs.values())
    parts = {name: sum(len(song.parts[name]) for song in songs.values()) for name in ("bass", "piano", "strings")}
    # 1,249,549 notes in the files of these songs; the few lost are doubles of a note that begins on the same tick.
    assert melody + sum(parts.values()) == pytest.approx(1_249_549, rel=0.005)
    shares = [len({note.start_tick // 1920 for note in song.parts["bass"]}) / len(song.bars) for song in songs.values()]
    assert min(shares) > 0.2  # one song is played in the middle of the keyboard throughout
    assert np.median(shares) > 0.95
