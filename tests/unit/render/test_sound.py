from __future__ import annotations

import shutil
import sys
import types
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accompanist.errors import AccompanistError, MissingExtra, StorageError
from accompanist.music.note import Note
from accompanist.music.song import MidiSong, MidiTrack
from accompanist.music.time import TempoMap
from accompanist.render import sound
from accompanist.render.sound import SOUND_FONT_VARIABLE, find_sound_font, render_wav, tones_of
from accompanist.render.synth import PEAK, SAMPLE_RATE, TAIL_S

A4 = MidiSong(
    (MidiTrack("lead", (Note(0, 69, 960),), 73, 0), MidiTrack("bass", (Note(960, 45, 1920),), 33, 1)),
    TempoMap.constant(120),
)
"""A second of A4, then a second of A2."""


def heard(path: Path) -> np.ndarray:
    """The samples of a WAV file, (samples, 2), -1 to 1."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, SAMPLE_RATE)
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 2) / 32768


def strongest_hz(samples: np.ndarray) -> float:
    side = samples.mean(axis=1)
    return float(np.abs(np.fft.rfft(side * np.hanning(len(side)))).argmax() * SAMPLE_RATE / len(side))


def check(path: Path) -> None:
    samples = heard(path)
    assert len(samples) == round((2 + TAIL_S) * SAMPLE_RATE)
    assert np.abs(samples).max() == pytest.approx(PEAK, abs=0.001)
    assert strongest_hz(samples[SAMPLE_RATE // 5 : SAMPLE_RATE]) == pytest.approx(440, rel=0.01)
    # A bass may well have more of its octave than of its fundamental.
    low_hz = strongest_hz(samples[SAMPLE_RATE * 13 // 10 : SAMPLE_RATE * 2])
    assert any(low_hz == pytest.approx(110 * harmonic, rel=0.03) for harmonic in (1, 2, 3))


def test_the_built_in_synthesiser_writes_what_it_should(tmp_path: Path) -> None:
    assert render_wav(A4, tmp_path / "a.wav", synthesiser="built-in") == "the built-in synthesiser"
    check(tmp_path / "a.wav")
    render_wav(A4, tmp_path / "b.wav", synthesiser="built-in")
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_fluidsynth_plays_where_there_is_one(tmp_path: Path) -> None:
    if shutil.which("fluidsynth") is None or find_sound_font() is None:
        pytest.skip("needs the fluidsynth program and a sound font")
    assert render_wav(A4, tmp_path / "a.wav", synthesiser="fluidsynth").startswith("FluidSynth with ")
    check(tmp_path / "a.wav")


def test_notes_follow_the_tempo_map() -> None:
    song = MidiSong(
        (MidiTrack("x", (Note(0, 60, 96), Note(96, 62, 192, 50)), 5, 2),), TempoMap(((0, 500_000), (96, 1_000_000)), 96)
    )
    tones, length_s = tones_of(song)
    assert [(tone.start_s, tone.end_s) for tone in tones] == [(0.0, 0.5), (0.5, 1.5)]
    assert tones[1][2:] == (62, 50, 5, 2)
    assert length_s == 1.5


def test_an_empty_song_is_a_short_silence(tmp_path: Path) -> None:
    render_wav(MidiSong(()), tmp_path / "a.wav", synthesiser="built-in")
    assert not heard(tmp_path / "a.wav").any()


def test_the_named_sound_font_goes_first_then_the_best_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SOUND_FONT_VARIABLE, raising=False)
    monkeypatch.setattr(sound, "_SOUND_FONT_PLACES", (str(tmp_path), str(tmp_path / "none")))
    assert find_sound_font() is None
    for name in ("aaa.sf3", "default-GM.sf2", "FluidR3_GM.sf2"):
        (tmp_path / name).touch()
    assert find_sound_font() == tmp_path / "FluidR3_GM.sf2"
    (tmp_path / "FluidR3_GM.sf2").unlink()
    assert find_sound_font() == tmp_path / "default-GM.sf2"
    monkeypatch.setenv(SOUND_FONT_VARIABLE, str(tmp_path / "mine.sf2"))
    assert find_sound_font() == tmp_path / "mine.sf2"


def test_without_a_sound_font_the_built_in_synthesiser_steps_in(tmp_path: Path) -> None:
    missing = tmp_path / "missing.sf2"
    assert render_wav(A4, tmp_path / "a.wav", sound_font=missing) == "the built-in synthesiser"
    with pytest.raises(AccompanistError, match=r"missing\.sf2 is no file") as told:
        render_wav(A4, tmp_path / "a.wav", sound_font=missing, synthesiser="fluidsynth")
    assert told.value.hint


@pytest.fixture
def font(tmp_path: Path) -> Path:
    """A file that is called a sound font."""
    path = tmp_path / "some.sf2"
    path.touch()
    return path


def test_a_fluidsynth_that_fails_says_why(tmp_path: Path, font: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound.shutil, "which", lambda _: sys.executable)  # a program that refuses these options
    assert render_wav(A4, tmp_path / "a.wav", sound_font=font) == "the built-in synthesiser"
    with pytest.raises(AccompanistError, match="fluidsynth failed"):
        render_wav(A4, tmp_path / "a.wav", sound_font=font, synthesiser="fluidsynth")


def test_without_program_and_library_the_extra_is_named(
    tmp_path: Path, font: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sound.shutil, "which", lambda _: None)
    monkeypatch.setitem(sys.modules, "fluidsynth", None)
    with pytest.raises(MissingExtra) as told:
        render_wav(A4, tmp_path / "a.wav", sound_font=font, synthesiser="fluidsynth")
    assert ".[audio]" in told.value.hint


class Library:
    """Stands in for pyfluidsynth's `Synth`: a square wave while anything sounds, and a record of what it was told."""

    def __init__(self, gain: float, samplerate: float) -> None:
        assert gain < 1
        assert samplerate == SAMPLE_RATE
        self.told: list[tuple[Any, ...]] = []
        self.sounding: set[tuple[int, int]] = set()
        self.samples = 0

    def sfload(self, path: str) -> int:
        self.told.append(("font", Path(path).name))
        return 7

    def program_select(self, *what: int) -> None:
        self.told.append(("program", *what))

    def noteon(self, channel: int, pitch: int, velocity: int) -> None:
        self.told.append(("on", self.samples, channel, pitch, velocity))
        self.sounding.add((channel, pitch))

    def noteoff(self, channel: int, pitch: int) -> None:
        self.told.append(("off", self.samples, channel, pitch))
        self.sounding.remove((channel, pitch))

    def get_samples(self, count: int) -> np.ndarray:
        self.samples += count
        return np.full(2 * count, 1000 if self.sounding else 0, dtype=np.int16)

    def delete(self) -> None:
        self.told.append(("deleted",))


def test_the_library_is_told_every_note_at_its_sample(
    tmp_path: Path, font: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Library] = []

    def make(gain: float, samplerate: float) -> Library:
        made.append(Library(gain, samplerate))
        return made[-1]

    module: Any = types.ModuleType("fluidsynth")
    module.Synth = make
    monkeypatch.setattr(sound.shutil, "which", lambda _: None)
    monkeypatch.setitem(sys.modules, "fluidsynth", module)
    assert render_wav(A4, tmp_path / "a.wav", sound_font=font) == "FluidSynth with some.sf2"
    assert made[0].told == [
        ("font", "some.sf2"), ("program", 0, 7, 0, 73), ("program", 1, 7, 0, 33),
        ("on", 0, 0, 69, 80), ("off", SAMPLE_RATE, 0, 69), ("on", SAMPLE_RATE, 1, 45, 80),
        ("off", 2 * SAMPLE_RATE, 1, 45), ("deleted",),
    ]  # fmt: skip
    samples = heard(tmp_path / "a.wav")
    assert samples[: 2 * SAMPLE_RATE].min() > 0.8
    assert not samples[2 * SAMPLE_RATE :].any()


def test_a_folder_that_is_not_there_is_told_plainly(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot write the sound file .*a\.wav"):
        render_wav(A4, tmp_path / "nowhere" / "a.wav", synthesiser="built-in")
