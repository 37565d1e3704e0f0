"""`accompanist config`: explain and show the settings."""

from __future__ import annotations

import json
import re
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from accompanist.config import Config, TrackConfig, load_config, settings


@click.group()
def config() -> None:
    """Show and explain the settings.

    \b
    accompanist config explain                    every setting, its default and meaning
    accompanist config explain --toml > my.toml   a settings file to start from
    accompanist --config my.toml config show      the settings in force
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)


@config.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--toml", "as_toml", is_flag=True, help="Print a commented settings file with every default.")
def explain(as_json: bool, as_toml: bool) -> None:
    """Every setting: its default, what it accepts, what it means.

    \b
    accompanist config explain
    accompanist config explain --json
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)
    if as_json:
        click.echo(json.dumps([setting._asdict() for setting in settings()], indent=2))
        return
    if as_toml:
        click.echo(default_toml(), nl=False)
        return
    table = Table("setting", "default", "accepts", "meaning", box=None)
    for setting in settings():
        default = "" if setting.default is None else toml_value(setting.default)
        table.add_row(setting.key, default, setting.kind, setting.meaning)
    # Where there is no terminal a script reads it: one setting per line, never wrapped.
    console = Console() if Console().is_terminal else Console(width=400)
    console.print(table)


@config.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def show(ctx: click.Context, as_json: bool) -> None:
    """The settings in force: the defaults, with the settings file laid over them.

    \b
    accompanist config show
    accompanist --config my.toml config show --json
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)
    values = msgspec.to_builtins(load_config(ctx.obj))
    if as_json:
        click.echo(json.dumps(values, indent=2))
        return
    click.echo("\n\n".join("\n".join(lines) for lines in _tables("", values)))


def _tables(path: str, values: dict[str, Any]) -> list[list[str]]:
    """A table of settings and those in it, as TOML; what is not set has no line."""
    lines = [f"[{path}]"] if path else []
    plain = {key: value for key, value in values.items() if not isinstance(value, dict)}
    lines += [f"{key} = {toml_value(value)}" for key, value in plain.items() if value is not None]
    tables = [lines] if lines else []
    for key, value in values.items():
        if isinstance(value, dict):
            name = key if re.fullmatch(r"[\w-]+", key, re.ASCII) else json.dumps(key, ensure_ascii=False)
            tables += _tables(f"{path}.{name}".lstrip("."), value)
    return tables


def default_toml() -> str:
    """The settings file that changes nothing: every setting at its default, explained."""
    lines = ["# Every setting at its default. Written by: accompanist config explain --toml"]
    table = ""
    for setting in settings():
        its_table, _, key = setting.key.rpartition(".")
        named = ".NAME" in its_table  # of a table that the user names: there is none by default
        if its_table != table:
            table = its_table
            lines += ["", f"# {_meaning_of(table)}", f"{'# ' if named else ''}[{table}]"]
        value = f"{key} =" if setting.default is None else f"{key} = {toml_value(setting.default)}"
        if setting.default == {}:  # an empty table, written down, would forbid the lines that a user adds
            value = f'# {key}.NAME = ""'
        lines += [f"# {setting.meaning} ({setting.kind})", f"# {value}" if named else value]
    return "\n".join(lines) + "\n"


def _meaning_of(table: str) -> str:
    if table == "serve.tracks.NAME":
        return (TrackConfig.__doc__ or "").splitlines()[0]
    meaning = {field.name: field.type.__doc__ for field in msgspec.structs.fields(Config)}[table]
    return str(meaning).splitlines()[0]


def toml_value(value: Any) -> str:
    """A setting's value as TOML writes it."""
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    if isinstance(value, dict):
        inside = ", ".join(f"{json.dumps(name, ensure_ascii=False)} = {toml_value(its)}" for name, its in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    return json.dumps(value, ensure_ascii=False)  # TOML writes booleans, numbers and plain text as JSON does
