"""Checkpoints: whole or absent, the right ones kept, and what cannot be read is told."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")

import msgspec  # noqa: E402
from support.runs import TINY, begin  # noqa: E402

from accompanist.errors import AccompanistError, DataError, StorageError, TrainingError  # noqa: E402
from accompanist.runs import checkpoints  # noqa: E402
from training import checkpoint, storage  # noqa: E402
from training.checkpoint import State, load_generator  # noqa: E402
from training.rundir import RunDir, check_writable  # noqa: E402
from training.step import ClassicStep  # noqa: E402

WEIGHTS = {"generator": {"weight": torch.arange(4.0)}}


def saved(folder: Path, step: int, index: float | None = None) -> Path:
    metrics = {} if index is None else {"similarity_index": index}
    state = State(step=step, epoch=step / 2, record_bytes=10 * step, metrics=metrics, sampled=index is not None)
    return checkpoint.save(folder, WEIGHTS, state)


def steps_in(folder: Path) -> list[int]:
    return [int(path.name.removeprefix("step-")) for path in checkpoints.all_in(folder)]


def test_what_is_saved_is_read(tmp_path: Path) -> None:
    path = saved(tmp_path, 7, 0.5)
    state = checkpoints.read_state(path)
    assert state.sums.keys() == {"generator"}
    assert msgspec.structs.replace(state, sums={}) == State(
        step=7, epoch=3.5, record_bytes=70, metrics={"similarity_index": 0.5}, sampled=True
    )
    assert torch.equal(checkpoint.read_tensors(path, "generator")["weight"], WEIGHTS["generator"]["weight"])
    assert not list(path.rglob("*.pkl")) + list(path.rglob("*.pt"))


def test_the_two_newest_and_the_best_are_kept(tmp_path: Path) -> None:
    for step, index in ((1, 0.9), (2, 0.1), (3, 0.8), (4, None), (5, 0.7)):
        saved(tmp_path, step, index)
    assert steps_in(tmp_path) == [2, 4, 5]
    assert checkpoints.best_in(tmp_path) == tmp_path / "step-00000002"
    saved(tmp_path, 6, 0.1)
    assert checkpoints.best_in(tmp_path) == tmp_path / "step-00000006"  # of equals the newer
    assert steps_in(tmp_path) == [5, 6]


def test_an_untrained_network_is_never_the_best(tmp_path: Path) -> None:
    saved(tmp_path, 0, 0.1)
    saved(tmp_path, 1, 0.9)
    assert checkpoints.best_in(tmp_path) == tmp_path / "step-00000001"


def test_without_metrics_the_newest_is_best(tmp_path: Path) -> None:
    assert checkpoints.best_in(tmp_path) is None
    saved(tmp_path, 1)
    newer = saved(tmp_path, 2)
    assert checkpoints.best_in(tmp_path) == newer


@pytest.mark.parametrize("stage", ["write_bytes", "rename"])
def test_a_failed_save_leaves_the_earlier_ones_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    saved(tmp_path, 1)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, stage, full)
        with pytest.raises(StorageError, match="the disk is full"):
            saved(tmp_path, 2)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert steps_in(tmp_path) == [1]


def test_as_many_are_kept_as_asked_and_the_best_by_what_is_asked(tmp_path: Path) -> None:
    for step, coupling in ((1, 0.1), (2, 0.5), (3, 0.2), (4, 0.3), (5, 0.4)):
        state = State(step=step, epoch=step, record_bytes=0, metrics={"coupling": coupling}, sampled=True)
        checkpoint.save(tmp_path, WEIGHTS, state, keep=1, best_by="coupling")
    assert steps_in(tmp_path) == [2, 5]
    assert checkpoints.best_in(tmp_path, "coupling") == tmp_path / "step-00000002"


def test_a_checkpoint_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    path = saved(tmp_path, 3, 0.5)
    before = (path / "state.json").read_bytes()
    saved(tmp_path, 3)  # stopped before another step was done
    assert (path / "state.json").read_bytes() == before


@pytest.mark.parametrize("file", ["generator.safetensors", "state.json"])
@pytest.mark.parametrize("damage", ["missing", "one bit", "cut short", "empty"])
def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_it_taken(tmp_path: Path, file: str, damage: str) -> None:
    saved(tmp_path, 1)
    broken = saved(tmp_path, 2) / file
    content = bytearray(broken.read_bytes())
    content[-3] ^= 4
    if damage == "missing":
        broken.unlink()
    else:
        kept = {"one bit": content, "cut short": content[: len(content) // 2], "empty": b""}[damage]
        broken.write_bytes(kept)
    if (file, damage) == ("state.json", "one bit"):
        broken.write_bytes(content.replace(b'"step"', b'"stop"'))
    told: list[str] = []
    found = checkpoint.newest_whole(tmp_path, WEIGHTS, told.append)
    assert found
    assert found[0].step == 1
    assert torch.equal(found[1]["generator"]["weight"], WEIGHTS["generator"]["weight"])
    assert steps_in(tmp_path) == [1]
    assert (tmp_path / "step-00000002.damaged").is_dir()
    assert len(told) == 1
    assert "is damaged" in told[0]
    assert "the one before it is taken" in told[0]


def test_where_no_checkpoint_is_whole_that_is_told(tmp_path: Path) -> None:
    assert checkpoint.newest_whole(tmp_path, WEIGHTS, lambda _: None) is None
    (saved(tmp_path, 1) / "generator.safetensors").write_bytes(b"")
    with pytest.raises(TrainingError, match=r"no checkpoint of .* is whole any more"):
        checkpoint.newest_whole(tmp_path, WEIGHTS, lambda _: None)


def test_half_written_folders_do_not_count(tmp_path: Path) -> None:
    saved(tmp_path, 1)
    (tmp_path / f"step-00000002{storage.PART}").mkdir()  # what kill -9 leaves
    assert steps_in(tmp_path) == [1]
    saved(tmp_path, 2)
    assert steps_in(tmp_path) == [1, 2]
    assert not list(tmp_path.glob(f"*{storage.PART}"))


def test_a_whole_file_is_replaced_at_once_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.toml"
    storage.write_whole(path, b"old")
    with monkeypatch.context() as patch:
        patch.setattr(storage, "sync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
        with pytest.raises(OSError, match="full"):
            storage.write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["config.toml"]
    storage.write_whole(path, b"new")
    assert path.read_bytes() == b"new"


def test_the_networks_come_back_as_they_were(tmp_path: Path) -> None:
    run = begin(tmp_path)
    step = ClassicStep(TINY, 3, torch.device("cpu"))
    melody, real = torch.full((4, 2, 32, 128), -1.0), torch.full((4, 6, 32, 128), -1.0)
    step.critic_update(melody, real, 1)
    step.generator_update(melody, 2)
    path = checkpoint.save(run.checkpoints, step.tensors(), State(step=1, epoch=0.5, record_bytes=0))
    other = ClassicStep(TINY, 3, torch.device("cpu"))
    other.restore({name: checkpoint.read_tensors(path, name) for name in other.tensors()})
    assert torch.equal(step.critic_update(melody, real, 3), other.critic_update(melody, real, 3))
    assert torch.equal(step.generator_update(melody, 4), other.generator_update(melody, 4))

    generator, info = load_generator(run.path)
    assert not generator.training
    assert (info.run, info.checkpoint, info.state.step) == (run.path, path, 1)
    assert info.spec.tracks == run.spec().tracks
    assert info.config.width == TINY.width
    assert info.facts["licences"] == ["CC0-1.0"]
    assert load_generator(path)[1].checkpoint == path


def test_a_generator_is_looked_for_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        load_generator(tmp_path / "nothing")
    with pytest.raises(DataError, match=r"is no training run: it has no config\.toml"):
        load_generator(tmp_path)
    with pytest.raises(DataError, match="no checkpoint yet"):
        load_generator(begin(tmp_path).path)


@pytest.mark.parametrize("file", ["generator.safetensors", "state.json"])
@pytest.mark.parametrize("damage", ["missing", "garbage"])
def test_damage_is_told(tmp_path: Path, file: str, damage: str) -> None:
    run = begin(tmp_path)
    step = ClassicStep(TINY, 3, torch.device("cpu"))
    path = checkpoint.save(run.checkpoints, step.tensors(), State(step=1, epoch=0.5, record_bytes=0))
    if damage == "missing":
        (path / file).unlink()
    else:
        (path / file).write_bytes(b"\x00" * 20)
    with pytest.raises(TrainingError, match="is damaged"):
        load_generator(run.path)


def test_weights_of_another_shape_are_told(tmp_path: Path) -> None:
    run = begin(tmp_path)
    checkpoint.save(run.checkpoints, WEIGHTS, State(step=1, epoch=0.5, record_bytes=0))
    with pytest.raises(TrainingError, match="is damaged"):
        load_generator(run.path)


def test_runs_are_numbered_and_found(tmp_path: Path) -> None:
    first, second = begin(tmp_path), begin(tmp_path)
    assert [run.path.name for run in (first, second)] == ["0001-musegan-chorales", "0002-musegan-chorales"]
    for name in ("2", "0002-musegan-chorales", str(second.path)):
        assert RunDir.find(name, tmp_path).path == second.path
    with pytest.raises(DataError, match="2 runs are called musegan-chorales: 0001-musegan-chorales, 0002-"):
        RunDir.find("musegan-chorales", tmp_path)
    named = begin(tmp_path, msgspec.structs.replace(TINY, name="mine"))
    assert RunDir.find("mine", tmp_path).path == named.path
    with pytest.raises(DataError, match="holds 0001-musegan-chorales, 0002-musegan-chorales, 0003-mine"):
        RunDir.find("4", tmp_path)


def test_settings_survive_their_file(tmp_path: Path) -> None:
    odd = msgspec.structs.replace(TINY, name='quotes " and \\ and \x7f and é', tag=("meter=4/4",), learning_rate=1e-7)
    run = begin(tmp_path, odd)
    assert run.config().train == msgspec.structs.replace(odd, runs=str(tmp_path))
    assert run.path.name == "0001-quotes-and-and-and-é"


def test_an_unwritable_folder_is_told_before_anything_takes_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(AccompanistError, match="cannot write a new run") as told:
        check_writable(tmp_path / "file" / "runs")
    assert "--runs" in told.value.hint
