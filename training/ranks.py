"""Several processes that train one model together, as `torchrun` starts them; with a single one nothing is sent.

Each process draws what all of them will learn from, and computes its own rows of it. After the backward pass gradients
are averaged by one message, so that every process takes the same step as one with the whole batch would. The modules
stay bare: DistributedDataParallel follows `backward` alone, and a gradient penalty differentiates the critic twice.
The first process (rank 0) alone writes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed

from accompanist.errors import TrainingError

PATIENCE = timedelta(hours=2)
"""For which processes wait for one another: the first one may be writing samples, or reading music for the others."""


@contextmanager
def joined() -> Iterator[None]:
    """Join the processes that `torchrun` started beside this one, where it did."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    # What is said on the CPU goes by gloo even where gradients go by nccl: an accelerator is never waited for.
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def count() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if _together() else 1


def number() -> int:
    """Which of them this is, from 0."""
    return distributed.get_rank() if _together() else 0


def number_here() -> int:
    """Which of those on this machine this is, from 0."""
    return int(os.environ["LOCAL_RANK"]) if _together() else 0


def own(rows: int) -> slice:
    """This process's share of so many rows of a batch."""
    return slice(rows * number() // count(), rows * (number() + 1) // count())


def average(values: Sequence[Tensor]) -> None:
    """Put in the place of values their means over all processes: all of them in one message."""
    if not _together():
        return
    with torch.no_grad():
        flat = torch.cat([value.flatten() for value in values])
        with _answered():
            distributed.all_reduce(flat)
        flat /= count()
        for value, part in zip(values, torch.split(flat, [value.numel() for value in values]), strict=True):
            value.copy_(part.view(value.shape))


def mean(value: Tensor) -> Tensor:
    """The mean of a value over all processes; no gradient follows it."""
    value = value.detach().to(torch.float32, copy=True)
    average([value])
    return value


def gathered(value: Tensor) -> Tensor:
    """(...) of each process to (processes, ...) in all of them; gradients follow it."""
    stacked: Tensor = _Gathered.apply(value)  # type: ignore[no-untyped-call]
    return stacked


def anyone(says_so: bool) -> bool:
    """Whether one of the processes at least says so; waits until each was asked."""
    if not _together():
        return says_so
    flag = torch.tensor([float(says_so)])
    with _answered():
        distributed.all_reduce(flag)
    return bool(flag)


def told(content: bytes = b"") -> bytes:
    """What the first process says, in all of them."""
    if not _together():
        return content
    length = torch.tensor([len(content)])
    with _answered():
        distributed.broadcast(length, 0)
        buffer = torch.empty(int(length), dtype=torch.uint8)
        if content:
            buffer.copy_(torch.frombuffer(bytearray(content), dtype=torch.uint8))
        distributed.broadcast(buffer, 0)
    return buffer.numpy().tobytes()


@contextmanager
def one_first() -> Iterator[None]:
    """Let one process of each machine do something before the others there do, who then find it in the cache."""
    if number_here() != 0:
        anyone(says_so=False)
    yield
    if number_here() == 0:
        anyone(says_so=False)


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized()


@contextmanager
def _answered() -> Iterator[None]:
    """Tell in plain words that another process is gone.

    Raises:
        TrainingError: it is.
    """
    try:
        yield
    except RuntimeError as error:  # torch's own, of whatever carries the messages
        raise TrainingError(
            f"process {number()} of {count()} that train together lost the others: {str(error).splitlines()[0]}",
            hint="the one that ended first says why; then go on with: accompanist train --resume RUN",
        ) from error


class _Gathered(torch.autograd.Function):
    """All processes' values; what each of them learns through this one's comes back summed."""

    @staticmethod
    def forward(_context: Any, value: Tensor) -> Tensor:
        parts = [torch.empty_like(value) for _ in range(count())]
        with _answered():
            distributed.all_gather(parts, value.contiguous())
        return torch.stack(parts)

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> Tensor:
        gradient = gradients[0].contiguous()
        with _answered():
            distributed.all_reduce(gradient)
        return gradient[number()]
