"""`accompanist sweep`: many trainings with settings that vary, to find the best ones."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
import msgspec
import torch
from rich.console import Console

from accompanist.config import TrainConfig, load_config, with_flags
from accompanist.jobs.database import Database
from accompanist.jobs.liveness import liveness_of
from training import recipes, session
from training.commands.train import caught_signals
from training.options import flags_of, given
from training.progress import reading_shown
from training.progress_line import ProgressLine
from training.recipe import settled
from training.rundir import check_writable
from training.sweep import report
from training.sweep.goal import aim_of
from training.sweep.space import space_of
from training.sweep.study import FILE, Sweep
from training.sweep.trial import train


@click.command()
@click.option("--trials", type=click.IntRange(min=1), default=20, show_default=True, help="Trainings, in all.")
@click.option(
    "--metric", default="coupling", show_default=True,
    help="What a trial is judged by: more is better of coupling and note_in_chord, less of similarity_index; any other "
    "is to come near to the music's own.",
)  # fmt: skip
@click.option("--vary", multiple=True, metavar="SETTING=VALUES", help="LOW:HIGH or A,B,C; may be repeated.")
@flags_of(TrainConfig)
@click.option(
    "--database", default="", envvar="ACCOMPANIST_DATABASE", metavar="URL",
    help="postgresql://USER@HOST/NAME that several machines share.  [default: a file among the runs]",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.pass_obj
def sweep(  # noqa: PLR0917 (click hands them over by name)
    config_path: Path | None,
    /,
    trials: int,
    metric: str,
    vary: tuple[str, ...],
    database: str,
    as_json: bool,
    **flags: Any,
) -> None:
    """Find the settings under which a model learns best, by trying them.

    Each trial is a run like any other. Settings that vary are chosen by what the trials before came to (Optuna's TPE);
    a trial that is behind the others is given up. What is left out of --vary: of musegan both learning rate and updates
    of the critic, gradient penalty and beta1; of live learning rate, layers and batch.

    Ctrl-C, and a kill, lose nothing: the same command goes on, in the middle of a training too. More of the same
    command, on machines that share the folder of runs and --database, share the trials.

    \b
    accompanist sweep --trials 30 --epochs 8 --width 16
    accompanist sweep --trials 20 --metric similarity_index --vary learning_rate=0.0003:0.01 --vary batch=32,64,128
    accompanist sweep --trials 40 --epochs 8 --width 16 --name sweep-musegan      ten more than before
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)
    settings = load_config(config_path)
    base = settled(with_flags(settings.train, given(TrainConfig, flags)))
    space = space_of(base, vary)
    session.device_of(base)
    runs = Path(base.runs)
    check_writable(runs)
    where = Database.at(database, runs, FILE)
    where.prepare_file()
    name = base.name or f"sweep-{base.model}"
    aim = aim_of(metric)
    screen = Console(stderr=True)
    study = Sweep(
        where, name, base, space, goal=metric, upwards=aim == "most", liveness=liveness_of(where, "sweeps")
    )  # fmt: skip
    with reading_shown(time.monotonic, console=screen) as progress:
        recipe = recipes.load(base, settings.data, progress=progress)
    torch.set_num_threads(base.threads or torch.get_num_threads())
    torch.set_flush_denormal(True)  # see `accompanist train`
    target = runs / "sweeps" / f"{name}.html"
    with caught_signals() as caught:
        while len(study.over()) < trials and not caught:
            study.check_alive()
            trial = study.begin()
            with ProgressLine(screen, time.monotonic) as show:
                ending = train(
                    study, trial, base, settings.data, recipe,
                    metric=metric, stopping=lambda: bool(caught), show=show,
                )  # fmt: skip
            screen.print(f"trial {trial.number + 1}: {ending}", highlight=False)
            report.write(report.findings(study, metric), space, target)
    found = report.findings(study, metric)
    report.write(found, space, target)
    study.close()
    if as_json:
        click.echo(msgspec.json.encode({**msgspec.to_builtins(found), "report": str(target)}))
    else:
        click.echo(report.text(found))
        click.echo(f"{len(found.trials)} of {trials} trials; report: {target}")
        if found.best:
            click.echo(f"next: accompanist export {runs / found.best.run} -o model.onnx")
    if caught:
        raise click.exceptions.Exit(128 + caught[0])
