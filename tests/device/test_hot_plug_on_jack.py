"""What is unplugged in the middle of a note, and comes back: no note is left, and the band plays on."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from support.device import Heard, JackServer, Program, our_port, read_record

pytestmark = pytest.mark.device

KEY = 60
STRIKES = [(float(second), f"90{KEY:02x}50") for second in range(60)]
RELEASES = [(second + 0.95, f"80{KEY:02x}40") for second in range(60)]
"""The player's hand: a key struck every second and held for nearly all of it, so nearly always down."""
THRU_CHANNEL = 3  # the player's own is the bass's
PROGRAMS = [bytes((0xC0, 33)), bytes((0xC1, 0)), bytes((0xC2, 48))]
both_backends = pytest.mark.parametrize("backend", ["jack", "rtmidi"])


class Stage(NamedTuple):
    """A keyboard, the band and a synthesiser, each a program of its own.

    Args:
        server: The JACK server they are on.
        over: The synthesiser ends when this file is there.
    """

    server: JackServer
    over: Path

    def keyboard(self, *, length_s: float = 60, to: str = "") -> Program:
        """A keyboard that is played; it connects itself where it is told to."""
        connect = [["keys:out", to]] if to else []
        keys = {"name": "keys", "connect": connect, "play": STRIKES + RELEASES, "length_s": length_s}
        return self.server.player(keys)[0]

    def synth(self, *, to: str = "") -> tuple[Program, Path]:
        """A synthesiser; its record is written when it ends. It connects itself where it is told to."""
        connect = [[to, "synth:in_0"]] if to else []
        return self.server.player({"name": "synth", "connect": connect, "length_s": 120, "until": str(self.over)})

    def band(self, model: Path, backend: str, *more: str) -> Program:
        """The band, between the two."""
        return self.server.serve(
            *("--in", "keys", "--out", "synth", "--thru", "--json", "--bpm", "240"),
            *("--model", str(model), "--backend", backend, *more),
        )

    def end(self, band: Program, synth: Program, record: Path) -> list[Heard]:
        """All end as they should; returns what the synthesiser heard."""
        band.signal(signal.SIGTERM)
        assert band.ends() == 143
        self.over.touch()
        assert synth.ends() == 0
        return read_record(record).heard


@pytest.fixture
def stage(jack_server: JackServer, tmp_path: Path) -> Stage:
    """Nobody is on it yet."""
    return Stage(jack_server, tmp_path / "over")


def told(band: Program, event: str, *roles: str) -> None:
    for role in roles:
        band.line_with(f'{{"event": "{event}", "role": "{role}"')


def assert_every_note_ends(heard: list[Heard]) -> None:
    sounding: set[tuple[int, int]] = set()
    for _, _, data in heard:
        key = data[0] & 0x0F, data[1]
        if data[0] & 0xF0 == 0x90:
            assert key not in sounding
            sounding.add(key)
        elif data[0] & 0xF0 == 0x80:
            sounding.discard(key)
    assert sounding == set()


def on_thru(heard: list[Heard]) -> list[float]:
    return [at_s for at_s, _, data in heard if data[0] == 0x90 | THRU_CHANNEL]


@both_backends
def test_a_keyboard_pulled_out_in_the_middle_of_a_note_comes_back(stage: Stage, tiny_model: Path, backend: str) -> None:
    synth, record = stage.synth()
    keyboard = stage.keyboard()
    band = stage.band(tiny_model, backend)
    synth.line_with("heard a note")
    keyboard.signal(signal.SIGKILL)
    told(band, "lost", "in")
    again = stage.keyboard(length_s=3.0)
    told(band, "back", "in")
    assert again.ends() == 0
    told(band, "lost", "in")
    heard = stage.end(band, synth, record)
    assert_every_note_ends(heard)
    assert len(on_thru(heard)) >= 2  # before it went, and after it was back
    assert [heard.data for heard in heard if heard.data[0] & 0xF0 == 0xC0] == PROGRAMS  # the synth was never away


@both_backends
def test_a_synthesiser_that_comes_back_is_silenced_readied_and_played_to(
    stage: Stage, tiny_model: Path, backend: str
) -> None:
    first, _ = stage.synth()
    stage.keyboard()
    band = stage.band(tiny_model, backend)
    first.line_with("heard a note")
    first.signal(signal.SIGKILL)
    told(band, "lost", "out")
    synth, record = stage.synth()
    told(band, "back", "out")
    synth.line_with("heard a note")
    heard = stage.end(band, synth, record)
    assert_every_note_ends(heard)
    first_on = next(i for i, each in enumerate(heard) if each.data[0] & 0xF0 == 0x90)
    before = [each.data for each in heard[:first_on]]
    assert bytes((0x80 | THRU_CHANNEL, KEY, 64)) in before  # it sounded when it went
    assert bytes((0xB0 | THRU_CHANNEL, 123, 0)) in before
    assert [data for data in before if data[0] & 0xF0 == 0xC0] == PROGRAMS


@both_backends
def test_jack_dies_and_is_restarted_and_the_band_plays_on(stage: Stage, tiny_model: Path, backend: str) -> None:
    first, _ = stage.synth()
    keyboard = stage.keyboard()
    band = stage.band(tiny_model, backend)
    first.line_with("heard a note")
    stage.server.kill()
    told(band, "lost", "out", "in")
    ended: list[Callable[[], int]] = [first.ends, keyboard.ends]
    assert [end() for end in ended] == [0, 0]
    stage.server.restart()
    synth, record = stage.synth()
    told(band, "back", "out")
    stage.keyboard()
    told(band, "back", "in")
    synth.line_with("heard a note")
    heard = stage.end(band, synth, record)
    assert_every_note_ends(heard)
    assert [each.data for each in heard if each.data[0] & 0xF0 == 0xC0] == PROGRAMS
    assert not [line for line in band.lines if "Traceback" in line or "Jack" in line]


@both_backends
def test_a_connection_that_is_cut_is_made_again_once(stage: Stage, tiny_model: Path, backend: str) -> None:
    """As where a program went and came back between two looks; who cuts it a second time wants it so."""
    synth, record = stage.synth()
    stage.keyboard()
    band = stage.band(tiny_model, backend)
    synth.line_with("heard a note")
    ours = "Accompanist in:in" if backend == "jack" else "Accompanist in:keys out"
    cut = ["jack_disconnect", "keys:out", ours]
    assert stage.server.start(cut).ends() == 0
    told(band, "lost", "in")
    told(band, "back", "in")
    assert stage.server.start(cut).ends() == 0
    band.line_with('{"event": "refused", "role": "in"')
    assert_every_note_ends(stage.end(band, synth, record))


@both_backends
def test_who_leaves_our_own_ports_and_comes_back_finds_no_note_hanging(
    stage: Stage, tiny_model: Path, backend: str
) -> None:
    band = stage.server.serve(
        *("--in", "Keyboard", "--out", "DAW", "--thru", "--json", "--bpm", "240"),
        *("--model", str(tiny_model), "--backend", backend),
    )
    ours_in, ours_out = our_port(backend, "in", "Keyboard"), our_port(backend, "out", "DAW")
    first, _ = stage.synth(to=ours_out)
    keyboard = stage.keyboard(to=ours_in)
    first.line_with("heard a note")
    first.signal(signal.SIGKILL)
    band.line_with('{"event": "refused", "role": "out"')
    synth, record = stage.synth(to=ours_out)
    synth.line_with("heard a note")
    keyboard.signal(signal.SIGKILL)
    band.line_with('{"event": "refused", "role": "in"')
    heard = stage.end(band, synth, record)
    assert_every_note_ends(heard)
    assert [each.data for each in heard if each.data[0] & 0xF0 == 0xC0] == PROGRAMS
    quiet = bytes((0xB0 | THRU_CHANNEL, 123, 0))
    assert [each.data for each in heard].count(quiet) == 2  # when it came back, and at the end


@both_backends
def test_the_band_is_started_first_and_everybody_else_comes_later(stage: Stage, tiny_model: Path, backend: str) -> None:
    """As at boot: a service that has its keyboard and its synthesiser by name, before either is switched on."""
    band = stage.band(tiny_model, backend, "--wait")
    assert json.loads(band.said('"event": "ready"'))["waiting"] == ["synth", "keys"]
    stage.keyboard()
    told(band, "back", "in")
    synth, record = stage.synth()
    told(band, "back", "out")
    synth.line_with("heard a note")
    heard = stage.end(band, synth, record)
    assert_every_note_ends(heard)
    first_on = next(i for i, each in enumerate(heard) if each.data[0] & 0xF0 == 0x90)
    assert [each.data for each in heard[:first_on] if each.data[0] & 0xF0 == 0xC0] == PROGRAMS
    assert len(on_thru(heard)) >= 1


@both_backends
def test_the_band_is_started_before_jack(stage: Stage, tiny_model: Path, backend: str) -> None:
    stage.server.kill()
    band = stage.band(tiny_model, backend, "--wait")
    assert "waiting for MIDI" in band.said("waiting for MIDI")
    stage.server.restart()
    synth, record = stage.synth()
    told(band, "back", "out")
    stage.keyboard()
    told(band, "back", "in")
    synth.line_with("heard a note")
    assert_every_note_ends(stage.end(band, synth, record))
