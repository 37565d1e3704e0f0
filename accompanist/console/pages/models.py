"""The page Models: what is installed, its card, how it plays beside people, and which one plays."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from accompanist.console.markdown import to_html
from accompanist.console.models import Model
from accompanist.console.page import Page
from accompanist.console.responses import JSON, Refusal, read_json
from accompanist.console.services import Services

MOST_SONGS = 1000


class Evaluation(msgspec.Struct, forbid_unknown_fields=True):
    """What to measure on.

    Args:
        songs: At most so many; 0: all there are.
    """

    songs: int = 10


def page(services: Services) -> Page:
    """The page."""
    models, tasks = services.models, services.tasks

    async def found(request: Request) -> Model:
        model = await run_in_threadpool(models.find, request.path_params["model"])
        if model is None:
            raise Refusal(404, f"there is no model {request.path_params['model']!r}", "see the page Models")
        return model

    async def listed(_request: Request) -> Response:
        return JSON([_told(model) for model in await run_in_threadpool(models.all)])

    async def one(request: Request) -> Response:
        model = await found(request)
        card = await run_in_threadpool(models.card, model)
        evaluation = await run_in_threadpool(models.evaluation, model) if model.spec else None
        task = tasks.get(_key(model))
        return JSON({**_told(model), "card": to_html(card), "evaluation": evaluation, "task": task})

    async def use(request: Request) -> Response:
        model = await found(request)
        written = await run_in_threadpool(models.use, model)
        return JSON({"written": str(written), "model": model.id})

    async def evaluate(request: Request) -> Response:
        model = await found(request)
        wish = await read_json(request, Evaluation)
        if not 0 <= wish.songs <= MOST_SONGS:
            raise Refusal(422, f"songs is {wish.songs}; accepted: 0 (all) to {MOST_SONGS}")
        most = ["--songs", str(wish.songs)] if wish.songs else []
        music = [part for name in await run_in_threadpool(models.music, model) for part in ("--data", name)]
        call = ["evaluate", "--model", str(model.path), *music, "--seeds", "1", "--jobs", "1", *most, "--json"]
        return JSON(tasks.start(_key(model), call, lambda result: models.keep_evaluation(model, result)), 202)

    async def download(request: Request) -> Response:
        model = await found(request)
        if not model.path.is_file():
            raise Refusal(404, f"the file of {model.id} is gone")
        return FileResponse(model.path, filename=f"{model.id}.onnx", media_type="application/octet-stream")

    return Page(
        "models",
        "Models",
        [
            Route("/api/models", listed),
            Route("/api/models/{model}", one),
            Route("/api/models/{model}/use", use, methods=["POST"]),
            Route("/api/models/{model}/evaluate", evaluate, methods=["POST"]),
            Route("/api/models/{model}/file", download),
        ],
    )


def _key(model: Model) -> str:
    return f"evaluate {model.id}"


def _told(model: Model) -> dict[str, Any]:
    spec = model.spec
    return {
        "id": model.id,
        "origin": model.origin,
        "file": model.path.name,
        "in_use": model.in_use,
        "bytes": model.bytes,
        "problem": model.problem,
        "kind": spec.kind if spec else None,
        "tracks": [{"name": track.name, "polyphony": track.polyphony} for track in spec.tracks] if spec else [],
        "beats_per_bar": spec.beats_per_bar if spec else None,
        "plan_steps": spec.plan_steps if spec else None,
        "lag_steps": spec.lag_steps if spec else None,
        "trained": spec.trained if spec else "",
        "export_error": spec.export_error if spec else None,
        "licences": spec.licences if spec else [],
    }
