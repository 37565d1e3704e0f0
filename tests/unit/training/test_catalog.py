from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.music_files import TrackText, groove_row, midi_bytes, pop909_grid, pop909_song, write_groove, write_pop909

from accompanist.config import DataConfig, TrainConfig
from accompanist.errors import ConfigError, DataError, EmptyDataset, StorageError
from training import cache
from training.catalog import SPLITS, TAGS, load, parse_tags, source_named, split_of, survey
from training.read import LeftOut, silent
from training.sources import registry
from training.sources.folder import Folder
from training.sources.pop909 import Pop909

NUMBERS = [f"{number:03}" for number in range(1, 41)]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes what the user has registered."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def home(tmp_path: Path) -> DataConfig:
    """Forty songs in POP909's layout, one of them damaged."""
    songs = dict.fromkeys(NUMBERS, pop909_song()) | {"007": b"MThd"}
    write_pop909(tmp_path, songs, dict.fromkeys(NUMBERS, pop909_grid()))
    return DataConfig(home=str(tmp_path))


POP = TrainConfig(data=("pop909",))


def test_every_song_is_in_one_split_and_every_window_in_its_songs(home: DataConfig) -> None:
    splits = load(POP, home)
    assert [(name, reason[:12]) for name, reason in splits.left_out] == [("pop909/007", "damaged MIDI")]
    assert {entry.label for entry in splits.songs} == {f"pop909/{n}" for n in NUMBERS if n != "007"}
    for name in SPLITS:
        windows = getattr(splits, name)
        entries = [entry for entry in splits.songs if entry.split == name]
        assert list(windows.songs) == [entry.label for entry in entries]
        assert len(windows) == sum(entry.windows for entry in entries)
        assert np.bincount(windows.song_of, minlength=len(entries)).tolist() == [3] * len(entries)
    assert splits.licences == ("MIT",)
    assert all(entry.bars == 4 for entry in splits.songs)


@given(st.text(min_size=1, max_size=20))
def test_the_split_is_fixed_by_the_label(label: str) -> None:
    assert split_of(label) == split_of(label)
    assert split_of(label) in SPLITS


def test_the_split_does_not_change_between_versions() -> None:
    # Written down once: a model's test songs must stay its test songs.
    assert [split_of(f"pop909/{number}") for number in ("011", "012", "015", "023")] == [
        "train",
        "train",
        "test",
        "validation",
    ]
    counts = [split_of(f"x/{n}") for n in range(5000)]
    assert counts.count("train") == pytest.approx(4000, abs=120)
    assert counts.count("validation") == pytest.approx(500, abs=90)


def test_filters_do_not_move_songs_between_splits(tmp_path: Path) -> None:
    songs = {number: pop909_song(bpm=150.0 if int(number) % 2 else 70.0) for number in NUMBERS}
    write_pop909(tmp_path, songs, dict.fromkeys(NUMBERS, pop909_grid()))
    data = DataConfig(home=str(tmp_path))
    everything = {entry.label: entry.split for entry in load(POP, data).songs}
    some = load(TrainConfig(data=("pop909",), tag=("tempo=fast", "meter=4/4")), data)
    assert {entry.label for entry in some.songs} == {f"pop909/{n}" for n in NUMBERS if int(n) % 2}
    assert all(everything[entry.label] == entry.split for entry in some.songs)
    assert all(entry.tags["tempo"] == "fast" for entry in some.songs)


def test_all_tags_must_hold() -> None:
    assert parse_tags(["meter=4/4", " mode = major ", "meter=4/4"]) == {"meter": "4/4", "mode": "major"}
    assert parse_tags([]) == {}


@pytest.mark.parametrize("text", ["meter", "=4/4", "meter=", "", "="])
def test_a_malformed_tag_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="KEY=VALUE"):
        parse_tags([text])


def test_an_unknown_tag_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(ConfigError, match="unknown key 'metre'") as caught:
        parse_tags(["metre=4/4"])
    assert all(key in caught.value.message for key in TAGS)


def test_contradicting_tags_are_refused() -> None:
    with pytest.raises(ConfigError, match="must hold"):
        parse_tags(["mode=major", "mode=minor"])


def test_an_unknown_source_is_refused_and_the_nearest_is_named() -> None:
    with pytest.raises(ConfigError, match="deepcomposer") as caught:
        source_named("pop99", DataConfig())
    assert "pop909" in caught.value.hint


def test_tags_that_nothing_has_leave_an_empty_set_and_say_what_there_is(home: DataConfig) -> None:
    asked = TrainConfig(data=("pop909",), tag=("mode=major",))
    with pytest.raises(EmptyDataset, match="mode=major; there are mode: minor"):
        load(asked, home)
    assert len(survey(asked, home).train) == 0


def test_nothing_readable_is_an_empty_set_that_names_a_reason(tmp_path: Path) -> None:
    write_pop909(tmp_path, {"001": b"MThd"}, {"001": pop909_grid()})
    with pytest.raises(EmptyDataset, match="pop909/001: damaged"):
        load(POP, DataConfig(home=str(tmp_path)))


def test_songs_too_short_for_a_window_are_named(tmp_path: Path) -> None:
    write_pop909(tmp_path, {"001": pop909_song(bars=1)}, {"001": pop909_grid(bars=1)})
    splits = survey(POP, DataConfig(home=str(tmp_path)))
    assert splits.left_out == (
        LeftOut("pop909/001", "no 32 regular sixteenths from a bar line with melody and accompaniment"),
    )


def test_few_songs_may_all_fall_to_the_test(tmp_path: Path) -> None:
    number = next(n for n in NUMBERS if split_of(f"pop909/{n}") == "test")
    write_pop909(tmp_path, {number: pop909_song()}, {number: pop909_grid()})
    with pytest.raises(EmptyDataset, match="validation and test"):
        load(POP, DataConfig(home=str(tmp_path)))


def test_several_sources_come_together(home: DataConfig, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for i in range(12):
        tune, low = [(480 * b, 60 + i, 480 * b + 480) for b in range(8)], [(0, 40, 3840)]
        (folder / f"{i}.mid").write_bytes(midi_bytes([TrackText("tune", tune), TrackText("bass", low, 33, 1)]))
    registry.register(Folder("mine", folder))
    splits = load(TrainConfig(data=("pop909", "mine", "pop909")), home)
    assert sum(entry.label.startswith("mine/") for entry in splits.songs) == 12
    assert len(splits.songs) == 51
    assert len(splits.licences) == 2


def counted(source: Pop909) -> list[str]:
    """What `source.read` is told as progress: empty where the cache answered."""
    seen: list[str] = []

    def progress(what: str, done: int, total: int) -> None:
        assert 0 <= done <= total
        seen.append(what)

    cache.read(source, Path(source.data.cache), progress=progress)
    return seen


def cached_at(home: DataConfig, tmp_path: Path) -> Pop909:
    return Pop909(DataConfig(home=home.home, cache=str(tmp_path / "c")))


def test_the_same_files_are_read_once(home: DataConfig, tmp_path: Path) -> None:
    source = cached_at(home, tmp_path)
    assert cache.cached(source, tmp_path / "c") is None
    assert counted(source)
    assert counted(source) == []
    stored, anew = cache.cached(source, tmp_path / "c"), [*source.read(silent)]
    assert stored is not None
    assert [table.song() for table in stored.songs] == [song for song in anew if not isinstance(song, LeftOut)]
    assert list(stored.left_out) == [entry for entry in anew if isinstance(entry, LeftOut)]


def test_other_bytes_are_read_anew_and_replace_the_old(home: DataConfig, tmp_path: Path) -> None:
    source = cached_at(home, tmp_path)
    counted(source)
    write_pop909(tmp_path, {"001": pop909_song(bars=6)}, {"001": pop909_grid(bars=6)})
    assert counted(source)
    (only,) = (tmp_path / "c").iterdir()
    assert only == cache.cache_path(source, tmp_path / "c")


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "text"])
def test_a_damaged_cache_is_rebuilt(home: DataConfig, tmp_path: Path, damage: str) -> None:
    source = cached_at(home, tmp_path)
    counted(source)
    path = cache.cache_path(source, tmp_path / "c")
    good = path.read_bytes()
    middle = len(good) // 2
    path.write_bytes(
        {
            "cut": good[:middle],
            "flipped": good[:middle] + bytes(byte ^ 0xFF for byte in good[middle : middle + 64]) + good[middle + 64 :],
            "emptied": b"",
            "text": b"not an archive",
        }[damage]
    )
    assert cache.cached(source, tmp_path / "c") is None
    assert counted(source)
    assert counted(source) == []


def test_an_interrupted_reading_leaves_nothing_behind(home: DataConfig, tmp_path: Path) -> None:
    source = cached_at(home, tmp_path)

    def interrupted(what: str, done: int, total: int) -> None:
        if done == 20:
            raise KeyboardInterrupt(f"while reading {what}, {done} of {total}")

    with pytest.raises(KeyboardInterrupt):
        cache.read(source, tmp_path / "c", progress=interrupted)
    assert not list(tmp_path.glob("c/*"))


def test_an_interrupted_writing_leaves_nothing_behind(
    home: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = cached_at(home, tmp_path)

    def half(file: object, **_: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", half)
    with pytest.raises(KeyboardInterrupt):
        cache.read(source, tmp_path / "c")
    assert not list(tmp_path.glob("c/*"))


def test_a_full_disk_is_told(home: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(StorageError, match="No space left"):
        cache.read(cached_at(home, tmp_path), tmp_path / "c")
    assert not list(tmp_path.glob("c/*"))


def test_a_cache_that_cannot_be_made_is_told(home: DataConfig, tmp_path: Path) -> None:
    (tmp_path / "c").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match=r"data\.cache|cannot be written"):
        cache.read(cached_at(home, tmp_path), tmp_path / "c")


def test_a_damaged_list_of_folders_is_a_data_error() -> None:
    registry.registry_path().parent.mkdir(parents=True)
    registry.registry_path().write_text('{"folders": 3}')
    with pytest.raises(DataError, match=r"folders\.json"):
        source_named("pop909", DataConfig())


def test_songs_without_a_melody_are_named_apart_and_cannot_be_trained_on_alone(tmp_path: Path) -> None:
    drums = midi_bytes([TrackText("Drums", [(0, 36, 40), (3840, 38, 3900)], 0, 9)])
    write_groove(tmp_path, [(groove_row(f"d/s/{style}", style=style), drums) for style in ("funk", "jazz", "rock")])
    data = DataConfig(home=str(tmp_path))
    splits = survey(TrainConfig(data=("groove",), tag=("take=beat",)), data)
    assert splits.songs == splits.left_out == ()
    assert [(entry.label, entry.bars, entry.windows, entry.parts) for entry in splits.partial] == [
        (f"groove/d/s/{style}", 3, 0, ("drums",)) for style in ("funk", "jazz", "rock")
    ]
    assert [entry.split for entry in splits.partial] == [
        split_of(f"groove/d/s/{style}/120") for style in ("funk", "jazz", "rock")
    ]
    with pytest.raises(EmptyDataset, match="both a melody and an accompaniment to learn from; 3 have one"):
        load(TrainConfig(data=("groove",)), data)
