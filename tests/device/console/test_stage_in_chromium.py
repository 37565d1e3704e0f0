"""The stage page, in a real browser, beside a real `serve` on JACK."""

from __future__ import annotations

import os
import re
import signal
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

pytest.importorskip("playwright", reason="needs playwright: pip install -e '.[test]'")

from playwright.sync_api import expect
from support.chromium import DESKTOP, PHONE, chromium, why_no_chromium
from support.console_program import ConsoleProgram, own_folders
from support.device import JackServer, Program, our_port, read_record
from support.melody import BEAT_S, TUNE, WINDOW_BEATS, by_channel, played, sounded

from accompanist.runtime.log_records import MessageRecord, Record

pytestmark = pytest.mark.device

BASS, PIANO, STRINGS = range(3)
TIMES = 3
"""The tune again and again: a browser takes its time."""
PLAYING = sorted((at_s + i * len(TUNE) * BEAT_S, data) for i in range(TIMES) for at_s, data in played())
LENGTH_S = (TIMES * len(TUNE) + WINDOW_BEATS + 2) * BEAT_S
LATER_MS = 2.0
"""What a difference of two medians means nothing below, on a machine with other work."""


@pytest.fixture
def console(jack_server: JackServer, tmp_path: Path) -> Iterator[ConsoleProgram]:
    if reason := why_no_chromium():
        pytest.skip(reason)
    jack_server.environment |= own_folders(tmp_path)
    console = ConsoleProgram(jack_server.environment, tmp_path)
    yield console
    console.program.stop()


def player_script(**more: object) -> dict[str, object]:
    connections = [["player:out", our_port("jack", "in", "Keyboard")], [our_port("jack", "out", "DAW"), "player:in_0"]]
    return {"connect": connections, "play": PLAYING, "length_s": LENGTH_S, **more}


def serve_with_log(server: JackServer, model: Path, log: Path) -> Program:
    ports = ("--in", "Keyboard", "--out", "DAW")
    return server.serve(*ports, "--model", str(model), "--bpm", "240", "--log", str(log), "--control-socket")


def test_a_running_band_is_shown_and_muted_and_the_mute_is_heard_at_the_port(
    jack_server: JackServer, console: ConsoleProgram, tiny_model: Path, tmp_path: Path
) -> None:
    serve_with_log(jack_server, tiny_model, tmp_path / "log.jsonl")
    with chromium() as page:
        page.goto(f"{console.address}stage")
        page.wait_for_selector("#show:not([hidden])")
        player, record_path = jack_server.player(player_script())
        player.line_with("heard a note")
        expect(page.locator("#chord")).to_have_text(re.compile("[A-G]"))  # a plan, and its chords named
        expect(page.locator("#bar")).to_have_text(re.compile(r"^([3-9]|\d\d)$"))
        assert "own tempo" in page.inner_text("#lock")
        assert "240" in page.inner_text("#tempo")
        page.get_by_role("button", name="Mute piano").click()
        page.wait_for_selector("[data-track=piano].silent")
        assert "Accompanist out:DAW" in page.inner_text("#ports")
        assert player.ends() == 0
        assert "ms" in page.inner_text("#lateness output")
        assert page.inner_text("#isr output").endswith("%")
    record = read_record(record_path)
    heard = by_channel(sounded(record.heard))
    last_s = {channel: max(note.start_s for note in notes) for channel, notes in heard.items()}
    assert last_s[BASS] - last_s[PIANO] > 2 * BEAT_S  # silent from the mute on, while the bass plays to the end
    assert last_s[STRINGS] - last_s[PIANO] > 2 * BEAT_S
    assert console.stop() == 0


def test_a_band_is_started_on_the_page_found_again_and_ends_with_the_console(
    jack_server: JackServer, console: ConsoleProgram, tmp_path: Path
) -> None:
    with chromium() as page:
        page.goto(f"{console.address}stage")
        page.wait_for_selector("#melody option", state="attached")
        page.fill("#bpm", "97")
        page.click("#start-button")
        page.wait_for_selector("#show:not([hidden])")
        expect(page.locator("#tempo")).to_contain_text("97")
        assert "Accompanist in:Accompanist In" in jack_server.ports()
        page.keyboard.press("b")  # panic, by the space bar's neighbour
        page.get_by_text("What happened").click()
        page.get_by_text("control panic").wait_for()
        # The console is killed: the band plays on, and the next console has it.
        console.program.signal(signal.SIGKILL)
        console.program.ends()
        page.wait_for_selector("#gone:not([hidden])")
        later = ConsoleProgram(jack_server.environment, tmp_path)
        try:
            page.goto(f"{later.address}stage")
            page.wait_for_selector("#show:not([hidden])")
            page.wait_for_selector("#stop:not([hidden])")
            assert "Accompanist in:Accompanist In" in jack_server.ports()
        finally:
            assert later.stop() == 0
    assert not [port for port in jack_server.ports() if port.startswith("Accompanist")]  # nothing is left behind


def test_every_control_is_turned_by_a_click_and_by_a_key(
    jack_server: JackServer, console: ConsoleProgram, tmp_path: Path
) -> None:
    """With the shipped model, which knows styles; what the band was told stands in its log."""
    log = tmp_path / "log.jsonl"
    jack_server.serve("--in", "Keyboard", "--out", "DAW", "--log", str(log), "--control-socket")
    with chromium() as page:
        page.goto(f"{console.address}stage")
        page.wait_for_selector("#show:not([hidden])")
        page.wait_for_selector("[data-track=piano]")
        page.get_by_text("What happened").click()

        def click(selector: str, share: float) -> None:
            box = page.locator(selector).bounding_box()
            assert box is not None
            page.locator(selector).click(position={"x": share * box["width"], "y": box["height"] / 2})

        def told(pattern: str) -> None:
            expect(page.locator("#happened li").first).to_have_text(re.compile(rf"control {pattern}$"))

        for amount, at_click, least, most in (("density", "0.5", "0", "1"), ("temperature", r"0\.\d+", "0", "2")):
            click(f"#{amount}", 0.5 if amount == "density" else 0.25)
            told(f"{amount} {at_click}")
            page.keyboard.press("Home")
            told(f"{amount} {least}")
            page.keyboard.press("End")
            told(f"{amount} {most}")
        styles = page.locator("#style option").all_inner_texts()
        assert len(styles) > 1
        page.select_option("#style", styles[1])
        told(f"style {styles[1]}")
        page.locator("#style").press("ArrowUp")
        told(f"style {styles[0]}")
        page.locator("#style").blur()
        for button, key, name in (("Hold harmony", "h", "hold"), ("Band rests", "r", "listen")):
            page.get_by_role("button", name=button).click()
            told(f"{name} {'off' if name == 'listen' else 'on'}")
            page.keyboard.press(key)
            told(f"{name} {'on' if name == 'listen' else 'off'}")
        for switch, key in (("mute", "Digit2"), ("solo", "Shift+Digit2")):
            page.get_by_role("button", name=f"{switch.capitalize()} piano").click()
            told(f"{switch} piano on")
            page.wait_for_selector(f"[data-track=piano] .{switch}[aria-pressed=true]")
            page.keyboard.press(key)
            told(f"{switch} piano off")
            page.wait_for_selector(f"[data-track=piano] .{switch}[aria-pressed=false]")
        for button, keys, name in (("Fill", "f", "fill"), ("Panic", "bn", "panic")):
            page.get_by_role("button", name=button).click()
            for key in keys:
                page.keyboard.press(key)
            expect(page.locator("#happened li").filter(has_text=f"control {name}")).to_have_count(1 + len(keys))


class Seen(NamedTuple):
    """A window, and how high in it digits and chord are at least, in pixels."""

    size: tuple[int, int]
    bar: int
    chord: int


@pytest.mark.parametrize("seen", [Seen(DESKTOP, 180, 95), Seen(PHONE, 90, 48)])
def test_bar_and_beat_are_large_enough_for_a_music_stand(
    jack_server: JackServer, console: ConsoleProgram, tiny_model: Path, tmp_path: Path, seen: Seen
) -> None:
    """At two metres a digit of 10 mm is read with ease; a phone's pixel has some 0.16 mm, a laptop's 0.22."""
    serve_with_log(jack_server, tiny_model, tmp_path / "log.jsonl")
    with chromium(seen.size) as page:
        page.goto(f"{console.address}stage")
        page.wait_for_selector("#show:not([hidden])")
        height = "(its) => its.getBoundingClientRect().height"
        assert page.locator("#bar").evaluate(height) >= seen.bar
        assert page.locator("#beat").evaluate(height) >= seen.bar
        assert page.locator("#chord").evaluate(height) >= seen.chord
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_band_that_has_gone_is_told_of_and_shown_again_when_it_is_back(
    jack_server: JackServer, console: ConsoleProgram, tiny_model: Path, tmp_path: Path
) -> None:
    band = serve_with_log(jack_server, tiny_model, tmp_path / "log.jsonl")
    with chromium() as page:
        page.goto(f"{console.address}stage")
        page.wait_for_selector("#show:not([hidden])")
        band.signal(signal.SIGSTOP)  # it hangs
        expect(page.locator("#start-title")).to_have_text("The band has gone")
        page.get_by_text("It ended, or does not answer any more.").wait_for()
        band.signal(signal.SIGCONT)
        page.wait_for_selector("#show:not([hidden])")
        assert page.is_hidden("#start")
        band.signal(signal.SIGKILL)
        band.ends()
        page.get_by_text("It ended, or does not answer any more.").wait_for()
        serve_with_log(jack_server, tiny_model, tmp_path / "log.jsonl")
        page.wait_for_selector("#show:not([hidden])")
        expect(page.locator("#tempo")).to_contain_text("240")


def lateness_ms(log: Path) -> list[float]:
    """Of every note of the band."""
    records = [msgspec.json.decode(line, type=Record) for line in log.read_bytes().splitlines()]
    notes = [record for record in records if isinstance(record, MessageRecord) and record.data.startswith("9")]
    return [1000 * (record.at_s - record.due_s) for record in notes]


@pytest.mark.parametrize("fate", [signal.SIGSTOP, signal.SIGKILL])
def test_a_console_that_stalls_or_dies_makes_no_note_late(
    jack_server: JackServer, console: ConsoleProgram, tiny_model: Path, tmp_path: Path, fate: signal.Signals
) -> None:
    alone, watched = tmp_path / "alone.jsonl", tmp_path / "watched.jsonl"
    band = serve_with_log(jack_server, tiny_model, alone)
    jack_server.play(player_script())
    band.stop()
    serve_with_log(jack_server, tiny_model, watched)
    with chromium() as page:
        page.goto(f"{console.address}stage")
        page.wait_for_selector("#show:not([hidden])")
        player, record_path = jack_server.player(player_script())
        player.line_with("heard a note")
        os.kill(console.pid, fate)  # in the middle of its look at the band
        assert player.ends() == 0
        page.wait_for_selector("#gone:not([hidden])")
    jack_server.stalled_s = max(jack_server.stalled_s, read_record(record_path).stalled_s)
    if fate == signal.SIGSTOP:
        os.kill(console.pid, signal.SIGCONT)
    before, after = lateness_ms(alone), lateness_ms(watched)
    assert min(len(before), len(after)) > 2 * TIMES * len(TUNE)  # of three tracks; on a busy machine a plan may be late
    assert statistics.median(after) - statistics.median(before) < LATER_MS
    assert max(after) < 1000 * jack_server.tolerance_s
