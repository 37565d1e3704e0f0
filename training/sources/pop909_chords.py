"""POP909's chord annotation, on the beats of a song as its reader cuts it.

`chord_midi.txt` has a chord from one second to another on each line, such as `2.05 2.72 Gb:min7/b3`, in the seconds of
the song's own MIDI file: turned to ticks by its tempo map, every edge lies on a beat to less than a thousandth of one.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence

import numpy as np
import symusic
from numpy.typing import NDArray

from accompanist.errors import BadMidi
from accompanist.music.time import PPQ
from training.read import SongTable, parse_midi
from training.sources.archive import open_zip, read_member
from training.sources.pop909 import Pop909

QUALITIES = {
    "maj": (0, 4, 7), "min": (0, 3, 7), "dim": (0, 3, 6), "aug": (0, 4, 8), "sus2": (0, 2, 7), "sus4": (0, 5, 7),
    "maj6": (0, 4, 7, 9), "min6": (0, 3, 7, 9), "7": (0, 4, 7, 10), "maj7": (0, 4, 7, 11), "min7": (0, 3, 7, 10),
    "minmaj7": (0, 3, 7, 11), "dim7": (0, 3, 6, 9), "hdim7": (0, 3, 6, 10), "sus4(b7)": (0, 5, 7, 10),
}  # fmt: skip
"""Semitones above the root; these are all the annotation has. The bass behind a slash is a chord's own tone."""
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"#": 1, "b": -1}


def annotated(source: Pop909, songs: Sequence[SongTable]) -> list[NDArray[np.bool_] | None]:
    """The chord tones that the annotation writes down for each beat of some songs.

    Args:
        source: Where the archive is.
        songs: Of this source.

    Returns:
        For each song (beats up to its last bar line, 12), with none where there is no chord; None for a song whose
        annotation is missing or malformed.

    Raises:
        DataError: the archive is missing or damaged.
    """
    with open_zip(source.archive()) as archive:
        try:
            grids = json.loads(read_member(archive, "POP909/derived_bars.json"))
        except (BadMidi, ValueError):
            return [None] * len(songs)
        return [_of_song(archive, grids, song) for song in songs]


def _of_song(
    archive: zipfile.ZipFile, grids: dict[str, dict[str, list[float]]], song: SongTable
) -> NDArray[np.bool_] | None:
    try:
        score = parse_midi(read_member(archive, f"POP909/{song.name}/{song.name}.mid"))
        text = read_member(archive, f"POP909/{song.name}/chord_midi.txt").decode()
        # The reader puts the first bar, at this tick of the file, on the first of the song's.
        origin = grids[song.name]["bar_start_ticks"][0]
        return tones_of(text, score, origin=origin, first_tick=int(song.bars[0]), beats=int(song.bars[-1]) // PPQ)
    except (BadMidi, KeyError, IndexError, ValueError):
        return None


def tones_of(text: str, score: symusic.Score, *, origin: float, first_tick: int, beats: int) -> NDArray[np.bool_]:
    """An annotation on the beats of a song.

    Args:
        text: Of chord_midi.txt.
        score: The song's MIDI file, for its tempos.
        origin: The file's tick that is `first_tick` in the song.
        first_tick: In ticks of 1/480 quarter note.
        beats: Of the song.

    Returns:
        (beats, 12).

    Raises:
        ValueError: a line is no annotation.
    """
    rows = [line.split() for line in text.splitlines() if line.strip()]
    tones = np.zeros((beats, 12), dtype=np.bool_)
    edges = np.array([[float(begin), float(end)] for begin, end, _ in rows]).reshape(-1, 2)
    ticks = (_ticks_at(edges, score) - origin) * PPQ / score.ticks_per_quarter + first_tick
    for (begin, end), (_, _, name) in zip(np.rint(ticks / PPQ).astype(int).tolist(), rows, strict=True):
        if name != "N":
            root, _, quality = name.partition("/")[0].partition(":")
            classes = [(_class_of(root) + semitone) % 12 for semitone in QUALITIES.get(quality, ())]
            tones[max(begin, 0) : max(end, 0), classes] = True
    return tones


def _class_of(root: str) -> int:
    """Pitch class of a root such as Gb.

    Raises:
        ValueError: it is none.
    """
    letter, accidentals = root[:1], root[1:]
    if letter not in _LETTERS or set(accidentals) - set(_ACCIDENTALS):
        raise ValueError(f"{root!r} is no root of a chord")
    return _LETTERS[letter] + sum(_ACCIDENTALS[sign] for sign in accidentals)


def _ticks_at(seconds: NDArray[np.float64], score: symusic.Score) -> NDArray[np.float64]:
    """Seconds of a score as its own ticks; 120 BPM where it sets no tempo (Standard MIDI Files 1.0)."""
    changes = {0: 120.0} | {tempo.time: tempo.qpm for tempo in score.tempos}
    at_ticks = np.array(sorted(changes), dtype=np.float64)
    s_per_tick = np.array([60 / changes[tick] / score.ticks_per_quarter for tick in sorted(changes)])
    at_s = np.concatenate([[0.0], np.cumsum(np.diff(at_ticks) * s_per_tick[:-1])])
    segment = np.maximum(np.searchsorted(at_s, seconds, side="right") - 1, 0)
    return np.asarray(at_ticks[segment] + (seconds - at_s[segment]) / s_per_tick[segment])
