"""What a sweep looks for in a metric: more of it, less of it, or that it comes near to the music's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from accompanist.errors import ConfigError

Aim = Literal["most", "least", "near"]
AIMS: dict[str, Aim] = {"coupling": "most", "note_in_chord": "most", "similarity_index": "least"}
"""Every other metric is to come near to what it is of the music itself."""


def aim_of(metric: str) -> Aim:
    """What is looked for in a metric."""
    return AIMS.get(metric, "near")


def value_of(metric: str, metrics: Mapping[str, float], data: Mapping[str, float]) -> float:
    """What is compared between trials: the metric, or its distance from the music's own.

    Args:
        metric: Its name.
        metrics: Of what the model plays.
        data: The same of the music.

    Raises:
        ConfigError: there is no such metric.
    """
    if metric not in metrics or (aim_of(metric) == "near" and metric not in data):
        raise ConfigError(f"--metric is {metric!r}; accepted: {', '.join(sorted(metrics))}", hint="--metric coupling")
    return abs(metrics[metric] - data[metric]) if aim_of(metric) == "near" else metrics[metric]


def told(metric: str) -> str:
    """In words."""
    return {"most": f"most {metric}", "least": f"least {metric}", "near": f"{metric} nearest to the music's own"}[
        aim_of(metric)
    ]
