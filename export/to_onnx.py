"""From a trained model to an ONNX model that carries its ModelSpec in its metadata."""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from accompanist.errors import StorageError
from accompanist.music.spec import METADATA_KEY, ModelSpec
from accompanist.runtime.bound import Feed
from accompanist.runtime.model_file import outputs_of

_Model = TypeVar("_Model", bound=nn.Module)

OPSET = 20
SMALLEST_HALVED = 1024
"""Tensors with fewer values stay in float32: they weigh nothing, and biases and norms matter most."""


def to_onnx(model: nn.Module, spec: ModelSpec) -> onnx.ModelProto:
    """Trace a model, as it plays (batch norm frozen), into an ONNX graph of batch 1.

    Args:
        model: A classic generator or a live player, on any device; it is moved to the CPU in float32 and switched to
            eval. It takes the inputs of its spec in their order.
        spec: Its input and output names and shapes.
    """
    model = model.float().cpu().eval()
    feed = Feed(spec)
    feed.try_out(1)
    exporter_log = logging.getLogger("torch.onnx")
    level = exporter_log.level
    exporter_log.setLevel(logging.ERROR)  # it warns of a package for images that no graph here uses
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecations inside torch's own exporter
            program = torch.onnx.export(
                model,
                tuple(torch.from_numpy(array) for array in feed.arrays.values()),
                None,
                input_names=list(feed.arrays),
                output_names=list(outputs_of(spec)),
                opset_version=OPSET,
                dynamo=True,
                optimize=True,
                verbose=False,
            )
    finally:
        exporter_log.setLevel(level)
    if program is None:
        raise RuntimeError("torch.onnx.export returned nothing")
    traced: onnx.ModelProto = program.model_proto
    for node in traced.graph.node:  # the tracer notes source lines and local paths; a published model needs none
        del node.metadata_props[:]
        node.doc_string = ""
    for value in [*traced.graph.value_info, *traced.graph.input, *traced.graph.output]:
        del value.metadata_props[:]
    del traced.graph.metadata_props[:]
    return traced


def rounded_to_half(model: _Model) -> _Model:
    """The model with its large weights rounded to half precision, so that storing them so changes nothing."""
    with torch.no_grad():
        for weight in model.parameters():
            if weight.numel() >= SMALLEST_HALVED:
                weight.copy_(weight.half().float())
    return model


def store_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store large float32 weights as float16, each with a cast back: half the file, the same float32 arithmetic.

    Only weights that float16 holds exactly are stored so: see `rounded_to_half`. The tracer computes some weights
    beforehand; those stay as they are.
    """
    casts = []
    for weight in model.graph.initializer:
        if weight.data_type != TensorProto.FLOAT or int(np.prod(weight.dims)) < SMALLEST_HALVED:
            continue
        name = weight.name
        values = numpy_helper.to_array(weight)
        halved = values.astype(np.float16)
        if not np.array_equal(halved.astype(np.float32), values):
            continue
        weight.CopyFrom(numpy_helper.from_array(halved, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def save(model: onnx.ModelProto, spec: ModelSpec, path: Path) -> None:
    """Write the model with its spec in the metadata: whole or not at all.

    Raises:
        StorageError: the folder cannot be written or the disk is full; an older file of that name stays as it was.
    """
    del model.metadata_props[:]
    helper.set_model_props(model, {METADATA_KEY: spec.to_json()})
    onnx.checker.check_model(model)
    data = model.SerializeToString()
    partial: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".partial", delete=False) as file:
            partial = file.name
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(partial).chmod(0o644)
        Path(partial).replace(path)
    except OSError as error:
        if partial is not None:
            Path(partial).unlink(missing_ok=True)
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}", hint="name a folder you can write to with -o"
        ) from error
