"""The page Runs: all of them, and one of them live: curves, samples, and what can be made of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from accompanist.config import TrainConfig
from accompanist.console import events
from accompanist.console.curves import Followed
from accompanist.console.events import Event, pause
from accompanist.console.guard import SANDBOX
from accompanist.console.page import Page
from accompanist.console.responses import JSON, Refusal
from accompanist.console.samples import sample_at, samples_of, song_of, sound_of
from accompanist.console.services import Services
from accompanist.console.tasks import Task
from accompanist.jobs.belonging import job_of
from accompanist.runs import RunFolder, RunIndex

LOOK_S = 1.0
"""Seconds between looks at a run that somebody follows: as often as its record is written."""


def page(services: Services) -> Page:
    """The page."""
    runs = _Runs(services)
    sample = "/api/runs/{run}/samples/{epoch}/{melody}"
    return Page(
        "runs",
        "Runs",
        [
            Route("/api/runs", runs.listed),
            Route("/api/runs/{run}", runs.one),
            Route("/api/runs/{run}/settings", runs.settings),
            Route("/api/runs/{run}/curves", runs.curves),
            Route("/api/runs/{run}/events", runs.watch),
            Route("/api/runs/{run}/export", runs.export, methods=["POST"]),
            Route("/api/runs/{run}/report", runs.make_report, methods=["POST"]),
            Route("/runs/{run}/report", runs.report),
            Route("/api/runs/{run}/resume", runs.resume, methods=["POST"]),
            Route("/api/runs/{run}/cancel", runs.cancel, methods=["POST"]),
            Route(f"{sample}/song", runs.song),
            Route(f"{sample}/sound", runs.sound),
            Route(f"{sample}/midi", runs.midi),
        ],
        below=["/{run}"],
    )


class _Runs:
    """The handlers."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._index = RunIndex(services.runs)
        self._followed = Followed()

    async def listed(self, _request: Request) -> Response:
        rows = await run_in_threadpool(self._index.rows)
        return JSON([{**msgspec.structs.asdict(row), "path": None} for row in reversed(rows)])

    async def one(self, request: Request) -> Response:
        run = await self._found(request)
        told = await run_in_threadpool(_told, run)
        tasks = {what: self._services.tasks.get(_key(what, run)) for what in ("export", "report")}
        return JSON({**told, "tasks": tasks})

    async def settings(self, request: Request) -> Response:
        return JSON(await run_in_threadpool(_settings, await self._found(request)))

    async def curves(self, request: Request) -> Response:
        run = await self._found(request)
        return JSON(await run_in_threadpool(self._followed.since, run, request.query_params.get("after")))

    async def watch(self, request: Request) -> Response:
        run = await self._found(request)
        return events.stream(request, lambda after: self._follow(run, after), self._services.stopping)

    async def _follow(self, run: RunFolder, place: str | None) -> AsyncIterator[Event]:
        known = None
        queue = self._services.queue
        with ExitStack() as while_followed:
            watched = False
            while True:
                standing = await run_in_threadpool(_standing, run)
                if standing["job"] and not watched:  # of a run begun by hand the queue need not be asked
                    while_followed.enter_context(queue.watched())
                    watched = True
                job = queue.known(standing["job"])
                standing["job"] = job.state if job else None
                if standing != known:
                    known = standing
                    yield Event(standing, name="standing")
                new = await run_in_threadpool(self._followed.since, run, place)
                if not new.empty:
                    place = new.place
                    yield Event(new, place, "curves")
                if not await pause(self._services.stopping, LOOK_S):
                    return

    async def song(self, request: Request) -> Response:
        return JSON(await run_in_threadpool(song_of, await self._sample(request)))

    async def sound(self, request: Request) -> Response:
        path = await run_in_threadpool(sound_of, await self._sample(request), self._services.sounds)
        return FileResponse(path, media_type="audio/wav", headers={"cache-control": "max-age=3600"})

    async def midi(self, request: Request) -> Response:
        path, asked = await self._sample(request), request.path_params
        name = f"{asked['run']}-epoch-{asked['epoch']}-{path.name}"
        return FileResponse(path, media_type="audio/midi", filename=name)

    async def export(self, request: Request) -> Response:
        run = await self._found(request)
        call = ["export", str(run.path), "-o", str(run.model), "--json"]
        return JSON(self._services.tasks.start(_key("export", run), call), 202)

    async def make_report(self, request: Request) -> Response:
        """Write it anew where the run has gone on since, or has none."""
        run = await self._found(request)
        if await run_in_threadpool(lambda: run.report_is_current):
            return JSON(Task(key=_key("report", run), state="done"))
        call = ["runs", "report", str(run.path), "--json"]
        return JSON(self._services.tasks.start(_key("report", run), call), 202)

    async def report(self, request: Request) -> Response:
        run = await self._found(request)
        if not run.report.is_file():
            raise Refusal(404, f"{run.path.name} has no report yet", "its page has a button that writes it")
        return FileResponse(run.report, media_type="text/html", headers=SANDBOX)

    async def resume(self, request: Request) -> Response:
        """As a job, whoever began it."""
        return JSON(await self._services.queue.go_on(await self._found(request)))

    async def cancel(self, request: Request) -> Response:
        run = await self._found(request)
        job = await run_in_threadpool(job_of, run.path)
        if not job:
            raise Refusal(
                409, f"{run.path.name} was begun by hand", "Ctrl-C in its terminal ends it, with a checkpoint"
            )
        return JSON(await self._services.queue.cancel(job))

    async def _found(self, request: Request) -> RunFolder:
        """The run of that name: looked up among those there are, never taken for a path."""
        name = request.path_params["run"]
        there = await run_in_threadpool(RunFolder.all_in, self._services.runs)
        run = next((each for each in there if each.path.name == name), None)
        if run is None:
            raise Refusal(404, f"there is no run {name!r}", "see the page Runs")
        return run

    async def _sample(self, request: Request) -> Path:
        run, asked = await self._found(request), request.path_params
        path = await run_in_threadpool(sample_at, run, asked["epoch"], asked["melody"])
        if path is None:
            raise Refusal(404, f"{run.path.name} has no sample {asked['melody']!r} of epoch {asked['epoch']!r}")
        return path


def _key(what: str, run: RunFolder) -> str:
    return f"{what} {run.path.name}"


def _told(run: RunFolder) -> dict[str, Any]:
    config, kept = run.config(), run.kept()
    return {
        "name": run.path.name,
        "settings": config.train,
        "facts": run.facts(),
        "tracks": [track.name for track in run.spec().tracks],
        "checkpoints": [
            {"step": each.state.step, "epoch": each.state.epoch, "trained_s": each.state.trained_s} for each in kept
        ],
        "exported": run.model.is_file(),
        "standing": _standing(run),
    }


def _standing(run: RunFolder) -> dict[str, Any]:
    """How it stands, whose it is, and what there is to hear."""
    return {
        **run.status()._asdict(),
        "job": job_of(run.path),
        "epochs": run.epochs(),
        "samples": samples_of(run),
    }


def _settings(run: RunFolder) -> dict[str, Any]:
    """Its settings, for a form; its place and name are its own."""
    usual, its = msgspec.to_builtins(TrainConfig()), msgspec.to_builtins(run.config().train)
    return {name: value for name, value in its.items() if name not in ("runs", "name") and value != usual[name]}
