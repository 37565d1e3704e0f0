"""What a trained run is good for, from its page: a model, its figures, the one that plays, and the run that follows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")
pytest.importorskip("onnx", reason="needs the export extra: pip install -e '.[export]'")
pytest.importorskip("dbos", reason="needs the jobs extra: pip install -e '.[jobs]'")
pytest.importorskip("playwright", reason="needs playwright: pip install -e '.[test]'")

from playwright.sync_api import expect
from support.chromium import why_no_chromium
from support.music_files import write_tunes

from accompanist.config import load_config
from accompanist.runs import RunFolder

if TYPE_CHECKING:
    from conftest import Console
    from playwright.sync_api import Page

pytestmark = pytest.mark.device

LONG_MS = 900_000
"""How long what takes seconds may take on a machine that has much else to do."""
FIGURE = re.compile(r"^-?\d+\.\d+ \[-?\d+\.\d+, -?\d+\.\d+\]$")
"""A mean with its interval."""
SETTINGS = '[train]\nwidth = 4\nbatch = 4\ncritic_updates = 1\nthreads = 1\ndevice = "cpu"\n[data]\ncache = "cache"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with a source of one's own, `tunes`, and a run trained on it."""
    if reason := why_no_chromium():
        pytest.skip(reason)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "config.toml").write_text(SETTINGS, encoding="utf-8")
    write_tunes(tmp_path / "tunes")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    for call in (
        ("data", "add", str(tmp_path / "tunes")),
        ("train", "--data", "tunes", "--epochs", "2", "--name", "first", "--json"),
    ):
        command = [sys.executable, "-m", "accompanist", *call]
        subprocess.run(command, check=True, env=environment, capture_output=True, timeout=LONG_MS / 1000)
    return tmp_path


def test_a_run_becomes_a_model_with_figures_that_plays_and_is_gone_on_from(
    console: Console, page: Page, folder: Path
) -> None:
    at = f"{console.address}/runs/0001-first"
    run = RunFolder(folder / "runs/0001-first")
    page.goto(at)
    page.get_by_role("button", name="Export").click()
    expect(page.locator("#notices")).to_contain_text("Exported and verified", timeout=LONG_MS)
    exported = run.model.read_bytes()

    page.get_by_role("button", name="Evaluate").click()
    page.wait_for_url("**/models?show=0001-first", timeout=LONG_MS)
    table = page.locator("#figures table")
    table.wait_for(timeout=LONG_MS)
    assert run.model.read_bytes() == exported  # measured as it was exported, not exported again
    expect(page.locator("#figures .hint")).to_contain_text("songs of tunes, test split")
    heads = table.locator("thead th").all_inner_texts()
    assert {"model, live", "chord HMM, live", "people"} <= set(heads)
    row = table.locator("tbody tr").filter(has=page.get_by_role("rowheader", name="note in chord", exact=True))
    for name in ("model, live", "people"):
        assert FIGURE.match(row.locator("th, td").nth(heads.index(name)).inner_text()), row.inner_text()
    page.reload()  # kept, for the model of this very content
    table.wait_for()

    page.goto(at)
    page.get_by_role("button", name="Use live").click()
    expect(page.locator("#notices")).to_contain_text("is what plays", timeout=LONG_MS)
    assert Path(load_config(folder / "config.toml").serve.model) == run.model

    page.get_by_role("link", name="Fine-tune from here").click()
    expect(page.get_by_label("Base", exact=True)).to_have_value("0001-first")
    expect(page.get_by_role("checkbox", name="tunes")).to_be_checked(timeout=LONG_MS)
    page.get_by_label("Epochs", exact=True).fill("1")
    page.get_by_label("Name", exact=True).fill("tuned")
    page.get_by_role("button", name="Launch").click()
    job = page.locator(".job").filter(has_text="tuned")
    expect(job.locator(".state")).to_have_text("done", timeout=LONG_MS)
    job.get_by_role("link", name="0002-tuned", exact=True).click()
    expect(page.locator("#standing b")).to_have_text("done")
    tuned = RunFolder(folder / "runs/0002-tuned")
    assert "0001-first" in tuned.config().train.base
    assert tuned.model.is_file()  # a job ends with its model
