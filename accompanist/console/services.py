"""What all pages share, made once by `accompanist console` and handed in: tests hand in others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from accompanist.config import Config
from accompanist.console.models import Models
from accompanist.console.music import Music
from accompanist.console.queue import Queue
from accompanist.console.sounds import Sounds
from accompanist.console.stage.daemon import Sleep
from accompanist.console.tasks import PROGRAM, Tasks


@dataclass(frozen=True)
class Services:
    """What a page may use.

    Args:
        config: The settings in force.
        config_path: Where they were read from, for programs that are started; None: the usual place.
        runs: Folder of the runs.
        kept: Folder of what cannot be made again.
        models: The models there are.
        tasks: Commands that are started and waited for.
        sounds: Songs as sound.
        music: What there is to train on.
        queue: Trainings that wait, run and are done.
        clock: Seconds, monotonic.
        today: The date and hour, for people.
        sleep: Lets so many seconds go by.
        stopping: Set when the console ends: every open stream of events ends then.
        program: What commands are run by.
    """

    config: Config
    config_path: Path | None
    runs: Path
    kept: Path
    models: Models
    tasks: Tasks
    sounds: Sounds
    music: Music
    queue: Queue
    clock: Callable[[], float]
    today: Callable[[], datetime]
    sleep: Sleep
    stopping: asyncio.Event
    program: Sequence[str]

    @classmethod
    def at(
        cls,
        config: Config,
        config_path: Path | None,
        *,
        runs: Path,
        cache: Path,
        kept: Path,
        database: str = "",
        clock: Callable[[], float],
        today: Callable[[], datetime],
        sleep: Sleep,
        program: Sequence[str] = PROGRAM,
        tell: Callable[[str], None] = lambda _: None,
    ) -> Services:
        """Services with their files in three folders.

        Args:
            config: The settings in force.
            config_path: Where they were read from.
            runs: Folder of the runs.
            cache: Folder of what can be made again, such as rendered sound.
            kept: Folder of what cannot, such as what an evaluation of an hour has found.
            database: URL of a queue of trainings that is shared; empty: a file among the runs.
            clock: Seconds, monotonic.
            today: The date and hour.
            sleep: Lets so many seconds go by.
            program: What commands are run by.
            tell: Takes a line for the terminal.
        """
        tasks, stopping = Tasks(config_path, program), asyncio.Event()
        return cls(
            config=config,
            config_path=config_path,
            runs=runs,
            kept=kept,
            models=Models(runs, config_path, kept),
            tasks=tasks,
            sounds=Sounds(cache / "sounds"),
            music=Music(tasks),
            queue=Queue(runs, config_path, database, stopping, program=program, tell=tell),
            clock=clock,
            today=today,
            sleep=sleep,
            stopping=stopping,
            program=program,
        )
