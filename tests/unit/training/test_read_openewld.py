from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from support.music_files import mxl, xml_harmony, xml_measure, xml_note

from accompanist.config import DataConfig
from training.read import LeftOut, Song, silent
from training.sources.openewld import OpenEwld

OF_C = (xml_harmony("C"), xml_note("C4", 8), xml_note("E4", 8))


def read(folder: Path) -> tuple[dict[str, Song], dict[str, str]]:
    songs, left_out = {}, {}
    for found in OpenEwld(DataConfig(home=str(folder))).read(silent):
        if isinstance(found, LeftOut):
            left_out[found.name] = found.reason
        else:
            songs[found.name] = found
    return songs, left_out


def write(folder: Path, sheets: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(folder / "openewld.zip", "w") as archive:
        for name, data in sheets.items():
            archive.writestr(f"OpenEWLD/dataset/{name}/{name.rpartition('/')[2]}.mxl", data)


def test_a_sheet_becomes_a_song_with_chords(tmp_path: Path) -> None:
    tempo = '<sound tempo="60"/>'
    write(
        tmp_path,
        {
            "[Traditional]/Song": mxl(xml_measure(tempo, *OF_C, meter="2/2"), xml_measure(*OF_C)),
            "A_B-C_D/Other": mxl(xml_measure(*OF_C, meter="4/4")),
        },
    )
    songs, left_out = read(tmp_path)
    assert left_out == {}
    song = songs["[Traditional]/Song"]
    assert [note.pitch for note in song.melody] == [60, 64, 60, 64]
    assert [note.pitch for note in song.parts["chords"]] == [48, 55, 60, 64, 48, 55, 60, 64]
    assert song.bars == (0, 1920, 3840)
    assert song.tags == {"source": "openewld", "meter": "4/4", "mode": "major", "style": "folk", "tempo": "slow"}
    assert songs["A_B-C_D/Other"].tags == {"source": "openewld", "meter": "4/4", "mode": "major", "style": "standard"}


def test_what_is_left_out_is_named_with_its_reason(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "x/six": mxl(xml_measure(*OF_C, meter="4/4"), xml_measure(*OF_C, meter="6/8")),
            "x/none": mxl(xml_measure(*OF_C)),
            "x/bare": mxl(xml_measure(xml_note("C4", 16), meter="4/4")),
            "x/mute": mxl(xml_measure(xml_harmony("C"), xml_note("", 16), meter="4/4")),
            "x/broken": b"PK",
        },
    )
    songs, left_out = read(tmp_path)
    assert songs == {}
    assert left_out["x/six"] == "in 6/8; read are 4/4, 2/2, 3/4, 2/4"
    assert left_out["x/none"].startswith("in no meter")
    assert left_out["x/bare"] == "has no chord symbols"
    assert left_out["x/mute"] == "has no melody"
    assert left_out["x/broken"].startswith("damaged MusicXML file")


@pytest.fixture(scope="module")
def real(data_folder: Path) -> tuple[dict[str, Song], dict[str, str]]:
    if not (data_folder / "openewld.zip").is_file():
        pytest.skip(f"no openewld.zip in {data_folder}")
    return read(data_folder)


def test_openewld_has_478_songs_in_its_meters(real: tuple[dict[str, Song], dict[str, str]]) -> None:
    songs, left_out = real
    assert (len(songs), len(left_out)) == (478, 24)
    lengths = np.concatenate([np.diff(song.bars) for song in songs.values()])
    assert len(lengths) == pytest.approx(16_300, rel=0.01)
    assert np.isin(lengths, (960, 1440, 1920)).mean() > 0.999


def test_openewlds_melodies_fit_their_chords(real: tuple[dict[str, Song], dict[str, str]]) -> None:
    fit = shifted = heard = 0
    for song in real[0].values():
        chords = sorted(song.parts["chords"])
        starts = np.array([note.start_tick for note in chords])
        for note in song.melody:
            last = int(np.searchsorted(starts, note.start_tick, side="right")) - 1
            if last < 0:
                continue
            classes = {chord.pitch % 12 for chord in chords if chord.start_tick == starts[last]}
            heard += 1
            fit += note.pitch % 12 in classes
            shifted += (note.pitch + 6) % 12 in classes
    assert fit / heard > 0.68
    assert shifted / heard < 0.25
