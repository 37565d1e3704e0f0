"""The figures of all contestants, to read: a table for the terminal, Markdown for a model's card, JSON for programs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from training.evaluation.bootstrap import DIVERGENCE, Figure

Standing = Mapping[str, Mapping[str, Figure]]
"""By contestant, then by figure."""
_BEHIND = "onsets_per_bar"
_LABEL_WIDTH, _CELL_WIDTH = 24, 20


def figures_of(standing: Standing) -> list[str]:
    """The figures that anyone has, those of single tracks last."""
    names = dict.fromkeys(name for figures in standing.values() for name in figures if name != DIVERGENCE)
    whole = [name for name in names if "." not in name]
    if any(DIVERGENCE in figures for figures in standing.values()):
        whole.insert(whole.index(_BEHIND) + 1 if _BEHIND in whole else len(whole), DIVERGENCE)
    return [*whole, *sorted(name for name in names if "." in name)]


def table(standing: Standing, width: int) -> str:
    """For the terminal: means, and how far the interval reaches to its wider side.

    Args:
        standing: What there is to show.
        width: Of the terminal, in characters; contestants that do not fit beside each other come below.
    """
    names = list(standing)
    beside = max((width - _LABEL_WIDTH) // _CELL_WIDTH, 1)
    blocks = []
    for first in range(0, len(names), beside):
        shown = names[first : first + beside]
        lines = ["".ljust(_LABEL_WIDTH) + "".join(name.rjust(_CELL_WIDTH) for name in shown)]
        lines += [
            figure.ljust(_LABEL_WIDTH)
            + "".join(_short(standing[name].get(figure)).rjust(_CELL_WIDTH) for name in shown)
            for figure in figures_of({name: standing[name] for name in shown})
        ]
        blocks.append("\n".join(line.rstrip() for line in lines))
    return "\n\n".join(blocks)


def markdown(standing: Standing, title: str, notes: Sequence[str]) -> str:
    """For a file: means with their intervals.

    Args:
        standing: What there is to show.
        title: Of the page.
        notes: What was measured on what, a paragraph each.
    """
    head = ["figure", *standing]
    rows = [head, ["---"] * len(head)]
    rows += [
        [f"`{figure}`", *(_long(figures.get(figure)) for figures in standing.values())]
        for figure in figures_of(standing)
    ]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n\n".join([f"# {title}", *notes, "\n".join(lines)]) + "\n"


def as_json(standing: Standing) -> dict[str, dict[str, dict[str, Any]]]:
    """For programs: what a contestant does not have, or nobody could measure, is null."""
    return {
        name: {
            figure: {key: None if _is_nan(value) else value for key, value in found._asdict().items()}
            for figure, found in figures.items()
        }
        for name, figures in standing.items()
    }


def _short(figure: Figure | None) -> str:
    if figure is None or not figure.songs:
        return "-"
    digits = _digits(figure)
    reach = max(figure.high - figure.mean, figure.mean - figure.low)
    return f"{figure.mean:.{digits}f} ±{reach:.{digits}f}"


def _long(figure: Figure | None) -> str:
    if figure is None or not figure.songs:
        return ""
    digits = _digits(figure)
    return f"{figure.mean:.{digits}f} [{figure.low:.{digits}f}, {figure.high:.{digits}f}]"


def _digits(figure: Figure) -> int:
    return 3 if abs(figure.mean) < 2 else 2 if abs(figure.mean) < 10 else 1


def _is_nan(value: float) -> bool:
    return isinstance(value, float) and math.isnan(value)
