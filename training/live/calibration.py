"""How busy each track is, set right after training: as often silent, as many notes and as full as people's.

Model and critic swing around what people play, and following the melody pays for fuller figures. The choice of figures
is therefore tilted a little: silence by one number, each note that a figure begins by another, each that sounds by a
third (exponential tilting: of all choices with the wanted means the one nearest the learnt one). They are found by
playing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from training.live.batches import Stretch, melody_of
from training.live.network import LiveNetwork
from training.live.rollout import PLAY_TEMPERATURES, live_situation, rollout
from training.live.sounding import Sounding

ROUNDS = 10
"""Performances of all melodies, each heard before the next is tilted."""
STEP = 0.5
"""How much of what is missing is made good at once."""
MOST_TILT = 3.0
"""In nats: more than this would be another model."""
_RAREST = 0.01
"""A share of beats below this is taken for this: its logarithm is asked for."""


class Busyness(NamedTuple):
    """How busy a track is.

    Args:
        silent: Share of beats in which it begins nothing and holds nothing.
        onsets: Notes begun in each beat in which it plays.
        held: Notes sounding in each such beat, mean over its steps.
    """

    silent: float
    onsets: float
    held: float


def busyness(figures: Tensor, onsets: Tensor, held: Tensor, there: Tensor) -> Busyness:
    """How busy some beats are.

    Args:
        figures: (...) of one track; -1 where nobody knows.
        onsets: (figures,) notes that each begins.
        held: (figures,) notes that sound in it.
        there: (...) booleans: the beats that count.
    """
    counted = figures[there & (figures >= 0)]
    playing = counted[held[counted] > 0]
    silent = 1 - len(playing) / max(len(counted), 1)
    if not len(playing):
        return Busyness(silent, 0.0, 0.0)
    return Busyness(silent, float(onsets[playing].mean()), float(held[playing].mean()))


def people_are(codes: Sequence[Tensor], sounding: Sounding) -> list[Busyness | None]:
    """How busy people are on each track, songs of unknown parts left out; None of a track nobody plays.

    Args:
        codes: Of each song, (beats, codes).
        sounding: What the figures are.
    """
    found: list[Busyness | None] = []
    for track, (onsets, held) in enumerate(sounding.fullness()):
        figures = torch.cat([song[:, 1 + track].long() for song in codes])
        there = figures >= 0
        found.append(busyness(figures, onsets, held, there) if there.any() else None)
    return found


@torch.no_grad()
def calibrate(
    network: LiveNetwork, sounding: Sounding, melodies: Stretch, people: Sequence[Busyness | None], seed: int
) -> None:
    """Tilt a network's choice of figures until it is as busy as people.

    Args:
        network: In evaluation mode; its biases of figures are changed.
        sounding: What the figures are.
        melodies: To play to, live; beats after a song's end do not count.
        people: How busy they are on each track; one of None is left as it is.
        seed: Of the performances.
    """
    device = next(network.parameters()).device
    key = network.keys.keys_heard(melody_of(melodies, device), missing_steps=1).cpu()
    situation = live_situation(melodies, key).to(device)
    in_song = melodies.codes[..., 0] >= 0
    learnt = [bias.detach().clone() for bias in network.biases]
    tilts = [(0.0, 0.0, 0.0)] * len(people)
    for _ in range(ROUNDS):
        source = torch.Generator(device).manual_seed(seed)
        codes = rollout(network, situation, PLAY_TEMPERATURES, source).cpu()
        for track, (onsets, held) in enumerate(sounding.fullness()):
            wanted = people[track]
            if wanted is None:
                continue
            now = busyness(codes[..., 1 + track], onsets, held, in_song)
            silence, notes, full = tilts[track]
            tilts[track] = (
                _held_within(silence + STEP * (_odds(wanted.silent) - _odds(now.silent))),
                _held_within(notes + STEP * (wanted.onsets - now.onsets) / max(wanted.onsets, 1.0)),
                _held_within(full + STEP * (wanted.held - now.held) / max(wanted.held, 1.0)),
            )
            silence, notes, full = tilts[track]
            tilt = torch.where(held > 0, notes * onsets + full * held, silence)
            network.biases[1 + track].copy_(learnt[1 + track] + tilt.to(device))


def _odds(share: float) -> float:
    """The logarithm of the odds."""
    share = min(max(share, _RAREST), 1 - _RAREST)
    return float(torch.logit(torch.tensor(share)))


def _held_within(tilt: float) -> float:
    return min(max(tilt, -MOST_TILT), MOST_TILT)
