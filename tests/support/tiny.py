"""A model whose answer is known by hand: every track is the melody itself, some semitones lower."""

from __future__ import annotations

from pathlib import Path

import pytest

from accompanist.music.spec import BAND, METADATA_KEY, ModelSpec

SEMITONES_DOWN = (24, 12, 7)
"""By how much bass, piano and strings lie below the melody."""
NOISE_WEIGHT = 1e-3
"""Noise moves the values, never their sign: the notes are the same for every seed."""

TINY_SPEC = ModelSpec(
    kind="musegan",
    tracks=BAND,
    planes=2,
    context_steps=32,
    plan_steps=32,
    lag_steps=32,
    noise_shape=(2, 1, 1),
    trained="made by the tests",
    export_error=0.0,
    licences=("CC0-1.0",),
)


def write_tiny_model(path: Path, *, spec: ModelSpec = TINY_SPEC, metadata: bool = True) -> Path:
    """Write the model as ONNX; needs the onnx package, else skips the test.

    Args:
        path: Where to.
        spec: Its spec; `plan_steps` must equal `context_steps`, and there are three tracks at most.
        metadata: Whether the spec is written into it.
    """
    onnx = pytest.importorskip("onnx", reason="the tiny model is written with the onnx package (extra: export)")
    helper, float32, int64 = onnx.helper, onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
    nodes, constants = [], []
    for track, down in zip(spec.tracks, SEMITONES_DOWN, strict=False):
        higher = [(pitch + down) % 128 for pitch in range(128)]
        constants.append(helper.make_tensor(f"higher_{track.name}", int64, [128], higher))
        nodes.append(helper.make_node("Gather", [spec.melody_input, f"higher_{track.name}"], [track.name], axis=3))
    parts = [track.name for track in spec.tracks]
    shape = (1, spec.planes, spec.context_steps, 128)
    inputs = [helper.make_tensor_value_info(spec.melody_input, float32, shape)]
    if spec.noise_shape:
        inputs.append(helper.make_tensor_value_info(spec.noise_input, float32, (1, *spec.noise_shape)))
        constants.append(helper.make_tensor("weight", float32, [], [NOISE_WEIGHT]))
        nodes.append(helper.make_node("ReduceMean", [spec.noise_input], ["mean"], keepdims=0))
        nodes.append(helper.make_node("Mul", ["mean", "weight"], ["breath"]))
        nodes.append(helper.make_node("Concat", parts, ["all"], axis=1))
        nodes.append(helper.make_node("Add", ["all", "breath"], [spec.output]))
    else:
        nodes.append(helper.make_node("Concat", parts, [spec.output], axis=1))
    out_shape = (1, len(spec.tracks) * spec.planes, spec.plan_steps, 128)
    graph = helper.make_graph(
        nodes, "tiny", inputs, [helper.make_tensor_value_info(spec.output, float32, out_shape)], constants
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if metadata:
        helper.set_model_props(model, {METADATA_KEY: spec.to_json()})
    onnx.save(model, str(path))
    return path
