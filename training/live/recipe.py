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
from training import mix, ranks
from training.adam import moments, restore_moments
from training.catalog import SPLITS
from training.live import books
from training.live.adversary import RESTS_ABOVE, Adversary
from training.live.batches import Pool, Reading, reading_of
from training.live.calibration import calibrate, people_are
from training.live.codes import LAYOUT, STYLES
from training.live.corpus import Corpus, with_most_of_the_band
from training.live.key_learning import key_loss
from training.live.likelihood import code_weights, losses
from training.live.network import Heard, LiveNetwork, Setting, Shape
from training.live.player import CONTEXT_BEATS, MELODY_AHEAD_BEATS, PLAN_BEATS
from training.live.policy import Weights
from training.live.sampler import LiveSampler
from training.live.sounding import Sounding
from training.order import CRITIC, GENERATOR, STRETCHES, WEIGHTS, seed_for
from training.precision import computing
from training.recipe import HEAD_WIDTH
from training.samples import spread

WARM_UP_STEPS = 200
"""Over so many steps the rate rises; over a tenth of them all, where that is less."""
LAST_RATE = 0.05
"""Where the rate ends, beside its highest: it falls by a half cosine."""
BETAS, WEIGHT_DECAY = (0.9, 0.98), 0.05
MOST_GRADIENT = 1.0
"""A longer gradient is shortened to this."""
ADVERSARIAL_RATE, ADVERSARIAL_WARM_UP, ADVERSARIAL_LAST = 0.15, 10, 0.1
"""Of the adversarial phase: its highest rate beside that of the first phase, the steps in which it rises, its end."""
ADVERSARIAL_BEATS = 128
"""Of a melody that is played to in the adversarial phase, at most."""
CRITIC_RATE = 3e-4
"""Of the critic of the adversarial phase, where none is asked for."""
CALIBRATED_SONGS = 32
"""To whose beginnings the model plays at the end, to set how busy it is."""
REMEMBERED = 0.15
"""How much likelihood still counts there, so that nothing that was learnt is lost."""


def shape_of(config: TrainConfig) -> Shape:
    """The network's size."""
    return Shape(width=config.width, layers=config.layers, heads=config.width // HEAD_WIDTH)


class LiveTraining:
    """The network, its optimizer, and its steps: see `training.recipe.Step`.

    For `epochs` it learns from what people played; for `adversarial_epochs` after that from playing itself.

    Args:
        config: Sizes, rate, seed.
        corpus: The music.
        device: Where to compute.
    """

    def __init__(self, config: TrainConfig, corpus: Corpus, device: torch.device) -> None:
        self.config = config
        self.device = device
        self.pool = corpus.pool(config)
        beats = min(config.stretch_beats, ADVERSARIAL_BEATS)
        self.melodies = Pool(with_most_of_the_band(corpus.train), beats, None, self.pool.grooves)
        self.sounding = Sounding(corpus.books, LIVE_BAND, LAYOUT.figures)
        self.extent = self.pool.beats
        self.per_step = config.batch * config.stretch_beats
        self.epochs = config.epochs + config.adversarial_epochs
        self.steps = math.ceil(config.epochs * self.extent / self.per_step)
        self.adversarial_steps = math.ceil(self.epochs * self.extent / self.per_step) - self.steps
        with torch.random.fork_rng(devices=[]):  # weights follow the seed; nobody else's random numbers change
            torch.manual_seed(seed_for(config.seed, WEIGHTS))
            self.network = LiveNetwork(LAYOUT, shape_of(config))
        self.network.to(device).train()
        self.adam = self._adam(WEIGHT_DECAY)
        self.adversary: Adversary | None = None
        self._weights = torch.tensor(code_weights(LAYOUT), device=device)

    def update(self, step: int) -> dict[str, Tensor | float]:
        """Learn from some stretches, or from playing to some melodies."""
        seed = self.config.seed
        draws = np.random.default_rng(seed_for(seed, STRETCHES, step))
        rate = self.rate(step)
        for group in self.adam.param_groups:
            group["lr"] = rate
        known: dict[str, float] = {"rate": rate}
        if step < self.steps:
            found = self._surprise(step, self.config.batch, draws)
            keys = key_loss(self.network.keys, self.pool.take(max(self.config.batch // 2, 1), draws), draws)
            loss = (found * self._weights).sum() + keys
            codes = dict(zip(("chord", *LAYOUT.tracks), found.detach(), strict=False))
            seen = {"key": keys.detach()} | codes | {"loudness": found.detach()[LAYOUT.decisions :].mean()}
        else:
            adversary = self._begun()
            source = torch.Generator(self.device).manual_seed(seed_for(seed, CRITIC, step))
            played, told = adversary.loss(self.melodies.take(max(self.config.batch // 2, 2), draws), draws, source)
            likelihood = (self._surprise(step, max(self.config.batch // 5, 1), draws) * self._weights).sum()
            loss = played + REMEMBERED * likelihood
            seen = {name: torch.tensor(value, device=self.device) for name, value in told.items()}
            seen["likelihood"] = likelihood.detach()
            known["critic_rate"] = adversary.critic_adam.param_groups[0]["lr"]
            known["critic_updates"] = int(told["critic_right"] < RESTS_ABOVE)
        self.adam.zero_grad()
        torch.autograd.backward(loss)
        means = [loss.detach().clone(), *(value.detach().clone() for value in seen.values())]
        ranks.average([*(value.grad for value in self.network.parameters() if value.grad is not None), *means])
        gradient = torch.nn.utils.clip_grad_norm_(self.network.parameters(), MOST_GRADIENT)
        self.adam.step()
        if self.adversary is not None:
            self.adversary.averaged()
            if step + 1 == self.steps + self.adversarial_steps:
                self._calibrate(self.adversary.average)
        return {"loss": means[0], **dict(zip(seen, means[1:], strict=True)), "gradient": gradient.detach(), **known}

    @property
    def player(self) -> LiveNetwork:
        """What is to be played: of the adversarial phase the average."""
        return self.network if self.adversary is None else self.adversary.average

    def rate(self, step: int) -> float:
        """Adam's step size at a step: in each phase it rises, then fades to the end of the phase."""
        highest = self.config.learning_rate
        if step < self.steps:
            rising = (step + 1) / max(min(WARM_UP_STEPS, self.steps // 10), 1)
            fading = LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * step / self.steps))
            return highest * min(rising, 1.0) * fading
        done = step - self.steps
        fading = max(1 - done / max(self.adversarial_steps, 1), ADVERSARIAL_LAST)
        return highest * ADVERSARIAL_RATE * min((done + 1) / ADVERSARIAL_WARM_UP, 1.0) * fading

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """All that training changes, by file and name; see `Adversary` for `first` and `average`."""
        found = {"network": dict(self.network.state_dict()), "network-adam": moments(self.network, self.adam)}
        if self.adversary is not None:
            found["average"] = dict(self.adversary.average.state_dict())
            found["first"] = dict(self.adversary.first.state_dict())
            found["critic"] = dict(self.adversary.critic.state_dict())
            found["critic-adam"] = moments(self.adversary.critic, self.adversary.critic_adam)
        return found

    def restore(self, tensors: dict[str, dict[str, Tensor]]) -> None:
        """Go back to what `tensors` gave."""
        self.network.load_state_dict(tensors["network"])
        if "first" in tensors:
            adversary = self._begun()
            adversary.average.load_state_dict(tensors["average"])
            adversary.first.load_state_dict(tensors["first"])
            adversary.critic.load_state_dict(tensors["critic"])
            restore_moments(adversary.critic, adversary.critic_adam, tensors["critic-adam"])
        restore_moments(self.network, self.adam, tensors["network-adam"])

    def begin_from(self, tensors: dict[str, dict[str, Tensor]]) -> None:
        """See `training.recipe.Step`."""
        self.network.load_state_dict(tensors["network"])

    def _surprise(self, step: int, stretches: int, draws: np.random.Generator) -> Tensor:
        """What people played costs, by code, in nats."""
        reading = _own(reading_of(self.pool.take(stretches, draws), self.network.keys, draws), self.device)
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            # Of the dropout, by which processes differ.
            torch.manual_seed(seed_for(self.config.seed, GENERATOR, step * ranks.count() + ranks.number()))
            with computing(self.config, self.device):
                return losses(self.network, reading)

    def _begun(self) -> Adversary:
        """The adversarial phase: begun with its first step. What is played is judged as it is, so nothing drops out."""
        if self.adversary is None:
            self.network.eval()
            self.adam = self._adam(0.0)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed_for(self.config.seed, CRITIC))
                self.adversary = Adversary(
                    self.network,
                    self.sounding,
                    len(LAYOUT.tracks),
                    Weights(),
                    learning_rate=self.config.critic_learning_rate or CRITIC_RATE,
                )
        return self.adversary

    def _calibrate(self, network: LiveNetwork) -> None:
        """Set how busy each track is, by playing to some training songs."""
        songs = spread(len(self.melodies.songs), CALIBRATED_SONGS)
        melodies = self.melodies.stretches([(song, 0) for song in songs])
        # What drums people play to most such songs nobody knows: then drummers alone say it.
        like = [*self.melodies.songs, *self.pool.grooves]
        people = people_are([torch.from_numpy(song.codes) for song in like], self.sounding)
        calibrate(network, self.sounding, melodies, people, seed_for(self.config.seed, CRITIC))

    def _adam(self, weight_decay: float) -> torch.optim.AdamW:
        # What has one axis are biases and norms: pulling them to 0 would only hinder.
        groups = [
            {"params": [value for value in self.network.parameters() if value.ndim > 1], "weight_decay": weight_decay},
            {"params": [value for value in self.network.parameters() if value.ndim <= 1], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=self.config.learning_rate, betas=BETAS, fused=True)


def _own(reading: Reading, device: torch.device) -> Reading:
    """This process's share of a reading, on its device."""
    own = ranks.own(len(reading.target))
    heard = Heard(*(part[own].to(device) for part in reading.heard))
    setting = Setting(*(part[own].to(device) for part in reading.setting))
    said, given, target = (part[own].to(device) for part in (reading.said, reading.given, reading.target))
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
        if mix.mix_of(config).weighs:
            heard = corpus.weights(config) * [len(song) for song in corpus.train]
            sources = [song.label.partition("/")[0] for song in corpus.train]
            self.summary += f"; {mix.described(mix.shares(zip(sources, heard.tolist(), strict=True)))}"
        self.facts: dict[str, Any] = {
            "sources": list(mix.mix_of(config).names),
            "weights": [text for text in (*config.data, *config.weight) if "=" in text],
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
        return LiveSampler(folder, self.corpus, seed, lambda: step.player)


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
