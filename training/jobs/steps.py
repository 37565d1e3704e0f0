"""What a worker does for a job, step by step. Each step can be done again from its beginning without harm.

prepare     read the music, begin the run
train       from the newest checkpoint, where there is one
evaluate    the best checkpoint, by the metrics of its held-out melodies
export      that checkpoint as a verified ONNX model
report      the run's story on one page
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import tomlkit
from dbos import DBOS

from accompanist.config import Config, DataConfig
from accompanist.jobs.belonging import JOB_FILE, job_of
from accompanist.jobs.database import Database
from accompanist.jobs.job import EVENT, Doing, Job
from accompanist.runs import History, RunFolder
from accompanist.runs.checkpoints import best_of
from training.jobs.process import WorkerStopping, failure, run
from training.jobs.progress import Pace


class Steps:
    """The steps, for the jobs of one worker.

    Args:
        database: The queue's, for its locks.
        runs: Folder that holds the runs.
        data: Where this machine keeps its music.
        stopping: Whether the worker is to end.
        tell: Takes a line for the worker's terminal.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        database: Database,
        runs: Path,
        data: DataConfig,
        *,
        stopping: Callable[[], bool],
        tell: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._locks = database.locks
        self._runs = runs
        self._data = data
        self._stopping = stopping
        self._tell = tell
        self._clock = clock

    def prepare(self, job: str, given: dict[str, Any]) -> str:
        """Read the music and begin the run, or find the one to go on with; returns its folder's name."""
        try:
            wanted = msgspec.convert(given, Job)
        except msgspec.ValidationError as error:
            raise failure(
                f"the job's settings are none of this version's: {error}", "submit it with the version that works"
            ) from error
        if wanted.run:
            return self._taken_on(job, wanted.run)
        train = msgspec.structs.replace(wanted.train, runs=str(self._runs))
        self._locks.mkdir(parents=True, exist_ok=True)
        settings = self._locks / f"{job}.toml"
        settings.write_text(tomlkit.dumps(msgspec.to_builtins(Config(train=train, data=self._data))), encoding="utf-8")
        try:
            found = self._do(job, Doing(step="prepare"), ["--config", str(settings), "jobs", "begin", job])
        finally:
            settings.unlink(missing_ok=True)
        return Path(found["run"]).name

    def train(self, job: str, name: str) -> None:
        """Train to the end."""
        folder = self._folder(name)
        pace = Pace(folder, self._clock)
        self._do(job, Doing(step="train", run=name), ["train", "--resume", str(folder.path), "--json"], pace.seen)

    def evaluate(self, name: str) -> dict[str, Any]:
        """The best checkpoint and its metrics, beside the music's own."""
        folder = self._folder(name)
        _publish(Doing(step="evaluate", run=name))
        best = best_of(folder.kept(), folder.config().train.best_by)
        if best is None:
            raise failure(f"{folder.path} has no checkpoint", "accompanist jobs resume trains it anew")
        return {
            "checkpoint": best.path.name,
            "step": best.state.step,
            "epoch": best.state.epoch,
            "metrics": best.state.metrics,
            "data": History(folder.record).data,
        }

    def export(self, job: str, name: str) -> dict[str, Any]:
        """The best checkpoint as a model beside it; returns where, and how far it is from what was trained."""
        folder = self._folder(name)
        call = ["export", str(folder.path), "-o", str(folder.model), "--json"]
        found = self._do(job, Doing(step="export", run=name), call)
        return {"model": folder.model.name, "bytes": found["bytes"], "largest_error": found["largest_error"]}

    def report(self, job: str, name: str) -> str:
        """The run's report; returns its name in the folder."""
        folder = self._folder(name)
        self._do(job, Doing(step="report", run=name), ["runs", "report", str(folder.path)])
        return folder.report.name

    def _taken_on(self, job: str, name: str) -> str:
        folder = self._folder(name)
        if job_of(folder.path) != job:
            raise failure(f"{name} is another job's by now", "accompanist jobs list")
        _publish(Doing(step="prepare", run=name))
        return name

    def _folder(self, name: str) -> RunFolder:
        path = self._runs / name
        if not (path / JOB_FILE).is_file():
            raise failure(
                f"the run {name} is not in {self._runs.absolute()} of this machine",
                "workers of one queue share one folder of runs: start them with the same --runs",
            )
        return RunFolder.open(path)

    def _do(
        self,
        job: str,
        doing: Doing,
        call: list[str],
        seen: Callable[[Doing], Doing] = lambda doing: doing,
    ) -> dict[str, Any]:
        """Do a step in a process of its own, telling about once a second how it gets on."""

        def look() -> None:
            if self._stopping():
                raise WorkerStopping
            _publish(seen(doing))

        self._locks.mkdir(parents=True, exist_ok=True)
        self._tell(f"job {job}: {doing.step} {doing.run}".rstrip())
        return run(self._locks / f"{job}.lock", ["accompanist", *call], look=look, echo=self._tell)


def _publish(doing: Doing) -> None:
    """Tell what is done for the job whose step this is; raises where another is given the job, or none any more."""
    DBOS.set_event(EVENT, msgspec.to_builtins(doing))
