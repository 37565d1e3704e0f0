"""From a run of the live model to the graph the daemon plays: the same plan to the last code, or refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")
pytest.importorskip("onnx", reason="needs the export extra: pip install -e '.[export]'")

import numpy as np
import onnx
from onnx import numpy_helper
from support.live_runs import begin, train

from accompanist.cli import main
from accompanist.errors import TrainingError
from accompanist.music.question import UNKNOWN
from accompanist.runtime.infer import Session
from export.to_onnx import rounded_to_half, save
from export.verify import TOLERANCE, largest_error, probes
from training import samples
from training.checkpoint import found_in
from training.live import books, player, recipe, sampler
from training.live.trained import load_player
from training.rundir import RunDir

PLAN, CONTEXT = 2, 12


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunDir]:
    """A run of one step; it plans two beats only, because tracing eight takes a minute."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(samples, "render_wav", lambda *_: None)
        patch.setattr(samples, "draw_roll", lambda *_, **__: None)
        patch.setattr(sampler, "MEASURED_BEATS", 16)
        for module in (player, recipe):
            patch.setattr(module, "PLAN_BEATS", PLAN)
            patch.setattr(module, "CONTEXT_BEATS", CONTEXT)
            patch.setattr(module, "MELODY_AHEAD_BEATS", PLAN + 8)
        made = begin(tmp_path_factory.mktemp("runs"))
        train(made, stop_after=1)
        yield made


@pytest.fixture(scope="module")
def exported(run: RunDir, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its model, by the command, at half its size."""
    out = tmp_path_factory.mktemp("models") / "model.onnx"
    with pytest.raises(SystemExit) as stopped:
        main(["export", str(run.path), "-o", str(out), "--half"])
    assert stopped.value.code == 0
    return out


def test_a_run_becomes_a_model_that_carries_its_spec(run: RunDir, exported: Path) -> None:
    spec = Session(exported).spec
    assert spec.export_error is not None
    assert spec.export_error <= TOLERANCE
    assert spec.trained.startswith("run 0001-live-tunes, data tunes, width 32, step 1, ")
    kept = run.spec()
    for name in ("kind", "tracks", "context_steps", "plan_steps", "ahead_steps", "codes", "noise_shape", "styles"):
        assert getattr(spec, name) == getattr(kept, name)


def test_its_weights_are_stored_in_half_precision_where_that_was_asked(exported: Path) -> None:
    values = {np.dtype(np.float16): 0, np.dtype(np.float32): 0}
    for weight in onnx.load(str(exported)).graph.initializer:
        array = numpy_helper.to_array(weight)
        if array.dtype in values:
            values[array.dtype] += array.size
    assert values[np.dtype(np.float32)] < 0.15 * values[np.dtype(np.float16)]


def test_it_answers_as_the_network_does(run: RunDir, exported: Path) -> None:
    assert largest_error(rounded_to_half(load_player(found_in(run.path))), exported) <= TOLERANCE


def test_another_plan_is_no_small_error(run: RunDir, exported: Path, tmp_path: Path) -> None:
    graph, spec = onnx.load(str(exported)), Session(exported).spec
    table = max(
        (weight for weight in graph.graph.initializer if weight.data_type == onnx.TensorProto.FLOAT16),
        key=lambda weight: np.prod(weight.dims),
    )
    table.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(table), table.name))
    save(graph, spec, tmp_path / "wrong.onnx")
    assert largest_error(load_player(found_in(run.path)), tmp_path / "wrong.onnx") > TOLERANCE


def test_it_is_asked_at_many_moments(run: RunDir) -> None:
    spec = run.spec()
    asked = list(probes(spec))
    moments = [probe.question.moment for probe in asked]
    assert {moment.beats_per_bar for moment in moments if moment} == {3, 4}
    assert {moment.first_step for moment in moments if moment} >= {0, spec.context_steps}
    assert {moment.known_step for moment in moments if moment} >= {spec.context_steps - 1, spec.melody_steps}
    assert {probe.temperature for probe in asked} == {0.0, 1.0}
    codes = np.array([probe.question.codes for probe in asked])
    assert (codes[:, : spec.context_beats] >= 0).any()
    assert (codes[:, spec.context_beats :] >= 0).any()
    assert (codes == UNKNOWN).all(axis=(1, 2)).any()
    for probe in asked:  # what nobody has heard is not in the melody
        assert probe.question.moment is not None
        assert not probe.question.melody[:, probe.question.moment.known_step :].any()


def test_a_checkpoint_of_another_size_is_told(run: RunDir) -> None:
    text = (run.path / "config.toml").read_text()
    try:
        (run.path / "config.toml").write_text(text.replace("width = 32", "width = 64"))
        with pytest.raises(TrainingError, match="damaged"):
            load_player(found_in(run.path))
    finally:
        (run.path / "config.toml").write_text(text)


def test_a_run_without_its_books_cannot_be_exported(run: RunDir) -> None:
    path = run.path / books.FILE
    path.rename(path.with_suffix(".away"))
    try:
        with pytest.raises(TrainingError, match="books of figures"):
            load_player(found_in(run.path))
    finally:
        path.with_suffix(".away").rename(path)
