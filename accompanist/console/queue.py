"""The queue of trainings, and a worker of the console's own.

Jobs are kept in a database and done by workers (`accompanist.jobs`); the console looks at them, and where jobs wait and
no worker lives it starts one, which ends when the queue is empty. It ends with the console too: the job at hand is left
with a checkpoint, and gone on with when the console is started again. Whoever wants training to go on without the
console starts a worker by hand, `accompanist jobs work`, and the console starts none. Where the console is killed its
worker goes on, to the end of the queue: no step is lost.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from starlette.concurrency import run_in_threadpool

from accompanist.config import TrainConfig
from accompanist.console.events import Event, pause
from accompanist.console.tasks import PROGRAM
from accompanist.errors import AccompanistError, MissingExtra, StorageError
from accompanist.runs import RunFolder

if TYPE_CHECKING:
    from accompanist.jobs.client import Jobs
    from accompanist.jobs.job import JobStatus

_T = TypeVar("_T")
LOOK_S = 1.0
"""Seconds between looks while somebody watches; the queue is a small file on this machine."""
REST_S = 5.0
"""Seconds between looks while nobody does."""
END_S = 30.0
"""How long the worker may take to end with a checkpoint."""
LAST_LINES = 3
WAITING = frozenset({"queued", "interrupted"})


class Standing(msgspec.Struct, kw_only=True):
    """The queue at a moment.

    Args:
        jobs: Newest first.
        workers: How many live.
        problem: Why the queue cannot be looked at, or why our worker ended.
        hint: What to do about that.
    """

    jobs: list[Any] = []
    workers: int = 0
    problem: str = ""
    hint: str = ""


class Queue:
    """The queue of one console.

    Args:
        runs: Folder that holds the runs.
        config_path: Settings, handed on to the worker; None: the usual place.
        database: URL of a shared queue; empty: a file among the runs.
        stopping: Set when the console ends.
        program: What to run, before its arguments.
        tell: Takes a line for the terminal.
    """

    def __init__(
        self,
        runs: Path,
        config_path: Path | None,
        database: str,
        stopping: asyncio.Event,
        *,
        program: Sequence[str] = PROGRAM,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._runs = runs
        self._database = database
        self._stopping = stopping
        self._tell = tell
        self._worker_call = [
            *(*program, *(("--config", str(config_path)) if config_path else ())),
            *("jobs", "work", "--drain", "--runs", str(runs), *(("--database", database) if database else ())),
        ]
        self._jobs: Jobs | None = None
        self._lock = threading.Lock()  # the client is one connection
        self._standing = Standing()
        self._watchers = 0
        self._wake = asyncio.Event()
        self._worker: asyncio.subprocess.Process | None = None
        # Into a file and no pipe: a worker whose reader is killed must not fail over what it has to say.
        self._said = runs / ".jobs" / "console-worker.log"
        self._ending: asyncio.Future[None] | None = None
        self._gave_up = False

    async def submit(self, train: TrainConfig) -> JobStatus:
        """Queue a training.

        Raises:
            MissingExtra: there is no queue, for want of a package.
            JobError: its database does not answer.
        """
        from accompanist.jobs.job import Job  # noqa: PLC0415 (there may be none of its packages)

        return await self._changed(lambda jobs: jobs.status(jobs.submit(Job(train=train))))

    async def cancel(self, name: str) -> JobStatus:
        """See `Jobs.cancel`."""
        return await self._changed(lambda jobs: jobs.cancel(name))

    async def resume(self, name: str) -> JobStatus:
        """See `Jobs.resume`."""
        return await self._changed(lambda jobs: jobs.resume(name))

    async def go_on(self, run: RunFolder) -> JobStatus:
        """See `Jobs.go_on`."""
        return await self._changed(lambda jobs: jobs.status(jobs.go_on(run)))

    def known(self, name: str) -> JobStatus | None:
        """A job as it was seen last; None where it was not, so that nobody waits for the database."""
        return next((job for job in self._standing.jobs if job.id == name), None)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look often while somebody looks on."""
        self._watchers += 1
        self._wake.set()
        try:
            yield
        finally:
            self._watchers -= 1

    async def watch(self, after: str | None) -> AsyncIterator[Event]:
        """The queue as it stands, again whenever that has changed."""
        last = after
        with self.watched():
            while True:
                if self._jobs is not None or self._standing.problem:
                    state = msgspec.json.encode(self._standing)
                    known = hashlib.sha256(state).hexdigest()[:16]
                    if known != last:
                        last = known
                        yield Event(msgspec.Raw(state), known, "queue")
                if not await pause(self._stopping, LOOK_S):
                    return

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Looks at the queue, keeps a worker while there is something to do, ends it."""
        looking = asyncio.ensure_future(self._look_on())
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
            await self._end_worker()
            with self._lock:
                if self._jobs is not None:
                    self._jobs.close()

    async def _changed(self, doing: Callable[[Jobs], _T]) -> _T:
        found = await run_in_threadpool(self._ask, doing)
        self._gave_up = False
        self._wake.set()
        return found

    def _ask(self, doing: Callable[[Jobs], _T]) -> _T:
        with self._lock:
            if self._jobs is None:
                self._jobs = _opened(self._database, self._runs)
            return doing(self._jobs)

    async def _look_on(self) -> None:
        while True:
            # Rest first: the database's packages take a second to load, and the first page is asked for just now.
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S if self._watchers else REST_S):
                    await self._wake.wait()
            self._wake.clear()
            # A folder without a queue stays without one until somebody looks at the page.
            if self._watchers or self._jobs is not None or (self._runs / "jobs.db").exists():
                await self._look()

    async def _look(self) -> None:
        try:
            jobs, workers = await run_in_threadpool(self._ask, lambda jobs: (jobs.all(), jobs.workers()))
        except AccompanistError as error:
            self._standing = Standing(problem=error.message, hint=error.hint)
            return
        ended = self._worker is not None and self._worker.returncode not in (None, 0)
        if ended:
            self._gave_up = True  # what ended it would end the next one; who launches or resumes a job has it tried
        waiting = any(job.state in WAITING for job in jobs)
        problem = ""
        if self._gave_up and waiting and not workers:
            problem = f"the worker ended: {_last_words(self._said)}"
        elif waiting and not workers and (self._worker is None or self._worker.returncode is not None):
            try:
                await self._start_worker()
            except AccompanistError as error:
                problem = error.message
        hint = "accompanist jobs work, in a terminal, says more" if problem else ""
        self._standing = Standing(jobs=jobs, workers=workers, problem=problem, hint=hint)

    async def _start_worker(self) -> None:
        try:
            self._said.parent.mkdir(parents=True, exist_ok=True)
            log = self._said.open("wb")
        except OSError as error:
            raise StorageError(f"cannot write {self._said}: {error.strerror}", hint="check the permissions") from error
        with log:
            self._worker = await asyncio.create_subprocess_exec(
                *self._worker_call,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is the console's to pass on
            )
        self._ending = asyncio.ensure_future(self._await_end(self._worker))

    async def _await_end(self, worker: asyncio.subprocess.Process) -> None:
        await worker.wait()
        self._wake.set()

    async def _end_worker(self) -> None:
        worker = self._worker
        if worker is None or worker.returncode is not None:
            return
        self._tell("the training at hand is left with a checkpoint; it goes on when the console is started again")
        with suppress(ProcessLookupError):
            worker.terminate()
        try:
            async with asyncio.timeout(END_S):
                await worker.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                worker.kill()
            await worker.wait()


def _last_words(log: Path) -> str:
    """What a worker said last."""
    try:
        lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    except OSError:
        lines = []
    return " ".join(lines[-LAST_LINES:]) or "without a word"


def _opened(database: str, runs: Path) -> Jobs:
    try:
        from accompanist.jobs.client import Jobs  # noqa: PLC0415 (DBOS takes 0.5 s; the first page does not wait)
        from accompanist.jobs.database import Database  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"the queue of trainings needs the package {error.name}, which is not installed",
            hint="in the clone: pip install -e '.[jobs,train]'",
        ) from error
    return Jobs(Database.at(database, runs))
