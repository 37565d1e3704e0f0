"""Songs as beats: what was played in each, its chord and key, and its figures on the lanes of that chord."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accompanist.music.harmony import DEGREES, chords_of, keys_of
from accompanist.music.spec import TrackSpec
from accompanist.music.time import PPQ, STEPS_PER_BEAT, TICKS_PER_STEP
from training.live.lanes import lanes_of, octaves_of
from training.read import MELODY, SongTable
from training.sources.kit import DRUMS, KIT
from training.windows import folded

DRUM_LANES = tuple(KIT)
"""The pieces of the kit, one lane each."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a track plays, beat by beat.

    Args:
        cells: (beats, 2 planes: onset and held, 4 steps, lanes).
        velocity: (beats,) mean velocity of the notes that begin, 0 where none does.
    """

    cells: NDArray[np.bool_]
    velocity: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Beats:
    """A song, beat by beat.

    Args:
        label: Source and name.
        style: Its tag.
        melody: (beats, 4 steps) the pitch that sounds, -1 for silence; the highest where several do.
        struck: (beats, 4 steps) it begins there.
        velocity: (beats,) mean velocity of the melody's notes that begin, 0 where none does.
        has_melody: Somebody plays a melody in this song; silence means silence.
        chord: (beats,) by number.
        key: (beats,) tonic of the key signature.
        place: (beats,) beat in its bar, from 0.
        meter: Beats of a bar, 4 or 3.
        figures: By track; a track that nobody plays in this song is absent.
    """

    label: str
    style: str
    melody: NDArray[np.int16]
    struck: NDArray[np.bool_]
    velocity: NDArray[np.float32]
    has_melody: bool
    chord: NDArray[np.int16]
    key: NDArray[np.int8]
    place: NDArray[np.int8]
    meter: int
    figures: dict[str, Figures]

    def __len__(self) -> int:
        return len(self.chord)


def beats_of(table: SongTable, tracks: tuple[TrackSpec, ...]) -> Beats | None:
    """A song as beats; None where its bars are no whole beats, or neither in three nor in four.

    Args:
        table: The song.
        tracks: The ensemble; the one on the percussion channel plays `DRUM_LANES`.
    """
    meter = {"4/4": 4, "2/2": 4, "2/4": 4, "3/4": 3}.get(table.tags.get("meter", ""))
    if meter is None or (table.bars % PPQ).any():
        return None
    count = int(table.bars[-1]) // PPQ
    sounds = {name: _Line.of(table, name, count) for name in table.parts}
    harmony = [line for name, line in sounds.items() if name not in (MELODY, DRUMS)]
    weights = np.minimum(sum((line.weights() for line in harmony), np.zeros((count, 12))), 1.0)
    lowest = np.min([line.lowest() for line in harmony] or [np.full(count, 999)], axis=0)
    place = _places(table.bars // PPQ, count, meter)
    strong = place % 2 == 0 if meter == 4 else place == 0
    chord = chords_of(weights, np.where(lowest < 999, lowest % 12, -1), strong)
    melody = sounds.get(MELODY)
    has_melody = melody is not None and len(melody.pitch) > 0
    key = keys_of(weights + (melody.weights() if melody else 0))
    figures = {
        track.name: _figures(sounds[track.name], track, chord, key)
        for track in tracks
        if track.name in sounds and len(sounds[track.name].pitch)
    }
    line, struck = melody.top() if melody else (np.full((count, 4), -1, np.int16), np.zeros((count, 4), np.bool_))
    velocity = melody.velocities() if melody else np.zeros(count, np.float32)
    style = table.tags.get("style", "")
    return Beats(
        table.label, style, line, struck, velocity, has_melody, chord, key, place.astype(np.int8), meter, figures
    )


def lanes_in(track: TrackSpec) -> int:
    """How many lanes a track has."""
    return len(DRUM_LANES) if track.is_drums else octaves_of(track)[1] * DEGREES


def _places(bars: NDArray[np.integer], count: int, meter: int) -> NDArray[np.int64]:
    place = np.zeros(count, dtype=np.int64)
    for first, last in zip(bars[:-1].tolist(), bars[1:].tolist(), strict=True):
        place[first:last] = np.arange(last - first) % meter
    return place


@dataclass(frozen=True, slots=True)
class _Line:
    """The notes of one part on the grid of sixteenths.

    Args:
        beats: Length of the song.
        first: (notes,) step at which each begins.
        last: (notes,) step after its end.
        pitch: (notes,).
        loud: (notes,) velocity.
    """

    beats: int
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    pitch: NDArray[np.int64]
    loud: NDArray[np.int64]

    @classmethod
    def of(cls, table: SongTable, name: str, beats: int) -> _Line:
        rows = table.notes[table.notes[:, 0] == table.parts.index(name)].astype(np.int64)
        first = (rows[:, 1] + TICKS_PER_STEP // 2) // TICKS_PER_STEP
        last = np.maximum((rows[:, 3] + TICKS_PER_STEP // 2) // TICKS_PER_STEP, first + 1)
        kept = (first >= 0) & (first < beats * STEPS_PER_BEAT)
        return cls(beats, first[kept], np.minimum(last[kept], beats * STEPS_PER_BEAT), rows[kept, 2], rows[kept, 4])

    def cells(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Step and note number of every sixteenth that every note sounds."""
        lengths = self.last - self.first
        ramp = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return np.repeat(self.first, lengths) + ramp, np.repeat(np.arange(len(lengths)), lengths)

    def weights(self) -> NDArray[np.float64]:
        """(beats, 12) how long each pitch class sounds, 0 to 1 of the beat."""
        step, note = self.cells()
        heard = np.zeros((self.beats * STEPS_PER_BEAT, 12))
        heard[step, self.pitch[note] % 12] = 1 / STEPS_PER_BEAT
        return np.asarray(heard.reshape(self.beats, STEPS_PER_BEAT, 12).sum(axis=1))

    def lowest(self) -> NDArray[np.int64]:
        """(beats,) lowest pitch; 999 where nothing sounds."""
        step, note = self.cells()
        low = np.full(self.beats, 999, dtype=np.int64)
        np.minimum.at(low, step // STEPS_PER_BEAT, self.pitch[note])
        return low

    def top(self) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
        """The highest pitch of each step, and where it begins: both (beats, 4)."""
        step, note = self.cells()
        line = np.full(self.beats * STEPS_PER_BEAT, -1, dtype=np.int16)
        np.maximum.at(line, step, self.pitch[note].astype(np.int16))
        struck = np.zeros(len(line), dtype=np.bool_)
        struck[self.first[line[self.first] == self.pitch]] = True
        return line.reshape(-1, STEPS_PER_BEAT), struck.reshape(-1, STEPS_PER_BEAT)

    def velocities(self) -> NDArray[np.float32]:
        """(beats,) mean velocity of the notes that begin."""
        beat = self.first // STEPS_PER_BEAT
        total = np.bincount(beat, weights=self.loud, minlength=self.beats)
        return (total / np.maximum(np.bincount(beat, minlength=self.beats), 1)).astype(np.float32)


def _figures(line: _Line, track: TrackSpec, chord: NDArray[np.integer], key: NDArray[np.integer]) -> Figures:
    count = lanes_in(track)
    cells = np.zeros((line.beats * STEPS_PER_BEAT, 2, count), dtype=np.bool_)
    if track.is_drums:
        kit = {pitch: lane for lane, pitch in enumerate(DRUM_LANES)}
        lane_of = np.array([kit.get(pitch, -1) for pitch in range(128)])
        lanes = lane_of[line.pitch]
        known = lanes >= 0
        cells[line.first[known], :, lanes[known]] = True
    else:
        step, note = line.cells()
        beat = step // STEPS_PER_BEAT
        pitch = folded(line.pitch.astype(np.int32), track)
        lanes = lanes_of(pitch[note], chord[beat], key[beat], track)
        cells[step, 1, lanes] = True
        begins = step == line.first[note]
        cells[step[begins], 0, lanes[begins]] = True
    shaped = cells.reshape(line.beats, STEPS_PER_BEAT, 2, count).transpose(0, 2, 1, 3)
    return Figures(np.ascontiguousarray(shaped), line.velocities())
