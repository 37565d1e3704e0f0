"""A step's process, as its worker sees it: begun, watched, ended with a checkpoint where it is no longer wanted."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from dbos import PortableWorkflowError

LOOK_S = 1.0
"""Seconds between looks at how a step gets on."""
_LAST_LINES = 4


class WorkerStopping(BaseException):
    """The worker is to end: the job is left as it stands, for the next worker. No `Exception`, which would fail it."""


class Output:
    """What a process writes, read while it runs, so that no pipe ever fills.

    Args:
        process: With pipes for both.
        echo: Takes each line that it writes to stderr.
    """

    def __init__(self, process: subprocess.Popen[str], echo: Callable[[str], None]) -> None:
        assert process.stdout is not None  # noqa: S101 (for the type checker: both were asked for)
        assert process.stderr is not None  # noqa: S101
        self._said: deque[str] = deque(maxlen=1)
        self._errors: deque[str] = deque(maxlen=_LAST_LINES)
        self._readers = [
            threading.Thread(target=self._read, args=(process.stdout, self._said.append), daemon=True),
            threading.Thread(target=self._read, args=(process.stderr, echo, self._errors.append), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream: IO[str], *takers: Callable[[str], None]) -> None:
        for line in stream:
            if line.strip():
                for take in takers:
                    take(line.rstrip("\n"))

    def ended(self) -> None:
        """Wait for the last of it."""
        for reader in self._readers:
            reader.join()

    def result(self) -> dict[str, Any]:
        """The last line of stdout, where that is a JSON object."""
        try:
            found = json.loads(self._said[-1]) if self._said else {}
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def reason(self) -> tuple[str, str]:
        """What it failed of, with its hint: see `accompanist.cli.tell`."""
        lines = list(self._errors)
        told = next((i for i in range(len(lines) - 1, -1, -1) if lines[i].startswith("error: ")), None)
        if told is None:
            return " / ".join(lines[-1:]), ""
        hints = [line.strip().removeprefix("try: ") for line in lines[told + 1 :] if line.strip().startswith("try: ")]
        return lines[told].removeprefix("error: "), " ".join(hints)


def failure(message: str, hint: str = "") -> PortableWorkflowError:
    """What a step raises to have its job fail with a message and a hint."""
    return PortableWorkflowError(message, "JobFailed", None, {"hint": hint})


def run(
    lock: Path,
    call: Sequence[str],
    *,
    look: Callable[[], None],
    echo: Callable[[str], None],
    every_s: float = LOOK_S,
) -> dict[str, Any]:
    """Do a step in a process.

    Args:
        lock: The job's own file.
        call: Module and its arguments.
        look: Called about every `every_s` seconds; when it raises, the process is told to end, waited for, and the
            exception raised on.
        echo: Takes what it writes to stderr.
        every_s: Seconds.

    Returns:
        The JSON object that it wrote last to stdout; empty: none.

    Raises:
        PortableWorkflowError: it failed.
    """
    command = [sys.executable, "-m", "training.jobs.child", str(lock), *call]
    pipe = subprocess.PIPE
    # A group of its own: Ctrl-C in the worker's terminal is the worker's to pass on, once.
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as process:  # noqa: S603 (our own)
        output = Output(process, echo)
        try:
            _watch(process, look, every_s)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        finally:
            output.ended()
    code = process.returncode
    if code < 0:
        raise failure(f"its process was killed by signal {-code}", "accompanist jobs resume goes on with it")
    if code > 0:
        message, hint = output.reason()
        raise failure(message or f"its process ended with code {code}", hint)
    return output.result()


def _watch(process: subprocess.Popen[str], look: Callable[[], None], every_s: float) -> None:
    while True:
        look()
        try:
            process.wait(every_s)
        except subprocess.TimeoutExpired:
            continue
        return
