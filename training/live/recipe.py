"""The live model as the loop drives it: stretches of songs, each with more or less of it hidden."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from accompanist.config import TrainConfig
from accompanist.music.spec import LIVE_BAND, ModelSpec
from accompanist.music.time import STEPS_PER_BEAT
from training.adam import moments, restore_moments
from training.catalog import SPLITS
from training.live import books
from training.live.batches import Reading, reading_of
from training.live.codes import LAYOUT, STYLES
from training.live.corpus import Corpus
from training.live.likelihood import code_weights, losses
from training.live.network import Heard, LiveNetwork, Setting, Shape
from training.live.player import CONTEXT_BEATS, MELODY_AHEAD_BEATS, PLAN_BEATS
from training.live.sampler import LiveSampler
from training.order import GENERATOR, STRETCHES, WEIGHTS, seed_for
from training.recipe import HEAD_WIDTH

WARM_UP_STEPS = 200
"""Over so many steps the rate rises; over a tenth of them all, where that is less."""
LAST_RATE = 0.05
"""Where the rate ends, beside its highest: it falls by a half cosine."""
BETAS, WEIGHT_DECAY = (0.9, 0.98), 0.05
MOST_GRADIENT = 1.0
"""A longer gradient is shortened to this."""


def shape_of(config: TrainConfig) -> Shape:
    """The network's size."""
    return Shape(width=config.width, layers=config.layers, heads=config.width // HEAD_WIDTH)


class LiveTraining:
    """The network, its optimizer, and its steps: see `training.recipe.Step`.

    Args:
        config: Sizes, rate, seed.
        corpus: The music.
        device: Where to compute.
    """

    def __init__(self, config: TrainConfig, corpus: Corpus, device: torch.device) -> None:
        self.config = config
        self.device = device
        self.names = ("loss", "chord", *LAYOUT.tracks, "loudness", "gradient")
        self.pool = corpus.pool(config.stretch_beats)
        self.extent = self.pool.beats
        self.per_step = config.batch * config.stretch_beats
        self.steps = math.ceil(config.epochs * self.extent / self.per_step)
        with torch.random.fork_rng(devices=[]):  # weights follow the seed; nobody else's random numbers change
            torch.manual_seed(seed_for(config.seed, WEIGHTS))
            self.network = LiveNetwork(LAYOUT, shape_of(config))
        self.network.to(device).train()
        # What has one axis are biases and norms: pulling them to 0 would only hinder.
        groups = [
            {"params": [value for value in self.network.parameters() if value.ndim > 1], "weight_decay": WEIGHT_DECAY},
            {"params": [value for value in self.network.parameters() if value.ndim <= 1], "weight_decay": 0.0},
        ]
        self.adam = torch.optim.AdamW(groups, lr=config.learning_rate, betas=BETAS, fused=True)
        self._weights = torch.tensor(code_weights(LAYOUT), device=device)

    def update(self, step: int) -> Tensor:
        """Learn from some stretches."""
        draws = np.random.default_rng(seed_for(self.config.seed, STRETCHES, step))
        reading = _moved(reading_of(self.pool.take(self.config.batch, draws), draws), self.device)
        for group in self.adam.param_groups:
            group["lr"] = self.rate(step)
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(seed_for(self.config.seed, GENERATOR, step))  # of the dropout
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
                found = losses(self.network, reading)
        loss = (found * self._weights).sum()
        self.adam.zero_grad()
        torch.autograd.backward(loss)
        gradient = torch.nn.utils.clip_grad_norm_(self.network.parameters(), MOST_GRADIENT)
        self.adam.step()
        seen = found.detach()
        loudness = seen[LAYOUT.decisions :].mean()
        return torch.stack([loss.detach(), *seen[: LAYOUT.decisions], loudness, gradient.detach()])

    def rate(self, step: int) -> float:
        """Adam's step size at a step: it rises, then fades to the end of the run."""
        rising = (step + 1) / max(min(WARM_UP_STEPS, self.steps // 10), 1)
        fading = LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * min(step / self.steps, 1)))
        return self.config.learning_rate * min(rising, 1.0) * fading

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """All that training changes, by file and name."""
        return {"network": dict(self.network.state_dict()), "network-adam": moments(self.network, self.adam)}

    def restore(self, tensors: dict[str, dict[str, Tensor]]) -> None:
        """Go back to what `tensors` gave."""
        self.network.load_state_dict(tensors["network"])
        restore_moments(self.network, self.adam, tensors["network-adam"])


def _moved(reading: Reading, device: torch.device) -> Reading:
    heard = Heard(*(part.to(device) for part in reading.heard))
    setting = Setting(*(part.to(device) for part in reading.setting))
    said, given, target = (part.to(device) for part in (reading.said, reading.given, reading.target))
    return Reading(heard, said, given, setting, target)


class Live:
    """The live model's recipe with its music: see `training.recipe.Recipe`.

    Args:
        config: Which sources and tags were asked for.
        corpus: What they hold.
    """

    def __init__(self, config: TrainConfig, corpus: Corpus) -> None:
        self.corpus = corpus
        beats = {split: sum(len(song) for song in corpus.of(split)) for split in SPLITS}
        songs = sum(len(corpus.of(split)) for split in SPLITS)
        self.summary = f"{beats['train']} beats to train on, {beats['validation']} to check with, of {songs} songs"
        self.facts: dict[str, Any] = {
            "sources": list(config.data),
            "tags": list(config.tag),
            "licences": list(corpus.licences),
            "beats": beats,
            "songs": {split: sorted(song.label for song in corpus.of(split)) for split in SPLITS},
            "left_out": len(corpus.left_out),
            "digest": corpus.digest,
        }

    def spec(self, config: TrainConfig) -> ModelSpec:
        """What the model will need to be played."""
        return spec_of(config, self.corpus.licences)

    def files(self) -> dict[str, bytes]:
        """The books, without which codes mean nothing."""
        return {books.FILE: books.to_bytes(self.corpus.books)}

    def step(self, config: TrainConfig, device: torch.device) -> LiveTraining:
        """The network, fresh, and what one step does to it."""
        return LiveTraining(config, self.corpus, device)

    def sampler(self, step: LiveTraining, folder: Path, seed: int) -> LiveSampler:
        """What looks at the network."""
        return LiveSampler(folder, self.corpus, seed, step.network)


def spec_of(config: TrainConfig, licences: tuple[str, ...]) -> ModelSpec:
    """What a live model needs to be played."""
    return ModelSpec(
        kind=config.model,
        tracks=LIVE_BAND,
        planes=2,
        context_steps=CONTEXT_BEATS * STEPS_PER_BEAT,
        plan_steps=PLAN_BEATS * STEPS_PER_BEAT,
        lag_steps=0,
        noise_shape=(PLAN_BEATS, sum(LAYOUT.sizes)),
        styles=STYLES,
        velocity=True,
        ahead_steps=MELODY_AHEAD_BEATS * STEPS_PER_BEAT,
        codes=LAYOUT.codes,
        licences=licences,
    )
