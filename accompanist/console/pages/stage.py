"""The page Stage: the running daemon, or one started here, large enough for a music stand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from accompanist.config import load_config
from accompanist.console import events
from accompanist.console.page import Page
from accompanist.console.responses import JSON, Refusal, read_json
from accompanist.console.services import Services
from accompanist.console.stage.band import Band, Start
from accompanist.console.stage.watch import Watch
from accompanist.runtime.control_address import Address, usual_address
from accompanist.runtime.control_client import ask
from accompanist.runtime.installed import model_in_use

_PORTS = "ports"


class Turn(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A command, as docs/control.md has it."""

    command: str
    track: str | None = None
    value: float | bool | str | None = None


def page(services: Services) -> Page:
    """The page."""
    stage = _Stage(services)
    return Page(
        "stage",
        "Stage",
        [
            Route("/api/stage/events", stage.follow),
            Route("/api/stage/ports", stage.ports),
            Route("/api/stage/command", stage.command, methods=["POST"]),
            Route("/api/stage/start", stage.start, methods=["POST"]),
            Route("/api/stage/stop", stage.stop, methods=["POST"]),
        ],
        lifespan=stage.lifespan,
    )


class _Stage:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._band = Band(
            services.kept / "stage", services.today, services.sleep, services.config_path, services.program
        )
        self._watch = Watch(self._addresses, services.sleep)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """What was started here ends with the console."""
        try:
            yield
        finally:
            await self._band.stop()

    async def follow(self, request: Request) -> Response:
        """What happens, as it happens."""
        return events.stream(
            request, lambda last_id: self._watch.events(last_id, self._standing), self._services.stopping
        )

    async def command(self, request: Request) -> Response:
        """The player takes charge."""
        turn = await read_json(request, Turn)
        address = self._watch.link.address
        if address is None:
            raise Refusal(409, "nothing plays that could be told", "start the band on this page")
        answer = await run_in_threadpool(ask, address, msgspec.to_builtins(turn))
        if "error" in answer:
            accepted = ", ".join(map(str, answer.get("accepted", ())))
            raise Refusal(422, answer["error"], f"accepted: {accepted}" if accepted else "")
        return JSON(answer)

    async def ports(self, _request: Request) -> Response:
        """The ports there are; looked for in a process of its own, for a MIDI system may crash who asks it."""
        tasks = self._services.tasks
        tasks.start(_PORTS, ["ports", "--json"])
        task = await tasks.finished(_PORTS)
        if task is None or task.state != "done":
            raise Refusal(409, task.said if task else "the ports cannot be listed", task.hint if task else "")
        return JSON(task.result)

    async def start(self, request: Request) -> Response:
        """Start a band here."""
        wish = await read_json(request, Start)
        if self._watch.link.about is not None:
            raise Refusal(409, "a band plays already", "stop it where it was started, then start one here")
        serve = load_config(self._services.config_path).serve  # the default model may have been switched meanwhile
        model = model_in_use(serve)
        await run_in_threadpool(self._band.start, wish, model)
        return JSON(self._standing(), 202)

    async def stop(self, _request: Request) -> Response:
        """End the band that was started here."""
        await self._band.stop()
        return JSON(self._standing())

    def _addresses(self) -> Sequence[Address]:
        set_by_user = self._services.config.serve.control_socket
        return self._band.address, Address.parse(set_by_user) if set_by_user else usual_address()

    def _standing(self) -> dict[str, Any]:
        about = self._watch.link.about
        return {**self._band.standing(), "ours": about is not None and self._band.is_ours(about.pid)}
