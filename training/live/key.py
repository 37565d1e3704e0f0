"""The key that a melody suggests: what everything the network reads is moved by.

What was heard long ago counts for less, so that a melody that modulates is followed. A minor key counts as the major
one of its signature.

Source: Krumhansl and Schmuckler: the sounding time of the pitch classes is correlated with the probe-tone profiles of
the 24 keys (Krumhansl, Cognitive Foundations of Musical Pitch, 1990).
"""

from __future__ import annotations

import torch
from torch import Tensor

from accompanist.music.theory import MAJOR_PROFILE, MINOR_PROFILE

HALF_LIFE_BEATS = 32.0
"""After so long a note counts half: eight bars of four."""


def key_profiles() -> Tensor:
    """The 24 keys' profiles, centred and of length 1: (24, 12); the twelve major ones first, by tonic."""
    rows = [
        torch.roll(torch.tensor(profile), tonic) for profile in (MAJOR_PROFILE, MINOR_PROFILE) for tonic in range(12)
    ]
    profiles = torch.stack(rows).to(torch.float32)
    centred = profiles - profiles.mean(dim=1, keepdim=True)
    unit: Tensor = centred / torch.linalg.vector_norm(centred, dim=1, keepdim=True)
    return unit


def heard_classes(pitch: Tensor, known: Tensor) -> Tensor:
    """How long each pitch class sounds in each beat of a melody.

    Args:
        pitch: (..., beats, 4 steps), -1 for silence.
        known: (..., beats, 4) booleans.

    Returns:
        (..., beats, 12) in steps.
    """
    place = torch.where((pitch >= 0) & known, pitch % 12, 12)
    return torch.nn.functional.one_hot(place.long(), 13)[..., :12].sum(dim=-2).to(torch.float32)


def key_of(classes: Tensor, age: Tensor) -> Tensor:
    """The tonic of the major key whose signature a melody suggests.

    Args:
        classes: (..., beats, 12), as `heard_classes` makes them.
        age: (..., beats) how many beats ago each was; below 0: it does not count.

    Returns:
        (...) tonics, 0 to 11; 0 where nothing was heard.
    """
    return signature_of((classes * _weight(age)[..., None]).sum(dim=-2))


def keys_heard(pitch: Tensor, known: Tensor, *, missing_steps: int = 0, foresight: bool = False) -> Tensor:
    """The key assumed at each beat of a song, from what is known of its melody when that beat is planned.

    Args:
        pitch: (..., beats, 4 steps), -1 for silence.
        known: (..., beats, 4) booleans.
        missing_steps: Steps of the beat before that nobody has heard yet.
        foresight: The whole melody is known from the beginning on.

    Returns:
        (..., beats) tonics, 0 to 11.
    """
    classes = heard_classes(pitch, known)
    beat = torch.arange(classes.shape[-2], device=classes.device)
    age = beat[:, None] - 1 - beat
    if foresight:
        return signature_of(_weight(age.abs()) @ classes)
    in_time = known & (torch.arange(known.shape[-1], device=known.device) < known.shape[-1] - missing_steps)
    newest = torch.zeros_like(classes)
    newest[..., 1:, :] = heard_classes(pitch, in_time)[..., :-1, :]
    return signature_of(torch.where(age > 0, _weight(age), torch.zeros(())) @ classes + newest)


def signature_of(weights: Tensor) -> Tensor:
    """The tonic of the major key with the signature of the key that fits best: (..., 12) pitch classes to (...)."""
    scores = (weights - weights.mean(dim=-1, keepdim=True)) @ key_profiles().T.to(weights.device)
    best = scores.argmax(dim=-1)
    return torch.where(best < 12, best, (best - 12 + 3) % 12)


def _weight(age: Tensor) -> Tensor:
    """How much a beat counts that was so many beats ago; one to come counts nothing."""
    return torch.where(age >= 0, 0.5 ** (age / HALF_LIFE_BEATS), torch.zeros(()))
