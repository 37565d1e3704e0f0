"""`accompanist data`: the sources of music to train on."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click

from accompanist.config import Config, TrainConfig, load_config
from accompanist.errors import ConfigError, DataError, EmptyDataset, MissingExtra
from accompanist.places import cache_folder
from training import cache, catalog
from training.progress import reading_shown
from training.sources import Source, registry
from training.sources.folder import Folder

GIVEN_TAGS = ("mode", "tempo", "style")
"""Tags that a user may give to a whole folder; the others follow from its files."""

MOST_VALUES = 8
"""Values of one tag that `show` names in text; JSON has them all."""


@click.group()
def data() -> None:
    """List, add and show sources of music to train on.

    \b
    accompanist data list                        what there is, and where
    accompanist data show pop909                 its songs, windows, tags, and what is left out
    accompanist data add ~/Music/ska --tag style=ska
    accompanist train --data ska --data chorales
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)


@data.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_(config_path: Path | None, as_json: bool) -> None:
    """List the sources: licence, where found or what is missing, songs where already read.

    \b
    accompanist data list
    accompanist data list --json
    """  # noqa: D301 (see above)
    config = load_config(config_path)
    rows = [_described(source, config) for source in catalog.sources(config.data).values()]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        click.echo(f"{row['name']}: {row['about']}")
        click.echo(f"  licence  {row['licence']}")
        if row["found"]:
            read = "not read yet" if row["songs"] is None else f"{row['songs']} songs, {row['left_out']} files left out"
            click.echo(f"  found    {row['found']} ({read})")
        else:
            click.echo(f"  missing  {row['missing']}")
            click.echo(f"  try      {row['hint']}")


def _described(source: Source, config: Config) -> dict[str, Any]:
    """One source as a row of the list."""
    row: dict[str, Any] = {"name": source.name, "about": source.about, "licence": source.licence}
    row |= {"found": None, "songs": None, "left_out": None, "missing": None, "hint": None}
    try:
        row["found"] = source.locate()
        reading = cache.cached(source, cache_folder(config.data.cache))
    except (DataError, MissingExtra) as error:
        return row | {"found": None, "missing": error.message, "hint": error.hint}
    if reading is not None:
        row |= {"songs": len(reading.songs), "left_out": len(reading.left_out)}
    return row


@data.command()
@click.argument("source")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Only songs with this tag; may be repeated.")
@click.option("--songs", "with_songs", is_flag=True, help="Name every song with its tags.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def show(config_path: Path | None, source: str, *, tags: tuple[str, ...], with_songs: bool, as_json: bool) -> None:
    """Show what a source holds: songs, bars, windows, tags, and every file left out with the reason.

    \b
    accompanist data show chorales
    accompanist data show pop909 --tag mode=minor --tag tempo=slow --songs
    """  # noqa: D301 (see above)
    config = load_config(config_path)
    with reading_shown(time.monotonic) as progress:
        splits = catalog.survey(TrainConfig(data=(source,), tag=tags), config.data, progress=progress)
    songs = [*splits.songs, *splits.partial]
    per_split = {
        split: {
            "songs": sum(entry.split == split for entry in songs),
            "bars": sum(entry.bars for entry in songs if entry.split == split),
            "windows": sum(entry.windows for entry in songs if entry.split == split),
        }
        for split in catalog.SPLITS
    }
    histogram = {
        key: dict(Counter(entry.tags[key] for entry in songs if key in entry.tags).most_common())
        for key in catalog.TAGS
        if any(key in entry.tags for entry in songs)
    }
    parts = dict(Counter(part for entry in songs for part in entry.parts).most_common())
    if as_json:
        report: dict[str, Any] = {"source": source, "licences": splits.licences, "splits": per_split, "tags": histogram}
        report |= {"parts": parts, "partial": len(splits.partial)}
        report["left_out"] = [entry._asdict() for entry in splits.left_out]
        if with_songs:
            report["songs"] = [
                {
                    "name": e.label,
                    "split": e.split,
                    "bars": e.bars,
                    "windows": e.windows,
                    "parts": e.parts,
                    "tags": dict(e.tags),
                }
                for e in songs
            ]
        click.echo(json.dumps(report, ensure_ascii=False, indent=2))
        return
    click.echo(f"{source}: {len(songs)} songs; licence: {', '.join(splits.licences)}")
    for split, numbers in per_split.items():
        click.echo(
            f"  {split:<10} {numbers['songs']:>6} songs {numbers['bars']:>7} bars {numbers['windows']:>7} windows"
        )
    if splits.partial:
        click.echo(
            f"  partial    {len(splits.partial)} songs lack the melody or what accompanies it, and yield no windows"
        )
    for key, counts in {"parts": parts, **histogram}.items():
        shown = ", ".join(f"{value} {count}" for value, count in list(counts.items())[:MOST_VALUES])
        more = f", and {len(counts) - MOST_VALUES} more" if len(counts) > MOST_VALUES else ""
        click.echo(f"  {key:<10} {shown}{more}")
    if with_songs:
        for entry in songs:
            marks = " ".join(f"{key}={value}" for key, value in entry.tags.items() if key != "source")
            click.echo(f"  {entry.label}  {entry.split}, {entry.bars} bars, {entry.windows} windows, {marks}")
    click.echo(f"  left out   {len(splits.left_out)} files")
    for name, reason in splits.left_out:
        click.echo(f"    {name}: {reason}")


@data.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", help="What to call it; the folder's own name where not given.")
@click.option("--melody-track", default="", metavar="NAME", help="Name, or part of it, of the track with the melody.")
@click.option(
    "--tag", "tags", multiple=True, metavar="KEY=VALUE", help=f"Tag for all its songs: {', '.join(GIVEN_TAGS)}."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def add(
    config_path: Path | None, folder: Path, *, name: str | None, melody_track: str, tags: tuple[str, ...], as_json: bool
) -> None:
    """Add a folder of MIDI files of your own; says which tracks it takes for the melody.

    The files stay where they are. Adding a name again replaces its settings.

    \b
    accompanist data add ~/Music/ska --tag style=ska
    accompanist data add songs --name jazz --melody-track Sax
    """  # noqa: D301 (see above)
    config = load_config(config_path)
    where = folder.expanduser().absolute()
    source = Folder(name or where.name.replace(" ", "-"), where, melody_track, _given_tags(tags))
    registry.check_name(source.name)
    if source.name in {other.name for other in catalog.built_in(config.data)}:
        raise ConfigError(f"{source.name!r} is the name of a built-in source", hint="choose another with --name")
    with reading_shown(time.monotonic) as progress:
        reading = cache.read(source, cache_folder(config.data.cache), progress=progress)
    if not reading.songs:
        reasons = "; ".join(f"{file}: {reason}" for file, reason in reading.left_out[:3])
        raise EmptyDataset(
            f"none of the {len(reading.left_out)} MIDI files in {where} can be used, so it was not added: {reasons}",
            hint="name the melody's track with --melody-track"
            if "melody" in reasons
            else "a song has at least two tracks, on its own grid of sixteenths, as a DAW exports it",
        )
    registry.register(source)
    melodies = Counter(song.tags["melody"] for song in reading.songs).most_common()
    if as_json:
        report = {"name": source.name, "path": str(where), "songs": len(reading.songs), "melody": dict(melodies)}
        report["left_out"] = [entry._asdict() for entry in reading.left_out]
        click.echo(json.dumps(report, ensure_ascii=False, indent=2))
        return
    click.echo(f"added {source.name}: {len(reading.songs)} songs, {len(reading.left_out)} files left out")
    for melody, count in melodies:
        click.echo(f"  melody   {melody}: {count} song{'s' if count > 1 else ''}")
    for file, reason in reading.left_out:
        click.echo(f"  left out {file}: {reason}")
    click.echo(f"next: accompanist data show {source.name} --songs, or accompanist train --data {source.name}")


def _given_tags(texts: tuple[str, ...]) -> dict[str, str]:
    tags = catalog.parse_tags(texts)
    for key in tags:
        if key not in GIVEN_TAGS:
            raise ConfigError(
                f"the tag {key} cannot be given to a folder: it follows from its files",
                hint=f"these can: {', '.join(GIVEN_TAGS)}",
            )
    return tags


@data.command()
@click.argument("name")
def remove(name: str) -> None:
    """Take a folder of your own off the list. Its files are left alone.

    \b
    accompanist data remove ska
    """  # noqa: D301 (see above)
    if not registry.forget(name):
        own = ", ".join(folder.name for folder in registry.registered()) or "none"
        raise ConfigError(f"no folder of yours is called {name!r}; there are: {own}", hint="accompanist data list")
    click.echo(f"removed {name}; its files are still there")
