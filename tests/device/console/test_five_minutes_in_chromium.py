"""The real thing: five minutes of training, launched from the form, watched in the browser and waited for.

It takes some ten minutes, most of them the training's own. What was seen is kept beside the run: `seen.txt`, pictures.

pytest --long -m device tests/device/console/test_five_minutes_in_chromium.py --basetemp=/tmp/five-minutes
"""

from __future__ import annotations

import io
import re
import wave
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")
pytest.importorskip("onnx", reason="needs the export extra: pip install -e '.[export]'")
pytest.importorskip("dbos", reason="needs the jobs extra: pip install -e '.[jobs]'")
pytest.importorskip("playwright", reason="needs playwright: pip install -e '.[test]'")

from playwright.sync_api import expect
from support.chromium import why_no_chromium

from accompanist.runs import RunFolder

if TYPE_CHECKING:
    from conftest import Console
    from playwright.sync_api import Page

pytestmark = [pytest.mark.device, pytest.mark.long]

FIVE_MINUTES_S = 300.0
END_MS = 3_600_000
"""Reading the chorales for the first time, training, exporting and packing the report, on a machine with much to do."""
POINTS = """() => { const chart = window.Chart?.getChart(document.querySelector("#losses canvas"));
return chart ? Math.max(0, ...chart.data.datasets.map(set => set.data.length)) : 0; }"""
COLOURS = """() => { const canvas = document.querySelector(".sample canvas");
const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
return new Set(new Uint32Array(data.buffer)).size; }"""
QUIET = 100.0
"""Root mean square of 16-bit samples below which nobody hears anything."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with nothing of its own: music is what music21 brings, settings are as they come but for one.

    Two threads wait for each other where something else has one of two cores, and five minutes are gone with that.
    """
    if reason := why_no_chromium():
        pytest.skip(reason)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(
        '[train]\nthreads = 1\n[data]\nhome = "."\ncache = "cache"\n', encoding="utf-8"
    )
    return tmp_path


def _loudness(sound: bytes) -> float:
    """Root mean square of a WAV's samples."""
    with wave.open(io.BytesIO(sound)) as file:
        assert file.getsampwidth() == 2
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float64)
    return float(np.sqrt(np.mean(samples**2)))


class Diary:
    """What was seen, written down as it comes.

    Args:
        page: The browser's.
        folder: Where it is kept.
    """

    def __init__(self, page: Page, folder: Path) -> None:
        self._page = page
        self._folder = folder
        self._seen: list[str] = []

    def saw(self, text: str, picture: str = "") -> None:
        """A line, and a picture of the whole page where it has a name."""
        self._seen.append(text.replace("\n", ", "))
        (self._folder / "seen.txt").write_text("\n".join(self._seen) + "\n", encoding="utf-8")
        if picture:
            self._page.screenshot(path=self._folder / f"{picture}.png", full_page=True)


def _every_epoch_is_heard(page: Page, address: str, diary: Diary) -> None:
    """Each sampled epoch has its roll and its sound; the last is not the first."""
    sounds = []
    slider, sample = page.locator("#epoch-a"), page.locator(".sample")
    for at in range(int(slider.get_attribute("max") or "0") + 1):
        slider.fill(str(at))
        epoch = sample.locator("output").inner_text().split(":")[0]
        expect(sample.locator("audio")).to_have_attribute("src", re.compile(f"/samples/{epoch.split()[1]}/"))
        assert page.evaluate(COLOURS) > 5
        sounds.append(page.request.get(address + str(sample.locator("audio").get_attribute("src"))).body())
        loudness = _loudness(sounds[-1])
        assert loudness > QUIET
        diary.saw(f"{epoch}: its sound is {len(sounds[-1])} bytes, root mean square {loudness:.0f}")
    assert len(sounds) >= 2
    assert sounds[0] != sounds[-1]


def test_five_minutes_from_the_form_to_the_report(console: Console, page: Page, folder: Path) -> None:
    diary = Diary(page, folder)
    page.goto(f"{console.address}/train")
    preset = page.get_by_role("button", name="Try it")
    preset.click()
    expect(preset).to_contain_text("five minutes")
    expect(page.get_by_label("Stop", exact=True)).to_have_value("minutes:5")
    expect(page.locator("#left")).to_contain_text("songs", timeout=END_MS)
    diary.saw(f"the choice leaves: {page.locator('#left').inner_text()}", "1-form")
    page.get_by_role("button", name="Launch").click()
    page.locator(".job").get_by_role("link", name=re.compile("Watch|See")).click(timeout=END_MS)
    page.evaluate("window.openedOnce = true")  # gone as soon as the page is loaded again

    page.wait_for_function(f"() => ({POINTS})() > 0", timeout=END_MS)
    first = page.evaluate(POINTS)
    diary.saw(f"after the first look the longest curve has {first} points")
    page.wait_for_function(f"() => ({POINTS})() > {first}", timeout=END_MS)
    expect(page.locator("#epoch-a")).to_have_attribute("max", re.compile("[1-9]"), timeout=END_MS)
    diary.saw(f"it trains: {page.locator('#standing').inner_text()}; {page.evaluate(POINTS)} points", "2-training")

    expect(page.locator("#standing b")).to_have_text("done", timeout=END_MS)
    assert page.evaluate("window.openedOnce") is True
    verdict = page.locator("#verdict").inner_text()
    assert verdict.strip()
    diary.saw(f"{page.locator('#standing').inner_text()}; {page.evaluate(POINTS)} points; {verdict}", "3-done")
    (run,) = RunFolder.all_in(folder / "runs")
    last = run.kept()[-1].state
    assert last.trained_s >= FIVE_MINUTES_S or last.epoch >= run.epochs()
    _every_epoch_is_heard(page, console.address, diary)

    page.goto(f"{console.address}/train")
    expect(page.locator(".job .state")).to_have_text("done", timeout=END_MS)
    diary.saw(f"the queue: {page.locator('.job').inner_text()}")
    page.locator(".job").get_by_role("link", name="See").click()
    page.get_by_role("button", name="Report").click()
    page.wait_for_url("**/report", timeout=END_MS)
    expect(page.get_by_role("heading", name=run.path.name)).to_be_visible()
    expect(page.locator(".lead")).to_have_text(verdict)
    diary.saw(f"its report opens: {run.report.stat().st_size} bytes", "4-report")
