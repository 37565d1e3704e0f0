"""`accompanist runs`: what was trained, how it stands, side by side, and away with it."""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from accompanist.config import TrainConfig, load_config
from accompanist.errors import StorageError, TrainingError
from accompanist.runs import checkpoints, comparison, comparison_page
from accompanist.runs.comparison import Column
from accompanist.runs.duration import duration
from accompanist.runs.folder import RunFolder
from accompanist.runs.history import History
from accompanist.runs.index import RunIndex, RunRow

ELSEWHERE = {
    "report": ("training.commands.report:report", "Write a run's report.html: curves, samples, settings, in a file.")
}
"""Sub-commands that need what training needs: imported when they are called."""
FIGURE = "coupling"
"""The metric of the list."""


class _Runs(click.Group):
    """A group with commands of its own and some that live elsewhere."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Its own, then those elsewhere."""
        return [*super().list_commands(ctx), *ELSEWHERE]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one that lives elsewhere."""
        if cmd_name not in ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = ELSEWHERE[cmd_name][0].partition(":")
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (click's)
        """The overview, which imports nothing."""
        own = [(name, command.get_short_help_str(100)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl([*own, *((name, text) for name, (_, text) in ELSEWHERE.items())])


@click.group(cls=_Runs)
@click.option("--runs", "folder", type=click.Path(path_type=Path), help="Folder of the runs.  [default: train.runs]")
@click.pass_context
def runs(ctx: click.Context, folder: Path | None) -> None:
    """What was trained: list runs, look at one, compare several, remove those nobody needs.

    A run is named by its folder, its name or its number.

    \b
    accompanist runs list
    accompanist runs show 3
    accompanist runs compare 2 3 4 --html compared.html
    accompanist runs rm 2
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)
    ctx.meta["runs"] = folder or Path(load_config(ctx.obj).train.runs)


@runs.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """List the runs: how each stands, how far it came, how well it does.

    \b
    accompanist runs list
    accompanist runs list --json
    """  # noqa: D301 (see above)
    folder: Path = ctx.meta["runs"]
    rows = RunIndex(folder, lambda word: click.echo(word, err=True)).rows()
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(rows, enc_hook=str), ensure_ascii=False, indent=2))
        return
    if not rows:
        click.echo(f"{folder} holds no runs; begin one with: accompanist train")
        return
    table = Table("run", "state", "data", "epoch", FIGURE, "best", "trained", "begun", box=None)
    for row in rows:
        table.add_row(*_cells(row))
    _print(table)
    for row in rows:
        if row.state == "failed" or row.problem:
            click.echo(f"{row.name}: {row.problem or row.reason}")


def _cells(row: RunRow) -> list[str]:
    figure, best = row.metrics.get(FIGURE), row.best_metrics.get(FIGURE)
    return [
        row.name,
        row.state,
        " ".join([*row.sources, *row.tags]),
        f"{row.epoch:.1f}/{row.epochs}",
        "" if figure is None else f"{figure:.3f}",
        "" if best is None else f"{best:.3f} at step {row.best_step}",
        duration(row.trained_s),
        row.begun[:16].replace("T", " "),
    ]


@runs.command()
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def show(ctx: click.Context, run: str, *, as_json: bool) -> None:
    """Show one RUN: how it stands and why, its settings, music, losses, metrics, checkpoints and samples.

    \b
    accompanist runs show 3
    accompanist runs show 0003-live-pop909 --json
    """  # noqa: D301 (see above)
    found = RunFolder.find(run, ctx.meta["runs"])
    told = _told(found)
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    click.echo(f"{found.path}: {told['state']}" + (f", {told['reason']}" if told["reason"] else ""))
    if told["hint"]:
        click.echo(f"  try        {told['hint']}")
    click.echo(f"  model      {told['model']}; it plays {', '.join(told['tracks'])}")
    settings = [f"{key} {comparison.shown(key, value)}" for key, value in told["settings"].items()]
    click.echo(f"  settings   {', '.join(settings) or 'as they come'}")
    units = told["music"].get("windows") or told["music"].get("beats") or {}
    unit = "windows" if "windows" in told["music"] else "beats"
    click.echo(f"  music      {' '.join(told['music'].get('sources', []))}: {units.get('train', 0)} training {unit}")
    click.echo(f"  trained    {told['step']} steps, epoch {told['epoch']:.1f} of {told['epochs']}, {told['trained']}")
    if told["losses"]:
        click.echo(f"  losses     {', '.join(f'{name} {value:.4g}' for name, value in told['losses'].items())}")
    for name, value in told["metrics"].items():
        data = f"   music {told['data'][name]:.3f}" if name in told["data"] else ""
        click.echo(f"  {name:<30} {value:7.3f}{data}")
    for kept in told["checkpoints"]:
        click.echo(f"  kept       {kept['path']}, epoch {kept['epoch']:.1f}" + (", the best" if kept["best"] else ""))
    if told["sampled"]:
        click.echo(f"  listen     {found.samples}, epochs {', '.join(map(str, told['sampled']))}")


def _told(run: RunFolder) -> dict[str, Any]:
    """What is known of a run, as JSON has it."""
    train, status, history, kept = run.config().train, run.status(), History(run.record), run.kept()
    best = checkpoints.best_of(kept, train.best_by)
    usual, facts = msgspec.to_builtins(TrainConfig()), run.facts()
    settings = {key: value for key, value in msgspec.to_builtins(train).items() if value != usual[key]}
    now = {name: history.loss(name).values[-1].item() for name in history.losses}
    return {
        "run": str(run.path),
        **status._asdict(),
        "model": train.model,
        "tracks": [track.name for track in run.spec().tracks],
        "settings": settings,
        "music": {key: value for key, value in facts.items() if key not in ("songs", "digest")},
        "origins": msgspec.to_builtins(run.origins()),
        "step": history.last_step,
        "epoch": kept[-1].state.epoch if kept else 0.0,
        "epochs": run.epochs(),
        "trained": duration(kept[-1].state.trained_s if kept else 0.0),
        "losses": now,
        "metrics": {name: history.metric(name).values[-1].item() for name in history.metrics},
        "data": history.data,
        "checkpoints": [
            {"path": str(each.path), "step": each.state.step, "epoch": each.state.epoch, "best": each is best}
            for each in kept
        ],
        "sampled": [epoch for epoch, _ in run.sampled()],
    }


@runs.command()
@click.argument("names", nargs=-1, required=True, metavar="RUN...")
@click.option("--html", "page", type=click.Path(path_type=Path), help="Write a page with all curves, one file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, curves and all.")
@click.pass_context
def compare(ctx: click.Context, names: tuple[str, ...], *, page: Path | None, as_json: bool) -> None:
    """Put several runs side by side: the settings in which they differ, their best figures, their curves.

    \b
    accompanist runs compare 1 2
    accompanist runs compare 1 2 3 --html compared.html
    accompanist runs compare mine theirs --json
    """  # noqa: D301 (see above)
    columns = comparison.compared([RunFolder.find(name, ctx.meta["runs"]) for name in names])
    if page:
        _write(page, columns)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(columns), ensure_ascii=False))
        return
    if page:
        click.echo(f"{page} opens in any browser, offline")
        return
    _print(_figures(columns))
    for kind in ("losses", "metrics"):
        _print(_curves(columns, kind))


def _write(page: Path, columns: Sequence[Column]) -> None:
    text = comparison_page.page(columns)
    try:
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"cannot write {page}: {error.strerror}", hint="name a file you can write to with --html"
        ) from error


def _figures(columns: Sequence[Column]) -> Table:
    table = Table("", *(column.name for column in columns), "music", box=None)
    table.add_row("state", *(column.state for column in columns))
    table.add_row("step", *(str(column.step) for column in columns))
    table.add_row("epoch", *(f"{column.epoch:.1f}" for column in columns))
    table.add_row("trained", *(duration(column.trained_s) for column in columns))
    table.add_row("best at step", *("" if each.best_step is None else str(each.best_step) for each in columns))
    for name in comparison.names(columns, "settings"):
        table.add_row(name, *(comparison.shown(name, column.settings[name]) for column in columns))
    for name in comparison.names(columns, "best"):
        cells = [f"{column.best[name]:.3f}" if name in column.best else "" for column in columns]
        music = {f"{column.data[name]:.3f}" for column in columns if name in column.data}
        table.add_row(name, *cells, " ".join(sorted(music)))
    return table


def _curves(columns: Sequence[Column], kind: str) -> Table:
    """Curves as lines of text, each name on a scale of its own that all runs share."""
    table = Table(kind, *(column.name for column in columns), "from", "to", box=None)
    for name in comparison.names(columns, kind):
        curves = [getattr(column, kind).get(name) for column in columns]
        values = [value for curve in curves if curve for value in curve.values]
        low, high = min(values), max(values)
        if low == high or "." in name:  # nothing to see, or of one track: the page and JSON have them
            continue
        lines = [comparison.sparkline(curve, low, high) if curve else "" for curve in curves]
        table.add_row(name, *lines, f"{low:.3g}", f"{high:.3g}")
    return table


@runs.command()
@click.argument("names", nargs=-1, required=True, metavar="RUN...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def rm(ctx: click.Context, names: tuple[str, ...], *, yes: bool) -> None:
    """Remove runs with all that is in them: checkpoints, samples, record. There is no way back.

    \b
    accompanist runs rm 2
    accompanist runs rm 0002-musegan-chorales 0003-musegan-pop909 --yes
    """  # noqa: D301 (see above)
    found = list(dict.fromkeys(RunFolder.find(name, ctx.meta["runs"]) for name in names))
    for run in found:
        if run.status().state == "running":
            raise TrainingError(
                f"{run.path} is being trained, and is left alone", hint="stop it with Ctrl-C, then remove it"
            )
    for run in found:
        if not yes:
            click.confirm(f"remove {run.path}, {run.status().state}, {_megabytes(run.path):.0f} MB?", abort=True)
        _remove(run.path)
        click.echo(f"removed {run.path}")


def _megabytes(path: Path) -> float:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / 1e6


def _remove(path: Path) -> None:
    try:
        (path / "config.toml").unlink()  # without it the folder is no run, should the rest be interrupted
        shutil.rmtree(path)
    except OSError as error:
        raise StorageError(
            f"cannot remove {path}: {error.strerror}", hint=f"check the permissions, then: rm -r {path}"
        ) from error


def _print(table: Table) -> None:
    """A table; where there is no terminal a script reads it: never wrapped."""
    console = Console() if Console().is_terminal else Console(width=240)
    console.print(table)
