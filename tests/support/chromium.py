"""A real browser: the system's Chromium, driven by Playwright, whose own download is not used."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

PATIENCE_MS = 120_000
"""How long something may take to appear on a machine that has much else to do."""
DESKTOP, PHONE = (1280, 800), (390, 844)


def why_no_chromium() -> str:
    """Why there is no browser here; empty where there is one."""
    if find_spec("playwright") is None:
        return "needs playwright: pip install -e '.[test]'"
    return "" if _program() else "needs Chromium (Debian: apt install chromium)"


def _program() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def chromium(size: tuple[int, int] = DESKTOP) -> Iterator[Page]:
    """A page of a fresh browser; what its scripts or its policies complain about fails the test at the end.

    Args:
        size: Width and height of the window in pixels.
    """
    from playwright.sync_api import expect, sync_playwright  # noqa: PLC0415 (it may not be installed)

    expect.set_options(timeout=PATIENCE_MS)
    complaints: list[str] = []
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses to run as root with one
        browser = playwright.chromium.launch(
            executable_path=_program(), args=[*sandbox, "--autoplay-policy=no-user-gesture-required"]
        )
        try:
            page = browser.new_page(viewport={"width": size[0], "height": size[1]})
            page.set_default_timeout(PATIENCE_MS)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
            yield page
        finally:
            browser.close()
    assert complaints == []
