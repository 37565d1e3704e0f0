"""A run of training killed again and again, each time in a process of its own: see tests/device/test_kills.py.

    python -m support.kills FOLDER KILLS SEED

Prints a line of JSON for each session: where it was killed, and where its run then stands. Half of the sessions kill
themselves at a random moment of their work (a file opened, half written, synced, renamed or removed; a step), the other
half are killed from outside, whatever they do, some time after they tell that they have come to such a moment. Sessions
are forked: torch is imported once, and so is what its first optimizer imports, which takes longer than a session.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import torch
import torch._dynamo

from accompanist.runs.history import History
from support import runs
from training import loop, plot, samples
from training.loop import Loop
from training.rundir import RunDir

CONFIG = msgspec.structs.replace(runs.TINY, epochs=6, keep=2)
"""Nine steps; epochs end after steps 2, 3, 5, 6, 8 and 9."""


class Moments:
    """Counts the moments of a session, and kills it at one of them.

    Args:
        folder: Only files below it count.
        fatal: The moment at which it happens; 0: never.
        die: What happens.
    """

    def __init__(self, folder: Path, fatal: int, die: Callable[[], object]) -> None:
        self.folder = str(folder)
        self.fatal = fatal
        self.count = 0
        self._die = die

    def pass_by(self) -> None:
        """One more; perhaps the last."""
        self.count += 1
        if self.count == self.fatal:
            self._die()

    def watch(self) -> None:
        """From now on everything that is done to the files counts, writes at their middle."""
        write_bytes, fsync = Path.write_bytes, os.fsync

        def written_in_two(path: Path, content: bytes) -> int:
            with path.open("wb") as file:
                file.write(content[: len(content) // 2])
                file.flush()
                self.pass_by()
            return write_bytes(path, content)

        def synced(handle: int) -> None:
            self.pass_by()
            fsync(handle)

        Path.write_bytes = written_in_two  # type: ignore[assignment, method-assign]
        os.fsync = synced  # type: ignore[assignment]
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith(("open", "os.", "shutil.")) and any(self.folder in str(each) for each in arguments):
            self.pass_by()


def main(folder: Path, kills: int, seed: int) -> None:
    """Kill as many sessions; when a run comes to its end in spite of it, the next run is begun."""
    draws = random.Random(seed)  # noqa: S311 (moments to die at, no secrets)
    torch.set_num_threads(1)
    loop.FLUSH_S = 0.0  # each step is recorded at once
    _make_quick()
    whole = runs.begin(folder / "whole", CONFIG)
    counted = _moments_of(whole)
    run, killed = runs.begin(folder / "killed", CONFIG), 0
    while killed < kills:
        fatal = draws.randint(1, counted)
        status = _session(run, fatal, by_itself=killed % 2 == 0)
        died = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        killed += died
        history = History(run.record)
        kept = run.kept()
        told = {
            "run": run.path.name,
            "killed": died,
            "code": None if died else os.waitstatus_to_exitcode(status),
            "moment": fatal,
            "recorded": history.last_step,
            "kept": kept[-1].state.step if kept else None,
        }
        print(json.dumps(told), flush=True)  # noqa: T201 (what it is for)
        if not died:
            run = runs.begin(folder / "killed", CONFIG)
    _session(run, 0)


def _make_quick() -> None:
    """No sound and no pictures, which take longer than the training."""
    samples.render_wav = lambda *_: None  # type: ignore[assignment]
    samples.draw_roll = lambda *_, **__: None  # type: ignore[assignment]
    plot.draw = lambda *_: None


def _moments_of(run: RunDir) -> int:
    """Train it to its end, in a process of its own; how many moments that has."""
    reading, writing = os.pipe()
    _session(run, 0, tell=lambda moments: os.write(writing, str(moments.count).encode()))
    return int(os.read(reading, 20))


def _session(
    run: RunDir, fatal: int, *, by_itself: bool = True, tell: Callable[[Moments], object] = lambda _: None
) -> int:
    """One process that goes on with the run; its status as `os.waitpid` has it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            here = os.getpid()
            die = partial(os.kill, here, signal.SIGKILL) if by_itself else partial(os.write, writing, b"!")
            moments = Moments(run.path, fatal, die)
            moments.watch()
            runs.train(run, prepare=lambda it: _count_steps(it, moments))
            tell(moments)
        except BaseException:  # noqa: BLE001 (it must not come back into the parent's loop)
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writing)
    if os.read(reading, 1):  # nothing, where it has ended by itself
        os.kill(child, signal.SIGKILL)
    os.close(reading)
    return os.waitpid(child, 0)[1]


def _count_steps(training: Loop, moments: Moments) -> None:
    update = training.step.update

    def counted(number: int) -> dict[str, Any]:
        moments.pass_by()
        return update(number)

    training.step.update = counted  # type: ignore[method-assign]


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
