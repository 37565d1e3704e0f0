"""The line that tells how training goes: one that refreshes in a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from accompanist.runs.duration import duration
from training.plan import Progress

SPEED_OVER = 60
"""Sightings, a second or so apart, over which the speed is taken: it follows what the machine does now."""
PLAIN_EVERY_S = 10.0
"""Seconds between lines where there is no terminal, so that a log stays readable."""
LOSSES = ("critic", "generator", "loss", "chord", "follow")
"""Losses on the line, of whatever recipe has them."""
SHOWN = {"note_in_chord": "in chord", "note_in_chord_chance": "chance"}
"""Metrics on the line, and what they are called there."""


class ProgressLine:
    """Shows `Progress`; use as a context.

    Args:
        console: Where to.
        clock: Seconds, monotonic.
    """

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._console = console
        self._clock = clock
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._told_s = float("-inf")
        self._told_metrics: dict[str, float] = {}
        self._seen: deque[tuple[float, int]] = deque(maxlen=SPEED_OVER)

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Leave the last line standing."""
        if self._live:
            self._live.stop()

    def __call__(self, progress: Progress) -> None:
        """Show where training stands; called about once a second."""
        now_s = self._clock()
        self._seen.append((now_s, progress.step))
        since_s, since_step = self._seen[0]
        speed = (progress.step - since_step) / (now_s - since_s) if now_s > since_s else 0.0
        text = line(progress, speed)
        if self._live:
            self._live.update(Text(text), refresh=True)
        elif progress.metrics != self._told_metrics or now_s - self._told_s >= PLAIN_EVERY_S:
            self._console.print(text, soft_wrap=True, highlight=False, markup=False)
            self._told_s, self._told_metrics = now_s, progress.metrics


def line(progress: Progress, steps_per_s: float) -> str:
    """One line of text: epoch, losses, metrics, speed, time left.

    Args:
        progress: Where training stands.
        steps_per_s: Its speed; 0: not known yet.
    """
    parts = [f"epoch {progress.epoch:.1f}/{progress.epochs}", f"step {progress.step}/{progress.steps}"]
    losses = progress.losses or {}
    parts += [f"{name} {losses[name]:.2f}" for name in LOSSES if name in losses]
    parts += [f"{name} {progress.metrics[key]:.2f}" for key, name in SHOWN.items() if key in progress.metrics]
    if steps_per_s > 0:
        parts.append(f"{steps_per_s:.2f} steps/s" if steps_per_s < 10 else f"{steps_per_s:.0f} steps/s")
        parts.append(f"{duration((progress.steps - progress.step) / steps_per_s)} left")
    return " | ".join(parts)
