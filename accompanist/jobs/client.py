"""A queue of training jobs, seen from outside."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import msgspec
from dbos import DBOSClient, DBOSPortableJSONSerializer, WorkflowStatus

from accompanist.errors import JobError
from accompanist.jobs.belonging import claim, job_of
from accompanist.jobs.database import Database
from accompanist.jobs.job import APPLICATION, EVENT, QUEUE, VERSION, WORKFLOW, Doing, Job, JobStatus, State
from accompanist.jobs.liveness import liveness_of
from accompanist.runs import RunFolder

_STATES: dict[str, State] = {
    "ENQUEUED": "queued",
    "DELAYED": "queued",
    "PENDING": "running",
    "SUCCESS": "finished",
    "ERROR": "failed",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "failed",
    "CANCELLED": "cancelled",
}


class Jobs:
    """The jobs of a queue; use as a context.

    Args:
        database: Where the queue is kept.

    Raises:
        JobError: it does not answer.
        StorageError: its file cannot be written.
    """

    def __init__(self, database: Database) -> None:
        database.prepare()
        self._database = database
        with database.told():
            # What is stored is JSON: nothing that is read back can run code.
            self._client = DBOSClient(
                system_database_url=database.url,
                serializer=DBOSPortableJSONSerializer(),
                application_name=APPLICATION,
                retry_connection_errors=False,
            )
        self._liveness = liveness_of(database)
        self._over: dict[tuple[str, str, int | None], JobStatus] = {}

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._liveness.close()
        self._client.destroy()

    def submit(self, job: Job) -> str:
        """Add a job to the queue.

        Returns:
            Its name.
        """
        known = secrets.token_hex(4)
        self._enqueue(known, job)
        return known

    def go_on(self, run: RunFolder) -> str:
        """Have a worker go on with a run that is there, from its last checkpoint: one begun by hand, or by a job.

        Returns:
            The job's name: the run's own where that was cancelled or has failed, else a new one.

        Raises:
            JobError: a job has it already, it is trained at this moment, or has come to its end.
            ConfigError: its settings are damaged.
            StorageError: its folder cannot be written.
        """
        before = self._known(job_of(run.path))
        if before is not None and not before.over:
            raise JobError(
                f"{run.path.name} is {before.state} already, as job {before.id}",
                hint=f"accompanist jobs watch {before.id}",
            )
        if before is not None and before.state != "finished":
            return self.resume(before.id).id
        state = run.status().state
        if state == "running":
            raise JobError(f"{run.path.name} is trained at this moment", hint="Ctrl-C in its terminal ends it")
        if state == "finished":
            raise JobError(
                f"{run.path.name} has come to its end",
                hint=f"fine-tune from it, which begins another run: accompanist jobs submit --from {run.path.name}",
            )
        job = Job(train=run.config().train, run=run.path.name)
        known = secrets.token_hex(4)
        claim(run.path, known)  # before a worker may take it: asked for twice, it is queued once
        self._enqueue(known, job)
        return known

    def _enqueue(self, known: str, job: Job) -> None:
        with self._database.told():
            self._client.enqueue(
                {"queue_name": QUEUE, "workflow_name": WORKFLOW, "workflow_id": known, "app_version": VERSION},
                msgspec.to_builtins(job),
            )

    def _known(self, name: str) -> JobStatus | None:
        """A job by its whole name; None where this queue has none of it."""
        if not name:
            return None
        with self._database.told():
            return next(iter(self._told(self._client.list_workflows(name=WORKFLOW, workflow_ids=[name]))), None)

    def all(self, *, most: int = 50) -> list[JobStatus]:
        """The newest jobs, newest first."""
        with self._database.told():
            found = self._client.list_workflows(name=WORKFLOW, sort_desc=True, limit=most)
            return self._told(found)

    def status(self, name: str) -> JobStatus:
        """How one job stands.

        Args:
            name: Its name, or as much of its beginning as no other job's begins with.

        Raises:
            JobError: there is none.
        """
        with self._database.told():
            found = self._client.list_workflows(name=WORKFLOW, workflow_id_prefix=name or "-", limit=2)
            exact = [each for each in found if each.workflow_id == name] or found
            if len(exact) != 1:
                what = "there is no job" if not found else "several jobs begin with"
                raise JobError(f"{what} {name!r} in {self._database.shown}", hint="accompanist jobs list")
            return self._told(exact)[0]

    def cancel(self, name: str) -> JobStatus:
        """Take a job from the queue, or have its worker end it with a checkpoint.

        Raises:
            JobError: there is none, or it is over.
        """
        job = self.status(name)
        if job.over:
            raise JobError(f"job {job.id} is {job.state} already", hint="accompanist jobs list")
        with self._database.told():
            self._client.cancel_workflow(job.id)
        return self.status(job.id)

    def resume(self, name: str) -> JobStatus:
        """Put a job that was cancelled, or that failed, back into the queue: it goes on where it ended.

        Raises:
            JobError: there is none, or it is neither.
        """
        job = self.status(name)
        if job.state not in ("cancelled", "failed"):
            raise JobError(
                f"job {job.id} is {job.state}; only one that was cancelled or has failed can be resumed",
                hint=f"accompanist jobs watch {job.id}",
            )
        with self._database.told():
            if job.state == "cancelled":
                self._client.resume_workflow(job.id, queue_name=QUEUE)
            else:
                self._client.rewind_workflow(job.id, start_step=self._failed_at(job.id), queue_name=QUEUE)
        return self.status(job.id)

    def workers(self) -> int:
        """How many workers live."""
        return self._liveness.count()

    def _failed_at(self, job: str) -> int:
        """The step a job failed in, as DBOS counts: what was done before it is not done again."""
        failed = [step["function_id"] for step in self._client.list_workflow_steps(job) if step["error"] is not None]
        return min(failed, default=1)

    def _told(self, found: Iterable[WorkflowStatus]) -> list[JobStatus]:
        found = list(found)
        alive = self._liveness.alive({each.executor_id for each in found if each.executor_id})
        return [self._one(each, alive) for each in found]

    def _one(self, found: WorkflowStatus, alive: set[str]) -> JobStatus:
        """One job; of those that are over nothing is asked a second time, so that a list can be looked at often."""
        at = (found.workflow_id, found.status, found.updated_at)
        if at in self._over:
            return self._over[at]
        job = self._read(found, alive)
        if job.over:
            self._over[at] = job
        return job

    def _read(self, found: WorkflowStatus, alive: set[str]) -> JobStatus:
        state = _STATES[found.status]
        if state == "running" and found.executor_id not in alive:
            state = "interrupted"
        doing = self._client.get_event(found.workflow_id, EVENT, timeout_seconds=0) if found.executor_id else None
        message, hint = _reason(found.error)
        return JobStatus(
            id=found.workflow_id,
            state=state,
            title=_title(found.input),
            doing=msgspec.convert(doing, Doing) if doing else None,
            worker=found.executor_id or "",
            submitted=_date(found.created_at),
            ended=_date(found.completed_at) if state in ("finished", "failed", "cancelled") else "",
            error=message,
            hint=hint,
            result=found.output if state == "finished" and isinstance(found.output, dict) else {},
        )


def _title(given: Any) -> str:
    try:
        return msgspec.convert(given["args"][0], Job).title
    except (msgspec.ValidationError, KeyError, IndexError, TypeError):  # of a version whose settings were others
        return "?"


def _reason(error: Exception | None) -> tuple[str, str]:
    """Message and hint of what a job failed of."""
    if error is None:
        return "", ""
    data = getattr(error, "data", None)
    return str(error), str(data.get("hint", "")) if isinstance(data, dict) else ""


def _date(epoch_ms: int | None) -> str:
    return datetime.fromtimestamp(epoch_ms / 1000, tz=UTC).isoformat(timespec="seconds") if epoch_ms else ""
