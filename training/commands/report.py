"""`accompanist runs report`: a run's story on one page."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from accompanist.runs import RunFolder
from training.progress import reading_shown
from training.report import page


@click.command()
@click.argument("run")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Where to, instead of the run's folder."
)
@click.option("--open", "show", is_flag=True, help="Open it in the browser.")
@click.option("--json", "as_json", is_flag=True, help="Print where it stands as JSON.")
@click.pass_context
def report(ctx: click.Context, run: str, output: Path | None, show: bool, as_json: bool) -> None:
    """Write a run's report: one HTML file that holds everything and opens offline.

    Losses, every metric beside what people play, the same melodies to see and hear at each sampled epoch, settings,
    data, and a sentence on whether it converges. Training writes one at its end; of a run that is still going on, or
    was stopped, this writes how it stands now.

    \b
    accompanist runs report 3                   into the folder of run 3, as report.html
    accompanist runs report 3 --open            and look at it
    accompanist runs report 3 -o ~/ska.html     to give away
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)
    folder = RunFolder.find(run, ctx.meta["runs"])
    with reading_shown(time.monotonic, doing="packing") as progress:
        path = page.write(folder, output, progress=progress)
    written = path.stat().st_size
    click.echo(json.dumps({"report": str(path), "bytes": written}) if as_json else f"{path}: {written / 1e6:.1f} MB")
    if show:
        click.launch(str(path))
