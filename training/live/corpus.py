"""The music of a live run: the songs of its sources in numbers, by split, and the books of figures they are written in.

Songs without a melody, or with some of the tracks only, are welcome: what nobody plays is unknown, and not learnt.
The books are learnt from the training split alone. All of it is kept by content in the cache, for making it takes a
minute: the same files, read by the same readers, are turned into numbers once.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from accompanist.config import DataConfig, TrainConfig
from accompanist.errors import EmptyDataset
from accompanist.music.spec import LIVE_BAND
from accompanist.places import cache_folder
from training import cache, mix
from training.catalog import SPLITS, parse_tags, source_named, split_of
from training.live.batches import Pool
from training.live.beats import Beats, beats_of
from training.live.codes import LAYOUT, CodedSong, coded, learn_books
from training.live.figures import FigureBook
from training.read import LeftOut, Progress, silent
from training.sources import Source

FORMAT = "2"
"""Version of what is made of the music, and of the file that keeps it: changed with either."""
SOURCE_WEIGHTS = {"pop909": 1.0, "freedoom": 1.0, "openewld": 1.2, "openhymnal": 1.5, "groove": 0.25}
"""How often a beat of each source is learnt from, beside those of the others; 1 for any other source.

Hymns and lead sheets are few and say most about harmony; grooves are many, and drums alone."""
_NOT_WHOLE = "its bars are no whole beats, or neither in three nor in four"


@dataclass(frozen=True, slots=True)
class Corpus:
    """The music chosen, split by song.

    Args:
        train: To learn from.
        validation: To watch while learning.
        test: For the last word.
        books: By track.
        left_out: Songs and files that are not used, and why.
        licences: Terms of the sources, each once.
        digest: Of everything that is learnt from.
        tags: Of every song, by its label.
    """

    train: tuple[CodedSong, ...]
    validation: tuple[CodedSong, ...]
    test: tuple[CodedSong, ...]
    books: Mapping[str, FigureBook]
    left_out: tuple[LeftOut, ...]
    licences: tuple[str, ...]
    digest: str
    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def of(self, split: str) -> tuple[CodedSong, ...]:
        """The songs of a split."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[split]

    def weights(self, config: TrainConfig) -> NDArray[np.float64]:
        """(songs,) how often a beat of each training song is learnt from, beside those of the others."""
        asked = mix.mix_of(config)
        sources = [song.label.partition("/")[0] for song in self.train]
        tags = [
            {**self.tags.get(song.label, {}), "source": source}
            for song, source in zip(self.train, sources, strict=True)
        ]
        return np.array([asked.weight(its, SOURCE_WEIGHTS) for its in tags])

    def pool(self, config: TrainConfig) -> Pool:
        """The training songs, to take stretches from."""
        alone = [song for song in self.train if song.is_drums_alone]
        return Pool(self.train, config.stretch_beats, self.weights(config), alone)


def with_most_of_the_band(songs: Sequence[CodedSong]) -> list[CodedSong]:
    """The songs with a melody in which no fewer tracks play, drums left out, than in any other."""
    fit = [song for song in songs if song.has_melody]
    played = [int((song.codes[:, : len(LAYOUT.tracks)] >= 0).any(axis=0).sum()) for song in fit]
    return [song for song, count in zip(fit, played, strict=True) if count == max(played)]


def load(
    config: TrainConfig,
    data: DataConfig,
    *,
    books: Mapping[str, FigureBook] | None = None,
    progress: Progress = silent,
) -> Corpus:
    """The music a run asks for.

    Args:
        config: Which sources and tags.
        data: Where music is kept.
        books: That it is to be written in, because the run goes on from a network that knows these; None: of its own.
        progress: Told while it is read and turned into numbers.

    Raises:
        ConfigError: a source or a tag is unknown.
        DataError: a source is missing or cannot be read.
        EmptyDataset: nothing is left to learn from.
        StorageError: the cache cannot be written.
    """
    wanted = parse_tags(config.tag)
    chosen = [source_named(name, data) for name in mix.mix_of(config).names]
    folder = cache_folder(data.cache)
    path = _path(chosen, wanted, folder, books)
    licences = tuple(dict.fromkeys(source.licence for source in chosen))
    corpus = _load(path, licences)
    if corpus is None:
        corpus = _made(chosen, wanted, folder, books, progress)
        if corpus.train:
            _save(path, corpus)
    if not any(song.has_melody for song in corpus.train):
        names = ", ".join(source.name for source in chosen)
        why = f"; for instance {corpus.left_out[0].name}: {corpus.left_out[0].reason}" if corpus.left_out else ""
        tags = f" with {' '.join(config.tag)}" if config.tag else ""
        raise EmptyDataset(
            f"no song of {names}{tags} has a melody to learn from{why}", hint=f"accompanist data show {chosen[0].name}"
        )
    return corpus


def _made(
    chosen: Sequence[Source],
    wanted: Mapping[str, str],
    folder: Path,
    books: Mapping[str, FigureBook] | None,
    progress: Progress,
) -> Corpus:
    licences = tuple(dict.fromkeys(source.licence for source in chosen))
    tables, left_out = [], []
    for source in chosen:
        reading = cache.read(source, folder, progress=progress)
        tables += [song for song in reading.songs if all(song.tags.get(key) == wanted[key] for key in wanted)]
        left_out += [LeftOut(f"{source.name}/{name}", reason) for name, reason in reading.left_out]
    songs: dict[str, list[Beats]] = {split: [] for split in SPLITS}
    for number, table in enumerate(tables):
        progress("songs beat by beat", number, len(tables))
        song = beats_of(table, LIVE_BAND)
        if song is None:
            left_out.append(LeftOut(table.label, _NOT_WHOLE))
        elif song.has_melody or song.figures:
            songs[split_of(table.family)].append(song)
    books = books or learn_books(songs["train"], LIVE_BAND, progress=progress)
    numbers = {split: coded(songs[split], books, progress=progress) for split in SPLITS}
    digest = digest_of(numbers["train"], books)
    tags = {table.label: dict(table.tags) for table in tables}
    return Corpus(**numbers, books=books, left_out=tuple(left_out), licences=licences, digest=digest, tags=tags)


def digest_of(songs: Sequence[CodedSong], books: Mapping[str, FigureBook]) -> str:
    """Tells one music from another, by everything of it that is learnt from."""
    digest = hashlib.blake2b(digest_size=16)
    for song in songs:
        for part in (song.codes, song.melody, song.struck, song.key, song.place):
            digest.update(np.ascontiguousarray(part).tobytes())
        digest.update(f"{song.label} {song.style} {song.meter} {song.has_melody}".encode())
    for name, book in books.items():
        digest.update(name.encode() + book.cells.tobytes())
    return digest.hexdigest()


class _SongEntry(msgspec.Struct, frozen=True):
    """What of a song is no array."""

    label: str
    split: str
    style: int
    has_melody: bool
    meter: int
    beats: int
    tags: dict[str, str]


class _Contents(msgspec.Struct, frozen=True):
    """The table of contents, JSON in the file."""

    songs: list[_SongEntry]
    octaves: dict[str, int]
    left_out: list[tuple[str, str]]
    digest: str


_ARRAYS = ("melody", "struck", "codes", "key", "place")


def _path(
    chosen: Sequence[Source], wanted: Mapping[str, str], folder: Path, books: Mapping[str, FigureBook] | None
) -> Path:
    """The file that holds, or would hold, exactly this music."""
    written_in = {name: hashlib.sha256(book.cells.tobytes()).hexdigest() for name, book in (books or {}).items()}
    asked = msgspec.json.encode([[source.name for source in chosen], sorted(wanted.items()), written_in])
    content = "\n".join([FORMAT, *(cache.cache_path(source, folder).name for source in chosen)])
    parts = hashlib.sha256(asked).hexdigest()[:12], hashlib.sha256(content.encode()).hexdigest()[:24]
    return folder / f"live-{'-'.join(parts)}.npz"


def _load(path: Path, licences: tuple[str, ...]) -> Corpus | None:
    """The file's contents; None where it is missing or damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            contents = msgspec.json.decode(stored["contents"].tobytes(), type=_Contents)
            arrays = {name: stored[name] for name in _ARRAYS}
            books = {name: FigureBook(stored[f"book-{name}"], octaves) for name, octaves in contents.octaves.items()}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, msgspec.MsgspecError):
        return None
    ends = np.cumsum([entry.beats for entry in contents.songs])
    if any(len(array) != sum(entry.beats for entry in contents.songs) for array in arrays.values()):
        return None
    songs: dict[str, list[CodedSong]] = {split: [] for split in SPLITS}
    for entry, end in zip(contents.songs, ends.tolist(), strict=True):
        here = slice(end - entry.beats, end)
        song = CodedSong(
            entry.label,
            entry.style,
            arrays["melody"][here],
            arrays["struck"][here],
            entry.has_melody,
            arrays["codes"][here],
            arrays["key"][here],
            arrays["place"][here],
            entry.meter,
        )
        songs[entry.split].append(song)
    numbers = {split: tuple(found) for split, found in songs.items()}
    left_out = tuple(LeftOut(*entry) for entry in contents.left_out)
    tags = {entry.label: entry.tags for entry in contents.songs}
    return Corpus(**numbers, books=books, left_out=left_out, licences=licences, digest=contents.digest, tags=tags)


def _save(path: Path, corpus: Corpus) -> None:
    entries, songs = [], []
    for split in SPLITS:
        for song in corpus.of(split):
            tags = dict(corpus.tags.get(song.label, {}))
            entries.append(_SongEntry(song.label, split, song.style, song.has_melody, song.meter, len(song), tags))
            songs.append(song)
    contents = _Contents(
        entries,
        {name: book.lanes_per_octave for name, book in corpus.books.items()},
        [(one.name, one.reason) for one in corpus.left_out],
        corpus.digest,
    )
    arrays = {name: np.concatenate([getattr(song, name) for song in songs]) for name in _ARRAYS}
    arrays |= {f"book-{name}": book.cells for name, book in corpus.books.items()}
    arrays["contents"] = np.frombuffer(msgspec.json.encode(contents), dtype=np.uint8)
    cache.write_arrays(path, arrays)
    pattern = re.compile(rf"{re.escape(path.name[:18])}[0-9a-f]{{24}}\.npz")
    cache.drop_others(path, pattern)
