"""Progress in the terminal while music is read or played, shown only where it takes over two seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from training.read import Progress

QUIET_S = 2.0
"""What takes no longer needs no progress."""
LINE_EVERY_S = 10.0
"""Where there is no terminal: a line this often."""


@contextmanager
def reading_shown(
    clock: Callable[[], float], *, console: Console | None = None, doing: str = "reading"
) -> Iterator[Progress]:
    """Something to give to `catalog.load` and `cache.read`; what it shows goes to stderr and is cleared at the end.

    Args:
        clock: Monotonic seconds.
        console: Where to show it; stderr where None.
        doing: What is done with what is counted, where that is not reading.
    """
    screen = console or Console(stderr=True)
    bar = Bar(
        TextColumn(f"{doing} {{task.description}}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=screen,
        transient=True,
    )
    started_s = clock()
    said_s = started_s
    tasks: dict[str, int] = {}

    def show(what: str, done: int, total: int) -> None:
        nonlocal said_s
        now_s = clock()
        if now_s - started_s < QUIET_S:
            return
        if screen.is_terminal:
            if what not in tasks:
                bar.start()
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done)  # type: ignore[arg-type]
        elif now_s - said_s >= LINE_EVERY_S or said_s == started_s:
            said_s = now_s
            screen.print(f"{doing} {what}: {done} of {total}", highlight=False)

    try:
        yield show
    finally:
        if tasks:  # stopping a bar that never started would print an empty line
            bar.stop()
