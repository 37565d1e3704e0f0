"""A worker: takes jobs from the queue, one at a time, and takes over those of workers that died.

    main thread     every 2 s: is our lock still held; signals. It never waits for the database's return
    look thread     every 2 s: whose workers died
    DBOS threads    the queue, and one for the job at hand, which waits for the process that does its step

Training itself runs in a process of its own (`training.jobs.process`): a crash of it is no crash of the worker.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, PortableWorkflowError
from dbos import error as dbos_error

from accompanist.errors import JobError
from accompanist.jobs.database import Database, quiet
from accompanist.jobs.job import APPLICATION, QUEUE, VERSION, WORKFLOW
from accompanist.jobs.liveness import Liveness
from training.jobs.process import WorkerStopping
from training.jobs.steps import Steps

LOOK_S = 2.0
"""Seconds between looks at who lives."""
POLL_S = 0.5
"""Seconds between looks into the queue."""
UNFINISHED = ["ENQUEUED", "DELAYED", "PENDING"]


class Worker:
    """A worker of a queue.

    Args:
        database: The queue's.
        liveness: Its workers' locks.
        tell: Takes a line for the terminal.
        verbose: Let DBOS tell what it does.
    """

    def __init__(
        self, database: Database, liveness: Liveness, tell: Callable[[str], None], *, verbose: bool = False
    ) -> None:
        self._database = database
        self._liveness = liveness
        self._tell = tell
        self._verbose = verbose
        self._stop = threading.Event()
        self._working = threading.Lock()
        self.name = ""

    def stopping(self) -> bool:
        """Whether it is to end."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Have it end: the job at hand is left with a checkpoint."""
        self._stop.set()

    def work(self, steps: Steps, *, drain: bool = False) -> None:
        """Work until told to stop.

        Args:
            steps: What is done for a job.
            drain: Also end when the queue is empty.

        Raises:
            JobError: the lock was lost. Jobs may be taken over from now on: the process must end at once, and with it
                the one that does the step.
        """
        self.name = self._liveness.claim()  # before anything is taken: who has jobs lives
        self._launch(steps)
        self._take_over()  # before the first look into the queue: what was begun goes on before what is new
        self._tell(f"worker {self.name} waits for jobs in {self._database.shown}")
        threading.Thread(target=self._look_after_others, args=(drain,), daemon=True).start()
        while not self._stop.wait(LOOK_S):
            if not self._liveness.held():
                raise JobError(
                    f"the lock of worker {self.name} was lost: {self._database.shown} did not answer",
                    hint="start it again, and it goes on with its job: accompanist jobs work",
                )
        with self._working:  # until the step's process has ended
            return

    def _launch(self, steps: Steps) -> None:
        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_url": self._database.url,
            "executor_id": self.name,
            "application_version": VERSION,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "INFO" if self._verbose else "CRITICAL",
            "notification_listener_polling_interval_sec": POLL_S,
        }
        quiet(verbose=self._verbose)
        DBOS(config=config)
        self._register(steps)
        with self._database.told():
            DBOS.launch()
            DBOS.register_queue(QUEUE, worker_concurrency=1, polling_interval_sec=POLL_S, on_conflict="always_update")

    def _register(self, steps: Steps) -> None:
        @DBOS.workflow(name=WORKFLOW)
        def training(given: dict[str, Any]) -> dict[str, Any]:
            job = DBOS.workflow_id
            assert job is not None  # noqa: S101 (within a workflow there is one)
            with self._working, self._outcome_told(job):
                if self.stopping():
                    raise WorkerStopping
                run = DBOS.run_step({"name": "prepare"}, steps.prepare, job, given)
                DBOS.run_step({"name": "train"}, steps.train, job, run)
                best = DBOS.run_step({"name": "evaluate"}, steps.evaluate, run)
                model = DBOS.run_step({"name": "export"}, steps.export, job, run)
                report = DBOS.run_step({"name": "report"}, steps.report, job, run)
                return {"run": run, "best": best, **model, "report": report}

    @contextmanager
    def _outcome_told(self, job: str) -> Iterator[None]:
        try:
            yield
        except PortableWorkflowError as error:
            self._tell(f"job {job}: failed: {error.message}")
            raise
        except (dbos_error.DBOSWorkflowCancelledError, dbos_error.DBOSWorkflowConflictIDError):
            self._tell(f"job {job}: cancelled")
            raise
        self._tell(f"job {job}: finished")

    def _look_after_others(self, drain: bool) -> None:
        with suppress(JobError):  # the main thread sees it too, and ends us
            while not self._stop.wait(LOOK_S):
                self._take_over()
                if drain and not self._left():
                    self.stop()

    def _take_over(self) -> None:
        """Put the jobs of workers that died back into the queue.

        DBOS does so only where a job still belongs to the worker named: of several that find one dead, one succeeds.
        """
        running = DBOS.list_workflows(name=WORKFLOW, status="PENDING", load_input=False, load_output=False)
        owners = {each.executor_id for each in running if each.executor_id}
        for dead in sorted(owners - self._liveness.alive(owners)):
            self._tell(f"worker {dead} is gone: its job goes on")
            # It has no public name. What has one is no use here: DBOS's Conductor is another program, an executor's own
            # restart recovers its own jobs alone, and `resume_workflow` never asks whose a job is: of two workers that
            # find one dead, the later one would put back into the queue what the other is at already.
            DBOS._recover_pending_workflows([dead])  # noqa: SLF001

    def _left(self) -> bool:
        return bool(DBOS.list_workflows(name=WORKFLOW, status=UNFINISHED, load_input=False, load_output=False, limit=1))


def end(code: int) -> None:
    """End this process, whatever DBOS's threads are waiting for; the step's process ends with it."""
    os._exit(code)
