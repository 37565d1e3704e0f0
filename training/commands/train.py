"""`accompanist train`: from music to a trained model."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
import torch
from rich.console import Console

from accompanist.config import Config, TrainConfig, load_config, with_flags
from accompanist.errors import AccompanistError
from accompanist.runs import checkpoints
from accompanist.runs.duration import duration
from training import following, ranks, recipes, session
from training.base import base_of, inherited
from training.explain import explained
from training.live import books
from training.loop import Loop
from training.options import flags_of, given
from training.progress import reading_shown
from training.progress_line import ProgressLine
from training.recipe import Recipe, settled
from training.report import page
from training.rundir import RunDir, check_writable


@click.command()
@click.option("--resume", metavar="RUN", help="Go on with a run: its folder, name or number. --epochs may be raised.")
@click.option(
    "--pretrained",
    metavar="[MODEL]",
    is_flag=False,
    flag_value="default",
    help="Train nothing: take a model that is there (the one that comes with the program, an .onnx file, or a run).",
)
@click.option("--explain", is_flag=True, help="Say what each setting means to a musician, and train nothing.")
@flags_of(TrainConfig)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_obj
def train(
    config_path: Path | None,
    /,
    resume: str | None,
    pretrained: str | None,
    explain: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Train a model on real music.

    Without an option: the classic recipe on the Bach chorales that come with music21. Settings are taken from
    config.toml, then from the options here. Everything of a run is kept in one folder; Ctrl-C ends it with a
    checkpoint, and --resume goes on as if it had never stopped.

    What is left out is the recipe's own. Of musegan: chorales, 20 epochs, 64 windows per update, a width of 64 (as
    published, 4 to 256). Of live: pop909, groove, freedoom, openewld and openhymnal, 40 epochs, 16 stretches per
    update, a width of 192 (a multiple of 32); after its epochs come --adversarial-epochs.

    \b
    accompanist train                                     the classic recipe on chorales
    accompanist train --data pop909 --epochs 50           on pop songs
    accompanist train --data mine --tag meter=4/4         on songs of your own (see: accompanist data add)
    accompanist train --width 16 --epochs 2               small and quick, to see it work
    accompanist train --stop plateau --stop minutes:90    until nothing improves, and no longer than that
    accompanist train --stop "coupling>=0.4"              until a metric is reached (see: accompanist runs report)
    accompanist train --model live                        the model that anticipates: hours, on two CPU cores
    accompanist train --resume runs/0001-musegan-chorales go on with a run
    torchrun --nproc-per-node=4 -m training --model live  four processes, or GPUs: docs/training-at-scale.md
    accompanist train --from 1 --data mine=3 --data pop909=1 --epochs 5     fine-tune on a mix of sources
    accompanist train --pretrained                        no training: play what comes with the program
    accompanist train --explain                           every setting in a musician's words
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)
    if explain:
        click.echo(explained())
        return
    if pretrained is not None:
        _use(pretrained, as_json)
        return
    settings = load_config(config_path)
    typed = given(TrainConfig, flags)
    console = Console(stderr=True)
    with ranks.joined():
        if ranks.number():
            _followed()
            return
        run, config, recipe = _resumed(settings, resume, typed, console) if resume else begun(settings, typed, console)
        _prepared(config)
        with (
            caught_signals() as caught,
            ProgressLine(console, time.monotonic) as show,
            session.opened(
                run, config, recipe, show, tell=partial(console.print, highlight=False, soft_wrap=True)
            ) as loop,
        ):
            if resume:
                console.print(f"going on with {run.path} at step {loop.done} of {loop.plan.steps}", highlight=False)
            stop = following.Stop(lambda: bool(caught))
            finished = loop.train(stop)
            stop.end(loop)
    if finished and loop.done > loop.first_step:
        _write_report(run, console)
    _report(run, loop, finished, as_json)
    if not finished:
        raise click.exceptions.Exit(_code_of(caught))


def _followed() -> None:
    """Train beside the first process, which does all that is seen."""
    config, data = following.settings_told()
    base = base_of(config.base, Path(config.runs)) if config.base else None
    with ranks.one_first():
        recipe = recipes.load(config, data, books=base.books if base else None)
    _prepared(config)
    with caught_signals() as caught:
        finished = following.follow(config, recipe.step(config, session.device_of(config)), lambda: bool(caught))
    if not finished:
        raise click.exceptions.Exit(_code_of(caught))


def _prepared(config: TrainConfig) -> None:
    """Make this process ready to compute."""
    torch.set_num_threads(config.threads or torch.get_num_threads())
    # A saturated tanh leaves gradients so small that the CPU computes them many times slower than zeros.
    torch.set_flush_denormal(True)


def _code_of(caught: list[int]) -> int:
    """The exit code of a session that was stopped; by a signal that only another process may have got."""
    return 128 + (caught[0] if caught else signal.SIGTERM)


def begun(
    settings: Config, typed: dict[str, Any], console: Console, files: Mapping[str, bytes] = MappingProxyType({})
) -> tuple[RunDir, TrainConfig, Recipe]:
    """Read the music and begin a run.

    Args:
        settings: Of the settings file.
        typed: Settings that go before those.
        console: Where to tell what is done.
        files: What else belongs into its folder, by name.
    """
    asked = with_flags(settings.train, typed)
    base = base_of(asked.base, Path(asked.runs)) if asked.base else None
    config = settled(inherited(asked, typed, base) if base else asked)
    session.device_of(config)
    check_writable(Path(config.runs))
    following.tell_settings(config, settings.data)
    with ranks.one_first(), reading_shown(time.monotonic, console=console) as progress:
        recipe = recipes.load(config, settings.data, books=base.books if base else None, progress=progress)
    run = session.begin(config, settings.data, recipe, files)
    console.print(f"{run.path}: {recipe.summary}", highlight=False, soft_wrap=True)
    if base:
        console.print(f"it begins from {base.path}", highlight=False, soft_wrap=True)
    return run, config, recipe


def _resumed(
    settings: Config, name: str, typed: dict[str, Any], console: Console
) -> tuple[RunDir, TrainConfig, Recipe]:
    run = RunDir.find(name, Path(typed.pop("runs", settings.train.runs)))
    config = session.changed(run, typed)
    before = run.config()
    following.tell_settings(config, before.data)
    # What began from another's network goes on in the language of that one: its own folder has the books.
    known = books.read(run.path) if config.base and config.model == "live" else None
    with ranks.one_first(), reading_shown(time.monotonic, console=console) as progress:
        recipe = recipes.load(config, before.data, books=known, progress=progress)
    if config != before.train:
        run.write_config(config, before.data)
    return run, config, recipe


def _use(model: str, as_json: bool) -> None:
    """Have the program play a model that is there: what `accompanist use` does."""
    context = click.get_current_context()
    found = getattr(context.find_root().command, "get_command")(context, "use")  # noqa: B009 (a group's; click's types know no group here)
    context.invoke(found, model=model, runs=None, as_json=as_json)


@contextmanager
def caught_signals() -> Iterator[list[int]]:
    """Catch the first Ctrl-C or SIGTERM, so that the step can be finished; the second one ends at once.

    Yields:
        The signals caught so far.
    """
    caught: list[int] = []

    def catch(number: int, _frame: object) -> None:
        caught.append(number)
        if ranks.count() > 1:  # torchrun ends what does not end by itself
            if len(caught) == 1 and not ranks.number():
                click.echo("finishing the step, then a checkpoint", err=True)
            return
        if len(caught) > 1:
            raise KeyboardInterrupt
        click.echo("finishing the step, then a checkpoint; once more ends at once", err=True)

    before = {number: signal.signal(number, catch) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _write_report(run: RunDir, console: Console) -> None:
    """The run's page; one that cannot be written takes nothing from the run."""
    try:
        with reading_shown(time.monotonic, console=console, doing="packing") as progress:
            page.write(run, progress=progress)
    except AccompanistError as error:
        console.print(f"there is no report: {error.message}", highlight=False, soft_wrap=True)


def _report(run: RunDir, loop: Loop, finished: bool, as_json: bool) -> None:
    progress = loop.progress()
    best = checkpoints.best_in(run.checkpoints, loop.config.best_by)
    if as_json:
        result = {
            "run": str(run.path),
            "finished": finished,
            "step": progress.step,
            "epoch": progress.epoch,
            "best": str(best),
            "losses": progress.losses,
            "metrics": progress.metrics,
            "data": loop.sampler.data,
            "ended_by": loop.ended_by.text if loop.ended_by else None,
            "convergence": loop.convergence().sentence,
        }
        click.echo(json.dumps(result))
        return
    if not finished:
        click.echo(f"stopped at step {progress.step} of {progress.steps}; everything is kept in {run.path}")
        click.echo(f"go on with: accompanist train --resume {run.path}")
        return
    if not progress.session_steps:
        if loop.ended_by:
            end, further = f"--stop {loop.ended_by.text}", "--stop none"
        else:
            end, further = _epochs(progress.epochs), "a higher --epochs"
        click.echo(f"{run.path} is already at its end, {end}; go further with {further}")
        return
    why = f" (--stop {loop.ended_by.text})" if loop.ended_by else ""
    click.echo(f"{progress.step} steps, {_epochs(progress.epoch)}{why}, done after {duration(progress.elapsed_s)}")
    click.echo(loop.convergence().sentence)
    for key, name in (
        ("note_in_chord", "note in chord"),
        ("note_in_chord_chance", "by chance"),
        ("coupling", "coupling"),
        ("similarity_index", "similarity"),
    ):
        click.echo(f"  {name:<14} {progress.metrics[key]:6.3f}   data {loop.sampler.data[key]:6.3f}")
    click.echo(f"look and listen: {run.report}   best checkpoint: {best}")
    click.echo(f"next: accompanist export {run.path} -o model.onnx")


def _epochs(count: float) -> str:
    return f"{count:.3g} epoch{'' if count == 1 else 's'}"
