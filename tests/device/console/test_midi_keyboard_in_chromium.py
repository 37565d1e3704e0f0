"""A MIDI keyboard on the page Compose: a stand-in behind the browser's Web MIDI, as its specification has it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="needs playwright: pip install -e '.[test]'")

from playwright.sync_api import Page, expect
from support.chromium import chromium, why_no_chromium
from support.console_program import ConsoleProgram, own_folders

pytestmark = pytest.mark.device

KEYBOARDS = """
const access = { inputs: new Map(), outputs: new Map(), onstatechange: null };
window.keyboards = {
  connect(name) {
    const port = { id: name, name, type: "input", state: "connected", onmidimessage: null };
    access.inputs.set(name, port);
    access.onstatechange?.({ port });
  },
  disconnect(name) {
    const port = access.inputs.get(name);
    port.state = "disconnected";
    access.inputs.delete(name);
    access.onstatechange?.({ port });
  },
  say(name, ...bytes) { access.inputs.get(name).onmidimessage?.({ data: new Uint8Array(bytes) }); },
};
Object.defineProperty(navigator, "requestMIDIAccess", { value: async () => access });
"""
REFUSED = """
const refuse = async () => { throw new DOMException("Permission was not granted.", "NotAllowedError"); };
Object.defineProperty(navigator, "requestMIDIAccess", { value: refuse });
"""
ABSENT = "delete Navigator.prototype.requestMIDIAccess;"
LATER = "(was) => document.getElementById('record-state').textContent !== was"


@pytest.fixture
def console(tmp_path: Path) -> Iterator[ConsoleProgram]:
    if reason := why_no_chromium():
        pytest.skip(reason)
    console = ConsoleProgram({**os.environ, **own_folders(tmp_path)}, tmp_path)
    yield console
    console.program.stop()


def keys_open(page: Page, console: ConsoleProgram, script: str) -> None:
    page.add_init_script(f"(() => {{ {script} }})()")
    page.goto(f"{console.address}compose")
    page.click("#keys-panel summary")


def say(page: Page, *data: int) -> None:
    page.evaluate("(bytes) => window.keyboards.say('Grand', ...bytes)", list(data))


def a_beat(page: Page) -> None:
    """Until the page counts the next one."""
    page.wait_for_function(LATER, arg=page.inner_text("#record-state"))


def test_what_a_midi_keyboard_plays_is_heard_taken_and_accompanied(console: ConsoleProgram) -> None:
    with chromium() as page:
        keys_open(page, console, KEYBOARDS)
        page.click("#midi")
        page.get_by_text("No MIDI keyboard is connected yet.").wait_for()
        page.evaluate("window.keyboards.connect('Grand')")
        page.get_by_text("Playing from Grand.").wait_for()
        page.fill("#play-bpm", "240")
        page.fill("#play-beats", "2")
        page.click("#record")
        expect(page.locator("#record-state")).to_contain_text("bar")
        for channel, release in ((0, (0x80, 64, 64)), (3, (0x93, 64, 0)), (0, (0x80, 64, 0))):
            say(page, 0x90 | channel, 64, 100)
            expect(page.get_by_role("button", name="E4", exact=True)).to_have_class("down")
            a_beat(page)
            say(page, *release)
            expect(page.get_by_role("button", name="E4", exact=True)).not_to_have_class("down")
        say(page, 0xB0, 64, 127)  # a pedal is no note
        say(page, 0xFE)  # active sensing, from any real keyboard three times a second
        say(page, 0x90, 67, 90)
        a_beat(page)
        page.evaluate("window.keyboards.disconnect('Grand')")  # in the middle of a note, which ends
        page.get_by_text("Grand has gone.").wait_for()
        expect(page.get_by_role("button", name="G4", exact=True)).not_to_have_class("down")
        page.evaluate("window.keyboards.connect('Grand')")
        say(page, 0x90, 60, 90)
        expect(page.get_by_role("button", name="C4", exact=True)).to_have_class("down")
        a_beat(page)
        say(page, 0x80, 60, 0)
        page.click("#record")
        page.get_by_role("button", name="Take 1").wait_for()
        assert page.inner_text("#brought-facts") == "2/4, 5 notes"
        assert "played here 5 notes" in (page.get_attribute("#roll", "aria-label") or "")
        assert page.locator("#mixer button").count() > 1  # the band beside it


def test_a_browser_that_refuses_midi_is_told_of_in_words(console: ConsoleProgram) -> None:
    with chromium() as page:
        keys_open(page, console, REFUSED)
        page.click("#midi")
        page.get_by_text("The browser does not let this page use MIDI.").wait_for()
        page.get_by_text("Allow MIDI for this page in the browser's site settings").wait_for()


def test_a_browser_without_midi_says_so_and_offers_the_other_keys(console: ConsoleProgram) -> None:
    with chromium() as page:
        keys_open(page, console, ABSENT)
        page.get_by_text("This browser has no Web MIDI").wait_for()
        assert page.is_hidden("#midi")
