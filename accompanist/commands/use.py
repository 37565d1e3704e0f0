"""`accompanist use`: choose the model that plays, instead of training one."""

from __future__ import annotations

import json
from pathlib import Path

import click

from accompanist.config import load_config
from accompanist.errors import DataError, ModelError
from accompanist.music.spec import ModelSpec
from accompanist.runs.folder import RunFolder
from accompanist.runtime.infer import Session
from accompanist.runtime.installed import SHIPPED, shipped_model_path, take_into_use


@click.command()
@click.argument("model", default="default")
@click.option("--runs", type=click.Path(path_type=Path), help="Folder that holds the runs.  [default: train.runs]")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def use(ctx: click.Context, model: str, *, runs: Path | None, as_json: bool) -> None:
    """Have `serve`, `accompany` and `demo` take a MODEL from now on: serve.model in the settings file.

    MODEL is default or classic (they come with the program), an .onnx file, or a run: its folder, name or number. A run
    that has not been exported yet is exported first.

    \b
    accompanist use                      the model that comes with the program
    accompanist use mine.onnx
    accompanist use runs/0003-live-mine
    accompanist train --pretrained 3     the same, for who thinks of it as training
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)
    config_path: Path | None = ctx.obj
    path = _found(ctx, model, runs or Path(load_config(config_path).train.runs))
    spec = Session(path).spec
    written = take_into_use(path, config_path)
    if as_json:
        found = {"model": str(path), "kind": spec.kind, "tracks": [track.name for track in spec.tracks]}
        click.echo(json.dumps({**found, "settings": str(written)}))
        return
    click.echo(f"{_told(model, path, spec)}")
    click.echo(f"{written} says so from now on: serve, accompany and demo take it where no --model is given")
    click.echo("next: accompanist demo")


def _told(model: str, path: Path, spec: ModelSpec) -> str:
    tracks = ", ".join(track.name for track in spec.tracks)
    what = f"the {model} model that comes with the program" if model in SHIPPED else str(path)
    return f"{what} plays: {tracks} ({spec.kind})"


def _found(ctx: click.Context, model: str, runs: Path) -> Path:
    """The file of a model; a run that has none yet is exported.

    Raises:
        ModelError: there is no such file.
        DataError: there is no such run.
    """
    if model in SHIPPED:
        return shipped_model_path(model)
    if model.endswith(".onnx"):
        if not Path(model).is_file():
            raise ModelError(
                f"cannot open the model {model}: no such file",
                hint="accompanist use default, or export a run: accompanist export RUN -o model.onnx",
            )
        return Path(model)
    try:
        run = RunFolder.find(model, runs)
    except DataError as error:
        raise DataError(
            f"{model} is no model: neither default nor classic, nor an .onnx file; and {error.message}",
            hint="accompanist runs list",
        ) from error
    if not run.model.is_file():
        export = getattr(ctx.find_root().command, "get_command")(ctx, "export")  # noqa: B009 (a group's, which click's types do not know)
        ctx.invoke(export, run=str(run.path), out=run.model, half=False, runs=runs, as_json=False, trainable=False)
    return run.model
