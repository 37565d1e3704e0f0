"""The key that a melody suggests: what everything the network reads is moved by.

Counting pitch classes is not enough: half the tunes of pop music leave out the fourth and the seventh degree, and five
notes lie in three keys. What tells is where they stand: what a phrase begins and ends with, which note is long, which
leap goes where. So it is learnt: each of the twelve keys is heard for itself, as if it were C, and says how much the
melody sounds like it. One network judges all of them, so what it learns in one key it knows in all.

What was heard long ago counts for less: the finder hears the melody at once with a short and with a long memory, and
learns from songs that turn to another key in the middle which of them to believe. A minor key counts as the major one
of its signature.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from accompanist.music.time import STEPS_PER_BEAT

HALF_LIVES_BEATS = (4.0, 16.0, 64.0, 100_000.0)
"""Of its memories: after so long a beat counts half. The last forgets nothing."""
KEYS = 12
_PLACES = 4
_STEP_FEATURES = 14
"""Of each step: twelve pitch classes, silence, onset."""


class Melody(NamedTuple):
    """Melodies, as the finder hears them.

    Args:
        pitch: (B, beats, 4 steps) MIDI pitch, -1 for silence.
        struck: (B, beats, 4) booleans: a note begins.
        known: (B, beats, 4) booleans: somebody has heard that step.
        place: (B, beats) beat in the bar.
        meter: (B, beats) beats of the bar, 3 or 4.
    """

    pitch: Tensor
    struck: Tensor
    known: Tensor
    place: Tensor
    meter: Tensor


class Evidence(NamedTuple):
    """What each beat of a melody says of each key.

    Args:
        signs: (12 keys, B, beats, features) what the finder learnt to listen for; 0 in silence.
        classes: (12 keys, B, beats, 12) how long each degree of the key sounds, in steps.
        sounding: (B, beats) 1 where anything sounds, else 0.
    """

    signs: Tensor
    classes: Tensor
    sounding: Tensor


class KeyFinder(nn.Module):
    """Says which key a melody is in.

    Args:
        width: Of what it listens for in a beat.
    """

    halves: Tensor
    turns: Tensor

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        beat = 2 * STEPS_PER_BEAT * _STEP_FEATURES + 2 * _PLACES
        self.listen = nn.Sequential(nn.Linear(beat, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        memories = len(HALF_LIVES_BEATS)
        told = memories * (width + KEYS + 1)
        self.judge = nn.Sequential(nn.Linear(told, 64), nn.GELU(), nn.Linear(64, 1, bias=False))
        self.register_buffer("halves", torch.tensor(HALF_LIVES_BEATS), persistent=False)
        degree = torch.arange(KEYS)
        self.register_buffer("turns", (degree[None] + degree[:, None]) % KEYS, persistent=False)

    def evidence(self, melody: Melody, known_before: Tensor | None = None) -> Evidence:
        """What each beat says.

        Args:
            melody: What is heard.
            known_before: (B, beats, 4) what of each beat is known when the next one is heard; None: as `melody` says.
        """
        before = melody if known_before is None else melody._replace(known=known_before)
        before_steps = functional.pad(self._steps(before), (0, 0, 1, 0))[:, :, :-1]
        where = functional.one_hot(melody.place + _PLACES * (melody.meter == 3).long(), 2 * _PLACES)
        where = where.to(torch.float32)[None].expand(KEYS, -1, -1, -1)
        signs = self.listen(torch.cat([self._steps(melody), before_steps, where], dim=-1))
        classes = heard_classes(melody.pitch, melody.known)
        sounding = (classes.sum(dim=-1) > 0).to(torch.float32)
        degrees = functional.embedding(self.turns, classes.permute(2, 0, 1).flatten(1)).view(
            KEYS, KEYS, *sounding.shape
        )
        return Evidence(signs * sounding[None, ..., None], degrees.permute(0, 2, 3, 1), sounding)

    @staticmethod
    def _steps(melody: Melody) -> Tensor:
        """(12 keys, B, beats, 4 x 14): the degrees of each key, one-hot; of what is unknown nothing."""
        pitch, struck, known = melody[:3]
        sounds = (pitch >= 0) & known
        key = torch.arange(KEYS, device=pitch.device)[:, None, None, None]
        silent = torch.where(known, KEYS, KEYS + 1)
        degree = torch.where(sounds, (pitch - key) % KEYS, silent)
        features = functional.one_hot(degree, _STEP_FEATURES).to(torch.float32)
        onset = (struck & sounds).to(torch.float32)[None, ..., None].expand(KEYS, -1, -1, -1, 1)
        return torch.cat([features[..., : KEYS + 1], onset], dim=-1).flatten(-2)

    def logits(self, evidence: Evidence, shares: Tensor, newest: Evidence | None = None) -> Tensor:
        """How much the melody sounds like each key.

        Args:
            evidence: Of its beats.
            shares: (memories, moments, beats) how much each beat counts at each moment.
            newest: Of the beat before each moment, as far as it had been heard by then; it counts whole.

        Returns:
            (B, moments, 12).
        """
        signs, classes = (_remembered(shares, part) for part in evidence[:2])
        length = torch.einsum("mqt,bt->mbq", shares, evidence.sounding)[:, None, ..., None]
        if newest is not None:
            signs, classes = signs + newest.signs, classes + newest.classes
            length = length + newest.sounding[None, None, ..., None]
        told = [
            signs / (length + 1),
            classes / (classes.sum(dim=-1, keepdim=True) + 1),
            torch.log1p(length).expand(-1, KEYS, -1, -1, -1) / 3,
        ]
        found: Tensor = self.judge(torch.cat(told, dim=-1).permute(1, 2, 3, 0, 4).flatten(-2))
        return found[..., 0].permute(1, 2, 0)

    def shares(self, age: Tensor) -> Tensor:
        """How much beats count that were so long ago: (moments, beats) in beats to (memories, moments, beats).

        One that is below 0 counts nothing.
        """
        return torch.where(age >= 0, 0.5 ** (age.clamp(min=0) / self.halves[:, None, None]), torch.zeros(()))

    def key_at(self, evidence: Evidence, age: Tensor) -> Tensor:
        """The key assumed at one moment: ages (beats,) to (B,) tonics, 0 to 11; 0 where nothing was heard."""
        logits = self.logits(evidence, self.shares(age[None]))[:, 0]
        return logits.argmax(dim=-1) * (evidence.sounding.amax(dim=-1) > 0)

    def logits_heard(self, melody: Melody, *, missing_steps: int = 0, foresight: bool = False) -> Tensor:
        """What it thinks of the keys at each beat of songs, from what is known of their melody by then.

        Args:
            melody: The songs'; `known` says what anybody plays at all.
            missing_steps: Steps of the beat before that nobody has heard yet.
            foresight: The whole melody is known from the beginning on.

        Returns:
            (B, beats, 12).
        """
        evidence = self.evidence(melody)
        device = melody.pitch.device
        beat = torch.arange(melody.pitch.shape[1], device=device)
        age = beat[:, None] - 1 - beat
        if foresight:
            return self.logits(evidence, self.shares(age.abs()))
        in_time = melody.known & (torch.arange(STEPS_PER_BEAT, device=device) < STEPS_PER_BEAT - missing_steps)
        newest = self.evidence(melody._replace(known=in_time), known_before=melody.known)
        late = Evidence(
            functional.pad(newest.signs, (0, 0, 1, 0))[:, :, :-1],
            functional.pad(newest.classes, (0, 0, 1, 0))[:, :, :-1],
            functional.pad(newest.sounding, (1, 0))[:, :-1],
        )
        return self.logits(evidence, self.shares(torch.where(age > 0, age, -1)), late)

    @torch.no_grad()
    def keys_heard(self, melody: Melody, *, missing_steps: int = 0, foresight: bool = False) -> Tensor:
        """The key assumed at each beat, (B, beats): the likeliest of `logits_heard`; 0 while nothing was heard."""
        logits = self.logits_heard(melody, missing_steps=missing_steps, foresight=foresight)
        in_time = melody.known.clone()
        in_time[..., STEPS_PER_BEAT - missing_steps :] &= foresight
        sounds = (melody.pitch >= 0) & melody.known
        ever = functional.pad(sounds.any(dim=-1).cumsum(dim=1), (2, 0))[:, :-2] > 0
        just = functional.pad((sounds & in_time).any(dim=-1), (1, 0))[:, :-1]
        heard = sounds.flatten(1).any(dim=1, keepdim=True) if foresight else ever | just
        return logits.argmax(dim=-1) * heard


def heard_classes(pitch: Tensor, known: Tensor) -> Tensor:
    """How long each pitch class sounds in each beat of a melody.

    Args:
        pitch: (..., beats, 4 steps), -1 for silence.
        known: (..., beats, 4) booleans.

    Returns:
        (..., beats, 12) in steps.
    """
    place = torch.where((pitch >= 0) & known, pitch % KEYS, KEYS)
    return functional.one_hot(place.long(), KEYS + 1)[..., :KEYS].sum(dim=-2).to(torch.float32)


def _remembered(shares: Tensor, part: Tensor) -> Tensor:
    """(memories, moments, beats) of (keys, B, beats, F): (memories, keys, B, moments, F)."""
    return torch.einsum("mqt,kbtf->mkbqf", shares, part)
