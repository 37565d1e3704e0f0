"""From a run's generator to a model the daemon plays: equal to the last bit that matters, or refused."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")
pytest.importorskip("onnx", reason="needs the export extra: pip install -e '.[export]'")

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from accompanist.errors import ExportMismatch, StorageError
from accompanist.music.spec import BAND, ModelSpec
from accompanist.runtime.infer import Session
from export.to_onnx import rounded_to_half, save, store_half, to_onnx
from export.verify import TOLERANCE, largest_error, probe_rolls, require_equal
from training.generators import UNetGenerator


@cache
def traced(planes: int, *, half: bool = False) -> bytes:
    """Tracing takes seconds, so each kind of network is traced once; the graph comes as bytes, to be changed freely."""
    generator, spec = trained(planes)
    graph: bytes = to_onnx(rounded_to_half(generator) if half else generator, spec).SerializeToString()
    return graph


def trained(planes: int, width: int = 8) -> tuple[UNetGenerator, ModelSpec]:
    """A generator with weights and statistics that are not those of a fresh one."""
    torch.manual_seed(0)
    generator = UNetGenerator(tracks=len(BAND), planes=planes, width=width)
    with torch.no_grad():
        for _ in range(3):  # batch norm gathers statistics
            generator(torch.randn(4, planes, 32, 128).sign(), torch.randn(4, *generator.noise_shape))
    spec = ModelSpec(
        kind="musegan",
        tracks=BAND,
        planes=planes,
        context_steps=32,
        plan_steps=32,
        lag_steps=32,
        noise_shape=generator.noise_shape,
    )
    return generator, spec


@pytest.mark.parametrize("planes", [1, 2])
def test_the_session_computes_what_torch_does(planes: int, tmp_path: Path) -> None:
    generator, spec = trained(planes)
    save(onnx.load_from_string(traced(planes)), spec, tmp_path / "model.onnx")
    assert largest_error(generator, tmp_path / "model.onnx") < 1e-5
    assert Session(tmp_path / "model.onnx").spec == spec


def test_half_weights_are_half_the_file_and_the_same_answers(tmp_path: Path) -> None:
    generator, spec = trained(2)
    save(onnx.load_from_string(traced(2)), spec, tmp_path / "whole.onnx")
    save(store_half(onnx.load_from_string(traced(2, half=True))), spec, tmp_path / "half.onnx")
    assert largest_error(rounded_to_half(generator), tmp_path / "half.onnx") < TOLERANCE
    assert (tmp_path / "half.onnx").stat().st_size < 0.7 * (tmp_path / "whole.onnx").stat().st_size


def test_a_weight_that_half_precision_cannot_hold_is_left_alone() -> None:
    model = store_half(onnx.load_from_string(traced(1)))  # its weights were never rounded
    kinds = {w.name: numpy_helper.to_array(w).dtype for w in model.graph.initializer if np.prod(w.dims) >= 1024}
    assert kinds
    assert set(kinds.values()) == {np.dtype(np.float32)}


def test_a_wrong_model_is_refused(tmp_path: Path) -> None:
    generator, spec = trained(2)
    model = onnx.load_from_string(traced(2))
    weight = next(w for w in model.graph.initializer if np.prod(w.dims) >= 1024)
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * np.float32(1.01), weight.name))
    save(model, spec, tmp_path / "model.onnx")
    error = largest_error(generator, tmp_path / "model.onnx")
    assert error > TOLERANCE
    with pytest.raises(ExportMismatch, match="differs"):
        require_equal(error)


def test_nan_is_no_small_error() -> None:
    with pytest.raises(ExportMismatch):
        require_equal(float("nan"))
    require_equal(TOLERANCE)


def test_probes_hold_real_melodies_silence_and_everything() -> None:
    _, spec = trained(2)
    filled = [float(roll.mean()) for roll in probe_rolls(spec)]
    assert 0.0 in filled
    assert 1.0 in filled
    assert sum(0 < share < 0.02 for share in filled) > 4  # melodies are sparse


def test_a_folder_that_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    _, spec = trained(1)
    model = onnx.load_from_string(traced(1))
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot write"):
        save(model, spec, tmp_path / "file" / "model.onnx")
    assert (tmp_path / "file").read_text() == "in the way"


def test_the_model_tells_nothing_of_where_it_was_made(tmp_path: Path) -> None:
    _, spec = trained(1)
    save(onnx.load_from_string(traced(1)), spec, tmp_path / "model.onnx")
    model = onnx.load(str(tmp_path / "model.onnx"))
    assert str(Path.cwd()) not in str(model.graph.node) + str(model.metadata_props) + model.graph.doc_string
