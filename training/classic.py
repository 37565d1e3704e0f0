"""The classic recipe as the loop drives it: shuffled windows, several critic updates to one of the generator."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accompanist.config import TrainConfig
from accompanist.music.spec import ModelSpec
from training import mix, ranks, ratio
from training.augment import random_shifts
from training.catalog import SPLITS, Splits
from training.generators import UNetGenerator
from training.order import CRITIC, GENERATOR, TRANSPOSITION, Order, seed_for
from training.ratio import Balance
from training.samples import ClassicSampler
from training.step import ClassicStep
from training.windows import WindowSet


class ClassicTraining:
    """The steps of the classic recipe.

    Args:
        config: Batch, critic updates, transposition, seed.
        networks: The two networks and their updates.
        windows: The training split.
        weights: (windows,) how often each is heard beside the others; None: all alike.
    """

    def __init__(
        self,
        config: TrainConfig,
        networks: ClassicStep,
        windows: WindowSet,
        weights: NDArray[np.float64] | None = None,
    ) -> None:
        self.config = config
        self.networks = networks
        self.windows = windows
        self.extent = len(windows)
        self.per_step = config.batch * config.critic_updates
        self.epochs = config.epochs
        self.balance = Balance(config.critic_updates) if config.ratio == "adaptive" else None
        self._order = Order(len(windows), config.seed, weights)

    def update(self, step: int) -> dict[str, Tensor | float]:
        """See `training.recipe.Step`; the critic's values are means over its updates."""
        seed, first = self.config.seed, step * self.config.critic_updates
        updates = self.balance.updates if self.balance else self.config.critic_updates
        seen = []
        for update in range(first, first + updates):
            melody, real = self._batch(update)
            seen.append(self.networks.critic_update(melody, real, seed_for(seed, CRITIC, update)))
        # The generator answers the melodies that the critic saw last.
        made = self.networks.generator_update(melody, seed_for(seed, GENERATOR, step))
        critic, penalty, critic_gradient = torch.stack(seen).mean(dim=0)
        if self.balance:  # waits for the device, which a fixed ratio never does
            self.balance.tell(float(critic), float(made[0]))
        return {
            "critic": critic,
            "penalty": penalty,
            "critic_gradient": critic_gradient,
            "generator": made[0],
            "generator_gradient": made[1],
            "critic_rate": self.networks.critic_adam.param_groups[0]["lr"],
            "generator_rate": self.networks.generator_adam.param_groups[0]["lr"],
            "critic_updates": updates,
        }

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """All that training changes, by file and name."""
        return self.networks.tensors() | ({ratio.NAME: self.balance.tensors()} if self.balance else {})

    def restore(self, tensors: dict[str, dict[str, Tensor]]) -> None:
        """Go back to what `tensors` gave."""
        self.networks.restore(tensors)
        if self.balance:
            self.balance.restore(tensors[ratio.NAME])

    def begin_from(self, tensors: dict[str, dict[str, Tensor]]) -> None:
        """See `training.recipe.Step`."""
        self.networks.begin_from(tensors)

    def _batch(self, update: int) -> tuple[Tensor, Tensor]:
        indices = self._order.take(update * self.config.batch, self.config.batch)
        semitones = None
        if reach := self.config.transpose:
            draws = np.random.default_rng(seed_for(self.config.seed, TRANSPOSITION, update))
            semitones = random_shifts(self.windows, indices, reach, draws)
        own = ranks.own(len(indices))
        shifts = None if semitones is None else semitones[own]
        return self.networks.values(*self.windows.batch(indices[own], semitones=shifts))


class Classic:
    """The classic recipe with its music: see `training.recipe.Recipe`.

    Args:
        config: Which sources and tags were asked for.
        splits: What they hold.
    """

    def __init__(self, config: TrainConfig, splits: Splits) -> None:
        self.splits = splits
        asked = mix.mix_of(config)
        self.weights: NDArray[np.float64] | None = None
        sizes: dict[str, WindowSet] = {name: getattr(splits, name) for name in SPLITS}
        self.summary = (
            f"{len(splits.train)} windows to train on, {len(splits.validation)} to check with, "
            f"of {len(splits.songs)} songs"
        )
        if asked.weighs:
            known = {song.label: song.tags for song in splits.songs}
            labels = [splits.train.songs[song] for song in splits.train.song_of]
            sources = [label.partition("/")[0] for label in labels]
            tags = [{**known.get(label, {}), "source": source} for label, source in zip(labels, sources, strict=True)]
            self.weights = np.array([asked.weight(its) for its in tags])
            self.summary += f"; {mix.described(mix.shares(zip(sources, self.weights.tolist(), strict=True)))}"
        self.facts: dict[str, Any] = {
            "sources": list(asked.names),
            "weights": [text for text in (*config.data, *config.weight) if "=" in text],
            "tags": list(config.tag),
            "licences": list(splits.licences),
            "windows": {name: len(part) for name, part in sizes.items()},
            "songs": {name: sorted(song.label for song in splits.songs if song.split == name) for name in SPLITS},
            "left_out": len(splits.left_out),
            "digest": _digest(splits.train),
        }

    def spec(self, config: TrainConfig) -> ModelSpec:
        """What the model will need to be played."""
        train = self.splits.train
        with torch.device("meta"):  # its shapes, without its weights
            generator = UNetGenerator(
                tracks=len(train.tracks), planes=config.planes, width=config.width, steps=train.window_steps
            )
        return ModelSpec(
            kind=config.model,
            tracks=train.tracks,
            planes=config.planes,
            context_steps=train.window_steps,
            plan_steps=train.window_steps,
            lag_steps=train.window_steps,
            noise_shape=generator.noise_shape,
            licences=self.splits.licences,
        )

    def files(self) -> dict[str, bytes]:
        """Nothing else is needed."""
        return {}

    def step(self, config: TrainConfig, device: torch.device) -> ClassicTraining:
        """The networks, fresh, and what one step does to them."""
        networks = ClassicStep(config, len(self.splits.train.tracks), device)
        return ClassicTraining(config, networks, self.splits.train, self.weights)

    def sampler(self, step: ClassicTraining, folder: Path, seed: int) -> ClassicSampler:
        """What looks at the generator."""
        unseen = self.splits.validation if len(self.splits.validation) else self.splits.train
        return ClassicSampler(folder, unseen, seed, step.networks)


def _digest(windows: WindowSet) -> str:
    """Of everything the critic will see."""
    digest = hashlib.blake2b(windows.rolls.tobytes(), digest_size=16)
    digest.update(windows.start_of.astype("<i8").tobytes())
    return digest.hexdigest()
