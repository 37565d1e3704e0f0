"""`accompanist accompany`: MIDI files in, the same melodies with a band out."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import click
from rich.console import Console
from rich.progress import Progress

from accompanist.config import load_config, with_flags
from accompanist.runtime.arrange import Mode, Wish
from accompanist.runtime.batch import Outcome, Request, accompany_all, pairs_of
from accompanist.runtime.infer import Session
from accompanist.runtime.installed import model_in_use


@click.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.option("-o", "--out", "target", metavar="OUT", required=True, type=click.Path(path_type=Path),
              help="MIDI file to write; a folder where IN is one.")  # fmt: skip
@click.option("--mode", type=click.Choice(["live", "file"]), default="live", show_default=True,
              help="live: as `serve` would have played; file: with the whole melody known.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), help="Another seed, another accompaniment.  [default: 0]")
@click.option(
    "--temperature", type=click.FloatRange(0, 2), default=1.0, help="0: the same for every seed; 1: as trained."
)
@click.option("--density", type=click.FloatRange(0, 1), default=1.0, help="1: all of it; less: off-beats go first.")
@click.option("--style", default="", help="One of the model's styles; a wrong one is told with those there are.")
@click.option("--model", type=click.Path(path_type=Path), help="An .onnx model instead of the shipped one.")
@click.option("--melody-track", "melody_name", metavar="NAME", help="Track to take as the melody.")
@click.option("--jobs", type=click.IntRange(min=1), help="Files at once.  [default: one per core]")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
@click.pass_context
def accompany(
    ctx: click.Context,
    *,
    source: Path,
    target: Path,
    mode: str,
    seed: int | None,
    temperature: float,
    density: float,
    style: str,
    model: Path | None,
    melody_name: str | None,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Accompany a MIDI file, or every MIDI file in a folder.

    The result holds the melody and a track for each player of the band, at the tempo and meter of the input. The same
    seed gives the same file.

    \b
    accompanist accompany song.mid -o band.mid
    accompanist accompany song.mid -o band.mid --mode file --melody-track Vocals
    accompanist accompany song.mid -o band.mid --style jazz --temperature 0.7 --density 0.6
    accompanist accompany songs/ -o bands/ --seed 7 --jobs 4
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)
    config = load_config(ctx.find_root().obj)
    path = model or model_in_use(config.serve)
    settings = with_flags(config.engine, {"seed": seed})
    wish = Wish(density, temperature, style)
    request = Request(path, settings, cast("Mode", mode), melody_name, wish)
    pairs = pairs_of(source, target)
    wish.commands(Session(path).spec)  # what cannot be had is told once, before the work is shared out
    alone = not source.is_dir()
    outcomes = []
    for outcome in _with_progress(accompany_all(pairs, request, jobs=jobs or os.cpu_count() or 1), len(pairs)):
        outcomes.append(outcome)
        if outcome.error is not None and alone:
            raise outcome.error
        if outcome.error is not None:
            click.echo(f"error: {outcome.error.message}", err=True)
        elif not as_json:
            click.echo(_line(outcome))
            if not any(outcome.notes.values()):
                click.echo(
                    "  the band has nothing to play; live, it listens before it joins in: try --mode file, or --seed"
                )
    failed = [outcome.error for outcome in outcomes if outcome.error is not None]
    if as_json:
        click.echo(json.dumps({"model": str(path), "mode": mode, "seed": settings.seed,
                               "files": [_as_json(outcome) for outcome in outcomes]}, indent=2))  # fmt: skip
    if failed:
        click.echo(f"{len(outcomes) - len(failed)} of {len(outcomes)} files accompanied", err=True)
        ctx.exit(failed[0].exit_code)


def _with_progress(outcomes: Iterator[Outcome], total: int) -> Iterator[Outcome]:
    """The same, with a bar on the terminal while there is more than one to wait for."""
    console = Console(stderr=True)
    if total == 1 or not console.is_terminal:
        yield from outcomes
    else:
        # The lines about the files wait for the bar to be gone: the two would run into each other.
        with Progress(console=console, transient=True) as progress:
            done = list(progress.track(outcomes, total=total, description="accompanying"))
        yield from done


def _line(outcome: Outcome) -> str:
    counts = ", ".join(f"{name} {count}" for name, count in outcome.notes.items())
    return (
        f"{outcome.target}: melody from track {outcome.melody_name!r}, {outcome.bars} bars; notes: {counts}; "
        f"inference {outcome.inference_ms:.1f} ms"
    )


def _as_json(outcome: Outcome) -> dict[str, Any]:
    if outcome.error is not None:
        return {"in": str(outcome.source), "error": outcome.error.message, "exit_code": outcome.error.exit_code}
    return {
        "in": str(outcome.source),
        "out": str(outcome.target),
        "melody_track": outcome.melody_name,
        "bars": outcome.bars,
        "notes": outcome.notes,
        "inference_ms": round(outcome.inference_ms, 3),
    }
