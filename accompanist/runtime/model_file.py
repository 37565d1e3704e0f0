"""A model file and its ModelSpec: that it is there, that it carries one, and that the two agree."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from accompanist.errors import ModelError, SpecMismatch
from accompanist.music.question import Moment
from accompanist.music.roll import PITCHES
from accompanist.music.spec import METADATA_KEY, ModelSpec

__all__ = ["Tensor", "check_file", "check_shapes", "inputs_of", "outputs_of", "read_spec", "spec_from"]

_ONNX_TYPES: dict[type[np.generic], str] = {np.float32: "tensor(float)", np.int64: "tensor(int64)"}


class Tensor(NamedTuple):
    """An input or output of a model.

    Args:
        shape: Batch 1 first.
        dtype: Of its values.
    """

    shape: tuple[int, ...]
    dtype: type[np.generic] = np.float32


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
    return spec_from(session.get_modelmeta().custom_metadata_map, path)


def spec_from(metadata: Mapping[str, str], path: Path) -> ModelSpec:
    """The spec in a model's metadata.

    Raises:
        SpecMismatch: there is none, or one that this program cannot serve.
    """
    text = metadata.get(METADATA_KEY)
    if text is None:
        raise SpecMismatch(
            f"{path} is an ONNX model, but not one of Accompanist's: its metadata has no {METADATA_KEY}",
            hint="export a training run: accompanist export RUN -o model.onnx",
        )
    return ModelSpec.from_json(text)


def inputs_of(spec: ModelSpec) -> dict[str, Tensor]:
    """What a model is fed, by input name: melody, noise where there is any, codes and moment where it has codes."""
    tensors = {spec.melody_input: Tensor((1, spec.planes, spec.melody_steps, PITCHES))}
    if spec.noise_shape:
        tensors[spec.noise_input] = Tensor((1, *spec.noise_shape))
    if spec.codes:
        tensors[spec.codes_input] = Tensor((1, spec.context_beats + spec.plan_beats, spec.codes), np.int64)
        tensors[spec.moment_input] = Tensor((1, len(Moment._fields)), np.int64)
    return tensors


def outputs_of(spec: ModelSpec) -> dict[str, Tensor]:
    """What a model answers, by output name: the tracks, and where it has codes those of its plan."""
    tensors = {spec.output: Tensor((1, len(spec.tracks) * spec.planes_out, spec.plan_steps, PITCHES))}
    if spec.codes:
        tensors[spec.codes_output] = Tensor((1, spec.plan_beats, spec.codes), np.int64)
    return tensors


def check_shapes(session: Any, spec: ModelSpec, path: Path) -> None:
    """Compare the spec with the inputs and outputs of an onnxruntime session.

    Raises:
        SpecMismatch: they disagree; both sides are named.
    """
    problems = [
        *_differences("input", inputs_of(spec), session.get_inputs(), others_allowed=False),
        *_differences("output", outputs_of(spec), session.get_outputs(), others_allowed=True),
    ]
    if problems:
        raise SpecMismatch(
            f"{path} disagrees with its own spec: {'; '.join(problems)}",
            hint="export the run again: accompanist export RUN -o model.onnx",
        )


def _differences(side: str, wanted: dict[str, Tensor], found: list[Any], *, others_allowed: bool) -> list[str]:
    by_name = {value.name: value for value in found}
    problems = []
    for name, (shape, dtype) in wanted.items():
        if name not in by_name:
            problems.append(f"the spec names the {side} {name!r}, the model has {', '.join(map(repr, by_name))}")
            continue
        actual, kind = by_name[name].shape, by_name[name].type
        # A dimension that is no number is free; the batch, which is first, may be.
        if len(actual) != len(shape) or any(
            isinstance(have, int) and have != want for have, want in zip(actual, shape, strict=False)
        ):
            problems.append(f"{side} {name!r} is {_shape_text(actual)}, the spec says {_shape_text(shape)}")
        if kind != _ONNX_TYPES[dtype]:
            problems.append(f"{side} {name!r} is {kind}, it should be {_ONNX_TYPES[dtype]}")
    if not others_allowed:
        problems += [f"the model wants {side} {name!r}, the spec names none" for name in by_name if name not in wanted]
    return problems


def _shape_text(shape: Any) -> str:
    return " x ".join(str(dimension) for dimension in shape)
