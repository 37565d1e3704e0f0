"""Songs as the numbers that the network reads and writes: its melody, and nine codes for each beat.

A beat's codes are, in the order in which they are decided: its chord; a figure for each of bass, piano, strings and
drums; how loud each of them is. -1 stands for what nobody knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.live.beats import Beats, Figures
from training.live.figures import FigureBook, learn_book
from training.live.harmony import CHORDS

LEVELS = 9
"""Degrees of loudness; the one in the middle is a track's own mean."""
LEVEL_VELOCITY = 7.0
"""Velocity from one degree of loudness to the next."""
BOOK_SIZES = {"bass": 256, "piano": 1536, "strings": 768, "drums": 384}
STYLES = (
    "pop", "rock", "metal", "folk", "standard", "hymn", "jazz", "funk", "latin", "soul", "hiphop", "country"
)  # fmt: skip
UNKNOWN = -1


class Layout(NamedTuple):
    """How many of each code there are.

    Args:
        tracks: Names, in the order of the codes.
        figures: Figures in each track's book.
    """

    tracks: tuple[str, ...]
    figures: tuple[int, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Values of each code: the chord's, each track's figures, each track's loudness."""
        return (CHORDS + 1, *self.figures, *(LEVELS for _ in self.tracks))

    @property
    def decisions(self) -> int:
        """Codes on which the others of their beat depend: all but the loudness."""
        return 1 + len(self.tracks)

    @property
    def codes(self) -> int:
        """Codes of a beat."""
        return 1 + 2 * len(self.tracks)


@dataclass(frozen=True, slots=True)
class CodedSong:
    """A song in numbers.

    Args:
        label: Source and name.
        style: Place in `STYLES`, -1 for any other.
        melody: (beats, 4) pitch, -1 for silence.
        struck: (beats, 4).
        has_melody: Silence means silence.
        codes: (beats, codes), -1 for a track that nobody plays, and for the harmony of a song that has none.
        key: (beats,) tonic of the key signature as it was found in the song.
        place: (beats,) beat in its bar.
        meter: Beats of a bar.
    """

    label: str
    style: int
    melody: NDArray[np.int16]
    struck: NDArray[np.bool_]
    has_melody: bool
    codes: NDArray[np.int16]
    key: NDArray[np.int8]
    place: NDArray[np.int8]
    meter: int

    def __len__(self) -> int:
        return len(self.codes)


def learn_books(songs: Sequence[Beats], tracks: Sequence[str]) -> dict[str, FigureBook]:
    """The dictionaries of all tracks, from the songs of the training split."""
    books = {}
    for track in tracks:
        played = [song.figures[track].cells for song in songs if track in song.figures]
        if played:
            octave = 0 if track == "drums" else 7
            books[track] = learn_book(np.concatenate(played), BOOK_SIZES[track], lanes_per_octave=octave)
    return books


def layout_of(books: Mapping[str, FigureBook]) -> Layout:
    """The layout of the codes that some books make."""
    return Layout(tuple(books), tuple(len(book) for book in books.values()))


def coded(song: Beats, books: Mapping[str, FigureBook]) -> CodedSong:
    """A song in numbers."""
    tracks = list(books)
    codes = np.full((len(song), 1 + 2 * len(tracks)), UNKNOWN, dtype=np.int16)
    if any(track != "drums" for track in song.figures) or (song.chord < CHORDS).any():
        codes[:, 0] = song.chord
    for at, track in enumerate(tracks):
        if track in song.figures:
            codes[:, 1 + at] = books[track].nearest(song.figures[track].cells)
            codes[:, 1 + len(tracks) + at] = levels_of(song.figures[track])
    style = STYLES.index(song.style) if song.style in STYLES else -1
    return CodedSong(
        song.label, style, song.melody, song.struck, song.has_melody, codes, song.key, song.place, song.meter
    )


def levels_of(figures: Figures) -> NDArray[np.int16]:
    """How loud each beat is beside the track's mean in the song: (beats,), -1 where no note begins."""
    sounding = figures.velocity > 0
    mean = float(figures.velocity[sounding].mean()) if sounding.any() else 0.0
    level = np.rint((figures.velocity - mean) / LEVEL_VELOCITY) + LEVELS // 2
    return np.where(sounding, np.clip(level, 0, LEVELS - 1), UNKNOWN).astype(np.int16)
