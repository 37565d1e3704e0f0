"""`accompanist evaluate`: how a model plays, beside people and beside others, on songs it never saw."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from accompanist.config import Config, load_config
from accompanist.errors import EmptyDataset
from accompanist.runtime.installed import default_model_path
from export.contest import Contest
from export.players import Mode, ModelPlayer, session_of
from training import catalog
from training.evaluation.bootstrap import DRAWS, summary
from training.evaluation.chord_hmm import ChordModel, ChordPlayer
from training.evaluation.people import PEOPLE
from training.evaluation.piece import Piece
from training.evaluation.report import Standing, as_json, markdown, table
from training.evaluation.songs import pieces
from training.evaluation.trial import Player
from training.progress import reading_shown
from training.read import Progress
from training.storage import told, write_whole

MODES: tuple[Mode, ...] = ("live", "file")


@click.command()
@click.option("--model", type=click.Path(path_type=Path), help="The model.  [default: the shipped one]")
@click.option(
    "--data", "sources", multiple=True, default=("pop909",), show_default=True, help="Source of songs; may be repeated."
)
@click.option(
    "--split", type=click.Choice(catalog.SPLITS), default="test", show_default=True, help="Which songs of it."
)
@click.option("--songs", "most", type=click.IntRange(min=1), help="At most so many songs.  [default: all]")
@click.option(
    "--seeds", type=click.IntRange(min=1), default=2, show_default=True, help="Performances of each song by a model."
)
@click.option(
    "--against", multiple=True, type=click.Path(path_type=Path), help="Another model to play beside; may be repeated."
)
@click.option(
    "--jobs", type=click.IntRange(min=1), default=2, show_default=True, help="Processes that play at the same time."
)
@click.option("--json", "as_json_", is_flag=True, help="Print one JSON object.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Also write the figures to a Markdown file.")
@click.pass_obj
def evaluate(
    config_path: Path | None,
    /,
    *,
    model: Path | None,
    sources: tuple[str, ...],
    split: str,
    most: int | None,
    seeds: int,
    against: tuple[Path, ...],
    jobs: int,
    as_json_: bool,
    out: Path | None,
) -> None:
    """Measure how a model plays whole songs that it never saw.

    Every song of a split is accompanied by the model, live (through the very engine that plays, the future hidden) and
    as a file (all of the melody known); by a hidden Markov model over chords with fixed patterns, learnt from the train
    split, in both ways; and it is compared with people's own accompaniment, also a bar late and in other keys. Each
    figure is a mean over songs with its 95 % interval; `training/evaluation/` says what each one means.

    \b
    accompanist evaluate                                     the shipped model
    accompanist evaluate --model model.onnx --songs 10       a first look
    accompanist evaluate --model new.onnx --against old.onnx -o figures.md
    accompanist evaluate --data mine --split validation --json
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)
    began_s = time.monotonic()
    config = load_config(config_path)
    chosen = (model or default_model_path()).absolute()
    players = _models([chosen, *(path.absolute() for path in against)])
    with reading_shown(time.monotonic) as progress:
        songs = pieces(sources, config.data, split, most=most, progress=progress)
    players |= _opponents(sources, config)
    with _ended_by_sigterm(), reading_shown(time.monotonic, doing="measuring") as progress:
        found = Contest(players, songs, seeds).run(min(jobs, os.cpu_count() or 1), progress)
    names = [*players, *(name for name in found if name not in players)]
    standing: Standing = {name: summary(found[name], found[PEOPLE]) for name in names}
    took_s = time.monotonic() - began_s
    if out is not None:
        with told("the figures", out):
            write_whole(
                out, markdown(standing, f"Figures of {chosen.name}", _notes(songs, sources, split, seeds)).encode()
            )
    if as_json_:
        result = {"model": str(chosen), "data": sources, "split": split, "songs": len(songs), "seeds": seeds}
        click.echo(
            json.dumps({**result, "took_s": round(took_s, 1), "contestants": as_json(standing)}, allow_nan=False)
        )
        return
    click.echo(
        f"{chosen}; songs: {len(songs)} of {', '.join(sources)}, {split} split; means and 95 % intervals over songs"
    )
    click.echo(table(standing, shutil.get_terminal_size((120, 24)).columns))


def _models(paths: Sequence[Path]) -> dict[str, Player]:
    """Each model in both modes, the first one called so, the others by their files."""
    for path in paths:
        session_of(path)  # what is wrong with a file is told before an hour of reading and playing
    stems = [path.stem for path in paths]
    names = ["model", *(str(path) if stems.count(path.stem) > 1 else path.stem for path in paths[1:])]
    return {
        f"{name}, {mode}": ModelPlayer(path, mode) for name, path in zip(names, paths, strict=True) for mode in MODES
    }


def _opponents(sources: Sequence[str], config: Config) -> dict[str, Player]:
    """The hidden Markov model in both modes, where there are songs to learn from."""
    try:
        with reading_shown(time.monotonic) as progress:
            songs = pieces(sources, config.data, "train", with_chords=False, progress=progress)
    except EmptyDataset as error:
        click.echo(f"without the hidden Markov model: {error.message}", err=True)
        return {}
    with reading_shown(time.monotonic, doing="counting chords of") as progress:
        learnt = ChordModel.learnt(_counted(songs, progress))
    return {f"chord HMM, {mode}": ChordPlayer(learnt, mode == "file") for mode in MODES}


def _counted(songs: Sequence[Piece], progress: Progress) -> Iterator[Piece]:
    for done, song in enumerate(songs):
        progress("songs", done, len(songs))
        yield song


def _notes(songs: Sequence[Piece], sources: Sequence[str], split: str, seeds: int) -> list[str]:
    """What was measured on what, for the report."""
    beats = sum(song.bars * song.beats_per_bar for song in songs)
    measured = f"Songs: {len(songs)} ({beats} beats) of {', '.join(sources)}, {split} split. Seeds: {seeds}."
    interval = f"Means over songs, with the interval that holds 95 % of {DRAWS} draws of as many songs."
    return [measured, interval, "Each figure is defined in `training/evaluation/`."]


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """A SIGTERM ends the processes that play as well."""

    def end(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
