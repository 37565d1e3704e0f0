"""Model cards as HTML: tables and text; no HTML of their own, no picture, no link but to the web."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

_WEB = ("https://", "http://", "mailto:")


def to_html(text: str) -> str:
    """Markdown as HTML that may stand in a page.

    Args:
        text: CommonMark with tables; HTML in it is shown as text.
    """
    reader = _reader()
    tokens = reader.parse(text)
    for token in tokens:
        token.attrs.pop("style", None)  # of an aligned column; the pages' policy lets no style through
        if token.children:
            token.children = _plain(token.children)
    return str(reader.renderer.render(tokens, reader.options, {}))


@cache
def _reader() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def _plain(tokens: Sequence[Token]) -> list[Token]:
    """Without pictures, whose files are not served, and without links to files of the repository."""
    kept: list[Token] = []
    hidden = 0
    for token in tokens:
        if token.type == "image":
            continue
        if token.type == "link_open" and not str(token.attrs.get("href", "")).startswith(_WEB):
            hidden += 1
        elif token.type == "link_close" and hidden:
            hidden -= 1
        else:
            kept.append(token)
    return kept
