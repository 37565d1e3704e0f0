"""A song as a sound file: by FluidSynth where there is one, else by the small synthesiser next door.

Either way: 48 kHz, 16 bits, stereo, as long as the song and a short tail, its peak one decibel below full level.
"""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import tempfile
import wave
from pathlib import Path
from typing import Any, Literal

import numpy as np

from accompanist.errors import AccompanistError, MissingExtra, StorageError
from accompanist.music import midifile
from accompanist.music.song import MidiSong
from accompanist.render.synth import DRUM_CHANNEL, PEAK, SAMPLE_RATE, TAIL_S, Samples, Tone, synthesise

Synthesiser = Literal["auto", "fluidsynth", "built-in"]

SOUND_FONT_VARIABLE = "ACCOMPANIST_SOUND_FONT"
"""Environment variable that names a sound font."""
_SOUND_FONT_PLACES = (
    "~/.local/share/soundfonts", "~/.local/share/sounds/sf2", "~/soundfonts",
    "/usr/share/sounds/sf2", "/usr/share/sounds/sf3", "/usr/share/soundfonts",
    "/usr/local/share/sounds/sf2", "/usr/local/share/soundfonts",
    "/opt/homebrew/share/sounds/sf2", "/opt/homebrew/share/soundfonts",
    "~/Library/Audio/Sounds/Banks", "C:/soundfonts",
)  # fmt: skip
_FAVOURITES = ("FluidR3_GM", "default", "GeneralUser", "TimGM6mb")
"""Sound fonts known to hold all General MIDI instruments, best first; others follow by name."""
_FLUIDSYNTH_GAIN = 0.3
"""Low enough not to clip with many voices; the result is scaled afterwards."""


def render_wav(song: MidiSong, path: Path, *, sound_font: Path | None = None, synthesiser: Synthesiser = "auto") -> str:
    """Write a song as a WAV file.

    Args:
        song: Its tracks' programs and channels choose the instruments.
        path: The file to write.
        sound_font: For FluidSynth; None: the first found in the usual places.
        synthesiser: "auto": FluidSynth where it works, else the built-in one.

    Returns:
        Which synthesiser played, for people: "FluidSynth with FluidR3_GM.sf2" or "the built-in synthesiser".

    Raises:
        StorageError: the file cannot be written.
        AccompanistError: FluidSynth was asked for by name and does not work here.
    """
    tones, length_s = tones_of(song)
    samples, played_by = None, "the built-in synthesiser"
    if synthesiser != "built-in":
        try:
            samples, played_by = _by_fluidsynth(song, tones, length_s, sound_font)
        except AccompanistError:
            if synthesiser == "fluidsynth":
                raise
    if samples is None:
        samples = synthesise(tones, length_s)
    _write_wav(samples, path)
    return played_by


def tones_of(song: MidiSong) -> tuple[list[Tone], float]:
    """A song's notes in seconds, sorted, and when the last one ends."""
    tones = sorted(
        Tone(
            song.tempo.s_at(note.start_tick) - song.tempo.origin_s,
            song.tempo.s_at(note.end_tick) - song.tempo.origin_s,
            note.pitch,
            note.velocity,
            track.program,
            track.channel,
        )
        for track in song.tracks
        for note in track.notes
    )
    return tones, max((tone.end_s for tone in tones), default=0.0)


def find_sound_font() -> Path | None:
    """The sound font to use: the one the environment names, else the best in the usual places, else None."""
    named = os.environ.get(SOUND_FONT_VARIABLE, "")
    if named:
        return Path(named).expanduser()
    found = [
        file
        for place in _SOUND_FONT_PLACES
        for pattern in ("*.sf2", "*.sf3")
        for file in sorted(Path(place).expanduser().glob(pattern))
    ]

    def rank(file: Path) -> int:
        return next((i for i, name in enumerate(_FAVOURITES) if file.stem.startswith(name)), len(_FAVOURITES))

    return min(found, key=rank, default=None)


def _by_fluidsynth(song: MidiSong, tones: list[Tone], length_s: float, sound_font: Path | None) -> tuple[Samples, str]:
    font = sound_font or find_sound_font()
    if font is None or not font.is_file():
        raise AccompanistError(
            f"FluidSynth needs a sound font (.sf2), {'found none' if font is None else f'{font} is no file'}",
            hint=f"install one (Debian: apt install fluid-soundfont-gm) or name one in {SOUND_FONT_VARIABLE}",
        )
    program = shutil.which("fluidsynth")
    samples = _by_program(program, song, font) if program else _by_library(tones, length_s, font)
    fitted = np.zeros((round((length_s + TAIL_S) * SAMPLE_RATE), 2), dtype=np.float32)
    kept = samples[: len(fitted)]
    fitted[: len(kept)] = kept
    fade = min(len(fitted), SAMPLE_RATE // 4)
    fitted[len(fitted) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    peak = float(np.abs(fitted).max(initial=0.0))
    return (fitted * np.float32(PEAK / peak) if peak > 0 else fitted), f"FluidSynth with {font.name}"


def _by_program(program: str, song: MidiSong, font: Path) -> Samples:
    """Sound by the `fluidsynth` program, told to write a file."""
    with tempfile.TemporaryDirectory(prefix="accompanist-") as folder:
        midi, sound = Path(folder, "song.mid"), Path(folder, "song.wav")
        midifile.write(song, midi)
        command = [program, "-ni", "-q", "-g", str(_FLUIDSYNTH_GAIN), "-r", str(SAMPLE_RATE), "-O", "s16", "-T", "wav"]
        done = subprocess.run(  # noqa: S603 (found on the PATH, no shell)
            [*command, "-F", str(sound), str(font), str(midi)],
            capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
        if done.returncode != 0 or not sound.is_file():
            said = (done.stderr.strip().splitlines() or ["it wrote nothing"])[-1]
            raise AccompanistError(
                f"fluidsynth failed (exit {done.returncode}): {said}", hint=f"try it by hand: fluidsynth {font}"
            )
        try:
            with wave.open(str(sound), "rb") as file:
                pcm = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, file.getnchannels())
        except (wave.Error, EOFError) as error:
            raise AccompanistError(f"fluidsynth wrote no WAV file: {error}") from error
    return (pcm / np.float32(32768)).astype(np.float32)


def _by_library(tones: list[Tone], length_s: float, font: Path) -> Samples:
    """Sound by the FluidSynth library, through pyfluidsynth."""
    try:
        fluidsynth: Any = importlib.import_module("fluidsynth")
        synth = fluidsynth.Synth(gain=_FLUIDSYNTH_GAIN, samplerate=float(SAMPLE_RATE))
    except (ImportError, OSError, AttributeError) as error:  # the package, or the library it loads
        raise MissingExtra(
            "there is no fluidsynth program, and no FluidSynth library through pyfluidsynth",
            hint="install FluidSynth (Debian: apt install fluidsynth), or, in the clone: pip install -e '.[audio]'",
        ) from error
    try:
        bank = synth.sfload(str(font))
        for channel, program in {tone.channel: tone.program for tone in tones}.items():
            synth.program_select(channel, bank, 128 if channel == DRUM_CHANNEL else 0, program)
        # A note's end goes before the start of another at the same moment.
        events = sorted(
            [(round(tone.end_s * SAMPLE_RATE), 0, tone) for tone in tones]
            + [(round(tone.start_s * SAMPLE_RATE), 1, tone) for tone in tones]
        )
        pieces, now = [], 0
        for at, begins, tone in events:
            if at > now:
                pieces.append(synth.get_samples(at - now))
                now = at
            if begins:
                synth.noteon(tone.channel, tone.pitch, tone.velocity)
            else:
                synth.noteoff(tone.channel, tone.pitch)
        pieces.append(synth.get_samples(round((length_s + TAIL_S) * SAMPLE_RATE) - now))
    finally:
        synth.delete()
    pcm = np.concatenate(pieces).reshape(-1, 2)
    return (pcm / np.float32(32768)).astype(np.float32)


def _write_wav(samples: Samples, path: Path) -> None:
    """Samples within -1 to 1, (samples, 2), as a 16-bit WAV file."""
    pcm = np.round(samples * 32767).astype("<i2")
    try:
        with path.open("wb") as file, wave.open(file, "wb") as sound:
            sound.setnchannels(2)
            sound.setsampwidth(2)
            sound.setframerate(SAMPLE_RATE)
            sound.writeframes(pcm.tobytes())
    except OSError as error:
        raise StorageError(
            f"cannot write the sound file {path}: {error.strerror or error}", hint="name a folder you may write to"
        ) from error
