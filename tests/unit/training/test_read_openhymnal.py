from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from accompanist.config import DataConfig
from accompanist.music.note import Note
from training.read import LeftOut, Song, silent
from training.sources.openhymnal import OpenHymnal, tune_of

VOICES = {
    "S1V1": "G | c2 d c | B3 |]",
    "S1V2": "E | E2 F E | D3 |]",
    "S2V1": "C | G,2 A, G, | G,3 |]",
    "S2V2": "C, | C,2 F,, C, | G,,3 |]",
}


def hymn(voices: Mapping[str, str] = VOICES, *, meter: str = "4/4 % time signature") -> bytes:
    body = "\n".join(f"[V: {name}] {music}" for name, music in voices.items())
    head = f"% of the Open Hymnal\nX: 1\nT: Käme\nM: {meter}\nL: 1/4\nQ: 1/4=70\nK: C % key signature\n"
    return (head + body).encode("latin-1")


def read(folder: Path) -> tuple[dict[str, Song], dict[str, str]]:
    songs, left_out = {}, {}
    for found in OpenHymnal(DataConfig(home=str(folder))).read(silent):
        if isinstance(found, LeftOut):
            left_out[found.name] = found.reason
        else:
            songs[found.name] = found
    return songs, left_out


def write(folder: Path, hymns: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(folder / "openhymnal.zip", "w") as archive:
        for name, data in hymns.items():
            archive.writestr(f"openhymnal/Complete/{name}/{name}.abc", data)


def test_four_voices_become_the_ensemble_on_whole_bars(tmp_path: Path) -> None:
    write(tmp_path, {"Grace-New_Britain": hymn()})
    songs, left_out = read(tmp_path)
    assert left_out == {}
    song = songs["Grace-New_Britain"]
    assert song.bars == (0, 1920, 3840, 5760)
    assert song.melody[:2] == (Note(1440, 67, 1920), Note(1920, 72, 2880))
    assert [note.pitch for note in song.parts["bass"]] == [48, 48, 41, 48, 43]
    assert song.parts["piano"][:2] == (Note(1440, 60, 1920), Note(1440, 64, 1920))
    assert set(song.parts) == {"bass", "piano"}
    assert song.tags == {
        "source": "openhymnal",
        "meter": "4/4",
        "mode": "major",
        "style": "hymn",
        "family": "new_britain",
        "tempo": "slow",
    }


def test_a_bar_line_that_one_voice_lacks_is_no_matter(tmp_path: Path) -> None:
    write(tmp_path, {"a": hymn(VOICES | {"S2V2": "C, | C,2 F,, C, G,,3 |]"})})
    assert read(tmp_path)[0]["a"].bars == (0, 1920, 3840, 5760)


def test_what_is_left_out_is_named_with_its_reason(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "two": hymn({"S1": "C4", "S2": "C,4"}),
            "six": hymn(meter="6/8"),
            "free": hymn(meter="none"),
            "uneven": hymn(VOICES | {"S1V2": "E | E2 F E | D4 |]"}),
            "mute": hymn(VOICES | {"S1V1": "z | z4 | z3 |]"}),
            "strange": hymn(VOICES | {"S1V1": "G & c"}),
            "nothing": b"",
        },
    )
    songs, left_out = read(tmp_path)
    assert songs == {}
    assert left_out["two"] == "needs the four voices S1V1, S1V2, S2V1, S2V2; has S1, S2"
    assert left_out["six"] == "in 6/8; read are 4/4, 2/2, 3/4, 2/4"
    assert left_out["free"].startswith("in no meter")
    assert left_out["uneven"] == "its voices are not equally long"
    assert left_out["mute"] == "the soprano is empty"
    assert left_out["strange"].startswith("not read in ABC notation")
    assert left_out["nothing"].startswith("no tune in ABC notation")


@pytest.mark.parametrize(
    ("name", "tune"),
    [
        ("Amazing_Grace-New_Britain", "new_britain"),
        ("A_Mighty_Fortress-Ein_Feste_Burg_Isorhythmic", "ein_feste_burg"),
        ("A_Mighty_Fortress-Ein_Feste_Burg_Rhythmic", "ein_feste_burg"),
        ("X-Wo_Gott_Zum_Haus_1533", "wo_gott_zum_haus"),
        ("X-Woodbird-Es_Flog_Ein_Kleins_Waldvogelein", "woodbird"),
        ("Untitled", "untitled"),
    ],
)
def test_versions_of_a_tune_are_one_family(name: str, tune: str) -> None:
    assert tune_of(name) == tune


@pytest.fixture(scope="module")
def real(data_folder: Path) -> tuple[dict[str, Song], dict[str, str]]:
    if not (data_folder / "openhymnal.zip").is_file():
        pytest.skip(f"no openhymnal.zip in {data_folder}")
    return read(data_folder)


def test_openhymnals_hymns_have_regular_bars(real: tuple[dict[str, Song], dict[str, str]]) -> None:
    songs, left_out = real
    assert (len(songs), len(left_out)) == (231, 53)
    lengths = np.concatenate([np.diff(song.bars) for song in songs.values()])
    assert len(lengths) == pytest.approx(3_950, rel=0.01)
    assert set(lengths.tolist()) == {960, 1440, 1920}


def test_openhymnals_sopranos_are_consonant_and_on_top(real: tuple[dict[str, Song], dict[str, str]]) -> None:
    on_top = consonant = sounding = 0
    for song in real[0].values():
        others = [*song.parts["bass"], *song.parts["piano"]]
        for note in song.melody:
            under = [other.pitch for other in others if other.start_tick <= note.start_tick < other.end_tick]
            on_top += bool(under) and max(under) <= note.pitch
            sounding += len(under)
            consonant += sum((note.pitch - pitch) % 12 in {0, 3, 4, 5, 7, 8, 9} for pitch in under)
    assert on_top / sum(len(song.melody) for song in real[0].values()) > 0.99
    assert consonant / sounding > 0.9
