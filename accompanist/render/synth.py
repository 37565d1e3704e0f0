"""A small synthesiser: additive tones in NumPy, enough to tell bass, piano, strings, lead and drums apart.

Each pitch of each timbre is computed once, as long as its longest note; a note is a slice of that tone under its own
envelope. A little synthetic room joins the tracks, and the whole is scaled below full level, so nothing clips.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 48_000
DRUM_CHANNEL = 9
"""General MIDI keeps channel 10 (9 from 0) for drums."""
PEAK = 0.89
"""Highest sample of the result, of 1.0: one decibel below full level."""
TAIL_S = 1.5
"""Sound after the last note's end: releases and room."""
_ROOM_S, _ROOM_LEVEL = 1.1, 0.16

Samples = NDArray[np.float32]


class Timbre(NamedTuple):
    """What a family of instruments sounds like.

    Args:
        harmonics: Amplitude of each harmonic, the fundamental first.
        attack_s: Time to full level.
        release_s: Time to silence after the note's end.
        decay_s: Time in which the fundamental falls to 1/e while held; 0: it is sustained.
        damping: How much faster each higher harmonic decays, or how much softer it begins where sustained.
        vibrato_cents: Depth of a 5.3 Hz vibrato that sets in after the attack.
        detune_cents: A second copy of the tone this much higher, heard as a section rather than one player.
        pan: -1 left to 1 right.
        level: Loudness among the others.
    """

    harmonics: tuple[float, ...]
    attack_s: float
    release_s: float
    decay_s: float = 0.0
    damping: float = 0.0
    vibrato_cents: float = 0.0
    detune_cents: float = 0.0
    pan: float = 0.0
    level: float = 1.0


BASS = Timbre((1.0, 0.62, 0.3, 0.16, 0.08, 0.04), 0.006, 0.06, decay_s=1.6, damping=0.5, level=0.95)
PIANO = Timbre(
    (1.0, 0.55, 0.36, 0.24, 0.12, 0.1, 0.05, 0.03), 0.003, 0.12, decay_s=1.1, damping=0.45, pan=-0.4, level=0.55
)
STRINGS = Timbre(
    tuple(1.0 / n for n in range(1, 11)), 0.09, 0.25, damping=0.12, vibrato_cents=7, detune_cents=9, pan=0.45, level=0.7
)
LEAD = Timbre((1.0, 0.32, 0.2, 0.05, 0.03), 0.03, 0.09, vibrato_cents=14, pan=0.08, level=0.55)


class Tone(NamedTuple):
    """One note to sound.

    Args:
        start_s: When it begins, from the start of the piece.
        end_s: When it is let go; above `start_s`.
        pitch: MIDI note number.
        velocity: 1 to 127.
        program: General MIDI program, 0 to 127.
        channel: MIDI channel, 0 to 15.
    """

    start_s: float
    end_s: float
    pitch: int
    velocity: int
    program: int
    channel: int


def timbre_of(program: int) -> Timbre:
    """The timbre of a General MIDI program's family (General MIDI 1, instrument families of eight)."""
    family = program // 8
    if family == 4:
        return BASS
    if family in (5, 6, 11):  # strings, ensemble, synth pads
        return STRINGS
    if family <= 3:  # piano, chromatic percussion, organ, guitar
        return PIANO
    return LEAD


def synthesise(tones: Iterable[Tone], length_s: float) -> Samples:
    """Sound of a piece.

    Args:
        tones: In any order.
        length_s: Length of the music; the result is `TAIL_S` longer.

    Returns:
        (samples, 2 sides), within -1 to 1, at `SAMPLE_RATE`. The same tones give the same samples.
    """
    samples = round((max(length_s, 0.0) + TAIL_S) * SAMPLE_RATE)
    mix = np.zeros((samples, 2), dtype=np.float32)
    parts: dict[Timbre | None, list[Tone]] = {}
    for tone in sorted(tones):
        parts.setdefault(None if tone.channel == DRUM_CHANNEL else timbre_of(tone.program), []).append(tone)
    for timbre, part in parts.items():
        line = _drums(part, samples) if timbre is None else _line(part, timbre, samples)
        angle = (1 + (timbre.pan if timbre else 0.0)) * np.pi / 4  # constant power
        mix += line[:, None] * np.array([np.cos(angle), np.sin(angle)], dtype=np.float32)
    mix += _ROOM_LEVEL * _in_a_room(mix)
    fade = min(samples, SAMPLE_RATE // 4)
    mix[samples - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    peak = float(np.abs(mix).max(initial=0.0))
    return mix * np.float32(PEAK / peak) if peak > 0 else mix


def _line(tones: list[Tone], timbre: Timbre, samples: int) -> Samples:
    """All notes of one timbre, on one side."""
    line = np.zeros(samples, dtype=np.float32)
    longest_s: dict[int, float] = {}
    for tone in tones:
        longest_s[tone.pitch] = max(longest_s.get(tone.pitch, 0.0), tone.end_s - tone.start_s)
    waves = {pitch: _wave(pitch, held_s + timbre.release_s, timbre) for pitch, held_s in longest_s.items()}
    for tone in tones:
        start = round(tone.start_s * SAMPLE_RATE)
        held = max(round((tone.end_s - tone.start_s) * SAMPLE_RATE), 1)
        envelope = _envelope(held, timbre)[: max(samples - start, 0)]
        loudness = np.float32(timbre.level * (tone.velocity / 127) ** 1.5)
        line[start : start + len(envelope)] += waves[tone.pitch][: len(envelope)] * envelope * loudness
    return line


def _envelope(held: int, timbre: Timbre) -> Samples:
    """Attack, hold, release: raised cosines, so that no edge clicks. `held` and the result are in samples."""
    release = round(timbre.release_s * SAMPLE_RATE)
    envelope = np.ones(held + release, dtype=np.float32)
    attack = min(round(timbre.attack_s * SAMPLE_RATE), held)
    envelope[:attack] = 0.5 - 0.5 * np.cos(np.linspace(0, np.pi, attack, endpoint=False))
    envelope[held:] = 0.5 + 0.5 * np.cos(np.linspace(0, np.pi, release))
    return envelope


def _wave(pitch: int, length_s: float, timbre: Timbre) -> Samples:
    """The tone of one pitch, held for as long as needed, before any envelope."""
    hz = 440.0 * 2 ** ((pitch - 69) / 12)
    t = np.arange(int(length_s * SAMPLE_RATE) + 2) / SAMPLE_RATE
    phase = 2 * np.pi * hz * t
    if timbre.vibrato_cents:
        depth = 2 ** (timbre.vibrato_cents / 1200) - 1
        rate = 2 * np.pi * 5.3
        swell = np.clip((t - 0.15) / 0.4, 0, 1)
        phase += swell * depth * hz / 5.3 * np.sin(rate * t)
    phases = [phase]
    if timbre.detune_cents:
        phases.append(phase * 2 ** (timbre.detune_cents / 1200))
    wave = np.zeros(len(t))
    for single in phases:
        for n, amplitude in enumerate(timbre.harmonics, start=1):
            if n * hz > SAMPLE_RATE / 2.5:  # above hearing, and near folding back
                break
            partial = amplitude * np.sin(n * single)
            if timbre.decay_s:
                # Low strings ring longer than high ones.
                decay_s = timbre.decay_s * 2 ** ((60 - pitch) / 36) / (1 + timbre.damping * (n - 1))
                partial *= np.exp(-t / decay_s)
            elif timbre.damping:
                partial *= np.exp(-timbre.damping * (n - 1))
            wave += partial
    return np.asarray(wave / (sum(timbre.harmonics) ** 0.5 * len(phases)), dtype=np.float32)


def _drums(tones: list[Tone], samples: int) -> Samples:
    """Drum hits: a falling thump for kicks and toms, noise for the rest, by General MIDI's drum map."""
    line = np.zeros(samples, dtype=np.float32)
    noise = np.random.default_rng(0).uniform(-1, 1, SAMPLE_RATE)
    bright = np.diff(noise, prepend=0.0)  # cymbals: the low end taken away
    for tone in tones:
        if tone.pitch in (35, 36, 41, 43, 45, 47, 48, 50):
            length_s, base_hz = 0.25, 45.0 + 6.0 * max(tone.pitch - 36, 0)
            t = np.arange(round(length_s * SAMPLE_RATE)) / SAMPLE_RATE
            hit = np.sin(2 * np.pi * (base_hz * t + 4.0 * (1 - np.exp(-t / 0.02)))) * np.exp(-t / 0.08)
        else:
            length_s = 0.6 if tone.pitch in (46, 49, 51, 52, 55, 57, 59) else 0.15
            t = np.arange(round(length_s * SAMPLE_RATE)) / SAMPLE_RATE
            source = noise if tone.pitch in (37, 38, 39, 40) else 0.5 * bright
            hit = 0.6 * source[: len(t)] * np.exp(-t / (length_s / 4))
        hit *= np.clip((length_s - t) / 0.02, 0, 1) * np.clip(t / 0.001, 0, 1) * (tone.velocity / 127) ** 1.5
        start = round(tone.start_s * SAMPLE_RATE)
        room = max(samples - start, 0)
        line[start : start + len(hit)] += hit[:room].astype(np.float32)
    return line


def _in_a_room(dry: Samples) -> Samples:
    """The reverberation of a small room: convolution with decaying noise, different left and right."""
    samples = len(dry)
    rng = np.random.default_rng(1)
    t = np.arange(round(_ROOM_S * SAMPLE_RATE)) / SAMPLE_RATE
    echoes = rng.standard_normal((len(t), 2)) * np.exp(-t / (_ROOM_S / 6))[:, None]
    for side in range(2):  # soft walls take the top, and a room without its low end does not muddy the bass
        soft = np.convolve(echoes[:, side], np.ones(8) / 8, "same")
        echoes[:, side] = soft - np.convolve(soft, np.ones(256) / 256, "same")
    echoes /= np.sqrt((echoes**2).sum(axis=0))
    block = 1 << 17
    size = block * 2  # holds a block and its echoes
    room = np.fft.rfft(echoes, size, axis=0)
    wet = np.zeros((samples + size, 2), dtype=np.float32)
    for start in range(0, samples, block):
        heard = np.fft.irfft(np.fft.rfft(dry[start : start + block], size, axis=0) * room, size, axis=0)
        wet[start : start + size] += heard.astype(np.float32)
    return wet[:samples]
