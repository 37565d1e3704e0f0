"""What the generator plays at an epoch's end: the same melodies each time, measured, and kept to look at and hear.

Before the first step, what people play to those melodies is kept beside it, to compare with.

Everything here is taken after `accompanist.music.playable`: what would sound. The generator is in evaluation mode,
batch norm by its running statistics, as the exported model will be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from accompanist.music import midifile
from accompanist.music.midifile import MidiSong, MidiTrack
from accompanist.music.note import Note
from accompanist.music.playable import playable_notes, playable_roll
from accompanist.music.roll import BoolRoll, FloatRoll, decode
from accompanist.music.spec import TrackSpec
from accompanist.music.time import TempoMap
from accompanist.render.picture import draw_roll
from accompanist.render.sound import render_wav
from training import similarity
from training.metrics import score
from training.order import SAMPLES, seed_for
from training.recipe import Seen
from training.step import ClassicStep
from training.storage import told, whole_folder
from training.windows import WindowSet

_Cell = TypeVar("_Cell", bound=np.generic)

MEASURED_WINDOWS = 256
"""Windows that metrics are taken over: a share then has a standard error of about 0.03 at most."""
MELODIES = 2
"""Songs that samples are made of, one melody each."""
MELODY_WINDOWS = 4
"""Windows of each melody, end to end: eight bars. Their sound is some 4 MB: a hundred epochs stay under 1 GB."""
PEOPLE = "people"
"""Folder, among those of the epochs, of what people play to the same melodies."""
SAMPLE_BPM = 100
MELODY_CHANNEL, MELODY_PROGRAM = 15, 73
"""A flute: no track of the band plays one."""


class Melody(NamedTuple):
    """One melody of the samples.

    Args:
        name: Of its song.
        roll: (windows, 2 planes, steps, 128), windows that follow each other.
        people: (windows, tracks, 2 planes, steps, 128), what people play to it.
    """

    name: str
    roll: BoolRoll
    people: BoolRoll


class ClassicSampler:
    """Looks at a generator, always with the same melodies and the same noise.

    Args:
        folder: The run's `samples`.
        windows: Windows that are not trained on.
        seed: The run's.
        step: The networks.
    """

    def __init__(self, folder: Path, windows: WindowSet, seed: int, step: ClassicStep) -> None:
        self.step = step
        self.folder = folder
        self.tracks = windows.tracks
        self.seed = seed_for(seed, SAMPLES)
        self.melodies = melodies_of(windows)
        self._measured, tracks = windows.batch(spread(len(windows), MEASURED_WINDOWS))
        self.data, self._people = self._score(_signs(tracks))
        self.data[similarity.INDEX] = similarity.floor(self._people)

    def __call__(self, epoch: int) -> Seen:
        """Write the samples of an epoch; return its metrics.

        Raises:
            StorageError: a sample cannot be written.
        """
        if not epoch:
            people = {each.name: arranged(each, _signs(each.people), self.tracks) for each in self.melodies}
            write_samples(self.folder / PEOPLE, people)
        played = {
            melody.name: arranged(melody, self.step.generate(melody.roll, self.seed), self.tracks)
            for melody in self.melodies
        }
        write_samples(samples_of(self.folder, epoch), played)
        metrics, windows = self._score(self.step.generate(self._measured, self.seed))
        distances = similarity.distances(windows, self._people)
        return Seen(metrics | {similarity.INDEX: similarity.index(distances)}, distances)

    def _score(self, values: FloatRoll) -> tuple[dict[str, float], dict[str, similarity.Values]]:
        """Metrics of (N, tracks, planes, steps, 128) values, of what a band could play of them; and of each window."""
        played = np.array(
            [[playable_roll(roll, track) for roll, track in zip(rolls, self.tracks, strict=True)] for rolls in values]
        )
        names = [track.name for track in self.tracks]
        windows = [score(self._measured[at : at + 1], played[at : at + 1], names) for at in range(len(played))]
        return score(self._measured, played, names), similarity.columns(windows)


def write_samples(target: Path, songs: Mapping[str, MidiSong]) -> None:
    """Write some songs as MIDI, picture and sound: all of them or none.

    Args:
        target: The folder they are to be.
        songs: By name.

    Raises:
        StorageError: one cannot be written.
    """
    with told("the samples", target), whole_folder(target) as part:
        for number, (name, song) in enumerate(songs.items(), start=1):
            stem = f"{number}-{re.sub(r'[^A-Za-z0-9._-]+', '-', name)[:40]}"
            midifile.write(song, part / f"{stem}.mid")
            draw_roll([(track.name, track.notes) for track in song.tracks], part / f"{stem}.png", title=name)
            render_wav(song, part / f"{stem}.wav")


def samples_of(folder: Path, epoch: int) -> Path:
    """Where the samples of an epoch stand in a run's `samples`."""
    return folder / f"epoch-{epoch:04d}"


def melodies_of(windows: WindowSet) -> list[Melody]:
    """Melodies to sample with: of songs spread over all there are, from the first window on."""
    owners = np.unique(windows.song_of)
    found = []
    for owner in owners[spread(len(owners), MELODIES)]:
        mine = np.flatnonzero(windows.song_of == owner)
        wanted = windows.start_of[mine[0]] + np.arange(MELODY_WINDOWS) * windows.window_steps
        following = mine[np.isin(windows.start_of[mine], wanted)]
        found.append(Melody(windows.songs[owner], *windows.batch(following)))
    return found


def arranged(melody: Melody, values: FloatRoll, tracks: tuple[TrackSpec, ...]) -> MidiSong:
    """A melody and what a generator answers to it, as a song.

    Args:
        melody: The melody.
        values: (windows, tracks, planes, steps, 128).
        tracks: The ensemble.
    """
    parts = [MidiTrack("melody", tuple(decode(_end_to_end(melody.roll))), MELODY_PROGRAM, MELODY_CHANNEL)]
    for number, track in enumerate(tracks):
        notes: list[Note] = playable_notes(_end_to_end(values[:, number]), track)
        parts.append(MidiTrack(track.name, tuple(notes), track.program, track.channel))
    return MidiSong(tuple(parts), TempoMap.constant(SAMPLE_BPM))


def spread(count: int, wanted: int) -> NDArray[np.int64]:
    """Evenly spaced numbers below `count`, `wanted` of them or all."""
    return np.unique(np.linspace(0, count - 1, min(count, wanted)).round().astype(np.int64))


def _signs(roll: BoolRoll) -> FloatRoll:
    """A roll as a generator would say it: -1 and 1."""
    return np.where(roll, 1, -1).astype(np.float32)


def _end_to_end(rolls: NDArray[_Cell]) -> NDArray[_Cell]:
    """(windows, planes, steps, 128) as one roll, (planes, windows x steps, 128)."""
    return np.concatenate(list(rolls), axis=1)
