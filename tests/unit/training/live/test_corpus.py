"""The music of a live run, and its cache."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")

import numpy as np
from support.live_songs import tune

from accompanist.config import DataConfig, TrainConfig
from accompanist.errors import EmptyDataset
from training.catalog import split_of
from training.live import corpus
from training.read import MELODY, LeftOut, Progress, Song

WITH_MELODY = 12


class Tunes:
    """A source of tunes, some of drums alone, and one in five."""

    name, reader, licence = "tunes", "1", "CC0-1.0"

    def __init__(self) -> None:
        self.reads, self.content, self.melodies = 0, "a", True

    def fingerprint(self) -> str:
        return self.content

    def read(self, progress: Progress) -> Iterator[Song | LeftOut]:
        self.reads += 1
        for number in range(WITH_MELODY):
            parts = (MELODY, "bass", "piano") if self.melodies else ("bass", "piano")
            table = tune(f"{number}", key=number, meter=3 + number % 2, seed=number, parts=parts)
            yield replace(table.song(), source="tunes")
            progress("tunes", number, WITH_MELODY)
        for number in range(3):
            yield replace(tune(f"beat {number}", parts=("drums",)).song(), source="tunes")
        yield replace(tune("five").song(), source="tunes", tags={"meter": "5/4"})
        yield LeftOut("broken", "no MIDI file")


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Tunes:
    made = Tunes()
    monkeypatch.setattr(corpus, "source_named", lambda _name, _data: made)
    return made


def load(folder: Path, *tags: str) -> corpus.Corpus:
    return corpus.load(TrainConfig(model="live", data=("tunes",), tag=tags), DataConfig(cache=str(folder)))


def same(one: corpus.Corpus, other: corpus.Corpus) -> bool:
    songs = zip((*one.train, *one.validation, *one.test), (*other.train, *other.validation, *other.test), strict=True)
    arrays = ("codes", "melody", "struck", "key", "place")
    return all(
        all(np.array_equal(getattr(a, name), getattr(b, name)) for name in arrays)
        and (a.label, a.style, a.meter, a.has_melody) == (b.label, b.style, b.meter, b.has_melody)
        for a, b in songs
    ) and all(np.array_equal(one.books[name].cells, other.books[name].cells) for name in one.books)


@pytest.mark.usefixtures("source")
def test_every_song_is_where_its_family_belongs(tmp_path: Path) -> None:
    found = load(tmp_path)
    for split in ("train", "validation", "test"):
        assert all(split_of(song.label) == split for song in found.of(split))
    assert len(found.train) + len(found.validation) + len(found.test) == WITH_MELODY + 3
    assert {one.name for one in found.left_out} == {"tunes/five", "tunes/broken"}
    assert list(found.books) == ["bass", "piano", "strings", "drums"]
    assert len(found.books["strings"]) == 1  # nobody plays them: silence
    assert found.licences == ("CC0-1.0",)


@pytest.mark.usefixtures("source")
def test_drums_alone_go_under_songs_that_have_none(tmp_path: Path) -> None:
    found = load(tmp_path)
    alone = [song for song in found.train if song.is_drums_alone]
    assert [song.label for song in alone] == [song.label for song in found.train if "beat" in song.label]
    assert found.pool(TrainConfig(stretch_beats=16)).grooves == alone


def test_the_second_time_it_is_taken_from_the_cache(tmp_path: Path, source: Tunes) -> None:
    first = load(tmp_path)
    again = load(tmp_path)
    assert source.reads == 1
    assert same(first, again)
    assert first.digest == again.digest
    assert first.left_out == again.left_out


def test_other_music_is_made_anew_and_takes_the_place_of_the_old(tmp_path: Path, source: Tunes) -> None:
    first = load(tmp_path)
    some = load(tmp_path, "meter=3/4")
    assert {song.meter for song in (*some.train, *some.validation, *some.test)} == {3}
    assert some.digest != first.digest
    assert len(list(tmp_path.glob("live-*.npz"))) == 2  # asked for otherwise: both are kept
    source.content = "b"
    load(tmp_path)
    assert len(list(tmp_path.glob("live-*.npz"))) == 2


def test_a_damaged_cache_is_made_anew(tmp_path: Path, source: Tunes) -> None:
    first = load(tmp_path)
    (path,) = tmp_path.glob("live-*.npz")
    content = path.read_bytes()
    for damaged in (b"", content[: len(content) // 2]):
        path.write_bytes(damaged)
        assert same(load(tmp_path), first)
    assert source.reads == 1  # the songs themselves were still there


def test_what_takes_time_is_told(tmp_path: Path, source: Tunes) -> None:
    told: list[str] = []
    config = TrainConfig(model="live", data=("tunes",))
    corpus.load(config, DataConfig(cache=str(tmp_path)), progress=lambda what, *_: told.append(what))
    assert list(dict.fromkeys(told)) == ["tunes", "songs beat by beat", "figures", "songs in figures"]
    assert source.reads == 1


def test_music_without_a_melody_is_refused(tmp_path: Path, source: Tunes) -> None:
    source.melodies = False
    with pytest.raises(EmptyDataset, match="no song of tunes has a melody"):
        load(tmp_path)
    with pytest.raises(EmptyDataset, match="with meter=9/8"):
        load(tmp_path, "meter=9/8")
