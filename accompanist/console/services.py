"""What all pages share, made once by `accompanist console` and handed in: tests hand in others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from accompanist.config import Config
from accompanist.console.models import Models
from accompanist.console.sounds import Sounds
from accompanist.console.tasks import Tasks


@dataclass(frozen=True)
class Services:
    """What a page may use.

    Args:
        config: The settings in force.
        config_path: Where they were read from, for programs that are started; None: the usual place.
        runs: Folder of the runs.
        models: The models there are.
        tasks: Commands that are started and waited for.
        sounds: Songs as sound.
        clock: Seconds, monotonic.
        today: The date and hour, for people.
        stopping: Set when the console ends: every open stream of events ends then.
    """

    config: Config
    config_path: Path | None
    runs: Path
    models: Models
    tasks: Tasks
    sounds: Sounds
    clock: Callable[[], float]
    today: Callable[[], datetime]
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def at(
        cls,
        config: Config,
        config_path: Path | None,
        *,
        runs: Path,
        cache: Path,
        kept: Path,
        clock: Callable[[], float],
        today: Callable[[], datetime],
    ) -> Services:
        """Services with their files in three folders.

        Args:
            config: The settings in force.
            config_path: Where they were read from.
            runs: Folder of the runs.
            cache: Folder of what can be made again, such as rendered sound.
            kept: Folder of what cannot, such as what an evaluation of an hour has found.
            clock: Seconds, monotonic.
            today: The date and hour.
        """
        models = Models(runs, config_path, kept)
        return cls(config, config_path, runs, models, Tasks(config_path), Sounds(cache / "sounds"), clock, today)
