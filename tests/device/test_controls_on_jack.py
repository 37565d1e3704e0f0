from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from support.device import JackServer, our_port
from support.melody import BEAT_S, TUNE, WINDOW_BEATS, by_channel, expected_pitches, played, sounded

from accompanist.config import load_config

pytestmark = pytest.mark.device

BASS, PIANO, STRINGS = range(3)
SETTINGS = """
[engine]
bpm = 240

[controls]
mute.piano = "cc 20"
solo.bass = "note C1 channel 10"   # below what the tune plays
"""


def test_a_button_mutes_a_track_and_a_script_asks_and_commands(
    jack_server: JackServer, tiny_model: Path, tmp_path: Path
) -> None:
    settings, socket = tmp_path / "stage.toml", str(tmp_path / "band.sock")
    settings.write_text(SETTINGS, encoding="utf-8")
    program = jack_server.accompanist(
        *("--config", str(settings), "serve", "--in", "Keyboard", "--out", "DAW", "--model", str(tiny_model)),
        *("--lead-steps", "2", "--control-socket", socket, "--json"),
    )
    program.line_with("ready")
    pressed_beat, released_beat = WINDOW_BEATS + 4.4, WINDOW_BEATS + 8.4
    buttons = [(pressed_beat * BEAT_S, "b0147f"), ((pressed_beat + 0.2) * BEAT_S, "b01400")]
    buttons += [(released_beat * BEAT_S, "b0147f"), ((released_beat + 0.2) * BEAT_S, "b01400")]
    record = jack_server.play(
        {
            "connect": [
                ["player:out", our_port("jack", "in", "Keyboard")],
                [our_port("jack", "out", "DAW"), "player:in_0"],
            ],
            "play": sorted(played() + buttons),
            "length_s": (len(TUNE) + WINDOW_BEATS + 2) * BEAT_S,
        }
    )
    heard, expected = by_channel(sounded(record.heard)), expected_pitches()
    assert [note.pitch for note in heard[BASS]] == expected[BASS]
    assert [note.pitch for note in heard[STRINGS]] == expected[STRINGS]
    assert [note.pitch for note in heard[PIANO]] == expected[PIANO][:5] + expected[PIANO][9:]
    cut_off = heard[PIANO][4]
    pressed_s = next(at_s for at_s, data in record.sent if data == b"\xb0\x14\x7f")
    assert abs(cut_off.end_s - pressed_s) < jack_server.tolerance_s

    for words, answer in ((["mute", "bass"], '{"ok": true}'), (["status"], '"muted": ["bass"]')):
        client = jack_server.accompanist("control", "--socket", socket, *words, "--json")
        assert client.ends() == 0, client.lines
        assert answer in client.lines[-1]
    program.signal(signal.SIGTERM)
    assert program.ends() == 143
    assert json.loads(program.lines[-1])["exceptions"] == 0


def test_a_pad_is_learnt_by_being_touched(jack_server: JackServer, tmp_path: Path) -> None:
    settings = tmp_path / "stage.toml"
    settings.write_text(SETTINGS, encoding="utf-8")
    learning = jack_server.accompanist("--config", str(settings), "learn", "fill", "--in", "Pads", "--json")
    learning.line_with("touch the control for fill")
    jack_server.play({"connect": [["player:out", "Accompanist in:Pads"]], "play": [[0.1, "992464"]], "length_s": 0.5})
    assert learning.ends() == 0, learning.lines
    assert json.loads(learning.lines[-1])["control"] == "note C2 channel 10"
    assert settings.read_text(encoding="utf-8") == SETTINGS + 'fill = "note C2 channel 10"\n'
    assert load_config(settings).controls.mute == {"piano": "cc 20"}
