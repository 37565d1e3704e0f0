"""One update of the adversarial phase: the model plays, critic and model learn from it. See `training.live.policy`."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn

from training.live.batches import Stretch, assumed_key, moved_chords
from training.live.codes import UNKNOWN
from training.live.critics import StreamCritic, critic_loss
from training.live.network import LiveNetwork
from training.live.policy import Played, Weights, advantages, following, from_here, policy_loss
from training.live.rollout import live_situation, rollout
from training.live.sounding import Sound, Sounding

GROUP = 4
"""Performances of each melody."""
FILE_SHARE = 0.25
"""Of the updates, those in which the whole melody is known: a file is played on one's own past too."""
RESTS_ABOVE = 0.85
"""The critic does not learn while it is right so often: one too far ahead has nothing to teach."""
_MOST_HUMAN = 2.0
"""The critic's say is held within this: at 4 they chased each other until the model was silent (model log, entry 6)."""
AVERAGED = 0.98
"""How much of the average stays at each update: model and critic never come to rest, their mean does."""


class Adversary:
    """What the model learns from while it plays.

    Args:
        network: That learns; `first` is what it was at the beginning, `average` what is to be played.
        sounding: How codes sound.
        tracks: Of the ensemble.
        weights: What counts how much.
        learning_rate: Of the critic.
    """

    def __init__(
        self, network: LiveNetwork, sounding: Sounding, tracks: int, weights: Weights, *, learning_rate: float
    ) -> None:
        self.network = network
        self.first = copy.deepcopy(network).requires_grad_(requires_grad=False).eval()
        self.average = copy.deepcopy(self.first)
        self.sounding = sounding
        self.weights = weights
        self.critic = StreamCritic(tracks)
        self.critic_adam = torch.optim.Adam(self.critic.parameters(), learning_rate, betas=(0.5, 0.9))

    def loss(
        self, stretch: Stretch, draws: np.random.Generator, source: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        """Play some melodies, teach the critic, and say what the network is to descend on.

        Args:
            stretch: Songs that have a melody and a harmony.
            draws: Of the keys assumed.
            source: Of the choices while playing.

        Returns:
            The network's loss, and what happened: reward for following, for being human in harmony and in texture, how
            often the critic was right, its loss and the norm of its gradient, the distance from the first network and
            the entropy of its chords.
        """
        device = next(self.network.parameters()).device
        key = assumed_key(stretch, self.network.keys, draws)[:, None].expand(stretch.place.shape)
        people = moved_chords(stretch.codes, key)
        melodies, keys = _repeated(stretch, GROUP), key.repeat_interleave(GROUP, dim=0)
        foresight = bool(draws.random() < FILE_SHARE)
        situation = live_situation(melodies, keys, missing_steps=int(draws.integers(0, 2)), foresight=foresight)
        situation = situation.to(device)
        # The network plays where it is; what became of it is judged on the CPU, where the songs are.
        codes = rollout(self.network, situation, [1.0] * self.network.layout.codes, source).cpu()
        still = torch.zeros_like(keys)  # chords moved with the key are in the key of C
        sound = self.sounding.of(comparable(codes, people.repeat_interleave(GROUP, dim=0)), still)
        follow = following(melodies, self.sounding.of(moved_chords(codes, -keys), keys))
        with torch.no_grad():
            human = self.critic(sound).clamp(-_MOST_HUMAN, _MOST_HUMAN)
        loss, right, gradient = self._teach(
            self.sounding.of(people, still[::GROUP]), Sound(*(part[::GROUP] for part in sound))
        )
        chords = people[..., 0].repeat_interleave(GROUP, dim=0)
        played = Played(codes.to(device), self._advantage(follow, human).to(device), chords.to(device))
        outcome = policy_loss(self.network, self.first, situation, played, self.weights)
        return outcome.loss, {
            "follow": float(follow.mean()),
            "human_harmony": float(human[..., 0].mean()),
            "human_texture": float(human[..., 1].mean()),
            "critic_right": float(right),
            "critic_loss": float(loss),
            "critic_gradient": float(gradient),
            "distance": float(outcome.distance),
            "chord_entropy": float(outcome.entropy),
        }

    @torch.no_grad()
    def averaged(self) -> None:
        """Take the network as it is now into the average."""
        for mean, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(now, 1 - AVERAGED)

    def _advantage(self, follow: Tensor, human: Tensor) -> Tensor:
        """Of the chord's choice and of the figures': (B, T, 2)."""
        weights = self.weights
        heard = advantages(from_here(follow, weights.echo), GROUP)
        harmony, texture = (advantages(from_here(human[..., stream], weights.patience), GROUP) for stream in (0, 1))
        chord = weights.follow * heard + weights.harmony * harmony
        return torch.stack([chord, weights.fill * heard + weights.texture * texture], dim=-1)

    def _teach(self, human: Sound, played: Sound) -> tuple[Tensor, Tensor, Tensor]:
        """Teach the critic, unless it is too far ahead.

        Returns:
            Its loss, how often it was right, and the norm of its gradient, 0 where it rested.
        """
        loss, right = critic_loss(self.critic, human, played)
        if float(right) >= RESTS_ABOVE:
            return loss.detach(), right, torch.zeros(())
        self.critic_adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.critic_adam.step()
        gradient = nn.utils.get_total_norm([value.grad for value in self.critic.parameters() if value.grad is not None])
        return loss.detach(), right, gradient


def comparable(codes: Tensor, people: Tensor) -> Tensor:
    """What was played, where it is known what people play: in the song, on the tracks that it has.

    A song that comes without drums is not one in which the drummer is silent: a critic that heard it so would teach
    silence. Nor do people fall silent where a song ends: nobody knows what they would play after it.

    Args:
        codes: (B, T, codes) what was played.
        people: (B, T, codes) what people played; -1 where nobody knows.
    """
    unknown = (people < 0).all(dim=1, keepdim=True)
    unknown[..., 0] = False  # the chord is what the other tracks are written in
    return torch.where(unknown | (people[..., :1] < 0), UNKNOWN, codes)


def _repeated(stretch: Stretch, times: int) -> Stretch:
    return Stretch(*(part.repeat_interleave(times, dim=0) for part in stretch))
