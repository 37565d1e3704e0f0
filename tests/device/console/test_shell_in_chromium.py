"""The shell: told when the server has gone, usable by keyboard and on a phone, quick, and gone without a trace."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("playwright", reason="needs playwright: pip install -e '.[test]'")

from playwright.sync_api import expect
from support.chromium import PHONE, chromium
from support.run_folders import add_epoch, add_steps, make_run

if TYPE_CHECKING:
    from conftest import Console
    from playwright.sync_api import Page

pytestmark = pytest.mark.device

NAME_OF_THE_FOCUS = """(({ activeElement: it }) =>
  (it.getAttribute("aria-label") ?? it.textContent).trim())(document)"""
PAGES = {"train": ".field", "runs": "tbody tr", "runs/0001-a": "#losses canvas", "models": "#facts dd"}
"""Each with something that is there once the page is."""


def _run(folder: Path) -> None:
    run = make_run(folder / "runs", "0001-a")
    add_epoch(run, 0, 0, coupling=0.1)
    add_steps(run, 1, 50, critic=0.5, generator=2.0)


def test_the_server_goes_and_comes_back(console: Console, page: Page, folder: Path) -> None:
    page.goto(f"{console.address}/models")
    expect(page.get_by_role("heading", name="Models")).to_be_visible()
    console.stop()
    banner = page.get_by_role("alert").filter(has_text="The server has gone")
    banner.wait_for()
    again = type(console)(folder, console.port)
    try:
        banner.wait_for(state="hidden")
        # The new server has another token: a write is not refused for that.
        page.get_by_role("button", name="Use classic live").click()
        expect(page.locator("[data-model='classic'] .badge")).to_have_text("in use")
    finally:
        again.program.stop()


@pytest.mark.parametrize("path", PAGES)
def test_a_phone_shows_every_page_without_scrolling_sideways(console: Console, folder: Path, path: str) -> None:
    _run(folder)
    with chromium(PHONE) as page:
        page.goto(f"{console.address}/{path}")
        page.locator(PAGES[path]).first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_the_keyboard_reaches_everything(console: Console, page: Page) -> None:
    page.goto(f"{console.address}/models")
    page.get_by_role("button", name="Show classic").wait_for()
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(NAME_OF_THE_FOCUS))
    for wanted in ("To the content", "Train", "Runs", "Models", "Use classic live", "Show classic", "Evaluate"):
        assert wanted in reached


def test_events_resume_after_a_break(console: Console, page: Page, folder: Path) -> None:
    _run(folder)
    page.goto(f"{console.address}/runs/0001-a")
    page.locator("#losses canvas").wait_for()
    console.stop()
    page.get_by_role("alert").filter(has_text="The server has gone").wait_for()
    add_epoch(folder / "runs/0001-a", 1, 50, coupling=0.25)
    again = type(console)(folder, console.port)
    try:
        expect(page.locator(".metric").filter(has_text="Coupling").locator(".now")).to_contain_text("0.250")
    finally:
        again.program.stop()


def test_it_ends_by_ctrl_c_and_lets_go_of_its_port(console: Console, page: Page) -> None:
    page.goto(f"{console.address}/train")  # an open stream of events does not hold it
    page.get_by_role("heading", name="Trainings").wait_for()
    console.program.signal(signal.SIGINT)
    assert console.program.ends() == 0
    with socket.socket() as there:
        there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        there.bind(("127.0.0.1", console.port))
