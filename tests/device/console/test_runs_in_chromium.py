"""A run's page: what is made of a run from there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")
pytest.importorskip("playwright", reason="needs playwright: pip install -e '.[test]'")

from playwright.sync_api import expect
from support.runs import begin, train

from accompanist.runs import RunFolder

if TYPE_CHECKING:
    from conftest import Console
    from playwright.sync_api import Page

pytestmark = pytest.mark.device

CHARTS = "() => [...document.querySelectorAll('canvas')].filter(canvas => Chart.getChart(canvas)).length"


def test_a_report_is_written_where_there_is_none_and_shown_in_a_sandbox(
    console: Console, page: Page, folder: Path
) -> None:
    begun = begin(folder / "runs")
    train(begun)
    run = RunFolder(begun.path)
    assert not run.report.exists()
    page.goto(f"{console.address}/runs/{run.path.name}")
    page.get_by_role("button", name="Report").click()
    page.wait_for_url("**/report")
    expect(page.get_by_role("heading", name=run.path.name)).to_be_visible()
    expect(page.get_by_role("heading", name="Hear it learn")).to_be_visible()
    page.wait_for_function(f"() => ({CHARTS})() > 3")  # its own script has run
    sound = page.locator("audio").first
    sound.evaluate("audio => audio.load()")
    page.wait_for_function("() => document.querySelector('audio').duration > 1")
    assert page.evaluate("origin") == "null"  # of no site: none of the console's cookies, and no word to it
    written_ns = run.report.stat().st_mtime_ns
    page.go_back()
    page.get_by_role("button", name="Report").click()
    page.wait_for_url("**/report")
    assert run.report.stat().st_mtime_ns == written_ns
