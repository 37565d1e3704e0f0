"""Windows: what the network sees of a song, cut at bar lines and kept bit-packed along pitch.

A window begins on a bar line and is a fixed number of sixteenths long: two 4/4 bars, or as many steps of another meter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accompanist.music.roll import HELD, ONSET, PITCHES
from accompanist.music.spec import BAND, TrackSpec
from accompanist.music.time import TICKS_PER_STEP
from training.read import MELODY, SongTable

WINDOW_STEPS = 32
"""Two 4/4 bars of sixteenths, the classic recipe's window."""
PACKED = PITCHES // 8


@dataclass(frozen=True, slots=True)
class WindowSet:
    """Windows of many songs, by number.

    Args:
        songs: Labels of the songs, such as pop909/001.
        song_of: (windows,) index into `songs`.
        start_of: (windows,) row of `rolls` at which each window begins.
        rolls: (steps of all songs, 1 + tracks, 2 planes, 16) bytes, pitches packed eight to a byte; the melody first.
        lowest: (windows, 1 + tracks) lowest pitch of each line in each window; 128 where it is silent.
        highest: (windows, 1 + tracks) highest pitch; -1 where it is silent.
        tracks: The ensemble, in the order of the track axis.
        window_steps: Length of each window.
    """

    songs: tuple[str, ...]
    song_of: NDArray[np.int32]
    start_of: NDArray[np.int64]
    rolls: NDArray[np.uint8]
    lowest: NDArray[np.int16]
    highest: NDArray[np.int16]
    tracks: tuple[TrackSpec, ...] = BAND
    window_steps: int = WINDOW_STEPS

    def __len__(self) -> int:
        return len(self.song_of)

    def batch(
        self, indices: Sequence[int] | NDArray[np.integer], *, semitones: NDArray[np.integer] | None = None
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Some windows as rolls.

        Args:
            indices: (batch,) numbers of windows.
            semitones: (batch,) transposition of each window; notes moved outside 0 to 127 are lost, drums stay.

        Returns:
            Melody (batch, 2 planes, steps, 128) and tracks (batch, tracks, 2 planes, steps, 128), booleans.
        """
        rows = self.start_of[np.asarray(indices, dtype=np.int64)][:, None] + np.arange(self.window_steps)
        bits = np.unpackbits(self.rolls[rows], axis=-1).view(np.bool_)  # batch, step, line, plane, pitch
        if semitones is not None:
            pitched = [0, *(line for line, track in enumerate(self.tracks, start=1) if not track.is_drums)]
            bits[:, :, pitched] = _transposed(bits[:, :, pitched], np.asarray(semitones))
        bits = bits.transpose(0, 2, 3, 1, 4)
        return np.ascontiguousarray(bits[:, 0]), np.ascontiguousarray(bits[:, 1:])

    def of_songs(self, chosen: Sequence[int] | NDArray[np.integer]) -> WindowSet:
        """The windows of some of the songs, sharing this set's rolls.

        Args:
            chosen: Indices into `songs`, each at most once.
        """
        new_index = np.full(len(self.songs), -1, dtype=np.int32)
        new_index[np.asarray(chosen, dtype=np.int64)] = np.arange(len(chosen))
        kept = np.flatnonzero(new_index[self.song_of] >= 0)
        return WindowSet(
            tuple(self.songs[index] for index in chosen),
            new_index[self.song_of[kept]],
            self.start_of[kept],
            self.rolls,
            self.lowest[kept],
            self.highest[kept],
            self.tracks,
            self.window_steps,
        )


def _transposed(bits: NDArray[np.bool_], semitones: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Each window of (batch, ..., 128) moved along the pitch axis by its own number of semitones."""
    moved = np.zeros_like(bits)
    for shift in np.unique(semitones).tolist():
        which = semitones == shift
        if shift >= 0:
            moved[which, ..., shift:] = bits[which, ..., : PITCHES - shift]
        else:
            moved[which, ..., :shift] = bits[which, ..., -shift:]
    return moved


def window_starts(
    bars: NDArray[np.integer], *, window_steps: int = WINDOW_STEPS, hop_bars: int = 1
) -> NDArray[np.int64]:
    """The steps at which a song's windows begin.

    A window is left out where a bar that it touches is not of the song's usual length (a pickup, an inserted half
    bar), or where it would run past the end of the last bar.

    Args:
        bars: Start tick of each bar, and the end of the last one.
        window_steps: Length of a window.
        hop_bars: Bars from one window's start to the next one's.
    """
    lengths = np.diff(bars)
    if not len(lengths):
        return np.zeros(0, dtype=np.int64)
    values, counts = np.unique(lengths, return_counts=True)
    usual = int(values[counts.argmax()])
    bars_touched = -(-window_steps * TICKS_PER_STEP // usual)
    regular = (lengths == usual) & (bars[:-1] % TICKS_PER_STEP == 0)
    starts = [
        int(bars[first]) // TICKS_PER_STEP
        for first in range(0, len(lengths) - bars_touched + 1, hop_bars)
        if regular[first : first + bars_touched].all()
    ]
    return np.array(starts, dtype=np.int64)


def song_roll(table: SongTable, tracks: tuple[TrackSpec, ...] = BAND) -> NDArray[np.uint8]:
    """A whole song as a packed roll, by the rules of `accompanist.music.roll.encode`.

    A note outside its track's range is moved there by octaves, since a player of that track could not play it; a drum
    outside it is lost, and so is what lies outside the bars.

    Returns:
        (steps, 1 + tracks, 2 planes, 16) bytes.
    """
    steps = int(table.bars[-1]) // TICKS_PER_STEP
    roll = np.zeros((steps, 1 + len(tracks), 2, PITCHES), dtype=np.bool_)
    part, start, pitch, end, _ = table.notes.T
    first = (start + TICKS_PER_STEP // 2) // TICKS_PER_STEP
    last = np.maximum((end + TICKS_PER_STEP // 2) // TICKS_PER_STEP, first + 1)
    for line, track in enumerate((None, *tracks)):
        name = track.name if track else MELODY
        if name not in table.parts:
            continue
        here = (part == table.parts.index(name)) & (last > 0) & (first < steps)
        if track and track.is_drums:
            here &= (pitch >= track.lowest) & (pitch <= track.highest)
        pitches = pitch[here] if track is None else folded(pitch[here], track)
        begins = first[here]
        heard = begins >= 0
        roll[begins[heard], line, ONSET, pitches[heard]] = True
        begins, ends = np.maximum(begins, 0), np.minimum(last[here], steps)
        lengths = ends - begins
        ramp = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        roll[np.repeat(begins, lengths) + ramp, line, HELD, np.repeat(pitches, lengths)] = True
    return np.packbits(roll, axis=-1)


def folded(pitches: NDArray[np.int32], track: TrackSpec) -> NDArray[np.int32]:
    """Pitches moved by octaves into a track's range, which must span an octave at least."""
    up = np.maximum(0, -(-(track.lowest - pitches) // 12))
    down = np.maximum(0, -(-(pitches - track.highest) // 12))
    return np.asarray(pitches + 12 * (up - down), dtype=np.int32)


def cut(
    tables: Sequence[SongTable], *, tracks: tuple[TrackSpec, ...] = BAND, window_steps: int = WINDOW_STEPS
) -> WindowSet:
    """All windows of all songs, hop one bar; those without any melody, or without any accompaniment, left out.

    Args:
        tables: Songs; `songs` of the result keeps their order, also of those that yield no window.
        tracks: The ensemble.
        window_steps: Length of a window.
    """
    lines = 1 + len(tracks)
    rolls: list[NDArray[np.uint8]] = [np.zeros((0, lines, 2, PACKED), dtype=np.uint8)]
    starts: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    owners: list[NDArray[np.int32]] = [np.zeros(0, dtype=np.int32)]
    lows: list[NDArray[np.int16]] = [np.zeros((0, lines), dtype=np.int16)]
    highs: list[NDArray[np.int16]] = [np.zeros((0, lines), dtype=np.int16)]
    offset = 0
    for number, table in enumerate(tables):
        roll = song_roll(table, tracks)
        at = window_starts(table.bars, window_steps=window_steps)
        low, high = _extremes(roll, at, window_steps)
        wanted = (high[:, 0] >= 0) & (high[:, 1:] >= 0).any(axis=1)
        rolls.append(roll)
        starts.append(at[wanted] + offset)
        owners.append(np.full(int(wanted.sum()), number, dtype=np.int32))
        lows.append(low[wanted])
        highs.append(high[wanted])
        offset += len(roll)
    return WindowSet(
        tuple(table.label for table in tables),
        np.concatenate(owners),
        np.concatenate(starts),
        np.concatenate(rolls),
        np.concatenate(lows),
        np.concatenate(highs),
        tracks,
        window_steps,
    )


def _extremes(
    roll: NDArray[np.uint8], starts: NDArray[np.int64], window_steps: int
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Lowest and highest sounding pitch of each line in each window, (windows, lines); 128 and -1 where silent."""
    held = roll[starts[:, None] + np.arange(window_steps)][:, :, :, HELD]
    on = np.unpackbits(np.bitwise_or.reduce(held, axis=1), axis=-1).view(np.bool_)
    silent = ~on.any(axis=-1)
    low = np.where(silent, PITCHES, on.argmax(axis=-1)).astype(np.int16)
    high = np.where(silent, -1, PITCHES - 1 - on[..., ::-1].argmax(axis=-1)).astype(np.int16)
    return low, high
