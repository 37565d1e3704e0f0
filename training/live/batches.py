"""What the network learns from: stretches of songs, with more or less of them hidden.

Every stretch is one of the situations the model will be in: the melody heard up to now and nothing of what comes (live
play); the whole melody known (a file); a beat or a few planned into the unknown; its own past shown, in part or not at
all; some tracks given. The same network learns all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accompanist.music.harmony import CHORDS
from training.live.codes import UNKNOWN, CodedSong
from training.live.key import KeyFinder, Melody
from training.live.network import AHEAD_BEATS, Heard, Setting, melody_features

SHORTEST_GROOVE_BEATS = 16
"""A drummer's take must last four bars to be put under a song; shorter ones are single fills."""


class Stretch(NamedTuple):
    """Stretches of songs.

    Args:
        pitch: (B, T + 8, 4) the melody, -1 for silence.
        struck: (B, T + 8, 4).
        known: (B, T + 8, 4) somebody plays it; elsewhere it is unknown for good.
        codes: (B, T, codes) what was played, chords as they sound; -1 where nobody knows.
        place: (B, T).
        meter: (B, T).
        style: (B, T).
        key: (B, T) tonic of the key signature, as found in the song.
    """

    pitch: Tensor
    struck: Tensor
    known: Tensor
    codes: Tensor
    place: Tensor
    meter: Tensor
    style: Tensor
    key: Tensor


class Pool:
    """Songs to take stretches from.

    Args:
        songs: At least one.
        length: Beats of a stretch.
        weights: (songs,) how often each beat of a song is taken, beside the others; None: all alike.
        grooves: Drums alone, in four, to put under songs that have none.
    """

    def __init__(
        self,
        songs: Sequence[CodedSong],
        length: int,
        weights: NDArray[np.floating] | None = None,
        grooves: Sequence[CodedSong] = (),
    ) -> None:
        self.songs, self.length = list(songs), length
        self.grooves = [groove for groove in grooves if len(groove) >= SHORTEST_GROOVE_BEATS and groove.meter == 4]
        sizes = np.array([len(song) for song in songs], dtype=np.float64)
        share = sizes if weights is None else sizes * weights
        self._share = share / share.sum()
        self.beats = int(sizes.sum())

    def take(self, count: int, draws: np.random.Generator) -> Stretch:
        """Some stretches at random; one in four begins with its song, and half of those without drums get some."""
        picked = draws.choice(len(self.songs), count, p=self._share)
        first = [
            0
            if draws.random() < 0.25
            else int(draws.integers(-self.length // 4, max(len(self.songs[song]) - self.length // 2, 1)))
            for song in picked
        ]
        stretch = self.stretches([(int(song), max(at, 0)) for song, at in zip(picked, first, strict=True)])
        self._add_drums(stretch, draws)
        return stretch

    def _add_drums(self, stretch: Stretch, draws: np.random.Generator) -> None:
        """Put some drummer's beat under songs that have none: no record of them together exists.

        The two know nothing of each other but the bar lines. What is learnt from it is to keep a groove up while others
        play; what fits what is learnt from songs that have their own drums.
        """
        if not self.grooves:
            return
        tracks = (stretch.codes.shape[2] - 1) // 2
        for row in np.flatnonzero(draws.random(len(stretch.codes)) < 0.5).tolist():
            if (stretch.codes[row, :, tracks] >= 0).any() or int(stretch.meter[row, 0]) != 4:
                continue
            groove = self.grooves[int(draws.integers(len(self.grooves)))]
            bars = len(groove) // 4
            first = 4 * int(draws.integers(bars)) + int(stretch.place[row, 0])
            beats = torch.from_numpy((first + np.arange(stretch.codes.shape[1])) % (4 * bars))
            played = torch.from_numpy(groove.codes.astype(np.int64))[beats]
            stretch.codes[row, :, tracks] = played[:, tracks]
            stretch.codes[row, :, 2 * tracks] = played[:, 2 * tracks]

    def stretches(self, where: Sequence[tuple[int, int]], length: int | None = None) -> Stretch:
        """Certain stretches.

        Args:
            where: Song and first beat of each.
            length: Beats; None: as usual.
        """
        length = length or self.length
        count, codes = len(where), self.songs[0].codes.shape[1]
        pitch = np.full((count, length + AHEAD_BEATS, 4), -1, dtype=np.int64)
        struck = np.zeros((count, length + AHEAD_BEATS, 4), dtype=np.bool_)
        known = np.zeros((count, length + AHEAD_BEATS, 4), dtype=np.bool_)
        said = np.full((count, length, codes), UNKNOWN, dtype=np.int64)
        place, meter, style, key = (np.zeros((count, length), dtype=np.int64) for _ in range(4))
        for row, (number, at) in enumerate(where):
            song = self.songs[number]
            beats = min(length, len(song) - at)
            heard = min(length + AHEAD_BEATS, len(song) - at)
            pitch[row, :heard] = song.melody[at : at + heard]
            struck[row, :heard] = song.struck[at : at + heard]
            known[row] = song.has_melody
            said[row, :beats] = song.codes[at : at + beats]
            place[row, :beats], key[row, :beats] = song.place[at : at + beats], song.key[at : at + beats]
            meter[row], style[row] = song.meter, song.style
        arrays = (pitch, struck, known, said, place, meter, style, key)
        return Stretch(*(torch.from_numpy(array) for array in arrays))


class Reading(NamedTuple):
    """What the network is given of some stretches, and what it should say.

    Args:
        heard: Of the melody.
        said: (B, T, codes) of the beat before, chords moved with the key.
        given: (B, T, codes).
        setting: The rest.
        target: (B, T, codes) of the beat itself, chords moved with the key; -1 where nothing is to be learnt.
    """

    heard: Heard
    said: Tensor
    given: Tensor
    setting: Setting
    target: Tensor


WRONG_KEYS = 0.06
"""Share of stretches read in any key: the model will sometimes be wrong, and must know its way about then too."""


def melody_of(stretch: Stretch, device: torch.device) -> Melody:
    """The melody of some stretches, on a device."""
    length = stretch.place.shape[1]
    notes = (part[:, :length] for part in (stretch.pitch, stretch.struck, stretch.known))
    return Melody(*(part.to(device) for part in (*notes, stretch.place, stretch.meter)))


@torch.no_grad()
def assumed_key(stretch: Stretch, finder: KeyFinder, draws: np.random.Generator) -> Tensor:
    """A key for each stretch: mostly what its melody suggests up to some beat, else any.

    Returns:
        (B,) tonics.
    """
    count, length = stretch.place.shape
    row = torch.arange(count)
    now = torch.from_numpy(draws.integers(8, length, count))
    device = finder.turns.device
    evidence = finder.evidence(melody_of(stretch, device))
    shares = finder.shares((now[:, None] - 1 - torch.arange(length)).to(device))
    key = finder.logits(evidence, shares)[row, row].argmax(dim=-1).cpu()
    silent = evidence.sounding.sum(dim=1).cpu() == 0
    key = torch.where(silent, stretch.key[row, now], key)
    any_key = torch.from_numpy(draws.integers(0, 12, count))
    return torch.where(torch.from_numpy(draws.random(count)) < WRONG_KEYS, any_key, key)


def moved_chords(codes: Tensor, key: Tensor) -> Tensor:
    """Codes with their chords moved down by the key.

    Args:
        codes: (B, T, codes).
        key: (B, T).
    """
    chord = codes[..., 0]
    moved = torch.where((chord >= 0) & (chord < CHORDS), chord // 12 * 12 + (chord % 12 - key) % 12, chord)
    return torch.cat([moved[..., None], codes[..., 1:]], dim=-1)


def heard_of(stretch: Stretch, key: Tensor, missing_steps: Tensor, ahead_known: Tensor, hole: Tensor) -> Heard:
    """What each token reads of the melody.

    Args:
        stretch: The songs.
        key: (B, T).
        missing_steps: (B, T) how many of the last steps of the beat before a token nobody has heard yet.
        ahead_known: (B, T, 8) booleans.
        hole: (B, T) booleans: nobody heard that beat until after it was planned.
    """
    count, length = key.shape
    step = torch.arange(4)
    pitch, struck = stretch.pitch[:, :length], stretch.struck[:, :length]
    heard = stretch.known[:, :length] & ~hole[..., None]
    # The beat before each token: what was not yet heard of it is unknown.
    late = step >= 4 - missing_steps[..., None]
    newer = melody_features(_late(pitch, 1, -1), _late(struck, 1, 0), _late(heard, 1, 0) & ~late, key)
    older = melody_features(_late(pitch, 2, -1), _late(struck, 2, 0), _late(heard, 2, 0), key)
    beats = torch.arange(length)[:, None] + torch.arange(AHEAD_BEATS)
    ahead_key = key[:, :, None].expand(count, length, AHEAD_BEATS)
    ahead = melody_features(stretch.pitch[:, beats], stretch.struck[:, beats], stretch.known[:, beats], ahead_key)
    known = (ahead_known & stretch.known[:, beats].any(dim=-1)).to(torch.float32)
    return Heard(torch.stack([newer, older], dim=2), ahead, known)


def _late(values: Tensor, beats: int, filler: int) -> Tensor:
    """(B, T, 4) moved so many beats towards the end."""
    out = torch.full_like(values, filler)
    out[:, beats:] = values[:, :-beats]
    return out


def setting_of(stretch: Stretch, key: Tensor) -> Setting:
    """Place, meter, style and the key assumed."""
    return Setting(stretch.place, stretch.meter, stretch.style, key)


def reading_of(stretch: Stretch, finder: KeyFinder, draws: np.random.Generator) -> Reading:
    """A situation for each stretch, drawn at random; the finder says in which key it is read."""
    count, length = stretch.place.shape
    key = assumed_key(stretch, finder, draws)[:, None].expand(count, length)
    ahead, hole = _foresight(count, length, draws)
    missing = torch.from_numpy(draws.choice(3, (count, length), p=(0.4, 0.45, 0.15)))
    codes = moved_chords(stretch.codes, key)
    said = torch.full_like(codes, UNKNOWN)
    said[:, 1:] = codes[:, :-1]
    said = torch.where(_hidden(count, length, draws)[..., None], UNKNOWN, said)
    given, target = _given(codes, draws)
    return Reading(heard_of(stretch, key, missing, ahead, hole), said, given, setting_of(stretch, key), target)


def _foresight(count: int, length: int, draws: np.random.Generator) -> tuple[Tensor, Tensor]:
    """What is known ahead (B, T, 8), and the beats that were planned unheard (B, T)."""
    ahead = np.zeros((count, length, AHEAD_BEATS), dtype=np.bool_)
    hole = np.zeros((count, length), dtype=np.bool_)
    for row, kind in enumerate(draws.random(count)):
        if kind < 0.3:
            ahead[row] = True
        elif kind < 0.4:
            ahead[row, :, : int(draws.integers(1, AHEAD_BEATS))] = True
        elif kind < 0.75:
            for first in draws.integers(0, length, length // 32):
                hole[row, first : first + int(draws.integers(1, AHEAD_BEATS))] = True
    return torch.from_numpy(ahead), torch.from_numpy(hole)


def _hidden(count: int, length: int, draws: np.random.Generator) -> Tensor:
    """(B, T) the model does not see what it played in the beat before."""
    kind = draws.random((count, 1))
    share = np.where(kind < 0.3, 1.0, np.where(kind < 0.6, 0.0, draws.random((count, 1)) * 0.8))
    return torch.from_numpy(draws.random((count, length)) < share)


def _given(codes: Tensor, draws: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Tracks that somebody else plays, in one stretch of eight; they are no longer to be learnt."""
    given = torch.full_like(codes, UNKNOWN)
    target = codes.clone()
    tracks = (codes.shape[2] - 1) // 2
    for row in np.flatnonzero(draws.random(len(codes)) < 0.125).tolist():
        for track in np.flatnonzero(draws.random(tracks) < 0.4).tolist():
            for code in (1 + track, 1 + tracks + track):
                given[row, :, code] = codes[row, :, code]
                target[row, :, code] = UNKNOWN
        if draws.random() < 0.3:
            given[row, :, 0], target[row, :, 0] = codes[row, :, 0], UNKNOWN
    return given, target
