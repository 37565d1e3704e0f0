"""The page of a run: gathered from its folder, laid out by `page.html` beside this module."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from accompanist.config import TrainConfig, settings
from accompanist.render.picture import PALETTE
from accompanist.runs import History, RunFolder
from accompanist.runs.checkpoints import best_of
from accompanist.runs.convergence import convergence_of
from accompanist.runs.duration import duration
from training import record
from training.read import Progress, silent
from training.recipe import settled
from training.report import curves, listening
from training.storage import told, write_whole

UNTOLD = ("runs", "name")
"""Settings that say where a run is kept; nothing about it follows from them."""
HEADLINES = ("similarity_index", "note_in_chord", "note_in_chord_chance", "coupling")


class Setting(NamedTuple):
    """One setting of the run.

    Args:
        name: As on the command line, without its dashes.
        value: As it was.
        meaning: In words.
        own: Whether it was chosen for this run.
    """

    name: str
    value: str
    meaning: str
    own: bool


def write(run: RunFolder, target: Path | None = None, *, progress: Progress = silent) -> Path:
    """Write the page.

    Args:
        run: The run, in whatever state.
        target: Where to; `report.html` in its folder where None.
        progress: Told while sound is made smaller.

    Returns:
        Where it stands.

    Raises:
        DataError: the run's folder is damaged.
        StorageError: it cannot be written.
    """
    path = target or run.report
    page = render(run, progress=progress)
    with told("the report", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, page.encode())
    return path


def render(run: RunFolder, *, progress: Progress = silent) -> str:
    """The page's text.

    Raises:
        DataError: the run's folder is damaged.
    """
    history = History(run.record)
    best = best_of(run.kept(), run.config().train.best_by)
    at_best = best if best is not None and best.state.sampled and best.state.step else None
    best_epoch = round(at_best.state.epoch) if at_best else None
    environment = Environment(
        loader=PackageLoader("training.report", ""), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("page.html").render(
        name=run.path.name,
        status=run.status(),
        sentence=convergence_of(history).sentence,
        numbers=_numbers(run, history),
        headlines=_headlines(history),
        losses=curves.losses(history),
        constants=curves.constants(history),
        tracks=list(zip(("melody", *(track.name for track in run.spec().tracks)), PALETTE, strict=False)),
        metrics=curves.metrics(history),
        distances=curves.distances(history),
        melodies=listening.melodies(run, best_epoch, progress=progress),
        told={line["epoch"]: line["metrics"] for line in history.epochs},
        settings=_settings(run.config().train),
        facts=run.facts(),
        origins=run.origins(),
        chart_script=_chart_script(),
    )


def _numbers(run: RunFolder, history: History) -> list[tuple[str, str]]:
    """What stands at the head of the page."""
    last = history.epochs[-1]["epoch"] if history.epochs else 0
    found = [("epochs", f"{last:g} of {run.epochs()}"), ("steps", f"{history.last_step}")]
    speeds = [line for line in record.read(run.record) if line["kind"] == "speed"] if run.record.is_file() else []
    if speeds:
        paces = sorted(line["steps_per_s"] for line in speeds)
        found.append(("steps per second", f"{paces[len(paces) // 2]:.3g}"))
        found.append(("trained for", duration(speeds[-1]["trained_s"])))
    return found


def _headlines(history: History) -> list[tuple[str, float, float | None]]:
    """The metrics one asks for first: newest value, and the data's."""
    newest = history.epochs[-1]["metrics"] if history.epochs else {}
    return [(curves.words(name), newest[name], history.data.get(name)) for name in HEADLINES if name in newest]


def _settings(config: TrainConfig) -> list[Setting]:
    meanings = {setting.key.removeprefix("train."): setting.meaning for setting in settings()}
    usual = settled(TrainConfig(model=config.model))
    defaults, values = msgspec.to_builtins(usual), msgspec.to_builtins(config)
    other = "live: " if config.model == "musegan" else "musegan: "
    return [
        Setting(name.replace("_", "-"), _shown(value), meanings[name], own=value != defaults[name])
        for name, value in values.items()
        if name not in UNTOLD and not meanings[name].startswith(other)
    ]


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value == "" else f"{value:g}" if isinstance(value, float) else str(value)


def _chart_script() -> str:
    """Chart.js, as the package chartkick brings it."""
    return resources.files("chartkick").joinpath("django/static/chartkick/Chart.bundle.js").read_text(encoding="utf-8")
