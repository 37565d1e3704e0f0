"""One update of each network: *what* a step does. The loop decides *when*.

The classic recipe (Gulrajani et al. 2017, algorithm 1): the critic is updated several times on fresh windows, then the
generator once. Both learn by Adam.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from accompanist.config import TrainConfig
from accompanist.music.roll import HELD
from training import ranks
from training.adam import moments, restore_moments
from training.critics import ConvCritic
from training.generators import UNetGenerator
from training.losses import critic_loss, generator_loss
from training.order import WEIGHTS, seed_for
from training.precision import computing

GENERATE_AT_ONCE = 64
"""Windows: more would need more memory than training itself."""


class ClassicStep:
    """The two networks, their optimizers, and one update of each.

    Args:
        config: Widths, rates, weight of the penalty.
        tracks: Accompaniment tracks.
        device: Where to compute.
    """

    def __init__(self, config: TrainConfig, tracks: int, device: torch.device) -> None:
        self.device = device
        self.planes = config.planes
        self.penalty_weight = config.gradient_penalty
        with torch.random.fork_rng(devices=[]):  # weights follow the seed; nobody else's random numbers change
            torch.manual_seed(seed_for(config.seed, WEIGHTS))
            self.generator = UNetGenerator(tracks=tracks, planes=config.planes, width=config.width, noise=config.noise)
            self.critic = ConvCritic(tracks=tracks, planes=config.planes, width=config.width)
        self.generator.to(device).train()
        self.critic.to(device).train()
        if device.type == "cpu":  # its convolutions are quicker so; the generator's are not
            self.critic.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
        betas = (config.beta1, config.beta2)
        self.generator_adam = torch.optim.Adam(
            self.generator.parameters(), config.learning_rate, betas=betas, fused=True
        )
        critic_rate = config.critic_learning_rate or config.learning_rate
        self.critic_adam = torch.optim.Adam(self.critic.parameters(), critic_rate, betas=betas, fused=True)
        self._noise_source = torch.Generator(device)
        self._point_source = torch.Generator()
        self._computing = partial(computing, config, device)

    def critic_update(self, melody: Tensor, real: Tensor, seed: int) -> Tensor:
        """Teach the critic once.

        Args:
            melody: (B, planes, steps, 128), -1 or 1.
            real: (B, tracks x planes, steps, 128), -1 or 1.
            seed: Of this update's noise and of the points its penalty looks at.

        Returns:
            (3,): the Wasserstein loss, the penalty before its weight, the norm of the gradient.
        """
        self._point_source.manual_seed(seed)
        with self._computing():
            with torch.no_grad():  # the critic's loss teaches the critic alone
                fake = self.generator(melody, self._own_noise(len(melody), seed))
            loss = critic_loss(
                self.critic, real, fake, melody, weight=self.penalty_weight, generator=self._point_source
            )
        parts = torch.stack([loss.wasserstein.detach(), loss.penalty.detach()])
        norm = _descend(loss.total, self.critic, self.critic_adam, parts)
        return torch.cat([parts, norm[None]])

    def generator_update(self, melody: Tensor, seed: int) -> Tensor:
        """Teach the generator once.

        Args:
            melody: (B, planes, steps, 128), -1 or 1.
            seed: Of this update's noise.

        Returns:
            (2,): the loss, the norm of the gradient.
        """
        self.critic.requires_grad_(requires_grad=False)  # its gradients would be computed and thrown away
        try:
            with self._computing():
                fake = self.generator(melody, self._own_noise(len(melody), seed))
                loss = generator_loss(self.critic, fake, melody)
            told = loss.detach().clone()
            norm = _descend(loss, self.generator, self.generator_adam, told)
        finally:
            self.critic.requires_grad_(requires_grad=True)
        return torch.stack([told, norm])

    def noise(self, count: int, seed: int) -> Tensor:
        """Standard normal noise for some windows: (count, *noise_shape)."""
        self._noise_source.manual_seed(seed)
        return torch.randn(count, *self.generator.noise_shape, generator=self._noise_source, device=self.device)

    def _own_noise(self, count: int, seed: int) -> Tensor:
        """Noise for this process's windows, of which every one has as many."""
        whole = count * ranks.count()
        return self.noise(whole, seed)[ranks.own(whole)]

    def values(self, melody: NDArray[np.bool_], tracks: NDArray[np.bool_] | None = None) -> tuple[Tensor, Tensor]:
        """Rolls as the networks take them: -1 and 1, planes chosen, tracks and planes on one axis.

        Args:
            melody: (B, 2 planes, steps, 128).
            tracks: (B, tracks, 2 planes, steps, 128); None: an empty tensor comes back for them.
        """
        melody_values = self._signs(melody)
        return melody_values, torch.empty(0) if tracks is None else self._signs(tracks).flatten(1, 2)

    def _signs(self, roll: NDArray[np.bool_]) -> Tensor:
        """Booleans (..., 2 planes, steps, 128) as -1 and 1, planes chosen; a byte a cell on the way to the device."""
        chosen = np.ascontiguousarray(roll[..., HELD:, :, :] if self.planes == 1 else roll)
        return torch.from_numpy(chosen).to(self.device).to(torch.float32) * 2 - 1

    @torch.no_grad()
    def generate(self, melody: NDArray[np.bool_], seed: int) -> NDArray[np.float32]:
        """What the generator plays to some windows, as it will play when exported: batch norm by running statistics.

        Args:
            melody: (N, 2 planes, steps, 128).
            seed: Of the noise.

        Returns:
            (N, tracks, planes, steps, 128), -1 to 1.
        """
        self.generator.eval()
        try:
            values, _ = self.values(melody)
            noise = self.noise(len(values), seed)
            parts = [
                self.generator(values[at : at + GENERATE_AT_ONCE], noise[at : at + GENERATE_AT_ONCE])
                for at in range(0, len(values), GENERATE_AT_ONCE)
            ]
        finally:
            self.generator.train()
        out: NDArray[np.float32] = torch.cat(parts).cpu().numpy()
        return out.reshape(len(out), -1, self.planes, *out.shape[2:])

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """All that training changes, by file and name: weights, statistics, Adam's moments."""
        return {
            "generator": dict(self.generator.state_dict()),
            "critic": dict(self.critic.state_dict()),
            "generator-adam": moments(self.generator, self.generator_adam),
            "critic-adam": moments(self.critic, self.critic_adam),
        }

    def restore(self, tensors: dict[str, dict[str, Tensor]]) -> None:
        """Go back to what `tensors` gave."""
        for name, network, adam in (
            ("generator", self.generator, self.generator_adam),
            ("critic", self.critic, self.critic_adam),
        ):
            network.load_state_dict(tensors[name])
            restore_moments(network, adam, tensors[f"{name}-adam"])

    def begin_from(self, tensors: dict[str, dict[str, Tensor]]) -> None:
        """Take over what others have learnt, weights and statistics; how to go on from there is learnt anew."""
        self.generator.load_state_dict(tensors["generator"])
        self.critic.load_state_dict(tensors["critic"])


def _descend(loss: Tensor, network: nn.Module, adam: torch.optim.Adam, told: Tensor) -> Tensor:
    """One step downhill.

    Args:
        loss: Of this process's windows.
        network: That learns.
        adam: Its optimizer.
        told: Losses to be told: those of all windows afterwards.

    Returns:
        The norm of the gradient, left on its device so that nothing waits for it.
    """
    adam.zero_grad()
    torch.autograd.backward(loss)
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    ranks.average([*gradients, told])
    norm: Tensor = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(gradient) for gradient in gradients]))
    adam.step()
    return norm
