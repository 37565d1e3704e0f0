from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accompanist.render.synth import PEAK, SAMPLE_RATE, TAIL_S, Tone, synthesise, timbre_of

FLUTE, GRAND, BASS, STRINGS = 73, 0, 33, 48


def tone(
    pitch: int = 69,
    *,
    start_s: float = 0.0,
    end_s: float = 1.0,
    velocity: int = 90,
    program: int = GRAND,
    channel: int = 0,
) -> Tone:
    return Tone(start_s, end_s, pitch, velocity, program, channel)


def strongest_hz(samples: np.ndarray) -> float:
    """The strongest frequency of a stretch of sound, interpolated between bins."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    at = int(power[1:-1].argmax()) + 1
    left, top, right = np.log(power[at - 1 : at + 2] + 1e-12)
    return (at + 0.5 * (left - right) / (left - 2 * top + right)) * SAMPLE_RATE / len(samples)


@pytest.mark.parametrize("program", [FLUTE, GRAND, BASS, STRINGS])
@pytest.mark.parametrize("pitch", [33, 57, 69, 81])
def test_a_note_has_its_pitch(program: int, pitch: int) -> None:
    side = synthesise([tone(pitch, program=program, end_s=1.5)], 1.5)[: SAMPLE_RATE * 3 // 2].mean(axis=1)
    cents = 1200 * np.log2(strongest_hz(side) / (440 * 2 ** ((pitch - 69) / 12)))
    assert abs(cents) < 20


def test_it_lasts_as_long_as_the_music_and_its_tail() -> None:
    assert len(synthesise([tone()], 2.0)) == round((2.0 + TAIL_S) * SAMPLE_RATE)
    assert not synthesise([], 0.5).any()


def test_a_note_sounds_when_it_should() -> None:
    samples = np.abs(synthesise([tone(start_s=0.5, end_s=0.8)], 1.0)).max(axis=1)
    assert samples[: SAMPLE_RATE // 2].max() < 1e-6
    assert samples[SAMPLE_RATE // 2 : SAMPLE_RATE * 8 // 10].max() == pytest.approx(PEAK, abs=1e-6)
    assert samples[-100:].max() < 1e-3


notes = st.builds(
    tone,
    st.integers(0, 127),
    start_s=st.floats(0, 0.5),
    end_s=st.floats(0.51, 1.2),
    velocity=st.integers(1, 127),
    program=st.integers(0, 127),
    channel=st.integers(0, 15),
)


@settings(max_examples=15, deadline=None)
@given(st.lists(notes, min_size=1, max_size=8))
def test_nothing_clips_nothing_is_silent_and_the_same_notes_sound_the_same(tones: list[Tone]) -> None:
    samples = synthesise(tones, 1.2)
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() == pytest.approx(PEAK, abs=1e-6)
    assert np.array_equal(samples, synthesise(tones[::-1], 1.2))


@pytest.mark.parametrize("program", [FLUTE, GRAND, BASS, STRINGS])
def test_no_edge_clicks(program: int) -> None:
    """The largest jump between neighbouring samples at a note's edges is no larger than inside the note."""
    left = synthesise([tone(57, start_s=0.2, end_s=0.7, program=program)], 1.0)[:, 0]
    jump = np.abs(np.diff(left))
    inside = jump[round(0.25 * SAMPLE_RATE) : round(0.65 * SAMPLE_RATE)].max()
    edges = [jump[round((s - 0.005) * SAMPLE_RATE) : round((s + 0.005) * SAMPLE_RATE)].max() for s in (0.2, 0.7)]
    assert max(edges) <= inside * 1.5


def test_timbres_differ_in_brightness_envelope_and_place() -> None:
    def features(program: int) -> tuple[float, float, float]:
        samples = synthesise([tone(57, end_s=1.0, program=program)], 1.0)
        side = samples.mean(axis=1)
        power = np.abs(np.fft.rfft(side)) ** 2
        brightness_hz = (power * np.fft.rfftfreq(len(side), 1 / SAMPLE_RATE)).sum() / power.sum()
        early = np.abs(side[: SAMPLE_RATE // 50]).mean() / np.abs(side).max()
        chord = synthesise([tone(pitch, program=program) for pitch in range(40, 70, 3)], 1.0)
        left, right = (chord.astype(np.float64) ** 2).sum(axis=0)
        return float(brightness_hz), float(early), float(np.log(right / left))

    lead, piano, bass, strings = (features(program) for program in (FLUTE, GRAND, BASS, STRINGS))
    assert strings[0] > lead[0]  # a section shines more than a flute
    assert piano[1] > 3 * strings[1]  # struck against bowed
    assert piano[2] < -0.3 < 0.3 < strings[2]  # left against right
    assert abs(bass[2]) < 0.2  # in the middle
    assert bass[1] > 3 * lead[1]


def test_a_louder_note_is_louder() -> None:
    quiet, loud = tone(60, velocity=30), tone(72, start_s=1.0, end_s=2.0, velocity=120)
    samples = np.abs(synthesise([quiet, loud], 2.0))
    assert samples[:SAMPLE_RATE].max() < 0.5 * samples[SAMPLE_RATE : 2 * SAMPLE_RATE].max()


def test_drums_on_channel_ten_have_no_pitch_of_a_piano() -> None:
    snare = synthesise([tone(38, channel=9, end_s=0.1)], 0.5).mean(axis=1)
    spectrum = np.abs(np.fft.rfft(snare[: SAMPLE_RATE // 5]))
    assert spectrum.max() / spectrum.mean() < 12  # noise: no line stands out
    kick = synthesise([tone(36, channel=9, end_s=0.1)], 0.5).mean(axis=1)
    assert strongest_hz(kick[: SAMPLE_RATE // 5]) < 120


def test_every_program_has_a_timbre() -> None:
    assert len({timbre_of(program) for program in range(128)}) == 4
