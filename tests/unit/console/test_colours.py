"""Curves and tracks are told apart by who sees red, green or blue otherwise than most."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from accompanist.console.page import STATIC

SEEN: dict[str, NDArray[np.float64]] = {
    "as most": np.eye(3),
    "without red cones": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "without green cones": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "without blue cones": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
"""What an eye makes of linear red, green and blue. Source: Machado, Oliveira and Fernandes 2009, severity 1.0."""
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])
APART = 10.0
"""Distance in CIELAB (1976); 2.3 is what an eye just notices side by side."""
CONTRAST = 4.5


def _linear(colour: str) -> NDArray[np.float64]:
    value = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _lab(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    xyz = TO_XYZ @ np.clip(linear, 0, 1) / WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def _named(pattern: str) -> list[str]:
    return re.findall(pattern, (STATIC / "shell/shell.css").read_text(encoding="utf-8"))


@pytest.mark.parametrize("eye", SEEN)
def test_any_two_are_told_apart(eye: str) -> None:
    colours = _named(r"--track-\d: (#[0-9a-f]{6})")
    assert len(colours) == 6
    for one, other in combinations(colours, 2):
        seen = [_lab(SEEN[eye] @ _linear(colour)) for colour in (one, other)]
        assert np.linalg.norm(seen[0] - seen[1]) > APART, (one, other)


def test_each_stands_out_from_what_it_is_drawn_on() -> None:
    (panel,) = _named(r"--panel: (#[0-9a-f]{6})")
    ground = float(_linear(panel) @ TO_XYZ[1])
    for colour in _named(r"--track-\d: (#[0-9a-f]{6})"):
        assert (float(_linear(colour) @ TO_XYZ[1]) + 0.05) / (ground + 0.05) >= CONTRAST
