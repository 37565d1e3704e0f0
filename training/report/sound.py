"""Samples small enough to stand in a page by the dozen: MP3, which every browser plays."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from accompanist.errors import DataError

RATE_HZ = 24_000
"""Half of what samples are rendered at: nothing of a band that a judgement rests on lies above 12 kHz."""
_HALF_BAND_TAPS = 63
_COMPRESSION = 0.85
"""Of soundfile's scale, where 0 is the largest file: at this rate 32 kbit/s, or 83 kB for eight bars."""


def as_mp3(path: Path) -> bytes:
    """A WAV file as mono MP3.

    Args:
        path: 48 kHz, any number of channels; another rate is kept.

    Raises:
        DataError: it cannot be read.
    """
    try:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise DataError(f"{path} cannot be read: {error}", hint="the report leaves it out") from error
    mono = samples.mean(axis=1)
    if rate_hz == 2 * RATE_HZ:
        mono, rate_hz = halved(mono), RATE_HZ
    content = io.BytesIO()
    soundfile.write(
        content, mono, rate_hz, format="MP3", subtype="MPEG_LAYER_III",
        compression_level=_COMPRESSION, bitrate_mode="CONSTANT",
    )  # fmt: skip
    return content.getvalue()


def halved(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every other sample, after what would fold back was taken out by a windowed sinc."""
    at = np.arange(_HALF_BAND_TAPS) - _HALF_BAND_TAPS // 2
    taps = np.sinc(at / 2) * np.hamming(_HALF_BAND_TAPS)
    return np.convolve(samples, taps / taps.sum(), "same")[::2].astype(np.float32)
