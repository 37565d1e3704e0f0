"""A contestant's performance of a song: played, once for each seed, and measured.

Beside the figures of `measures`, which are averaged over the seeds, a contestant that listens has these:

diversity_onsets  How different two seeds' performances are: 1 - the notes (track, step, pitch) that begin in both, of
                  those that begin in either; mean over the pairs of seeds.
diversity_chroma  The same of the pitch classes that sound in each beat.
recovery_bars     The melody is turned by a tritone from a bar line in the middle on, which nobody could foresee. How
                  many bars until the four bars to come have 9 tenths of the note-in-chord that all bars before the turn
                  had; where that is never, up to `MOST_BARS_LOST`, how many there were to see.
recovery_unturned The same count where the melody goes on as it was: what the ups and downs of a song alone make of it.
recovered         Songs with a turn in which it came to pass, of those long enough to ask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from accompanist.music.note import Note
from accompanist.music.roll import HELD, PITCHES, BoolRoll, encode, pitch_classes
from accompanist.music.time import PPQ, STEPS_PER_BEAT
from training.evaluation.measures import DRUMS, SongMeasures, chroma
from training.evaluation.piece import Piece, Tracks
from training.metrics import note_begins

TRITONE = 6
WINDOW_BARS = 4
"""Over which note-in-chord must be back."""
BACK = 0.9
"""Of what it was before the turn."""
MOST_BARS_LOST = 16
"""So far behind the turn the recovery is looked for."""
FEWEST_BARS_BEFORE = 8
"""A turn that comes earlier says nothing of what was lost."""


class Player(Protocol):
    """Someone who accompanies songs."""

    @property
    def listens(self) -> bool:
        """Whether what it plays follows the melody it is given: people's own accompaniment was there before."""

    @property
    def is_random(self) -> bool:
        """Whether another seed makes another performance."""

    def play(self, song: Piece, seed: int) -> Tracks:
        """What it plays, on one seed or another."""


def trial(player: Player, song: Piece, seeds: int) -> SongMeasures:
    """One song, played and measured.

    Args:
        player: Who plays.
        song: The song.
        seeds: So many performances, with the seeds from 0 on; one that is not random gives one.
    """
    takes = [song.rolls(player.play(song, seed)) for seed in range(seeds if player.is_random else 1)]
    found = averaged([song.measured(take) for take in takes])
    if player.listens:
        found.figures.update(diversity(takes))
        found.figures.update(recovery(player, song, takes[0]))
    return found


def averaged(songs: Sequence[SongMeasures]) -> SongMeasures:
    """Several performances of a song as one: the mean of each figure, of those that have it."""
    names = dict.fromkeys(name for song in songs for name in song.figures)
    figures = {}
    for name in names:
        values = np.array([song.figures.get(name, np.nan) for song in songs])
        values = values[~np.isnan(values)]
        figures[name] = float(values.mean()) if len(values) else float("nan")
    return SongMeasures(figures, np.sum([song.places for song in songs], axis=0))


def diversity(takes: Sequence[Mapping[str, BoolRoll]]) -> dict[str, float]:
    """How different performances of one song are, drums left out; NaN of a single one.

    Args:
        takes: Each a roll, (2 planes, steps, 128), by track; the same tracks in all.
    """
    pitched = [name for name in takes[0] if name not in DRUMS]
    onsets = [np.stack([note_begins(take[name]) for name in pitched]) for take in takes]
    classes = [chroma(np.any([take[name][HELD] for name in pitched], axis=0)) for take in takes]
    return {"diversity_onsets": _mean_distance(onsets), "diversity_chroma": _mean_distance(classes)}


def recovery(player: Player, song: Piece, take: Mapping[str, BoolRoll]) -> dict[str, float]:
    """How soon a player is back after the melody has turned by a tritone; NaN where the song is too short to ask.

    Args:
        player: Who plays.
        song: The song.
        take: What the player plays, on seed 0, where it does not turn.
    """
    turn_bar = song.bars // 2
    if turn_bar < FEWEST_BARS_BEFORE:
        return dict.fromkeys(("recovery_bars", "recovery_unturned", "recovered"), float("nan"))
    heard, unturned = turned(song, turn_bar), turned(song, turn_bar, by=0)
    lost = bars_lost(heard, heard.rolls(player.play(heard, 0)), turn_bar)
    at_best = bars_lost(unturned, {name: roll[:, : unturned.steps] for name, roll in take.items()}, turn_bar)
    never = heard.bars - turn_bar - WINDOW_BARS + 1
    return {
        "recovery_bars": float(never if lost is None else lost),
        "recovery_unturned": float(never if at_best is None else at_best),
        "recovered": float(lost is not None),
    }


def turned(song: Piece, turn_bar: int, by: int = TRITONE) -> Piece:
    """A song whose melody is so much higher from a bar on, or lower where MIDI ends.

    It goes only as far as the recovery is looked for.
    """
    bars = min(song.bars, turn_bar + MOST_BARS_LOST + WINDOW_BARS)
    ticks_per_bar = song.beats_per_bar * PPQ
    turn_tick, end_tick = turn_bar * ticks_per_bar, bars * ticks_per_bar
    melody: list[Note] = []
    for note in song.melody:
        if note.start_tick < end_tick:
            cut = note._replace(end_tick=min(note.end_tick, end_tick))
            moved = cut.transposed(by if cut.pitch + by < PITCHES else -by)
            melody.append(cut if note.start_tick < turn_tick else moved)
    return replace(song, melody=tuple(melody), bars=bars, chords=None)


def bars_lost(song: Piece, rolls: Mapping[str, BoolRoll], turn_bar: int) -> int | None:
    """From the turn on, the first bar whose window of four has note-in-chord back; None where none has.

    Args:
        song: With its melody turned.
        rolls: What was played to it.
        turn_bar: Where it turns.
    """
    band = np.any([roll[HELD] for name, roll in rolls.items() if name not in DRUMS], axis=0)
    line = pitch_classes(encode(song.melody, song.steps)[HELD]).reshape(-1, STEPS_PER_BEAT, 12).sum(axis=1)
    per_bar = song.beats_per_bar * 12
    time = line.reshape(song.bars, per_bar).sum(axis=1)
    met = (line * chroma(band)).reshape(song.bars, per_bar).sum(axis=1)
    before = met[:turn_bar].sum() / max(time[:turn_bar].sum(), 1)
    for lost in range(song.bars - turn_bar - WINDOW_BARS + 1):
        window = slice(turn_bar + lost, turn_bar + lost + WINDOW_BARS)
        if time[window].any() and met[window].sum() >= BACK * before * time[window].sum():
            return lost
    return None


def _mean_distance(takes: Sequence[NDArray[np.bool_]]) -> float:
    """Mean Jaccard distance between two of several sets of cells."""
    distances = [
        1 - (one & other).sum() / (one | other).sum()
        for one, other in combinations(takes, 2)
        if one.any() or other.any()
    ]
    return float(np.mean(distances)) if distances else float("nan")
