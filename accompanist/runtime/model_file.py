"""A model file and its ModelSpec: that it is there, that it carries one, and that the two agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from accompanist.errors import ModelError, SpecMismatch
from accompanist.music.roll import PITCHES
from accompanist.music.spec import METADATA_KEY, ModelSpec

__all__ = ["check_file", "check_shapes", "input_shapes", "output_shape", "read_spec"]


def check_file(path: Path) -> None:
    """Make sure that there is a file.

    Raises:
        ModelError: there is none.
    """
    if path.is_file():
        return
    what = "a folder" if path.is_dir() else "no such file"
    raise ModelError(
        f"cannot open the model {path}: {what}; a model is an .onnx file",
        hint="export a training run: accompanist export RUN -o model.onnx",
    )


def read_spec(session: Any, path: Path) -> ModelSpec:
    """The spec in the metadata of an onnxruntime session.

    Raises:
        SpecMismatch: there is none, or one that this program cannot serve.
    """
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if text is None:
        raise SpecMismatch(
            f"{path} is an ONNX model, but not one of Accompanist's: its metadata has no {METADATA_KEY}",
            hint="export a training run: accompanist export RUN -o model.onnx",
        )
    return ModelSpec.from_json(text)


def input_shapes(spec: ModelSpec) -> dict[str, tuple[int, ...]]:
    """Shapes of what a model is fed, by input name: batch 1, then (planes, steps, pitches) and the noise's own."""
    shapes: dict[str, tuple[int, ...]] = {spec.melody_input: (1, spec.planes, spec.context_steps, PITCHES)}
    if spec.noise_shape:
        shapes[spec.noise_input] = (1, *spec.noise_shape)
    return shapes


def output_shape(spec: ModelSpec) -> tuple[int, ...]:
    """Shape of what a model answers: (1, tracks x planes, plan_steps, 128)."""
    return 1, len(spec.tracks) * spec.planes, spec.plan_steps, PITCHES


def check_shapes(session: Any, spec: ModelSpec, path: Path) -> None:
    """Compare the spec with the inputs and outputs of an onnxruntime session.

    Raises:
        SpecMismatch: they disagree; both sides are named.
    """
    problems = [
        *_differences("input", input_shapes(spec), session.get_inputs(), others_allowed=False),
        *_differences("output", {spec.output: output_shape(spec)}, session.get_outputs(), others_allowed=True),
    ]
    if problems:
        raise SpecMismatch(
            f"{path} disagrees with its own spec: {'; '.join(problems)}",
            hint="export the run again: accompanist export RUN -o model.onnx",
        )


def _differences(side: str, wanted: dict[str, tuple[int, ...]], found: list[Any], *, others_allowed: bool) -> list[str]:
    by_name = {value.name: value for value in found}
    problems = []
    for name, shape in wanted.items():
        if name not in by_name:
            problems.append(f"the spec names the {side} {name!r}, the model has {', '.join(map(repr, by_name))}")
            continue
        actual, kind = by_name[name].shape, by_name[name].type
        # A dimension that is no number is free; the batch, which is first, may be.
        if len(actual) != len(shape) or any(
            isinstance(have, int) and have != want for have, want in zip(actual, shape, strict=False)
        ):
            problems.append(f"{side} {name!r} is {_shape_text(actual)}, the spec says {_shape_text(shape)}")
        if kind != "tensor(float)":
            problems.append(f"{side} {name!r} is {kind}, it should be tensor(float)")
    if not others_allowed:
        problems += [f"the model wants {side} {name!r}, the spec names none" for name in by_name if name not in wanted]
    return problems


def _shape_text(shape: Any) -> str:
    return " x ".join(str(dimension) for dimension in shape)
