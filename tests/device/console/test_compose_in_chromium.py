"""Composing, as a person does it in the browser."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="needs playwright: pip install -e '.[test]'")

from playwright.sync_api import expect
from support.chromium import PHONE, chromium, why_no_chromium
from support.console_program import ConsoleProgram, own_folders

from accompanist.console.compose.sources import ready_midi
from accompanist.melodies import TWINKLE
from accompanist.music import midifile

pytestmark = pytest.mark.device

DROP = """([name, bytes]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(bytes)], name, { type: "audio/midi" }));
  const how = { dataTransfer: transfer, bubbles: true, cancelable: true };
  document.getElementById("drop").dispatchEvent(new DragEvent("drop", how));
}"""


@pytest.fixture
def console(tmp_path: Path) -> Any:
    if reason := why_no_chromium():
        pytest.skip(reason)
    console = ConsoleProgram({**os.environ, **own_folders(tmp_path)}, tmp_path)
    yield console
    console.program.stop()


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()]


def test_a_file_is_dropped_changed_muted_heard_and_downloaded(console: ConsoleProgram, tmp_path: Path) -> None:
    tune = ready_midi(TWINKLE)
    with chromium() as page:
        page.goto(f"{console.address}compose")
        page.wait_for_selector("[data-melody=twinkle]")
        page.evaluate(DROP, ["tune.mid", list(tune)])
        page.get_by_role("button", name="Take 1").wait_for()
        assert page.inner_text("#brought-title") == "tune.mid"
        page.select_option("#style", "jazz")
        page.get_by_role("button", name="Take 2").wait_for()
        first_facts = page.inner_text("#result-facts")
        assert "12 bars" in first_facts
        # The sound is there, of the length of the song and its tail.
        seconds = page.evaluate("""() => new Promise((told) => {
            const audio = document.getElementById("audio");
            audio.preload = "auto";
            audio.addEventListener("loadedmetadata", () => told(audio.duration), { once: true });
            audio.load();
        })""")
        assert seconds >= TWINKLE.bars * 4 * 60 / TWINKLE.bpm
        page.get_by_role("button", name="Mute drums").click()
        with page.expect_download() as download:
            page.click("#download")
        download.value.save_as(tmp_path / "band.mid")
        assert download.value.suggested_filename == "tune-mid-accompanied.mid"
    song = midifile.read(tmp_path / "band.mid")
    assert [track.name for track in song.tracks] == ["melody", "bass", "piano", "strings"]
    assert [note[:3] for note in song.tracks[0].notes] == [note[:3] for note in TWINKLE.notes()]
    assert all(track.notes for track in song.tracks)
    started = children(console.pid)
    assert started  # the composing process
    assert console.stop() == 0
    assert not [child for child in started if Path(f"/proc/{child}").exists()]


def test_a_melody_is_played_on_the_computer_keyboard(console: ConsoleProgram) -> None:
    with chromium(PHONE) as page:
        page.goto(f"{console.address}compose")
        page.click("#keys-panel summary")
        page.fill("#play-bpm", "240")
        page.fill("#play-beats", "2")
        page.click("#record")
        expect(page.locator("#record-state")).to_contain_text("bar")
        for key in "asdfg":
            page.keyboard.press(key, delay=120)
        page.click("#record")
        page.get_by_role("button", name="Take 1").wait_for()
        assert page.inner_text("#brought-facts") == "2/4, 5 notes"


def test_a_damaged_file_is_told_in_words(console: ConsoleProgram) -> None:
    with chromium() as page:
        page.goto(f"{console.address}compose")
        page.wait_for_selector("[data-melody=twinkle]")
        page.evaluate(DROP, ["photo.mid", [1, 2, 3]])
        page.get_by_text("this is no MIDI file").wait_for()
