"""What a sweep found: which settings were best, which of them matter, every trial with its run."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import optuna
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import FrozenTrial, TrialState

from training.plot import CRITIC, FAINT, GENERATOR
from training.storage import told, write_whole
from training.sweep.goal import told as in_words
from training.sweep.space import Range
from training.sweep.study import RUN, WHY, Sweep

ENOUGH_FOR_IMPORTANCE = 4
"""Trials that came to an end, before anything is said about which settings matter."""
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#111827;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0}
td,th{padding:.25rem .8rem;text-align:right;border-bottom:1px solid #e5e7eb}
td:last-child,th:last-child{text-align:left}tr.best{background:#e6f2fa}tr.out{color:#6b7280}img{max-width:100%}
@media(prefers-color-scheme:dark){body{background:#111827;color:#e5e7eb}tr.best{background:#12324a}img{background:#fff}}
"""


class TrialFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A trial that counts.

    Args:
        number: From 1.
        run: Its run's folder.
        settings: Those that vary.
        value: What it came to; None where it was given up.
        why: Why it was given up; empty where it was not.
    """

    number: int
    run: str
    settings: dict[str, Any]
    value: float | None
    why: str = ""


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep found so far.

    Args:
        name: Of the sweep.
        goal: What was looked for, in words.
        trials: Best first; those given up last.
        importance: How much of the difference between good and other trials each setting explains; they add up to 1.
            Empty before there are trials enough.
    """

    name: str
    goal: str
    trials: list[TrialFacts]
    importance: dict[str, float]

    @property
    def best(self) -> TrialFacts | None:
        """The best trial; None before one came to an end."""
        return self.trials[0] if self.trials and self.trials[0].value is not None else None


def findings(sweep: Sweep, metric: str) -> Findings:
    """What a sweep found so far."""
    upwards = sweep.study.direction == optuna.study.StudyDirection.MAXIMIZE
    counted = [_facts(trial) for trial in sweep.over()]
    ended = [facts for facts in counted if facts.value is not None]
    given_up = [facts for facts in counted if facts.value is None]
    ended.sort(key=lambda facts: facts.value or 0.0, reverse=upwards)
    return Findings(
        name=sweep.name, goal=in_words(metric), trials=[*ended, *given_up], importance=_importance(sweep, len(ended))
    )


def _facts(trial: FrozenTrial) -> TrialFacts:
    return TrialFacts(
        number=trial.number + 1,
        run=trial.user_attrs.get(RUN, ""),
        settings=dict(trial.params),
        value=trial.value if trial.state == TrialState.COMPLETE else None,
        why=trial.user_attrs.get(WHY, ""),
    )


def _importance(sweep: Sweep, ended: int) -> dict[str, float]:
    if ended < ENOUGH_FOR_IMPORTANCE:
        return {}
    # Of all trials the one that knows no random forest: it needs no further package, and is the same each time.
    found = optuna.importance.get_param_importances(sweep.study, evaluator=PedAnovaImportanceEvaluator())
    return {name: float(share) for name, share in found.items() if math.isfinite(share)}


def text(found: Findings, most: int = 10) -> str:
    """For the terminal: the best trials in a table, and what matters."""
    if found.best is None:
        return f"{found.name}: no trial came to an end yet"
    names = list(found.trials[0].settings)
    rows = [["", "value", *names, "run"]]
    for facts in found.trials[:most]:
        value = "given up" if facts.value is None else f"{facts.value:.4f}"
        rows.append([str(facts.number), value, *(_shown(facts.settings.get(name, "")) for name in names), facts.run])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    if left := len(found.trials) - most:
        lines += [f"... and {left} more"] if left > 0 else []
    if found.importance:
        lines.append("what matters: " + ", ".join(f"{name} {share:.0%}" for name, share in found.importance.items()))
    return "\n".join(lines)


def write(found: Findings, space: Sequence[Range], target: Path) -> None:
    """One self-contained HTML file, which opens offline.

    Args:
        found: What was found.
        space: What varied.
        target: The file.

    Raises:
        StorageError: it cannot be written.
    """
    names = [each.setting for each in space]
    head = "".join(f"<th>{html.escape(name)}</th>" for name in ("trial", "value", *names, "run"))
    rows = "".join(_row(facts, names, best=facts is found.best) for facts in found.trials)
    best = found.best
    lead = f"Trial {best.number} was best, with {best.value:.4f}: {_flags(best)}" if best else "No trial has ended yet."
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Sweep {html.escape(found.name)}</title>'
        f"<style>{_STYLE}</style><h1>Sweep {html.escape(found.name)}</h1>"
        f"<p>Looked for: {html.escape(found.goal)}. {len(found.trials)} trials.</p><p>{html.escape(lead)}</p>"
        f'<img alt="What each trial came to, and what matters" src="{_picture(found, space)}">'
        f"<table><tr>{head}</tr>{rows}</table></html>\n"
    )
    with told("the report of the sweep", target):
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, page.encode())


def _row(facts: TrialFacts, names: Sequence[str], *, best: bool) -> str:
    value = html.escape(facts.why or "given up") if facts.value is None else f"{facts.value:.4f}"
    cells = [str(facts.number), value, *(_shown(facts.settings.get(name, "")) for name in names)]
    kind = "best" if best else "out" if facts.value is None else ""
    run = html.escape(facts.run)
    return f'<tr class="{kind}">' + "".join(f"<td>{cell}</td>" for cell in cells) + f"<td>{run}</td></tr>"


def _flags(facts: TrialFacts) -> str:
    return " ".join(f"--{name.replace('_', '-')} {_shown(value)}" for name, value in facts.settings.items())


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _picture(found: Findings, space: Sequence[Range]) -> str:
    """All charts as one picture, as a data URL."""
    ended = [facts for facts in found.trials if facts.value is not None]
    columns = 3
    rows = math.ceil((2 + len(space)) / columns)
    figure = Figure(figsize=(11, 3.2 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    charts = list(figure.subplots(rows, columns, squeeze=False).flat)
    _over_trials(charts[0], ended)
    _what_matters(charts[1], found)
    for chart, each in zip(charts[2:], space, strict=False):
        _against(chart, ended, each)
    for chart in charts[2 + len(space) :]:
        chart.set_axis_off()
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=100)
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()


def _over_trials(chart: Axes, ended: Sequence[TrialFacts]) -> None:
    _dots(chart, [facts.number for facts in ended], ended)
    if ended:
        chart.legend()
    chart.set_xlabel("trial")
    chart.set_ylabel("value")


def _dots(chart: Axes, at: Sequence[Any], ended: Sequence[TrialFacts]) -> None:
    """A dot for each trial, the best one in another colour."""
    values = [facts.value or 0.0 for facts in ended]
    chart.scatter(at[1:], values[1:], color=GENERATOR)
    chart.scatter(at[:1], values[:1], color=CRITIC, label="best")


def _what_matters(chart: Axes, found: Findings) -> None:
    chart.set_title("what matters", fontsize="medium")
    if not found.importance:
        chart.set_axis_off()
        chart.text(0.5, 0.5, "too few trials to say", ha="center", color=FAINT)
        return
    names = list(found.importance)[::-1]
    chart.barh(names, [found.importance[name] for name in names], color=GENERATOR)
    chart.set_xlim(0, 1)


def _against(chart: Axes, ended: Sequence[TrialFacts], each: Range) -> None:
    at = [facts.settings[each.setting] for facts in ended]
    if each.choices:
        _dots(chart, [each.choices.index(value) for value in at], ended)
        chart.set_xticks(range(len(each.choices)), [str(value) for value in each.choices])
        chart.set_xlim(-0.5, len(each.choices) - 0.5)
    else:
        _dots(chart, at, ended)
        chart.set_xscale("log" if each.logarithmic else "linear")
        chart.set_xlim(each.low, each.high)
    chart.set_xlabel(each.setting)
    chart.set_ylabel("value")
