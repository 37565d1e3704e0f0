"""The fair opponent: a hidden Markov model over chords, played in fixed patterns.

Its state is a key (one of twelve) and a triad in it (one of 24). From songs people accompanied it learns how likely one
triad follows another, on the bar line, on the other strong beats and between them, and how the melody's time spreads
over the scale while a triad sounds. All is counted relative to the key, so that every song teaches all keys.

Live it filters: before each beat it takes the triad that is most likely after all of the melody up to there, and never
sees the beat it plays in. With the whole melody known it takes the most likely path (Viterbi). Bass and piano play what
it says: the root on strong beats and where the chord changes, and the triad struck on every beat. Until it has heard a
note it is silent.

Source: Rabiner: A tutorial on hidden Markov models (Proceedings of the IEEE, 1989).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accompanist.music.note import Note
from accompanist.music.roll import HELD, encode, pitch_classes
from accompanist.music.theory import major_scale
from accompanist.music.time import PPQ, STEPS_PER_BEAT
from training.evaluation.chords import TRIADS, best_triads
from training.evaluation.piece import Piece, Tracks

HEARING = 2.0
"""How many notes a beat of melody weighs: one that is held says less than its four sixteenths apart would."""
KEY_CHANGE = 1 / 256
"""How likely the key changes with a beat: once in 64 bars."""
UNSEEN = 0.1
"""Added to every count, in beats: what was never seen is unlikely, not impossible."""
LOWEST_BASS, LOWEST_PIANO = 33, 55
_BAR_LINE, _STRONG, _WEAK = range(3)
_KEYS = np.arange(12)
# Row of TRIADS for each key and each triad relative to it; and back.
_TRIAD_OF = (np.arange(24)[None, :] + _KEYS[:, None]) % 12 + np.arange(24)[None, :] // 12 * 12
_SCALES = np.stack([major_scale(tonic) for tonic in range(12)])


@dataclass(frozen=True, slots=True)
class ChordModel:
    """What was learnt.

    Args:
        first: (24,) probability of a song's first triad, relative to its key as all of these are.
        follows: (3 places in the bar, 24, 24) probability that a triad is followed by another on such a beat.
        sings: (24, 12) probability of each pitch class in the melody while a triad sounds.
    """

    first: NDArray[np.float64]
    follows: NDArray[np.float64]
    sings: NDArray[np.float64]

    @classmethod
    def learnt(cls, songs: Iterable[Piece]) -> ChordModel:
        """Count what people do.

        Args:
            songs: With their accompaniment.
        """
        first = np.full(24, UNSEEN)
        follows = np.full((3, 24, 24), UNSEEN)
        sings = np.full((24, 12), UNSEEN)
        for song in songs:
            band = np.any([roll[HELD] for roll in song.rolls(song.parts).values()], axis=0)
            melody = heard(song)
            key = key_of(melody.sum(axis=0) + pitch_classes(band).sum(axis=0))
            triads = best_triads(band)
            triads = (triads - key) % 12 + triads // 12 * 12
            first[triads[0]] += 1
            np.add.at(follows, (places(song)[1:], triads[:-1], triads[1:]), 1)
            np.add.at(sings, triads, np.roll(melody, -key, axis=1))
        return cls(*(counts / counts.sum(axis=-1, keepdims=True) for counts in (first, follows, sings)))

    def live(self, song: Piece) -> NDArray[np.int64]:
        """The triad for each beat, each chosen before the beat was heard: (beats,) rows of TRIADS, -1 for silence."""
        likelihoods = np.exp(self._evidence(song))
        belief = np.tile(self.first / 12, (12, 1))  # (keys, triads)
        sounding = np.asarray(heard(song).any(axis=1))
        chosen = np.full(len(sounding), -1, dtype=np.int64)
        for beat, place in enumerate(places(song).tolist()):
            if beat:
                belief = (1 - KEY_CHANGE) * (belief @ self.follows[place]) + KEY_CHANGE * belief.mean(axis=0)
            if sounding[:beat].any():
                chosen[beat] = np.bincount(_TRIAD_OF.ravel(), belief.ravel()).argmax()
            belief = belief * likelihoods[beat]
            belief /= belief.sum()
        return chosen

    def path(self, song: Piece) -> NDArray[np.int64]:
        """The triad for each beat with all of the melody known: (beats,) rows of TRIADS."""
        evidence = self._evidence(song)
        stays = np.log(1 - KEY_CHANGE) + np.log(self.follows)  # (places, from, to)
        leaves = np.log(KEY_CHANGE / 12) + np.log(self.follows)
        best = np.tile(np.log(self.first / 12), (12, 1)) + evidence[0]
        came_from = np.zeros((len(evidence), 12, 24), dtype=np.int64)  # key x 24 + triad
        rows = np.arange(24)
        for beat, place in enumerate(places(song).tolist()[1:], start=1):
            within = best[:, :, None] + stays[place]  # (keys, from, to)
            inside = within.argmax(axis=1)
            across = best.max(axis=0)[:, None] + leaves[place]  # (from, to)
            outside = across.argmax(axis=0)
            staying, leaving = within.max(axis=1), across.max(axis=0)
            came_from[beat] = np.where(
                staying >= leaving, _KEYS[:, None] * 24 + inside, (best.argmax(axis=0)[outside] * 24 + outside)[rows]
            )
            best = np.maximum(staying, leaving) + evidence[beat]
        at = int(best.argmax())
        path = np.zeros(len(evidence), dtype=np.int64)
        for beat in range(len(evidence) - 1, -1, -1):
            path[beat] = _TRIAD_OF.ravel()[at]
            at = int(came_from[beat].ravel()[at])
        return path

    def _evidence(self, song: Piece) -> NDArray[np.float64]:
        """How well each beat's melody goes with each key and triad: logarithms, (beats, keys, triads)."""
        melody = heard(song)
        in_key = np.stack([np.roll(melody, -key, axis=1) for key in _KEYS], axis=1)  # (beats, keys, 12)
        return np.asarray(HEARING * (in_key @ np.log(self.sings).T))


@dataclass(frozen=True, slots=True)
class ChordPlayer:
    """The opponent as a `trial.Player`.

    Args:
        model: What it has learnt.
        foresight: Whether it knows the whole melody.
    """

    model: ChordModel
    foresight: bool

    @property
    def listens(self) -> bool:
        """It does."""
        return True

    @property
    def is_random(self) -> bool:
        """It is not: to one melody it plays one thing."""
        return False

    def play(self, song: Piece, seed: int) -> Tracks:  # noqa: ARG002 (nothing of it is drawn)
        """Bass and piano."""
        return patterns(song, self.model.path(song) if self.foresight else self.model.live(song))


def heard(song: Piece) -> NDArray[np.float64]:
    """The melody's time on each pitch class in each beat, in beats: (beats, 12)."""
    line = pitch_classes(encode(song.melody, song.steps)[HELD])
    return np.asarray(line.reshape(-1, STEPS_PER_BEAT, 12).mean(axis=1))


def key_of(time: NDArray[np.float64]) -> int:
    """The tonic of the major scale that holds most of (12,) sounding time."""
    return int((_SCALES @ time).argmax())


def places(song: Piece) -> NDArray[np.int64]:
    """Each beat's place in its bar: the bar line, another strong beat (the middle of an even bar), or between."""
    bar = np.full(song.beats_per_bar, _WEAK)
    if song.beats_per_bar % 2 == 0:
        bar[song.beats_per_bar // 2] = _STRONG
    bar[0] = _BAR_LINE
    return np.tile(bar, song.bars)


def patterns(song: Piece, triads: NDArray[np.int64]) -> Tracks:
    """Chords as bass and piano play them.

    Args:
        song: Its beats.
        triads: (beats,) rows of TRIADS, -1 for silence.
    """
    bass: list[Note] = []
    piano: list[Note] = []
    before = -1
    for beat, (triad, place) in enumerate(zip(triads.tolist(), places(song).tolist(), strict=True)):
        start, end = beat * PPQ, (beat + 1) * PPQ
        if triad >= 0:
            if place != _WEAK or triad != before:
                bass.append(Note(start, _from(LOWEST_BASS, triad % 12), end))
            else:
                bass[-1] = bass[-1]._replace(end_tick=end)
            piano += sorted(
                Note(start, _from(LOWEST_PIANO, tone), end) for tone in np.flatnonzero(TRIADS[triad]).tolist()
            )
        before = triad
    return {"bass": bass, "piano": piano}


def _from(lowest: int, pitch_class: int) -> int:
    """The first pitch of a class at or above a pitch."""
    return lowest + (pitch_class - lowest) % 12
