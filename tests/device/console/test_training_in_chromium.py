"""A musician who never opens a terminal: trains a model, watches it, hears it, and takes it into use."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")
pytest.importorskip("onnx", reason="needs the export extra: pip install -e '.[export]'")
pytest.importorskip("dbos", reason="needs the jobs extra: pip install -e '.[jobs]'")
pytest.importorskip("playwright", reason="needs playwright: pip install -e '.[test]'")

from playwright.sync_api import expect

from accompanist.config import load_config
from accompanist.music import midifile

if TYPE_CHECKING:
    from conftest import Console
    from playwright.sync_api import Page

pytestmark = pytest.mark.device

JOB_MS = 900_000
"""How long a training of seconds may take on a machine that has much else to do."""
DRAWN = """canvas => { const { width, height } = canvas;
const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
return new Set(new Uint32Array(data.buffer)).size; }"""
"""How many colours a canvas shows."""


def test_a_model_is_trained_watched_heard_and_taken_into_use(console: Console, page: Page, folder: Path) -> None:
    page.goto(f"{console.address}/train")
    page.get_by_role("button", name="Try it").click()
    page.get_by_role("checkbox", name="chorales").uncheck()
    page.get_by_role("checkbox", name="pop909").check()
    expect(page.locator("#left")).to_contain_text("6 songs", timeout=JOB_MS)

    page.get_by_label("Epochs", exact=True).fill("-1")
    expect(page.locator("#problem-epochs")).to_contain_text("at least 0")
    expect(page.get_by_role("button", name="Launch")).to_be_disabled()
    page.get_by_label("Epochs", exact=True).fill("3")
    page.get_by_label("Width", exact=True).fill("4")
    page.get_by_label("Name", exact=True).fill("walked")
    expect(page.get_by_role("button", name="Launch")).to_be_enabled()
    page.get_by_role("button", name="Launch").click()

    job = page.locator(".job")
    expect(job.locator(".state")).to_have_text("running", timeout=JOB_MS)
    job.get_by_role("link", name=re.compile("Watch|See")).click(timeout=JOB_MS)
    expect(page.get_by_role("heading", name="0001-walked")).to_be_visible()

    # Without reloading: curves and samples appear, the last sample is that of the last epoch.
    losses = page.locator("#losses canvas")
    losses.wait_for(timeout=JOB_MS)
    expect(page.locator("#epoch-a")).to_have_attribute("max", "3", timeout=JOB_MS)
    expect(page.locator("#standing")).to_contain_text("done", timeout=JOB_MS)
    assert losses.evaluate(DRAWN) > 10
    assert page.locator(".metric").count() > 4
    expect(page.locator(".metric").filter(has_text="Coupling").first).to_contain_text("people")

    expect(page.locator(".sample output")).to_have_text("Epoch 3")
    page.locator("#epoch-a").fill("0")
    expect(page.locator(".sample output")).to_contain_text("before it has learnt anything")
    assert page.locator(".sample canvas").evaluate(DRAWN) > 5
    page.wait_for_function("() => document.querySelector('audio').duration > 1")
    page.get_by_label("Two epochs side by side").check()
    expect(page.locator(".sample")).to_have_count(2)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download epoch 0 as MIDI").first.click()
    downloaded = folder / "downloaded.mid"
    download.value.save_as(downloaded)
    assert midifile.read(downloaded).tracks[0].name == "melody"

    page.get_by_role("button", name="Use live").click()
    expect(page.locator("#notices")).to_contain_text("is what plays", timeout=JOB_MS)
    assert load_config(folder / "config.toml").serve.model.endswith("0001-walked/model.onnx")
    page.goto(f"{console.address}/models")
    expect(page.locator("[data-model='0001-walked'] .badge")).to_have_text("in use")
    page.get_by_role("button", name="Use default live").click()
    expect(page.locator("[data-model='default'] .badge")).to_have_text("in use")
    assert load_config(folder / "config.toml").serve.model == ""


def test_a_training_that_cannot_begin_says_why(console: Console, page: Page, folder: Path) -> None:
    page.goto(f"{console.address}/train")
    page.get_by_role("button", name="Try it").click()
    page.get_by_role("checkbox", name="chorales").uncheck()
    page.get_by_role("checkbox", name="pop909").check()
    page.get_by_label("Width", exact=True).fill("1000")  # within the form's bounds, beyond those of the recipe
    expect(page.get_by_role("button", name="Launch")).to_be_enabled()
    page.get_by_role("button", name="Launch").click()
    failed = page.locator(".job").filter(has_text="--width is 1000")
    failed.wait_for(timeout=JOB_MS)
    expect(failed.locator(".state")).to_have_text("failed")
    failed.get_by_role("button", name="Resume").wait_for()
    assert not list(folder.glob("runs/0*"))
