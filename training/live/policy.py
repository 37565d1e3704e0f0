"""The adversarial phase: the model plays, hears what became of it, and what served it well becomes likelier.

Exposure bias is what likelihood leaves behind: a network that learnt from people's own past has never met its own. Here
it meets nothing else. Several performances of the same melody are judged beat by beat:

    follow   does the melody that was then played sound in the harmony it had chosen before, beyond chance?
    human    does the critic, which hears the accompaniment alone, take it for people's?

The advantage of a performance is how much better it fared than the others of the same melody from that beat on
(REINFORCE with a group baseline). What people played there is taught on, whatever the model had played before (DAgger),
and a leash keeps the network near what likelihood made of it.

Sources: SeqGAN (Yu et al. 2017); ReaLchords (arXiv 2506.14723); GAPT (arXiv 2511.17879) for the critic that hears no
melody and rests while it is far ahead.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from training.live.batches import Stretch
from training.live.codes import UNKNOWN
from training.live.key import heard_classes
from training.live.likelihood import logits_of
from training.live.network import LiveNetwork
from training.live.rollout import Situation, log_probabilities
from training.live.sounding import Sound


class Weights(NamedTuple):
    """What counts how much.

    Args:
        follow: Hearing the player, for the choice of the chord.
        harmony: What the critic says of the harmony, for the choice of the chord.
        texture: What it says of the texture, for the choice of the figures.
        fill: Hearing the player, for the choice of the figures: whether the chord sounds at all.
        leash: Distance from the network that likelihood taught.
        people: What people chose there, whatever the model had played before (DAgger, Ross et al. 2011).
        patience: How much the next beat's fortune counts for this one's choice; of the critic.
        echo: The same, of following.
    """

    follow: float = 2.0
    harmony: float = 1.5
    texture: float = 1.7
    fill: float = 0.25
    leash: float = 0.06
    people: float = 0.3
    patience: float = 0.85
    echo: float = 0.5


def following(stretch: Stretch, sound: Sound) -> Tensor:
    """How well each beat's harmony met its melody: share of the beat in it, less what chance would be, (B, T)."""
    length = sound.chroma.shape[1]
    melody = heard_classes(stretch.pitch[:, :length], stretch.known[:, :length]) / 4
    chord = sound.chroma.to(torch.float32)
    met = (melody * chord).sum(dim=-1)
    return met - (melody.sum(dim=-1) * chord.sum(dim=-1) - met) / 11


def from_here(rewards: Tensor, patience: float) -> Tensor:
    """The sum of what comes, each beat counting `patience` times the one before: (B, T) to (B, T)."""
    out = torch.zeros_like(rewards)
    total = torch.zeros_like(rewards[:, 0])
    for beat in range(rewards.shape[1] - 1, -1, -1):
        total = rewards[:, beat] + patience * total
        out[:, beat] = total
    return out


def advantages(rewards: Tensor, group: int) -> Tensor:
    """How much better each performance fares than the others of its group: (B, T), of unit spread.

    Args:
        rewards: (B, T), performances of one melody next to each other.
        group: Performances of each melody.
    """
    of_group = rewards.view(-1, group, rewards.shape[1])
    better = (of_group - of_group.mean(dim=1, keepdim=True)).view(rewards.shape)
    return torch.div(better, better.std() + 1e-6)


class Played(NamedTuple):
    """Performances, and what they are worth.

    Args:
        codes: (B, T, codes) what was played, chords moved with the key.
        advantage: (B, T, 2) of the chord's choice, and of the figures'.
        people: (B, T) the chords that people chose there, moved with the key; -1 where nobody knows.
    """

    codes: Tensor
    advantage: Tensor
    people: Tensor


class Outcome(NamedTuple):
    """Of one update.

    Args:
        loss: To descend on.
        distance: From the first network, nats a beat.
        entropy: Of the chord's choice, nats.
    """

    loss: Tensor
    distance: Tensor
    entropy: Tensor


def policy_loss(
    network: LiveNetwork, first: LiveNetwork, situation: Situation, played: Played, weights: Weights
) -> Outcome:
    """What makes the choices of the better performances likelier.

    Args:
        network: That learns.
        first: As likelihood left it.
        situation: What was known.
        played: What was played.
        weights: Of leash and people.
    """
    said = torch.full_like(played.codes, UNKNOWN)
    said[:, 1:] = played.codes[:, :-1]
    heard, setting, given = situation.heard, situation.setting, situation.given
    logits = logits_of(network, heard, setting, said=said, given=given, codes=played.codes)
    with torch.no_grad():
        reference = logits_of(first, heard, setting, said=said, given=given, codes=played.codes)
    chosen = log_probabilities(logits, played.codes)[..., : network.layout.decisions]
    figures = chosen[..., 1:].sum(dim=-1)
    gain = (torch.stack([chosen[..., 0], figures], dim=-1) * played.advantage).mean(dim=(0, 1)).sum()
    distance = torch.stack([_distance(new, old) for new, old in zip(logits, reference, strict=True)]).sum()
    harmony = functional.log_softmax(logits[0], dim=-1)
    entropy = -(harmony.exp() * harmony).sum(dim=-1).mean()
    people = played.people.flatten()
    taught = functional.cross_entropy(logits[0].flatten(0, 1), people, ignore_index=UNKNOWN, reduction="sum")
    taught = taught / (people >= 0).sum().clamp(min=1)  # nobody may know: a mean of nothing would be no number
    loss = -gain + weights.leash * distance + weights.people * taught
    return Outcome(loss, distance.detach(), entropy.detach())


def _distance(new: Tensor, old: Tensor) -> Tensor:
    """Kullback-Leibler divergence of two choices given as logits (..., values), mean over all of them, in nats."""
    ours = functional.log_softmax(new, dim=-1)
    return (ours.exp() * (ours - functional.log_softmax(old, dim=-1))).sum(dim=-1).mean()
