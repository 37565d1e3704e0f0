"""A run's page: what is made of a run from there."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")
pytest.importorskip("playwright", reason="needs playwright: pip install -e '.[test]'")

from playwright.sync_api import expect
from support.device import Program
from support.run_folders import add_epoch, add_steps, make_run
from support.runs import begin, train

from accompanist.runs import RunFolder

if TYPE_CHECKING:
    from conftest import Console
    from playwright.sync_api import Page

pytestmark = pytest.mark.device

CHARTS = "() => [...document.querySelectorAll('canvas')].filter(canvas => Chart.getChart(canvas)).length"

JOB_MS = 900_000
"""How long a training of seconds may take on a machine that has much else to do."""
NAMED = """canvas => window.Chart.getChart(canvas).legend.legendItems.map(item => [item.text, item.strokeStyle])"""
"""What a chart's legend says: names and colours."""
DRAWN = """(canvas, colours) => {
const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
const seen = new Set();
for (let i = 0; i < data.length; i += 4) seen.add("#" + [...data.slice(i, i + 3)].map(
  value => value.toString(16).padStart(2, "0")).join(""));
return colours.every(colour => seen.has(colour)); }"""
"""Whether each of these colours is on a canvas."""


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


def _curves(page: Page, box: str) -> dict[str, str]:
    """What a chart's legend names, with its colour."""
    return dict(page.locator(f"{box} canvas").first.evaluate(NAMED))


def test_runs_are_laid_over_each_other_and_told_apart(console: Console, page: Page, folder: Path) -> None:
    names = [f"000{number}-{name}" for number, name in enumerate(("slow", "quick", "wide", "deep"), start=1)]
    for place, name in enumerate(names):
        run = make_run(folder / "runs", name)
        add_epoch(run, 0, 0, coupling=0.1, note_in_chord=0.3 + place / 20)
        add_steps(run, 1, 40, critic=0.5 + place, generator=2.0 * place)
        add_epoch(run, 1, 40, coupling=0.2 + place / 20, note_in_chord=0.4 + place / 20)
    page.goto(f"{console.address}/runs/{names[0]}")
    page.locator("#losses canvas").wait_for()
    page.get_by_text("Lay over it").click()
    for name in names[1:]:
        page.get_by_role("checkbox", name=name).check()
        expect(page.locator("#others-list label").filter(has_text=name).locator("i")).to_be_visible()
    page.wait_for_function(f"() => ({NAMED})(document.querySelector('#losses canvas')).length === 8")
    losses = _curves(page, "#losses")
    assert set(losses) == {f"{name}: {loss}" for name in names for loss in ("critic", "generator")}
    colours = {name: losses[f"{name}: critic"] for name in names}
    assert len(set(colours.values())) == 4
    metric = _curves(page, ".metric:has-text('Coupling')")
    assert {name: metric[name] for name in names} == colours

    # One goes: the others keep their colours; the next one to come takes its place.
    page.get_by_role("checkbox", name=names[1]).uncheck()
    page.wait_for_function(f"() => ({NAMED})(document.querySelector('#losses canvas')).length === 6")
    left = _curves(page, "#losses")
    assert {name: left[f"{name}: critic"] for name in (names[0], *names[2:])} == {
        name: colours[name] for name in (names[0], *names[2:])
    }
    assert page.locator("#losses canvas").evaluate(DRAWN, [colours[name] for name in (names[0], *names[2:])])


def _trained_by_hand(*more: str) -> Program:
    """`accompanist train`, as somebody started it in a terminal."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-m", "accompanist", "train", "--data", "pop909", "--width", "4", *more]
    return Program(command, environment)


def test_a_run_interrupted_in_a_terminal_is_gone_on_with_from_its_page(
    console: Console, page: Page, folder: Path
) -> None:
    pytest.importorskip("dbos", reason="needs the jobs extra: pip install -e '.[jobs]'")
    by_hand = _trained_by_hand("--epochs", "12", "--name", "by-hand")
    page.goto(f"{console.address}/runs")
    page.get_by_role("link", name="0001-by-hand").click(timeout=JOB_MS)
    expect(page.locator("#standing b")).to_have_text("running", timeout=JOB_MS)
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()  # it is its terminal's
    page.wait_for_function(f"() => window.Chart && ({NAMED})(document.querySelector('#losses canvas')).length")
    by_hand.signal(signal.SIGINT)
    assert by_hand.ends(JOB_MS / 1000) == 130
    record = folder / "runs/0001-by-hand/metrics.jsonl"
    before = record.read_text(encoding="utf-8")

    expect(page.locator("#standing b")).to_have_text("stopped", timeout=JOB_MS)
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#notices")).to_contain_text("is in the queue")
    page.get_by_role("button", name="Cancel").click(timeout=JOB_MS)
    expect(page.locator("#notices")).to_contain_text("ends with a checkpoint")
    expect(page.locator("#standing b")).to_have_text("stopped", timeout=JOB_MS)
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#standing b")).to_have_text("done", timeout=JOB_MS)
    assert record.read_text(encoding="utf-8").startswith(before)
    expect(page.get_by_role("button", name="Resume")).to_be_hidden()
    page.goto(f"{console.address}/train")
    expect(page.locator(".job .state")).to_have_text("done", timeout=JOB_MS)
    expect(page.locator(".job").get_by_role("link", name="0001-by-hand", exact=True)).to_be_visible()
