"""What a run begins from: another run, a checkpoint, the weights beside an exported model."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")

from support import live_runs, runs  # noqa: E402

from accompanist.config import TrainConfig  # noqa: E402
from accompanist.errors import ConfigError, DataError, TrainingError  # noqa: E402
from accompanist.runs import checkpoints  # noqa: E402
from accompanist.runs.history import History  # noqa: E402
from training import bundle, checkpoint, samples  # noqa: E402
from training.base import base_of, fitting, inherited  # noqa: E402
from training.live import sampler  # noqa: E402
from training.rundir import RunDir  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def _silent() -> object:
    with pytest.MonkeyPatch.context() as patch:
        for module in (samples, sampler):
            patch.setattr(module, "write_samples", lambda *_, **__: None)
        yield


@pytest.fixture(scope="module")
def classic(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    run = runs.begin(tmp_path_factory.mktemp("classic"))
    runs.train(run)
    return run


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    run = live_runs.begin(tmp_path_factory.mktemp("live"))
    live_runs.train(run, stop_after=3)
    return run


def test_a_classic_run_goes_on_in_another(classic: RunDir, tmp_path: Path) -> None:
    base = base_of(str(classic.path), tmp_path)
    assert base.path == checkpoints.best_in(classic.checkpoints)
    assert base.tensors.keys() == {"generator", "critic"}
    assert base.books is None
    config = inherited(msgspec.structs.replace(runs.TINY, width=0), {}, base)
    assert (config.width, config.base) == (4, str(base.path))
    run = runs.begin(tmp_path, config)
    runs.train(run, stop_after=0)
    first = checkpoints.all_in(run.checkpoints)[0]
    for name, tensors in base.tensors.items():
        found = checkpoint.read_tensors(first, name)
        assert all(torch.equal(found[key], tensors[key]) for key in tensors)
    assert runs.train(run)


def test_a_live_run_goes_on_with_its_books(live: RunDir, tmp_path: Path) -> None:
    base = base_of(str(live.path), tmp_path)
    assert base.tensors.keys() == {"network"}
    assert base.books is not None
    config = inherited(msgspec.structs.replace(live_runs.TINY_LIVE, width=0, layers=7), {}, base)
    assert (config.width, config.layers) == (32, 1)
    run = live_runs.begin(tmp_path, config)
    live_runs.train(run, stop_after=0)
    found = checkpoint.read_tensors(checkpoints.all_in(run.checkpoints)[0], "network")
    assert all(torch.equal(found[key], value) for key, value in base.tensors["network"].items())


def test_a_checkpoint_of_a_run_is_named_by_its_folder(classic: RunDir, tmp_path: Path) -> None:
    folder = checkpoints.all_in(classic.checkpoints)[-1]
    assert base_of(str(folder), tmp_path).path == folder


def test_another_size_than_asked_for_is_refused(classic: RunDir, tmp_path: Path) -> None:
    base = base_of(str(classic.path), tmp_path)
    with pytest.raises(ConfigError, match=r"--width is 8, and .* has 4"):
        inherited(TrainConfig(width=8), {"width": 8}, base)
    with pytest.raises(ConfigError, match="--model is live"):
        inherited(TrainConfig(model="live"), {"model": "live"}, base)
    with pytest.raises(DataError, match="no longer the network"):
        fitting(base, msgspec.structs.replace(runs.TINY, width=8))


@pytest.mark.parametrize("kind", ["classic", "live"])
def test_the_weights_beside_a_model_are_those_of_its_run(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    run: RunDir = request.getfixturevalue(kind)
    base = base_of(str(run.path), tmp_path)
    model = tmp_path / "model.onnx"
    assert bundle.write(model, base.config, base.tensors, base.books) == tmp_path / "model.safetensors"
    found = base_of(str(model), tmp_path)
    assert found.config == base.config
    assert found.tensors.keys() == base.tensors.keys()
    for name, tensors in base.tensors.items():
        assert all(torch.equal(found.tensors[name][key], tensors[key]) for key in tensors)
    if base.books is not None:
        assert found.books is not None
        assert all(np.array_equal(found.books[name].cells, book.cells) for name, book in base.books.items())


def test_a_model_without_its_weights_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds what plays, and not what learns") as told:
        base_of(str(tmp_path / "model.onnx"), tmp_path)
    assert "--trainable" in told.value.hint
    (tmp_path / "model.safetensors").write_bytes(b"\x00" * 50)
    with pytest.raises(TrainingError, match="are damaged"):
        base_of(str(tmp_path / "model.onnx"), tmp_path)


class _Trap:
    """What an unpickler would run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


def test_what_comes_from_elsewhere_cannot_run_code(classic: RunDir, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    trap = pickle.dumps(_Trap(sprung))
    pickle.loads(trap)  # noqa: S301 (it is one)
    assert sprung.exists()
    sprung.unlink()
    shutil.copytree(classic.path, tmp_path / "0001-theirs")
    theirs = RunDir(tmp_path / "0001-theirs")
    best = checkpoints.best_in(theirs.checkpoints)
    assert best is not None
    for file in (best / "generator.safetensors", tmp_path / "model.safetensors"):
        file.write_bytes(trap)
    np.savez(theirs.path / "history.npz", facts=np.array([_Trap(sprung)], dtype=object), allow_pickle=True)
    for name in (str(theirs.path), str(tmp_path / "model.onnx")):
        with pytest.raises(TrainingError, match="damaged"):
            base_of(name, tmp_path)
    assert History(theirs.record).last_step == 5
    assert not sprung.exists()
