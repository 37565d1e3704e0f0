"""What the processes beside the first one do: the same steps with their own rows, and nothing that anybody sees.

The first process reads settings and checkpoint and tells the others, so that only its machine needs the run's folder.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from safetensors.torch import load, save
from torch import Tensor

from accompanist.config import DataConfig, TrainConfig
from accompanist.errors import ConfigError
from training import ranks
from training.loop import Loop
from training.plan import Plan
from training.recipe import Step

Settings = tuple[TrainConfig, DataConfig]


def tell_settings(config: TrainConfig, data: DataConfig) -> None:
    """In the first process: what the others are to train, and on which music.

    Raises:
        ConfigError: the batch cannot be shared out.
    """
    many, exactly = ranks.count(), config.model == "musegan"
    if config.batch < many or (exactly and config.batch % many):
        accepted = f"a multiple of {many}" if exactly else f"{many} or more"
        raise ConfigError(
            f"--batch is {config.batch}, which {many} processes cannot share; accepted: {accepted}",
            hint=f"for instance --batch {-(-config.batch // many) * many}",
        )
    ranks.told(msgspec.json.encode((config, data)))


def settings_told() -> Settings:
    """In the others: what `tell_settings` said."""
    settings: Settings = msgspec.json.decode(ranks.told(), type=Settings)
    return settings


def tell_state(step: Step, done: int) -> None:
    """In the first process: where training stands.

    Args:
        step: Restored, where it was.
        done: Steps done before.
    """
    if ranks.count() == 1:
        return
    flat = {f"{file}/{name}": value for file, content in step.tensors().items() for name, value in content.items()}
    ranks.told(str(done).encode())
    ranks.told(save({name: value.detach().cpu().contiguous() for name, value in flat.items()}))


def follow(config: TrainConfig, step: Step, stopping: Callable[[], bool]) -> bool:
    """In the others: train to the end.

    Args:
        config: As it was told.
        step: Fresh.
        stopping: Asked before every step; True in any process ends the session in all of them.

    Returns:
        Whether the end was reached.
    """
    done = int(ranks.told())
    found: dict[str, dict[str, Tensor]] = {file: {} for file in step.tensors()}
    for key, value in load(ranks.told()).items():
        file, _, name = key.partition("/")
        found.setdefault(file, {})[name] = value
    step.restore(found)
    for number in range(done, Plan(config, step).steps):
        if ranks.anyone(says_so=stopping()):
            return ranks.anyone(says_so=False)  # the first one says whether a rule of --stop was the reason
        step.update(number)
    return True


class Stop:
    """In the first process: asks all of them before every step whether one was told to stop.

    Args:
        stopping: Whether this one was.
    """

    def __init__(self, stopping: Callable[[], bool]) -> None:
        self._stopping = stopping
        self._agreed = False

    def __call__(self) -> bool:
        """Whether the session ends."""
        self._agreed = ranks.anyone(says_so=self._stopping())
        return self._agreed

    def end(self, loop: Loop) -> None:
        """Tell the others that the session is over before its last step, and whether that is the run's end."""
        if loop.done >= loop.plan.steps:
            return
        if not self._agreed:
            ranks.anyone(says_so=True)
        ranks.anyone(says_so=loop.ended_by is not None)
