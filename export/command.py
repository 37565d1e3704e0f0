"""`accompanist export`."""

from __future__ import annotations

import json
from pathlib import Path

import click
import msgspec
from onnx import ModelProto
from torch import nn

from accompanist.config import load_config
from accompanist.errors import StorageError
from accompanist.music.spec import ModelSpec
from accompanist.runs.checkpoints import is_checkpoint
from export.to_onnx import rounded_to_half, save, store_half, to_onnx
from export.verify import TOLERANCE, largest_error, require_equal
from training import bundle
from training.base import base_of
from training.checkpoint import RunInfo, found_in, load_generator
from training.live.trained import load_player
from training.origin import described
from training.rundir import RunDir


@click.command()
@click.argument("run")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), default="model.onnx", show_default=True, help="The file to write."
)
@click.option("--half", is_flag=True, help="Store weights in half precision: half the size, still computed in float32.")
@click.option(
    "--trainable", is_flag=True, help="Write its weights beside it as well, for: accompanist train --from OUT."
)
@click.option("--runs", type=click.Path(path_type=Path), help="Folder that holds the runs.  [default: train.runs]")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_obj
def export(
    config_path: Path | None,
    /,
    *,
    run: str,
    out: Path,
    half: bool,
    trainable: bool,
    runs: Path | None,
    as_json: bool,
) -> None:
    """Turn a training RUN into a verified ONNX model: its folder, name or number, or a checkpoint's folder.

    The model carries everything the daemon needs in its metadata, and is compared with the trained network through the
    daemon's own session before it is kept.

    \b
    accompanist export runs/0001-musegan-chorales -o model.onnx
    accompanist export 1 -o model.onnx
    accompanist export runs/0001-musegan-chorales/checkpoints/step-00000300 -o early.onnx
    accompanist accompany song.mid -o out.mid --model model.onnx
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)
    if out.is_dir():
        raise StorageError(f"{out} is a folder, and a model is a file", hint=f"-o {out / 'model.onnx'}")
    model, info = _trained_model(_found(run, runs or Path(load_config(config_path).train.runs)))
    spec = msgspec.structs.replace(info.spec, trained=_trained(info))
    if half:
        model = rounded_to_half(model)
    # Not all terminals show what a status line would: one line tells what the wait is for.
    slow = ", which takes a minute or two for the live model" if spec.kind == "live" else ""
    click.echo(f"tracing {info.checkpoint}{slow}", err=True)
    graph = to_onnx(model, spec)
    if half:
        graph = store_half(graph)
    error = _saved_if_equal(graph, spec, model, out)
    weights = _weights_beside(info, out) if trainable else None
    size = out.stat().st_size
    if as_json:
        result = {"model": str(out), "bytes": size, "largest_error": error, "tolerance": TOLERANCE}
        click.echo(
            json.dumps(
                {
                    **result,
                    "checkpoint": str(info.checkpoint),
                    "trained": spec.trained,
                    "weights": weights and str(weights),
                }
            )
        )
        return
    click.echo(f"{info.checkpoint} -> {out} ({size / 1e6:.1f} MB)")
    click.echo(f"largest difference from the trained network: {error:.2g} (accepted: {TOLERANCE:.0e})")
    if weights:
        click.echo(f"its weights, to go on from with accompanist train --from {out}: {weights}")
    click.echo(f"try it: accompanist demo --model {out}")


def _found(name: str, runs: Path) -> Path:
    """A checkpoint's folder as it is, else the run that is called so.

    Raises:
        DataError: there is none; the message lists the runs there are.
    """
    return path if is_checkpoint(path := Path(name)) else RunDir.find(name, runs).path


def _trained_model(run: Path) -> tuple[nn.Module, RunInfo]:
    """What a run has learnt, as it plays, by the recipe of the run."""
    info = found_in(run)
    return (load_player(info), info) if info.spec.kind == "live" else load_generator(run)


def _weights_beside(info: RunInfo, out: Path) -> Path:
    """Write what the networks have learnt beside the model; returns where."""
    base = base_of(str(info.checkpoint), info.run.parent)
    return bundle.write(out, info.config, base.tensors, base.books)


def _saved_if_equal(graph: ModelProto, spec: ModelSpec, model: nn.Module, out: Path) -> float:
    """Write the model beside its place, compare it, and move it there with the measured error in its spec."""
    candidate = out.with_name(f".{out.name}.unverified")
    try:
        save(graph, spec, candidate)
        error = largest_error(model, candidate)
        require_equal(error)
        save(graph, msgspec.structs.replace(spec, export_error=error), out)
    finally:
        candidate.unlink(missing_ok=True)
    return error


def _trained(info: RunInfo) -> str:
    """Which run, on what, how far, and which version of this program trained it."""
    config = info.config
    parts = [
        f"run {info.run.name}",
        f"data {', '.join([*config.data, *config.tag])}",
        f"width {config.width}",
        f"step {info.state.step}",
        f"epoch {info.state.epoch:.1f}",
        f"seed {config.seed}",
        described(info.origins, info.state.step),
    ]
    return ", ".join(parts)
