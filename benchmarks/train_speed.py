"""How fast the classic recipe trains here, beside a literal PyTorch port of it.

    python benchmarks/train_speed.py                     the recipe's own sizes, one CPU thread: some minutes
    python benchmarks/train_speed.py --threads 2 --rounds 5
    python benchmarks/train_speed.py --batch 16 --json
    python benchmarks/train_speed.py --compiled

The port is what one writes after the paper: five updates of the critic, each with a fresh forward pass of the generator
that records its graph, three calls of the critic (real, generated, between), the penalty by autograd; doubling by
repetition before every convolution up; Adam one parameter after another. Two readings of it are timed: `literal`
differentiates the critic's loss for the critic's weights alone, as the published TensorFlow code does; `through` calls
backward, as most PyTorch versions do, and so computes gradients of the generator that nobody uses. `--compiled` times
a fourth program: our networks through torch.compile, which wants a C++ compiler.

Each program is a process of its own, and they take turns step by step, so that a noisy machine is noisy for all. Told
are medians: seconds of a step (five critic updates and one of the generator), and of the ratio within each round.
Seconds are those of the clock and, on the CPU, those in which the program really computed: where other programs take
their share of the cores, the latter say more. `data` is the share of a step of ours that goes into making the batches
from the packed windows, nothing overlapped.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from multiprocessing.connection import Connection
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from accompanist.config import TrainConfig
from accompanist.music.spec import BAND
from training.classic import ClassicTraining
from training.step import ClassicStep
from training.windows import WINDOW_STEPS, WindowSet

PROGRAMS = ("ours", "literal", "through")
WINDOWS = 1024
SOUNDING = 0.02
"""Share of the cells in which a note sounds, as in a chorale."""


class Sizes(NamedTuple):
    """What is trained.

    Args:
        batch: Windows of an update.
        width: Of the networks.
        updates: Of the critic, to one of the generator.
        threads: Of the CPU.
        device: cpu or cuda.
    """

    batch: int
    width: int
    updates: int
    threads: int
    device: str


class Took(NamedTuple):
    """Seconds of a step.

    Args:
        clock: By the clock.
        computing: In which the program computed, all its threads together.
        data: By the clock, making batches; 0 where it is not measured.
    """

    clock: float
    computing: float
    data: float


class LiteralGenerator(nn.Module):
    """The U-Net as it is drawn: four levels down, noise, four levels up."""

    def __init__(self, tracks: int, planes: int, width: int) -> None:
        super().__init__()
        down = [planes, width, 2 * width, 4 * width, 8 * width]
        self.down = nn.ModuleList(nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(down))
        self.down_norm = nn.ModuleList(nn.BatchNorm2d(channels, eps=1e-3, momentum=0.2) for channels in down[2:])
        up = [(16, 4), (8, 2), (4, 1)]
        self.up = nn.ModuleList(nn.Conv2d(a * width, b * width, 4) for a, b in up)
        self.up_norm = nn.ModuleList(nn.BatchNorm2d(b * width, eps=1e-3, momentum=0.2) for _, b in up)
        self.out = nn.Conv2d(2 * width, tracks * planes, 4)

    def forward(self, melody: Tensor, noise: Tensor) -> Tensor:
        """All tracks."""
        x = functional.leaky_relu(self.down[0](melody), 0.2)
        levels = [x]
        for conv, norm in zip(self.down[1:], self.down_norm, strict=True):
            x = norm(functional.leaky_relu(conv(x), 0.2))
            levels.append(x)
        x = torch.cat([levels.pop(), noise], dim=1)
        for conv, norm in zip(self.up, self.up_norm, strict=True):
            x = torch.cat([functional.relu(norm(_doubled(conv, x))), levels.pop()], dim=1)
        return torch.tanh(_doubled(self.out, x))


def _doubled(conv: nn.Module, x: Tensor) -> Tensor:
    """A convolution of the picture at twice its size, padded as TensorFlow does."""
    out: Tensor = conv(functional.pad(functional.interpolate(x, scale_factor=2, mode="nearest"), (1, 2, 1, 2)))
    return out


class LiteralCritic(nn.Module):
    """Four convolutions and a score."""

    def __init__(self, tracks: int, planes: int, width: int) -> None:
        super().__init__()
        channels = [(tracks + 1) * planes, width, 2 * width, 4 * width, 8 * width]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(channels))
        self.score = nn.Linear(8 * width * 16, 1)

    def forward(self, tracks: Tensor, melody: Tensor) -> Tensor:
        """How real they sound."""
        x = torch.cat([tracks, melody], dim=1)
        for conv in self.convs:
            x = functional.leaky_relu(conv(x), 0.2)
        score: Tensor = self.score(x.flatten(1))
        return score


class Literal:
    """The port.

    Args:
        sizes: What is trained.
        windows: What it learns from.
        through: Whether the critic's loss is sent back through the generator as well.
    """

    def __init__(self, sizes: Sizes, windows: WindowSet, *, through: bool) -> None:
        self.sizes, self.windows, self.through = sizes, windows, through
        config, tracks = TrainConfig(), len(windows.tracks)
        self.planes = config.planes
        self.device = torch.device(sizes.device)
        self.generator = LiteralGenerator(tracks, config.planes, sizes.width).to(self.device)
        self.critic = LiteralCritic(tracks, config.planes, sizes.width).to(self.device)
        self.generator_adam, self.critic_adam = (
            torch.optim.Adam(
                network.parameters(), config.learning_rate, betas=(config.beta1, config.beta2), foreach=False
            )
            for network in (self.generator, self.critic)
        )
        self.weight = config.gradient_penalty

    def step(self, number: int) -> None:
        """Five updates of the critic, one of the generator."""
        for update in range(number * self.sizes.updates, (number + 1) * self.sizes.updates):
            melody, real = self._batch(update)
            self._teach_critic(melody, real)
        loss = -self.critic(self.generator(melody, self._noise()), melody).mean()
        self.generator_adam.zero_grad()
        loss.backward()
        self.generator_adam.step()

    def _teach_critic(self, melody: Tensor, real: Tensor) -> None:
        fake = self.generator(melody, self._noise())
        fake_score = self.critic(fake, melody)
        real_score = self.critic(real, melody)
        share = torch.rand(len(real), 1, 1, 1, device=self.device)
        between = (share * real + (1 - share) * fake).detach().requires_grad_()
        scores = self.critic(between, melody)
        (slope,) = torch.autograd.grad(scores, between, torch.ones_like(scores), create_graph=True)
        penalty = ((slope.flatten(1).norm(2, dim=1) - 1) ** 2).mean()
        loss = fake_score.mean() - real_score.mean() + self.weight * penalty
        self.critic_adam.zero_grad()
        if self.through:
            loss.backward()
        else:
            weights = list(self.critic.parameters())
            for weight, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
                weight.grad = gradient.contiguous()  # so that Adam loses no time over how it lies
        self.critic_adam.step()

    def _noise(self) -> Tensor:
        return torch.randn(self.sizes.batch, 8 * self.sizes.width, 2, 8, device=self.device)

    def _batch(self, update: int) -> tuple[Tensor, Tensor]:
        first = update * self.sizes.batch
        rolls = self.windows.batch(np.arange(first, first + self.sizes.batch) % len(self.windows))
        melody, tracks = (torch.from_numpy(roll[..., -self.planes :, :, :]).float() * 2 - 1 for roll in rolls)
        return melody.to(self.device), tracks.flatten(1, 2).to(self.device)


def music(seed: int = 0) -> WindowSet:
    """Windows as full of notes as real ones, made up, so that the benchmark needs no download."""
    lines = 1 + len(BAND)
    draws = np.random.default_rng(seed)
    on = draws.random((WINDOWS * WINDOW_STEPS, lines, 2, 128)) < SOUNDING
    lowest, highest = (np.full((WINDOWS, lines), pitch, dtype=np.int16) for pitch in (0, 127))
    starts = np.arange(WINDOWS, dtype=np.int64) * WINDOW_STEPS
    return WindowSet(("made up",), np.zeros(WINDOWS, dtype=np.int32), starts, np.packbits(on, axis=-1), lowest, highest)


def ours(
    sizes: Sizes, windows: WindowSet, *, compiled: bool = False
) -> tuple[Callable[[int], object], Callable[[], float]]:
    """Our step, and the seconds that its batches have taken so far."""
    config = TrainConfig(batch=sizes.batch, width=sizes.width, critic_updates=sizes.updates)
    networks = ClassicStep(config, len(windows.tracks), torch.device(sizes.device))
    if compiled:
        networks.generator.compile()
        networks.critic.compile()
        networks.critic.slope = torch.compile(networks.critic.slope)  # type: ignore[method-assign]
    training = ClassicTraining(config, networks, windows)
    batch, spent_s = training._batch, [0.0]  # noqa: SLF001 (what is measured lies within the step)

    def timed(update: int) -> tuple[Tensor, Tensor]:
        began_s = time.perf_counter()
        made = batch(update)
        spent_s[0] += time.perf_counter() - began_s
        return made

    training._batch = timed  # type: ignore[method-assign]  # noqa: SLF001
    return training.update, lambda: spent_s[0]


def work(program: str, sizes: Sizes, pipe: Connection) -> None:
    """In a process of its own: a step whenever one is asked for, answered by what it took."""
    torch.set_num_threads(sizes.threads)
    if program in {"ours", "compiled"}:
        torch.set_flush_denormal(True)  # as `accompanist train` does
        step, data_s = ours(sizes, music(), compiled=program == "compiled")
    else:
        step, data_s = Literal(sizes, music(), through=program == "through").step, lambda: 0.0
    number = 0
    while pipe.recv():
        began_s, computed_s, data_before_s = time.perf_counter(), time.process_time(), data_s()
        step(number)
        if sizes.device == "cuda":
            torch.cuda.synchronize()
        pipe.send(Took(time.perf_counter() - began_s, time.process_time() - computed_s, data_s() - data_before_s))
        number += 1


def measure(sizes: Sizes, rounds: int, programs: Sequence[str]) -> dict[str, list[Took]]:
    """What each step took, by program; the first step of each, which warms up, is left out."""
    context = multiprocessing.get_context("spawn")
    pipes = {}
    for program in programs:
        pipe, other = context.Pipe()
        context.Process(target=work, args=(program, sizes, other), daemon=True).start()
        pipes[program] = pipe
    took: dict[str, list[Took]] = {program: [] for program in programs}
    for number in range(rounds + 1):
        for program, pipe in pipes.items():
            pipe.send(True)
            seconds = pipe.recv()
            if number:
                took[program].append(seconds)
    for pipe in pipes.values():
        pipe.send(False)
    return took


def told(took: dict[str, list[Took]]) -> dict[str, dict[str, float]]:
    """Medians: seconds and steps a second, how much longer than ours in the same round, the share of our data."""
    found = {}
    for program, steps in took.items():
        median_s = statistics.median(step.clock for step in steps)
        pairs = list(zip(steps, took["ours"], strict=True))
        found[program] = {
            "step_s": median_s,
            "steps_per_s": 1 / median_s,
            "computing_s": statistics.median(step.computing for step in steps),
            "ratio": statistics.median(step.clock / own.clock for step, own in pairs),
            "computing_ratio": statistics.median(step.computing / own.computing for step, own in pairs),
        }
    found["ours"]["data"] = statistics.median(step.data / step.clock for step in took["ours"])
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="steps of each program that count (3)")
    parser.add_argument("--batch", type=int, default=64, help="windows of an update (64)")
    parser.add_argument("--width", type=int, default=64, help="of the networks (64)")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU, each program's while it works (1)")
    parser.add_argument("--compiled", action="store_true", help="time our networks through torch.compile as well")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    sizes = Sizes(asked.batch, asked.width, TrainConfig().critic_updates, asked.threads, asked.device)
    found = told(measure(sizes, asked.rounds, [*PROGRAMS, "compiled"] if asked.compiled else PROGRAMS))
    if asked.json:
        print(json.dumps({**sizes._asdict(), "rounds": asked.rounds, "torch": torch.__version__, "programs": found}))
        return
    for program, figures in found.items():
        print(
            f"{program:8} {figures['step_s']:8.2f} s a step, {figures['ratio']:.2f} times ours; "
            f"computing {figures['computing_s']:.2f} s, {figures['computing_ratio']:.2f} times ours"
        )
    print(f"making batches takes {found['ours']['data']:.1%} of a step of ours")


if __name__ == "__main__":
    main()
