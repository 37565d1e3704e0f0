"""`accompanist jobs`: a queue of trainings, and the workers that do them."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from rich.console import Console

from accompanist.config import TrainConfig, load_config, with_flags
from accompanist.errors import ConfigError, JobError
from accompanist.jobs.database import Database
from accompanist.jobs.job import Job, JobStatus
from accompanist.runs import RunFolder
from accompanist.runs.duration import duration
from training.options import flags_of, given

_F = TypeVar("_F", bound=Callable[..., Any])
WATCH_S = 1.0
"""Seconds between looks of `watch`."""


@click.group()
def jobs() -> None:
    """Queue trainings, and have workers do them, here or on other machines.

    A job reads the music, trains, picks the best checkpoint, exports it as a model and writes its report. Jobs wait
    until a worker is free. A worker that dies costs its job what was trained since the last checkpoint: the next one
    goes on from there.

    \b
    accompanist jobs submit --epochs 50 --name slow      queue a training; all options of `accompanist train`
    accompanist jobs work                                a worker: leave it running, here or in another terminal
    accompanist jobs list                                what waits, runs and is done
    accompanist jobs watch 3f2a                          follow one
    accompanist jobs cancel 3f2a                         end it, with a checkpoint
    accompanist jobs resume 3f2a                         go on with it

    Jobs are kept in runs/jobs.db. Where several machines are to share them: the same --database (a Postgres URL, also
    taken from ACCOMPANIST_DATABASE, where other users of the machine do not see it) and the same folder of runs.
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)


def _where(function: _F) -> _F:
    """The options that say which queue."""
    function = click.option(
        "--database", default="", envvar="ACCOMPANIST_DATABASE", metavar="URL",
        help="postgresql://USER@HOST/NAME of a queue that several machines share.  [default: a file among the runs]",
    )(function)  # fmt: skip
    return click.option("--runs", default="", help="Folder that holds the runs.  [default: train.runs]")(function)


def _database(config_path: Path | None, database: str, runs: str) -> Database:
    return Database.at(database, Path(runs or load_config(config_path).train.runs))


@jobs.command()
@flags_of(TrainConfig)
@click.option(
    "--database", default="", envvar="ACCOMPANIST_DATABASE", metavar="URL", help="See `accompanist jobs --help`."
)
@click.option(
    "--resume", metavar="RUN", help="Go on with a run that was interrupted, as it is: its folder, name or number."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def submit(config_path: Path | None, /, database: str, resume: str | None, as_json: bool, **flags: Any) -> None:
    """Queue a training. Options are those of `accompanist train`; what is left out comes from config.toml.

    \b
    accompanist jobs submit --epochs 50
    accompanist jobs submit --model live --name overnight
    accompanist jobs submit --resume 1                   a run that was begun in a terminal
    """  # noqa: D301 (see above)
    from accompanist.jobs.client import Jobs  # noqa: PLC0415 (DBOS takes 0.5 s; --help does not wait for it)

    settings = load_config(config_path)
    typed = given(TrainConfig, flags)
    train = with_flags(settings.train, typed)
    runs = Path(train.runs)
    if resume and typed.keys() - {"runs"}:
        raise ConfigError(
            f"--resume goes on with {resume} as it was begun, so no other setting can be given",
            hint=f"accompanist jobs submit --resume {resume}",
        )
    run = RunFolder.find(resume, runs) if resume else None
    if run and run.path.parent.resolve() != runs.resolve():  # its worker looks for it among the queue's runs
        raise ConfigError(
            f"{run.path} is not in {runs}, whose queue this is",
            hint=f"accompanist jobs submit --resume {run.path.name} --runs {run.path.parent}",
        )
    with Jobs(Database.at(database, runs)) as queue:
        job = queue.status(queue.go_on(run) if run else queue.submit(Job(train=train)))
        workers = queue.workers()
    if as_json:
        click.echo(msgspec.json.encode(job))
        return
    click.echo(f"job {job.id}: {job.title}, queued")
    click.echo(f"follow it: accompanist jobs watch {job.id}")
    if not workers:
        click.echo("no worker is there to do it; start one: accompanist jobs work", err=True)


@jobs.command("list")
@_where
@click.option("--most", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many, the newest.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_(config_path: Path | None, /, database: str, runs: str, most: int, as_json: bool) -> None:
    """List the jobs, newest first, as they stand at this moment.

    \b
    accompanist jobs list
    accompanist jobs list --json
    """  # noqa: D301 (see above)
    from accompanist.jobs.client import Jobs  # noqa: PLC0415 (see `submit`)

    with Jobs(_database(config_path, database, runs)) as queue:
        found, workers = queue.all(most=most), queue.workers()
    if as_json:
        click.echo(json.dumps({"workers": workers, "jobs": msgspec.to_builtins(found)}, ensure_ascii=False))
        return
    for job in found:
        click.echo(line(job))
    waiting = sum(job.state in ("queued", "interrupted") for job in found)
    click.echo(f"{_counted(len(found), 'job')}, {_counted(workers, 'worker')}", err=True)
    if waiting and not workers:
        click.echo("start a worker: accompanist jobs work", err=True)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


@jobs.command()
@click.argument("name")
@_where
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object each time something has changed.")
@click.pass_obj
def watch(config_path: Path | None, /, name: str, database: str, runs: str, as_json: bool) -> None:
    """Follow a job to its end. NAME is what `submit` said, or as much of its beginning as is its own.

    \b
    accompanist jobs watch 3f2a
    accompanist jobs watch 3f2a --json
    """  # noqa: D301 (see above)
    from accompanist.jobs.client import Jobs  # noqa: PLC0415 (see `submit`)

    screen = Console()
    folder = Path(runs or load_config(config_path).train.runs)
    with Jobs(Database.at(database, folder)) as queue:
        job = queue.status(name)
        if as_json or not screen.is_terminal:
            click.echo(_shown(job, as_json))
            while not job.over:
                before = job
                time.sleep(WATCH_S)
                job = queue.status(job.id)
                if job != before:
                    click.echo(_shown(job, as_json))
        else:
            with screen.status(line(job)) as status:
                while not job.over:
                    time.sleep(WATCH_S)
                    job = queue.status(job.id)
                    status.update(line(job))
    _told_at_the_end(job, folder, as_json)


def _shown(job: JobStatus, as_json: bool) -> str:
    return msgspec.json.encode(job).decode() if as_json else line(job)


def _told_at_the_end(job: JobStatus, runs: Path, as_json: bool) -> None:
    if job.state == "failed":
        raise JobError(f"job {job.id} failed: {job.error}", hint=job.hint or f"accompanist jobs resume {job.id}")
    if as_json:
        return
    if job.state == "cancelled":
        click.echo(f"job {job.id} was cancelled; go on with it: accompanist jobs resume {job.id}")
        return
    metrics, data = job.result["best"]["metrics"], job.result["best"]["data"]
    click.echo(f"job {job.id} finished: {job.result['run']}, best checkpoint {job.result['best']['checkpoint']}")
    for key in ("note_in_chord", "note_in_chord_chance", "coupling"):
        click.echo(f"  {key.replace('_', ' '):<20} {metrics[key]:6.3f}   data {data[key]:6.3f}")
    click.echo(f"see and hear it learn: {runs / job.result['run'] / job.result['report']}")
    click.echo(f"hear it: accompanist demo --model {runs / job.result['run'] / job.result['model']}")


@jobs.command()
@click.argument("name")
@_where
@click.pass_obj
def cancel(config_path: Path | None, /, name: str, database: str, runs: str) -> None:
    """Take a job from the queue, or end it with a checkpoint where it runs.

    \b
    accompanist jobs cancel 3f2a
    """  # noqa: D301 (see above)
    from accompanist.jobs.client import Jobs  # noqa: PLC0415 (see `submit`)

    with Jobs(_database(config_path, database, runs)) as queue:
        job = queue.cancel(name)
    click.echo(f"job {job.id} cancelled; go on with it: accompanist jobs resume {job.id}")


@jobs.command()
@click.argument("name")
@_where
@click.pass_obj
def resume(config_path: Path | None, /, name: str, database: str, runs: str) -> None:
    """Queue a job anew that was cancelled or has failed; it goes on from its last checkpoint.

    \b
    accompanist jobs resume 3f2a
    """  # noqa: D301 (see above)
    from accompanist.jobs.client import Jobs  # noqa: PLC0415 (see `submit`)

    with Jobs(_database(config_path, database, runs)) as queue:
        job = queue.resume(name)
    click.echo(f"job {job.id} is queued again")


@jobs.command()
@_where
@click.option("--drain", is_flag=True, help="End when the queue is empty, instead of waiting for more.")
@click.option("--verbose", is_flag=True, help="Also show what DBOS, which keeps the queue, has to say.")
@click.pass_obj
def work(config_path: Path | None, /, database: str, runs: str, drain: bool, verbose: bool) -> None:
    """Do jobs, one at a time, until Ctrl-C, which leaves the job at hand with a checkpoint.

    Start as many as the machine can train at once. Nothing is lost when one is killed, and no job is done by two.

    \b
    accompanist jobs work
    accompanist jobs work --drain                          until nothing is left to do
    accompanist jobs work --database postgresql://me@host/music --runs /shared/runs
    """  # noqa: D301 (see above)
    from accompanist.jobs.liveness import liveness_of  # noqa: PLC0415 (see `submit`)
    from training.jobs import worker as workers  # noqa: PLC0415
    from training.jobs.steps import Steps  # noqa: PLC0415

    settings = load_config(config_path)
    folder = Path(runs or settings.train.runs)
    where = Database.at(database, folder)
    where.prepare()
    worker = workers.Worker(where, liveness_of(where), _tell, verbose=verbose)
    steps = Steps(where, folder, settings.data, stopping=worker.stopping, tell=_tell)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: _stop(worker.stopping(), worker.stop, number))
    try:
        worker.work(steps, drain=drain)
    except JobError as error:
        click.echo(f"error: {error.message}\n  try: {error.hint}", err=True)
        workers.end(error.exit_code)
    workers.end(0)


def _stop(again: bool, stop: Callable[[], None], number: int) -> None:
    if again:
        from training.jobs.worker import end  # noqa: PLC0415 (see `submit`)

        end(128 + number)
    _tell("ending, with a checkpoint where a job is trained; once more ends at once")
    stop()


_terminal = threading.Lock()


def _tell(text: str) -> None:
    """A line for the terminal; the step's process and the worker take turns."""
    with _terminal:
        print(text, file=sys.stderr, flush=True)  # noqa: T201 (click.echo is no other)


@jobs.command(hidden=True)
@click.argument("job")
@click.pass_obj
def begin(config_path: Path | None, /, job: str) -> None:
    """What a worker calls first for a JOB: read the music, begin the run; one that has begun is left as it is."""
    from accompanist.jobs.belonging import files_for, run_of  # noqa: PLC0415 (see `submit`)
    from training.commands.train import begun  # noqa: PLC0415 (torch)

    settings = load_config(config_path)
    run = run_of(job, Path(settings.train.runs))
    if run is None:
        run = begun(settings, {}, Console(stderr=True), files_for(job))[0].path
    click.echo(json.dumps({"run": str(run)}))


def line(job: JobStatus) -> str:
    """A job in a line."""
    parts = [job.id, f"{job.state:<11}"]
    doing = job.doing
    parts.append(doing.run if doing and doing.run else job.title)
    if doing and job.state in ("running", "interrupted"):
        parts.append(doing.step)
    if doing and doing.epochs:
        parts.append(f"epoch {doing.epoch:.1f}/{doing.epochs}")
        if job.state == "running":
            parts += [f"coupling {doing.metrics['coupling']:.2f}"] if "coupling" in doing.metrics else []
            parts += [f"{duration(doing.left_s)} left"] if doing.left_s is not None else []
    if job.error:
        parts.append(job.error)
    return "  ".join(parts)
