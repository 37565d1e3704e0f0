"""What the live model plays at an epoch's end, free-running: always the same melodies, measured, and some to hear.

The melodies are those of validation songs, hidden as on stage. The same melodies known as a whole are measured under
names that begin with `file.`. Beside stands what people play, written in figures as the model writes, so that the grid
and the books lose as much of both. Figures are those of `training.evaluation.measures`, means over songs;
`note_in_chord_chance` is its `chance`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accompanist.music.midifile import MidiSong, MidiTrack
from accompanist.music.playable import playable_notes, playable_roll
from accompanist.music.roll import HELD, ONSET, BoolRoll, FloatRoll, decode
from accompanist.music.spec import LIVE_BAND
from accompanist.music.time import STEPS_PER_BEAT, TempoMap
from training import similarity
from training.evaluation.measures import measure
from training.live.batches import Pool, Stretch, melody_of, moved_chords
from training.live.codes import LAYOUT, LEVELS, CodedSong
from training.live.corpus import Corpus, with_most_of_the_band
from training.live.network import LiveNetwork
from training.live.rendering import Rendering
from training.live.rollout import PLAY_TEMPERATURES, live_situation, rollout
from training.order import SAMPLES, seed_for
from training.recipe import Seen
from training.samples import (
    MELODIES,
    MELODY_CHANNEL,
    MELODY_PROGRAM,
    PEOPLE,
    SAMPLE_BPM,
    samples_of,
    spread,
    write_samples,
)

MEASURED_SONGS = 16
MEASURED_BEATS = 192
"""Of each song from its beginning on: three minutes at 64 beats a minute."""
PASSAGE_BARS = 8
"""Of a passage, of which the similarity index takes its distributions; a shorter song is one passage."""
LISTENED_BARS = 2
"""Of each song at its beginning that are not measured: the model has heard nothing yet."""
SAMPLE_BARS = 8
"""Of each song: the sound of a run of forty epochs stays under half a gigabyte."""
_NAMES = {"chance": "note_in_chord_chance"}
"""What figures are called here that training has another name for."""
FILE_FIGURES = ("note_in_chord", "note_in_chord_chance", "coupling")


class LiveSampler:
    """Looks at a network, always with the same melodies and the same chance.

    Args:
        folder: The run's `samples`.
        corpus: The music; songs of the validation split where there are any.
        seed: The run's.
        player: Gives what is looked at.
    """

    def __init__(self, folder: Path, corpus: Corpus, seed: int, player: Callable[[], LiveNetwork]) -> None:
        self.folder = folder
        self.player = player
        self.seed = seed_for(seed, SAMPLES)
        self.songs = songs_to_measure(corpus.validation) or songs_to_measure(corpus.train)
        self._band = Rendering(corpus.books, LIVE_BAND, LAYOUT.figures)
        self._length = min(MEASURED_BEATS, max(len(song) for song in self.songs))
        pool = Pool(self.songs, self._length)
        self._stretch = pool.stretches([(number, 0) for number in range(len(self.songs))])
        self.data, self._people = self._figures(self._stretch.codes, self._stretch.key)
        self.data[similarity.INDEX] = similarity.floor(self._people)
        self.data |= {f"file.{name}": self.data[name] for name in FILE_FIGURES}

    def __call__(self, epoch: int) -> Seen:
        """Write the samples of an epoch; return its metrics.

        Raises:
            StorageError: a sample cannot be written.
        """
        codes, key = self._played(foresight=False)
        names = [song.label for song in self.songs[:MELODIES]]
        if not epoch:
            people = (self._stretch.codes, self._stretch.key)
            write_samples(self.folder / PEOPLE, {name: self._song(row, *people) for row, name in enumerate(names)})
        played = {name: self._song(row, codes, key) for row, name in enumerate(names)}
        write_samples(samples_of(self.folder, epoch), played)
        with_file, _ = self._figures(*self._played(foresight=True))
        metrics, passages = self._figures(codes, key)
        distances = similarity.distances(passages, self._people)
        metrics[similarity.INDEX] = similarity.index(distances)
        return Seen(metrics | {f"file.{name}": with_file[name] for name in FILE_FIGURES}, distances)

    def _played(self, *, foresight: bool) -> tuple[Tensor, Tensor]:
        """Codes with chords as they sound, and the key assumed at each beat."""
        network = self.player()
        device = next(network.parameters()).device
        learning = network.training
        network.eval()
        try:
            melody = melody_of(self._stretch, device)
            key = network.keys.keys_heard(melody, missing_steps=1, foresight=foresight).cpu()
            situation = live_situation(self._stretch, key, foresight=foresight)
            source = torch.Generator(device).manual_seed(self.seed)
            codes = rollout(network, situation.to(device), PLAY_TEMPERATURES, source).cpu()
        finally:
            network.train(learning)
        return moved_chords(codes, -key), key

    def _figures(self, codes: Tensor, key: Tensor) -> tuple[dict[str, float], dict[str, similarity.Values]]:
        """Means over songs of what is played to each, 0 where no song has anything to measure; and of each passage."""
        whole, passages = list[dict[str, float]](), list[dict[str, float]]()
        for row, song in enumerate(self.songs):
            first, last = _measured(song, self._length)
            rolls = self._rolls(codes[row], key[row])[:, :, first * STEPS_PER_BEAT : last * STEPS_PER_BEAT]
            band = {
                track.name: playable_roll(roll[: HELD + 1], track) for roll, track in zip(rolls, LIVE_BAND, strict=True)
            }
            melody = _melody(self._stretch, row)[:, first * STEPS_PER_BEAT : last * STEPS_PER_BEAT]
            whole.append(_measure(melody, band, song.meter))
            passage = min(PASSAGE_BARS * song.meter * STEPS_PER_BEAT, melody.shape[1])
            for start in range(0, melody.shape[1] - passage + 1, passage):
                part = slice(start, start + passage)
                heard = {name: roll[:, part] for name, roll in band.items()}
                passages.append(_measure(melody[:, part], heard, song.meter))
        means = {name: _mean(values) for name, values in similarity.columns(whole).items()}
        return means, similarity.columns(passages)

    def _rolls(self, codes: Tensor, key: Tensor) -> FloatRoll:
        """What sounds of some beats: (tracks, 3, steps, 128); a track that nobody plays is silent."""
        tracks = len(LAYOUT.tracks)
        heard = codes.clamp(min=0)
        loud = torch.where(codes[:, 1 + tracks :] < 0, LEVELS // 2, codes[:, 1 + tracks :])
        values: FloatRoll = self._band(torch.cat([heard[:, : 1 + tracks], loud], dim=1), key).numpy()
        return values

    def _song(self, row: int, codes: Tensor, key: Tensor) -> MidiSong:
        """The beginning of a song: its melody, and what is played to it."""
        beats = min(SAMPLE_BARS * self.songs[row].meter, self._length, len(self.songs[row]))
        melody = _melody(self._stretch, row)[:, : beats * STEPS_PER_BEAT]
        parts = [MidiTrack("melody", tuple(decode(melody)), MELODY_PROGRAM, MELODY_CHANNEL)]
        for track, values in zip(LIVE_BAND, self._rolls(codes[row, :beats], key[row, :beats]), strict=True):
            notes = playable_notes(values[: HELD + 1], track, velocities=values[HELD + 1])
            parts.append(MidiTrack(track.name, tuple(notes), track.program, track.channel))
        return MidiSong(tuple(parts), TempoMap.constant(SAMPLE_BPM))


def songs_to_measure(songs: Sequence[CodedSong]) -> list[CodedSong]:
    """Songs with a melody long enough, spread over all there are; those with most of the band."""
    long_enough = [song for song in songs if len(song) > (LISTENED_BARS + 1) * song.meter]
    whole = with_most_of_the_band(long_enough)
    return [whole[number] for number in spread(len(whole), MEASURED_SONGS)]


def _measured(song: CodedSong, length: int) -> tuple[int, int]:
    """First beat that is measured, and the one after the last: whole bars."""
    first = LISTENED_BARS * song.meter
    return first, min(len(song), length) // song.meter * song.meter


def _melody(stretch: Stretch, row: int) -> BoolRoll:
    """A song's melody as a roll: (2 planes, steps, 128)."""
    pitch: NDArray[np.int64] = stretch.pitch[row].flatten().numpy()
    struck: NDArray[np.bool_] = stretch.struck[row].flatten().numpy()
    roll = np.zeros((2, len(pitch), 128), dtype=np.bool_)
    sounding = np.flatnonzero(pitch >= 0)
    roll[HELD, sounding, pitch[sounding]] = True
    roll[ONSET, sounding, pitch[sounding]] = struck[sounding]
    return roll


def _measure(melody: BoolRoll, band: dict[str, BoolRoll], meter: int) -> dict[str, float]:
    """Figures of a song or a passage; no chord was written down that its tones could be told by."""
    figures = measure(melody, band, beats_per_bar=meter).figures
    return {_NAMES.get(name, name): value for name, value in figures.items() if name != "chord_tones"}


def _mean(values: similarity.Values) -> float:
    """Over the songs that have something to measure."""
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else 0.0
