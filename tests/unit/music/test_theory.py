from __future__ import annotations

import numpy as np
import pytest

from accompanist.music.theory import key_of, major_scale, pitch_name, pitch_number


def weights(**times: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Sounding time by note name; `s` stands for sharp."""
    out = np.zeros(12)
    for name, time in times.items():
        out[pitch_number(name.replace("s", "#") + "4") % 12] = time
    return out


def test_major_scales() -> None:
    assert np.flatnonzero(major_scale(0)).tolist() == [0, 2, 4, 5, 7, 9, 11]
    assert np.flatnonzero(major_scale(2)).tolist() == [1, 2, 4, 6, 7, 9, 11]


@pytest.mark.parametrize("tonic", range(12))
def test_a_piece_around_a_major_or_minor_triad_is_in_its_key(tonic: int) -> None:
    major = np.roll(weights(C=4, D=1, E=3, F=1, G=3, A=1, B=1), tonic)
    minor = np.roll(weights(C=4, D=1, Ds=3, F=1, G=3, Gs=1, As=1), tonic)
    assert key_of(major) == (tonic, "major")
    assert key_of(minor) == (tonic, "minor")


@pytest.mark.parametrize("level", [0.0, 3.0])
def test_silence_and_a_cluster_of_everything_are_in_c_major_by_convention(level: float) -> None:
    assert key_of(np.full(12, level)) == (0, "major")


def test_every_pitch_has_a_name_that_finds_it() -> None:
    assert [pitch_number(pitch_name(pitch)) for pitch in range(128)] == list(range(128))
    assert (pitch_name(0), pitch_name(60), pitch_name(127)) == ("C-1", "C4", "G9")


@pytest.mark.parametrize(("name", "pitch"), [("Bb2", 46), ("a#2", 46), ("Cb4", 59), ("B#3", 60), (" C4 ", 60)])
def test_other_spellings(name: str, pitch: int) -> None:
    assert pitch_number(name) == pitch


@pytest.mark.parametrize("name", ["", "H4", "C", "C##4", "C10", "Cb-1", "G#9", "60"])
def test_what_is_no_pitch_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"not a note name|outside MIDI's range"):
        pitch_number(name)
