"""A page: its place in the navigation, its routes, and the frame that the shell puts around it."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import NamedTuple

from starlette.routing import BaseRoute

STATIC = Path(str(files("accompanist.console") / "static"))


class Page(NamedTuple):
    """One page of the console.

    Args:
        name: Of its folder in `static/`; its address is `/name`.
        title: In the navigation and the window's title.
        routes: What its module asks for, below `/api/name`.
        below: Addresses below `/name` that show the same page, such as "/{run}".
        lifespan: Entered when the console starts, left when it ends, whatever ends it.
        listed: Whether it stands in the navigation.
    """

    name: str
    title: str
    routes: Sequence[BaseRoute] = ()
    below: Sequence[str] = ()
    lifespan: Callable[[], AbstractAsyncContextManager[None]] | None = None
    listed: bool = True


def framed(page: Page, pages: Sequence[Page]) -> str:
    """A page's HTML: the shell with the page's own part inside."""
    return frame(page.name, page.title, _own("html", page.name), pages)


def frame(name: str, title: str, body: str, pages: Sequence[Page] = ()) -> str:
    """The shell around a body.

    Args:
        name: Whose style and module are loaded, where there are any; also marks its place in the navigation.
        title: Of the window.
        body: HTML.
        pages: Of the navigation.
    """
    links = "".join(
        f'<a href="/{other.name}"{" aria-current=page" if other.name == name else ""}>{html.escape(other.title)}</a>'
        for other in pages
        if other.listed
    )
    return Template(_own("html", "shell")).substitute(
        name=name,
        title=html.escape(title),
        style=f'<link rel="stylesheet" href="/static/{name}/page.css">' if _has(name, "page.css") else "",
        module=f'<script type="module" src="/static/{name}/page.js"></script>' if _has(name, "page.js") else "",
        links=links,
        body=body,
    )


@cache
def _own(kind: str, name: str) -> str:
    return (STATIC / name / f"page.{kind}").read_text(encoding="utf-8")


@cache
def _has(name: str, file: str) -> bool:
    return (STATIC / name / file).is_file()
