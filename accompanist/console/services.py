"""What all pages share, made once by `accompanist console` and handed in: tests hand in others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from accompanist.config import Config


@dataclass(frozen=True)
class Services:
    """What a page may use.

    Args:
        config: The settings in force.
        config_path: Where they were read from, for programs that are started; None: the usual place.
        runs: Folder of the runs.
        cache: Folder of what can be made again, such as rendered sound.
        clock: Seconds, monotonic.
        today: The date and hour, for people.
        stopping: Set when the console ends: every open stream of events ends then.
    """

    config: Config
    config_path: Path | None
    runs: Path
    cache: Path
    clock: Callable[[], float]
    today: Callable[[], datetime]
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
