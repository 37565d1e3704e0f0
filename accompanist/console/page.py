"""A page: its place in the navigation, its routes, and the frame that the shell puts around it."""

from __future__ import annotations

import html
import re
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
        style=_style(name) if _has(name, "page.css") else "",
        module=_module(name) if _has(name, "page.js") else "",
        links=links,
        body=body,
    )


def _style(name: str) -> str:
    """The page's style, what it imports first: asked for at once, not one after the other."""
    wanted = (*_imports(f"{name}/page.css"), f"{name}/page.css")
    return "".join(f'<link rel="stylesheet" href="/static/{path}">' for path in wanted)


def _module(name: str) -> str:
    """The page's module, with word of all that it imports, which the browser would find out one after the other."""
    shell = {"shell/shell.js", *_imports("shell/shell.js")}
    wanted = [path for path in _imports(f"{name}/page.js") if path not in shell]
    early = "".join(f'<link rel="modulepreload" href="/static/{path}">' for path in wanted)
    return f'{early}<script type="module" src="/static/{name}/page.js"></script>'


_IMPORT = re.compile(
    r'^(?:import|export) .*?"/static/([\w/.-]+)";$|^@import url\("/static/([\w/.-]+)"\);$', re.MULTILINE
)


@cache
def _imports(path: str) -> tuple[str, ...]:
    """What a module or style of `static/` imports, and what that does in turn."""
    found: dict[str, None] = {}
    for match in _IMPORT.finditer((STATIC / path).read_text(encoding="utf-8")):
        of = match[1] or match[2]
        found |= dict.fromkeys((*_imports(of), of))
    return tuple(found)


@cache
def _own(kind: str, name: str) -> str:
    return (STATIC / name / f"page.{kind}").read_text(encoding="utf-8")


@cache
def _has(name: str, file: str) -> bool:
    return (STATIC / name / file).is_file()
