"""What there is to train on: sources by name, songs by tag, and the split into train, validation and test."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from accompanist.config import DataConfig, TrainConfig
from accompanist.errors import ConfigError, EmptyDataset
from accompanist.music.spec import BAND, TrackSpec
from accompanist.places import cache_folder
from training import cache, mix
from training.read import MELODY, LeftOut, Progress, SongTable, silent
from training.sources import Source
from training.sources.chorales import Chorales
from training.sources.deepcomposer import DeepComposer
from training.sources.freedoom import Freedoom
from training.sources.groove import Groove
from training.sources.openewld import OpenEwld
from training.sources.openhymnal import OpenHymnal
from training.sources.pop909 import Pop909
from training.sources.registry import registered
from training.windows import WINDOW_STEPS, WindowSet, cut

TAGS = {
    "source": "where it comes from, as in `accompanist data list`",
    "meter": "4/4, 3/4, ...",
    "mode": "major or minor",
    "tempo": "slow (below 76 BPM), medium, or fast (120 BPM and more)",
    "style": "pop, chorale, rock, folk, ..., or what `accompanist data add --tag style=...` was told",
    "take": "beat or fill, of drums alone",
    "family": "songs that are nearly the same music, and so all in one split: takes of one groove, ...",
    "melody": "the track taken for the melody, in your own folders",
}
"""Tags that songs carry and training can choose by."""
SPLITS = ("train", "validation", "test")
_TRAIN_OF_TEN, _VALIDATION_OF_TEN = 8, 1


@dataclass(frozen=True, slots=True)
class Entry:
    """A song as the catalogue shows it.

    Args:
        label: Source and name, such as pop909/001.
        tags: Its tags.
        split: train, validation or test.
        bars: How many bars it has.
        windows: How many windows it yields.
        parts: Which parts have notes, the melody among them.
    """

    label: str
    tags: Mapping[str, str]
    split: str
    bars: int
    windows: int
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Splits:
    """The music chosen, split by song.

    Args:
        train: To learn from.
        validation: To watch while learning.
        test: For the last word; may, like `validation`, be empty where there are few songs.
        songs: Every song that yields windows, with its split.
        partial: Every song that yields none because it has no melody, or no part of the ensemble: it tells only what
            its own parts play.
        left_out: Every file that yields none, and why.
        licences: Terms of the sources, each once.
        filtered: For each tag that was asked for, the values there are.
    """

    train: WindowSet
    validation: WindowSet
    test: WindowSet
    songs: tuple[Entry, ...]
    partial: tuple[Entry, ...]
    left_out: tuple[LeftOut, ...]
    licences: tuple[str, ...]
    filtered: Mapping[str, tuple[str, ...]]


def sources(data: DataConfig) -> dict[str, Source]:
    """Every source by name: those that are built in, then the user's own folders.

    Raises:
        DataError: the list of the user's folders cannot be read.
    """
    return {source.name: source for source in [*built_in(data), *registered()]}


def built_in(data: DataConfig) -> list[Source]:
    """The ready-made sources."""
    archived = (Pop909, DeepComposer, Groove, Freedoom, OpenEwld, OpenHymnal)
    return [Chorales(), *(source(data) for source in archived)]


def source_named(name: str, data: DataConfig) -> Source:
    """One source.

    Raises:
        ConfigError: there is none of that name; those there are are named.
    """
    known = sources(data)
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    raise ConfigError(
        f"no source is called {name!r}; there are: {', '.join(known)}",
        hint=f"accompanist data show {near[0]}" if near else "accompanist data list, or: accompanist data add FOLDER",
    )


def parse_tags(texts: Sequence[str]) -> dict[str, str]:
    """Tags as written on the command line.

    Args:
        texts: Such as "meter=4/4"; all must hold.

    Raises:
        ConfigError: one is not KEY=VALUE, has an unknown key, or contradicts another.
    """
    wanted: dict[str, str] = {}
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not (key and equals and value):
            raise ConfigError(
                f"the tag {text!r} is not KEY=VALUE", hint="for instance: --tag meter=4/4 --tag mode=major"
            )
        if key not in TAGS:
            raise ConfigError(
                f"the tag {text!r} has an unknown key {key!r}; known keys: {', '.join(TAGS)}",
                hint="see the tags of a source with: accompanist data show SOURCE",
            )
        if wanted.get(key, value) != value:
            raise ConfigError(
                f"no song can have both {key}={wanted[key]} and {key}={value}: all tags must hold",
                hint=f"name {key} once",
            )
        wanted[key] = value
    return wanted


def split_of(family: str) -> str:
    """Train, validation or test: fixed by `SongTable.family` alone, so that no filter or other song moves it."""
    digest = hashlib.sha256(family.encode()).digest()
    tenth = int.from_bytes(digest[:8], "big") % 10
    if tenth < _TRAIN_OF_TEN:
        return "train"
    return "validation" if tenth < _TRAIN_OF_TEN + _VALIDATION_OF_TEN else "test"


def load(
    config: TrainConfig,
    data: DataConfig,
    *,
    tracks: tuple[TrackSpec, ...] = BAND,
    window_steps: int = WINDOW_STEPS,
    progress: Progress = silent,
) -> Splits:
    """The music a run asks for, as windows.

    Args:
        config: Which sources and tags.
        data: Where music is kept.
        tracks: The ensemble to play it.
        window_steps: Length of a window in sixteenths.
        progress: Told while music is read.

    Raises:
        ConfigError: a source or a tag is unknown.
        DataError: a source is missing or cannot be read.
        EmptyDataset: nothing is left to train on.
        StorageError: the cache cannot be written.
    """
    splits = survey(config, data, tracks=tracks, window_steps=window_steps, progress=progress)
    if len(splits.train) == 0:
        raise _nothing_left(config, splits)
    return splits


def survey(
    config: TrainConfig,
    data: DataConfig,
    *,
    tracks: tuple[TrackSpec, ...] = BAND,
    window_steps: int = WINDOW_STEPS,
    progress: Progress = silent,
) -> Splits:
    """As `load`, with its arguments and errors, but content with nothing at all: to look at what there is."""
    wanted = parse_tags(config.tag)
    chosen = [source_named(name, data) for name in mix.mix_of(config).names]
    folder = cache_folder(data.cache)
    tables: list[SongTable] = []
    left_out: list[LeftOut] = []
    for source in chosen:
        reading = cache.read(source, folder, progress=progress)
        tables += reading.songs
        left_out += [LeftOut(f"{source.name}/{name}", reason) for name, reason in reading.left_out]
    there = {key: tuple(sorted({table.tags.get(key, "") for table in tables})) for key in wanted}
    kept = [table for table in tables if all(table.tags.get(key) == value for key, value in wanted.items())]

    windows = cut(kept, tracks=tracks, window_steps=window_steps)
    counts = np.bincount(windows.song_of, minlength=len(kept)).tolist()
    ensemble = {track.name for track in tracks}
    entries: list[Entry] = []
    partial: list[Entry] = []
    members: dict[str, list[int]] = {name: [] for name in SPLITS}
    for number, (table, count) in enumerate(zip(kept, counts, strict=True)):
        split, playing = split_of(table.family), table.playing
        entry = Entry(table.label, table.tags, split, len(table.bars) - 1, count, playing)
        if MELODY not in playing or ensemble.isdisjoint(playing):
            partial.append(entry)
            continue
        if count == 0:
            reason = f"no {window_steps} regular sixteenths from a bar line with melody and accompaniment"
            left_out.append(LeftOut(table.label, reason))
            continue
        members[split].append(number)
        entries.append(entry)
    parts = {name: windows.of_songs(numbers) for name, numbers in members.items()}
    licences = tuple(dict.fromkeys(source.licence for source in chosen))
    return Splits(
        **parts,
        songs=tuple(entries),
        partial=tuple(partial),
        left_out=tuple(left_out),
        licences=licences,
        filtered=there,
    )


def _nothing_left(config: TrainConfig, splits: Splits) -> EmptyDataset:
    """The error for a choice that leaves no song to learn from, with what was there."""
    chosen = mix.mix_of(config).names
    names, show = ", ".join(chosen), f"accompanist data show {chosen[0]}"
    example = f"; for instance {splits.left_out[0].name}: {splits.left_out[0].reason}" if splits.left_out else ""
    if splits.songs:
        return EmptyDataset(
            f"all {len(splits.songs)} songs of {names} fall to validation and test, which take one song in five",
            hint="add more songs, or widen the tags",
        )
    if splits.filtered and all(splits.filtered.values()):
        asked = " ".join(config.tag)
        there = "; ".join(f"{key}: {', '.join(values)}" for key, values in splits.filtered.items())
        return EmptyDataset(f"no song of {names} with enough music in it has {asked}; there are {there}", hint=show)
    if splits.partial:
        return EmptyDataset(
            f"no song of {names} has both a melody and an accompaniment to learn from; {len(splits.partial)} have one",
            hint="add a source that has both, such as --data pop909",
        )
    return EmptyDataset(f"no song of {names} can be trained on, {len(splits.left_out)} left out{example}", hint=show)
