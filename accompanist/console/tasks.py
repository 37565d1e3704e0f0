"""Commands that the console starts and waits for: an export, an evaluation, a look at the music.

Each is a process of its own, so that the console stays quick and what needs torch stays out of it. All of them end with
the console.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import msgspec

PROGRAM = (sys.executable, "-m", "accompanist")
END_S = 5.0
"""How long a process may take to end once it is told to."""
MOST_LINE_BYTES = 64 << 20
"""Longest line of a result: every song of a large source is some ten megabytes."""
_SAID = 300
"""Characters of a process's last line that are shown."""


class Task(msgspec.Struct, kw_only=True):
    """One command.

    Args:
        key: What it is of, such as "export 0001-mine"; one of a key runs at a time.
        state: How it stands.
        said: The last line it wrote, for people: how far it is, or why it failed.
        hint: What to do about a failure.
        result: The JSON that it printed.
    """

    key: str
    state: Literal["running", "done", "failed"] = "running"
    said: str = ""
    hint: str = ""
    result: Any = None


class Tasks:
    """The commands of one console.

    Args:
        config_path: Settings file to hand on; None: the usual place.
        program: What to run, before its arguments.
    """

    def __init__(self, config_path: Path | None, program: Sequence[str] = PROGRAM) -> None:
        self._program = [*program, *(["--config", str(config_path)] if config_path else [])]
        self._tasks: dict[str, Task] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._processes: set[asyncio.subprocess.Process] = set()

    def get(self, key: str) -> Task | None:
        """The newest of a key."""
        return self._tasks.get(key)

    def start(self, key: str, arguments: Sequence[str], done: Callable[[Any], None] = lambda _: None) -> Task:
        """Start a command, unless one of that key runs already.

        Args:
            key: What it is of.
            arguments: Behind `accompanist`; they should ask for JSON.
            done: Called with what it printed when it went well.
        """
        if key in self._running:
            return self._tasks[key]
        task = self._tasks[key] = Task(key=key)
        self._running[key] = asyncio.ensure_future(self._run(task, arguments, done))
        return task

    async def finished(self, key: str) -> Task | None:
        """The newest of a key, once it is over."""
        if key in self._running:
            await asyncio.shield(self._running[key])
        return self._tasks.get(key)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Ends what runs."""
        try:
            yield
        finally:
            for process in list(self._processes):
                with suppress(ProcessLookupError):
                    process.terminate()
            waiting = list(self._running.values())
            if waiting:
                _, late = await asyncio.wait(waiting, timeout=END_S)
                for process in list(self._processes):
                    with suppress(ProcessLookupError):
                        process.kill()
                if late:
                    await asyncio.wait(late)

    async def _run(self, task: Task, arguments: Sequence[str], done: Callable[[Any], None]) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._program,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=MOST_LINE_BYTES,
                start_new_session=True,  # Ctrl-C in the terminal is the console's to pass on
            )
            self._processes.add(process)
            try:
                printed, _ = await asyncio.gather(_all_of(process.stdout), _follow(process.stderr, task))
                code = await process.wait()
            finally:
                self._processes.discard(process)
            if code:
                task.state = "failed"
                task.said = task.said or f"it ended with code {code}"
                return
            task.result = json.loads(printed) if printed.strip() else None
            done(task.result)
            task.state = "done"
        except (OSError, ValueError) as error:
            task.state, task.said = "failed", f"{type(error).__name__}: {error}"
        finally:
            self._running.pop(task.key, None)


async def _all_of(stream: asyncio.StreamReader | None) -> bytes:
    return await stream.read() if stream else b""


async def _follow(stream: asyncio.StreamReader | None, task: Task) -> None:
    """The last thing a process says; of an error its sentence and its hint."""
    while stream and (line := await stream.readline()):
        text = line.decode("utf-8", "replace").strip()
        if text.startswith("try: "):
            task.hint = text.removeprefix("try: ")
        elif text:
            task.said = text.removeprefix("error: ")[:_SAID]
