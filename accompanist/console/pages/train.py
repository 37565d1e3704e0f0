"""The page Train: choose settings and music, launch, and see what is queued, runs and is done."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from accompanist.config import load_config
from accompanist.console import events, form
from accompanist.console.page import Page
from accompanist.console.responses import JSON, read_json
from accompanist.console.services import Services


class Values(msgspec.Struct, forbid_unknown_fields=True):
    """What a form holds: settings by name."""

    values: dict[str, Any]


def page(services: Services) -> Page:
    """The page."""
    queue, music = services.queue, services.music

    async def fields(_request: Request) -> Response:
        config = load_config(services.config_path).train
        music.sources(again=True)
        return JSON({"fields": form.fields(config), "presets": form.PRESETS, "data": config.data, "tag": config.tag})

    async def sources(_request: Request) -> Response:
        task = music.sources()
        return JSON(
            {"state": task.state, "said": task.said, "hint": task.hint, "sources": list(music.known().values())}
        )

    async def choice(request: Request) -> Response:
        asked = request.query_params
        return JSON(music.choice(asked.getlist("source"), asked.getlist("tag")))

    async def check(request: Request) -> Response:
        wish = await read_json(request, Values)
        return JSON(form.problems(load_config(services.config_path).train, wish.values))

    async def launch(request: Request) -> Response:
        wish = await read_json(request, Values)
        return JSON(await queue.submit(form.checked(load_config(services.config_path).train, wish.values)), 201)

    async def cancel(request: Request) -> Response:
        return JSON(await queue.cancel(request.path_params["job"]))

    async def resume(request: Request) -> Response:
        return JSON(await queue.resume(request.path_params["job"]))

    async def watch(request: Request) -> Response:
        return events.stream(request, queue.watch, services.stopping)

    return Page(
        "train",
        "Train",
        [
            Route("/api/train/form", fields),
            Route("/api/train/sources", sources),
            Route("/api/train/choice", choice),
            Route("/api/train/check", check, methods=["POST"]),
            Route("/api/train/launch", launch, methods=["POST"]),
            Route("/api/train/jobs/{job}/cancel", cancel, methods=["POST"]),
            Route("/api/train/jobs/{job}/resume", resume, methods=["POST"]),
            Route("/api/train/jobs", watch),
        ],
        lifespan=queue.lifespan,
    )
