"""The console as an ASGI application: the shell's own routes, and those of the pages."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from accompanist.console.guard import SIGN_IN, Access, Guard, same
from accompanist.console.page import STATIC, Page, frame, framed
from accompanist.console.responses import JSON, Refusal, read_bytes, refused, status_of
from accompanist.console.services import Services
from accompanist.errors import AccompanistError
from accompanist.runs.charts import chart_file

PAGES: tuple[str, ...] = (
    "accompanist.console.pages.train",
    "accompanist.console.pages.runs",
    "accompanist.console.pages.models",
    "accompanist.console.pages.compose",
    "accompanist.console.pages.stage",
)
"""Modules of the pages, in the order of the navigation; each has `page(services) -> Page`."""
MOST_SIGN_IN_BYTES = 4096


def create_app(services: Services, access: Access, pages: Sequence[Page] | None = None) -> Starlette:
    """The console.

    Args:
        services: What the pages use.
        access: Who may ask.
        pages: Instead of `PAGES`.
    """
    shown = [importlib.import_module(name).page(services) for name in PAGES] if pages is None else list(pages)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(services.tasks.lifespan())
            for page in shown:
                if page.lifespan is not None:
                    await stack.enter_async_context(page.lifespan())
            try:
                yield
            finally:
                services.stopping.set()

    return Starlette(
        routes=[*_shell(access, shown), *(route for page in shown for route in _of(page, shown, access))],
        middleware=[Middleware(Guard, access=access)],
        exception_handlers={
            HTTPException: _http_error,
            Refusal: _refusal,
            AccompanistError: _known_error,
            Exception: _fault,
        },
        lifespan=lifespan,
    )


def _shell(access: Access, pages: Sequence[Page]) -> list[Route | Mount]:
    async def start(_request: Request) -> Response:
        first = next((page.name for page in pages if page.listed), None)
        return RedirectResponse(f"/{first}" if first else "/static/shell/icon.svg", 303)

    async def session(_request: Request) -> Response:
        # Only a page of this site can read the answer; so whoever has the token runs on this site.
        return access.grant(JSON({"token": access.session}))

    async def alive(_request: Request) -> Response:
        return JSON({"alive": True})

    async def chart(_request: Request) -> Response:
        return FileResponse(
            chart_file("the console"), media_type="text/javascript", headers={"cache-control": "max-age=86400"}
        )

    return [
        Route("/", start),
        Route(SIGN_IN, _sign_in(access), methods=["GET", "POST"]),
        Route("/api/session", session),
        Route("/api/alive", alive),
        Route("/static/chart.js", chart),
        Mount("/static", _Static(directory=STATIC)),
    ]


def _of(page: Page, pages: Sequence[Page], access: Access) -> list[Route]:
    async def show(_request: Request) -> Response:
        return access.grant(HTMLResponse(framed(page, pages)))

    return [
        *(Route(f"/{page.name}{path}", show) for path in ("", *page.below)),
        *page.routes,  # type: ignore[list-item]
    ]


def _sign_in(access: Access) -> Callable[[Request], Awaitable[Response]]:
    async def sign_in(request: Request) -> Response:
        target = request.query_params.get("to", "/")
        if request.method == "POST":
            fields = parse_qs((await read_bytes(request, MOST_SIGN_IN_BYTES)).decode("utf-8", "replace"))
            given = fields.get("token", [""])[0]
        else:
            given = request.query_params.get("token", "")
        if access.token and same(given, access.token):
            # Only a path of this site: //elsewhere.net would lead away.
            to = target if target.startswith("/") and not target.startswith(("//", "/\\")) else "/"
            return access.grant(RedirectResponse(to, 303))
        wrong = '<p class="wrong" role="alert">This token is not the console\'s.</p>' if given else ""
        body = (STATIC / "sign-in" / "page.html").read_text(encoding="utf-8").replace("<!-- wrong -->", wrong)
        return HTMLResponse(frame("sign-in", "Sign in", body), status_code=403 if given else 200)

    return sign_in


class _Static(StaticFiles):
    """The shell's and the pages' files; the browser asks each time whether they changed."""

    async def get_response(self, path: str, scope: object) -> Response:
        if "\0" in path:
            raise HTTPException(404)
        response = await super().get_response(path, scope)  # type: ignore[arg-type]
        response.headers["cache-control"] = "no-cache"
        return response


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 400
    words = {404: f"there is nothing at {request.url.path}", 405: f"{request.method} is not possible here"}
    response = refused(request, status, words.get(status, str(getattr(error, "detail", error))))
    response.headers.update(getattr(error, "headers", None) or {})
    return response


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101 (Starlette hands over what it was told to)
    return refused(request, error.status, error.message, error.hint)


async def _known_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AccompanistError)  # noqa: S101 (see above)
    return refused(request, status_of(error), error.message, error.hint)


async def _fault(request: Request, error: Exception) -> Response:
    return refused(
        request,
        500,
        f"this is a fault of the console's own: {type(error).__name__}: {error}",
        "what it was doing stands in the terminal; please report it",
    )
