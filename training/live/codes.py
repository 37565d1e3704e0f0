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

from accompanist.music.harmony import CHORDS, DEGREES
from accompanist.music.spec import TrackSpec
from accompanist.music.time import STEPS_PER_BEAT
from training.live.beats import Beats, Figures, lanes_in
from training.live.figures import FigureBook, learn_book
from training.read import Progress, silent

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

    @property
    def is_drums_alone(self) -> bool:
        """Whether nothing but drums plays."""
        tracks = (self.codes.shape[1] - 1) // 2
        return not self.has_melody and bool((self.codes[:, tracks] >= 0).any() and (self.codes[:, :tracks] < 0).all())


LAYOUT = Layout(tuple(BOOK_SIZES), tuple(BOOK_SIZES.values()))
"""Of the live ensemble; a book may fill less than its place."""


def learn_books(
    songs: Sequence[Beats], tracks: Sequence[TrackSpec], *, progress: Progress = silent
) -> dict[str, FigureBook]:
    """The dictionaries of all tracks, from the songs of the training split; a track that nobody plays has silence."""
    books = {}
    for number, track in enumerate(tracks):
        progress("figures", number, len(tracks))
        nothing = np.zeros((0, 2, STEPS_PER_BEAT, lanes_in(track)), dtype=np.bool_)
        played = [song.figures[track.name].cells for song in songs if track.name in song.figures]
        octave = 0 if track.is_drums else DEGREES
        cells = np.concatenate([nothing, *played])
        books[track.name] = learn_book(cells, BOOK_SIZES[track.name], lanes_per_octave=octave)
    return books


def coded(
    songs: Sequence[Beats], books: Mapping[str, FigureBook], *, progress: Progress = silent
) -> tuple[CodedSong, ...]:
    """Songs in numbers."""
    tracks = list(books)
    codes = [np.full((len(song), 1 + 2 * len(tracks)), UNKNOWN, dtype=np.int16) for song in songs]
    for song, numbers in zip(songs, codes, strict=True):
        if any(track != "drums" for track in song.figures) or (song.chord < CHORDS).any():
            numbers[:, 0] = song.chord
    for at, track in enumerate(tracks):
        progress("songs in figures", at, len(tracks))
        playing = [number for number, song in enumerate(songs) if track in song.figures]
        if not playing:
            continue
        # All songs at once: most figures are played in many of them.
        found = books[track].nearest(np.concatenate([songs[number].figures[track].cells for number in playing]))
        ends = np.cumsum([len(songs[number]) for number in playing])
        for number, figures in zip(playing, np.split(found, ends[:-1]), strict=True):
            codes[number][:, 1 + at] = figures
            codes[number][:, 1 + len(tracks) + at] = levels_of(songs[number].figures[track])
    return tuple(_numbered(song, numbers) for song, numbers in zip(songs, codes, strict=True))


def _numbered(song: Beats, codes: NDArray[np.int16]) -> CodedSong:
    style = STYLES.index(song.style) if song.style in STYLES else UNKNOWN
    return CodedSong(
        song.label, style, song.melody, song.struck, song.has_melody, codes, song.key, song.place, song.meter
    )


def levels_of(figures: Figures) -> NDArray[np.int16]:
    """How loud each beat is beside the track's mean in the song: (beats,), -1 where no note begins."""
    sounding = figures.velocity > 0
    mean = float(figures.velocity[sounding].mean()) if sounding.any() else 0.0
    level = np.rint((figures.velocity - mean) / LEVEL_VELOCITY) + LEVELS // 2
    return np.where(sounding, np.clip(level, 0, LEVELS - 1), UNKNOWN).astype(np.int16)
