"""`accompanist config`: explain and show the settings."""

from __future__ import annotations

import json
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from accompanist.config import Config, load_config, settings


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
        table.add_row(setting.key, toml_value(setting.default), setting.kind, setting.meaning)
    # Where there is no terminal a script reads it: one setting per line, never wrapped.
    console = Console() if Console().is_terminal else Console(width=240)
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
    for at, (stage, its) in enumerate(values.items()):
        click.echo(f"{chr(10) if at else ''}[{stage}]")
        for key, value in its.items():
            click.echo(f"{key} = {toml_value(value)}")


def default_toml() -> str:
    """The settings file that changes nothing: every setting at its default, explained."""
    lines = ["# Every setting at its default. Written by: accompanist config explain --toml"]
    stage = ""
    for setting in settings():
        its_stage, _, key = setting.key.partition(".")
        if its_stage != stage:
            stage = its_stage
            meaning = {field.name: field.type.__doc__ for field in msgspec.structs.fields(Config)}[stage]
            lines += ["", f"# {meaning.splitlines()[0]}", f"[{stage}]"]
        lines.append(f"# {setting.meaning} ({setting.kind})")
        # A table of names has no default to write, and an empty one would forbid the lines that a user adds.
        lines.append(f'# {key}.NAME = ""' if setting.default == {} else f"{key} = {toml_value(setting.default)}")
    return "\n".join(lines) + "\n"


def toml_value(value: Any) -> str:
    """A setting's value as TOML writes it."""
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    if isinstance(value, dict):
        inside = ", ".join(f"{json.dumps(name, ensure_ascii=False)} = {toml_value(its)}" for name, its in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    return json.dumps(value, ensure_ascii=False)  # TOML writes booleans, numbers and plain text as JSON does
