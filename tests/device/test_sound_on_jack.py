from __future__ import annotations

import subprocess
import wave
from pathlib import Path

import mido
import numpy as np
import pytest
from support.device import JackServer, Record
from support.melody import BEAT_S, TUNE, WINDOW_BEATS, played

from accompanist.render.sound import find_sound_font

pytestmark = pytest.mark.device

RATE = 48_000
SILENCE = 0.001
"""Root mean square of what nobody hears, full scale being 1: -60 dB."""


def write_midi(record: Record, path: Path) -> None:
    """What the band was heard to play, as a file; its ticks are milliseconds."""
    file = mido.MidiFile(ticks_per_beat=500)
    track = mido.MidiTrack()
    file.tracks.append(track)
    before_ms = 0
    for heard in record.heard:
        at_ms = max(round(1000 * heard.at_s), before_ms)
        track.append(mido.Message.from_bytes(heard.data, time=at_ms - before_ms))
        before_ms = at_ms
    file.save(str(path))


def loudness(samples: np.ndarray, start_s: float, end_s: float) -> float:
    part = samples[round(start_s * RATE) : round(end_s * RATE)]
    return float(np.sqrt(np.mean(part**2)))


def test_fluidsynth_makes_the_band_audible(jack_server: JackServer, tiny_model: Path, tmp_path: Path) -> None:
    font = find_sound_font()
    if font is None:
        pytest.skip("no sound font (fluid-soundfont-gm)")
    jack_server.serve("--in", "Keyboard", "--out", "DAW", "--model", str(tiny_model), "--bpm", "240")
    record = jack_server.play(
        {
            "connect": [["player:out", "Accompanist in:Keyboard"], ["Accompanist out:DAW", "player:in_0"]],
            "play": played(),
            "length_s": (len(TUNE) + WINDOW_BEATS + 2) * BEAT_S,
        }
    )
    write_midi(record, tmp_path / "band.mid")
    command = ["fluidsynth", "-ni", "-q", "-F", str(tmp_path / "band.wav"), "-r", str(RATE)]
    subprocess.run([*command, str(font), str(tmp_path / "band.mid")], check=True, capture_output=True, timeout=60)
    with wave.open(str(tmp_path / "band.wav")) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (RATE, 2, 2)
        samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2").reshape(-1, 2)[:, 0] / 32768
    listening_s = WINDOW_BEATS * BEAT_S
    assert loudness(samples, 0, listening_s - 0.1) < SILENCE
    assert loudness(samples, listening_s + 0.1, (WINDOW_BEATS + len(TUNE)) * BEAT_S) > 10 * SILENCE
