from __future__ import annotations

import re

import pytest

from accompanist.console.page import STATIC, Page, framed

PAGES = sorted(path.parent.name for path in STATIC.glob("*/page.js"))
IMPORT = re.compile(r'\bfrom "/static/([^"]+)"|@import url\("/static/([^"]+)"\)')


def _closure(path: str) -> set[str]:
    """What a file of `static/` needs, read by other means than the page's own."""
    wanted = {one or other for one, other in IMPORT.findall((STATIC / path).read_text(encoding="utf-8"))}
    return wanted.union(*(_closure(each) for each in wanted))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_for_all_it_needs_at_once(name: str) -> None:
    frame = framed(Page(name, name.title()), [])
    told = re.findall(r'<link rel="modulepreload" href="/static/([^"]+)">', frame)
    of_the_shell = {"shell/api.js"}  # asked for by every page's shell
    assert set(told) | of_the_shell == _closure(f"{name}/page.js") | of_the_shell
    assert len(told) == len(set(told))
    styles = re.findall(r'<link rel="stylesheet" href="/static/([^"]+)">', frame)
    assert styles[0] == "shell/shell.css"
    assert styles[-1] == f"{name}/page.css"
    assert set(styles[1:-1]) == _closure(f"{name}/page.css")
    assert all((STATIC / path).is_file() for path in (*told, *styles))
