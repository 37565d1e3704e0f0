"""The loop: epochs and steps add up, a resumed run is an uninterrupted one, and what goes wrong costs nothing."""

from __future__ import annotations

import errno
import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path
from statistics import fmean
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")

import msgspec  # noqa: E402
from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from support.runs import TINY, begin, lines, splits, train  # noqa: E402

from accompanist.errors import ConfigError, StorageError, TrainingError  # noqa: E402
from accompanist.music import midifile  # noqa: E402
from accompanist.runs import History, checkpoints, convergence  # noqa: E402
from accompanist.runs.convergence import convergence_of  # noqa: E402
from training import checkpoint, loop, plot, samples, session  # noqa: E402
from training.classic import Classic  # noqa: E402
from training.loop import Loop  # noqa: E402
from training.order import Order, seed_for  # noqa: E402
from training.plan import Plan, Progress  # noqa: E402
from training.recipe import Seen  # noqa: E402
from training.rundir import RunDir  # noqa: E402


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sound and pictures are tested where they are made; here two files stand for them."""
    monkeypatch.setattr(samples, "render_wav", lambda _song, path: path.write_bytes(b"sound"))
    monkeypatch.setattr(samples, "draw_roll", lambda _tracks, path, **_: path.write_bytes(b"picture"))
    monkeypatch.setattr(plot, "draw", lambda _record, path: path.write_bytes(b"plot"))


@given(windows=st.integers(1, 40), batch=st.integers(1, 30), seed=st.integers(0, 5))
def test_every_window_comes_once_per_pass_whatever_the_batch(windows: int, batch: int, seed: int) -> None:
    order = Order(windows, seed)
    drawn = [int(i) for at in range(0, 4 * windows, batch) for i in order.take(at, batch)]
    for start in range(0, 4 * windows, windows):
        assert sorted(drawn[start : start + windows]) == list(range(windows))


def test_the_order_depends_on_the_seed_and_on_the_pass() -> None:
    first = Order(30, 0)
    assert first.take(0, 30).tolist() != first.take(30, 30).tolist()
    assert first.take(0, 30).tolist() != Order(30, 1).take(0, 30).tolist()


@given(seed=st.integers(0, 1000), purpose=st.integers(0, 5), index=st.integers(0, 10**6))
def test_seeds_are_what_torch_takes_and_differ_by_purpose(seed: int, purpose: int, index: int) -> None:
    found = seed_for(seed, purpose, index)
    assert 0 <= found < 2**63
    assert found != seed_for(seed, purpose + 1, index)


@given(
    windows=st.integers(1, 500),
    batch=st.integers(2, 64),
    updates=st.integers(1, 5),
    epochs=st.integers(1, 20),
    every=st.integers(1, 7),
)
def test_steps_cover_all_epochs_and_samples_come_when_due(
    windows: int, batch: int, updates: int, epochs: int, every: int
) -> None:
    config = msgspec.structs.replace(TINY, batch=batch, critic_updates=updates, epochs=epochs, sample_every=every)
    plan = Plan(config, SimpleNamespace(extent=windows, per_step=batch * updates, epochs=epochs))
    assert plan.epoch_at(plan.steps) >= epochs > plan.epoch_at(plan.steps - 1)
    sampled = [step for step in range(plan.steps + 1) if plan.samples_at(step)]
    assert sampled[0] == 0
    assert sampled[-1] == plan.steps
    rounds = [plan.epochs_done(step) // every for step in sampled]
    assert len(sampled) <= epochs // every + 2
    assert set(range(1, epochs // every + 1)) <= set(rounds) or plan.per_step > windows * every


def test_a_run_leaves_everything_the_design_asks_for(tmp_path: Path) -> None:
    run, seen = begin(tmp_path), list[Progress]()
    assert train(run, seen=seen)
    assert run.path == tmp_path / "0001-musegan-chorales"
    assert run.config().train == msgspec.structs.replace(TINY, runs=str(tmp_path))
    assert run.spec().noise_shape == (32, 2, 8)
    assert run.facts()["windows"] == {"train": 12, "validation": 3, "test": 0}
    assert [line["step"] for line in lines(run, "step")] == list(range(1, 6))
    assert [line["epoch"] for line in lines(run, "epoch")] == [0, 1, 2, 3]
    for line in lines(run, "epoch"):
        assert line["metrics"].keys() == line["data"].keys() >= {"bass.empty_bar_rate", "coupling", "similarity_index"}
        assert line["distances"].keys() == line["metrics"].keys() - {"similarity_index"}
        assert line["metrics"]["similarity_index"] == pytest.approx(fmean(line["distances"].values()))
    assert {(line["critic_rate"], line["generator_rate"], line["critic_updates"]) for line in lines(run, "step")} == {
        (TINY.learning_rate, TINY.learning_rate, 2)
    }
    assert sorted(path.name for path in run.samples.iterdir()) == [*(f"epoch-{n:04d}" for n in range(4)), "people"]
    kinds = [[file.suffix for file in sorted(folder.iterdir())] for folder in sorted(run.samples.iterdir())]
    assert kinds == [[".mid", ".png", ".wav"]] * 5  # one melody, before the first step as well
    song = midifile.read(next((run.samples / "epoch-0003").glob("*.mid")))
    assert song.tracks[0].name == "melody"
    assert len(song.tracks[0].notes) == 16  # four bars of quarters
    assert run.losses_plot.read_bytes() == b"plot"
    assert (seen[-1].step, seen[-1].steps, seen[-1].epoch, seen[-1].metrics) == (
        5, 5, 3, lines(run, "epoch")[-1]["metrics"],
    )  # fmt: skip


def test_training_teaches(tmp_path: Path) -> None:
    run = begin(tmp_path, msgspec.structs.replace(TINY, epochs=30, sample_every=30, transpose=0))
    train(run)
    steps = lines(run, "step")
    # The slope of an untrained critic is near 0, where the penalty asks for 1.
    assert steps[0]["penalty"] > 0.9
    assert min(step["penalty"] for step in steps) < 0.2
    assert min(step["critic"] for step in steps) < steps[0]["critic"] - 1  # it tells data from noise


@pytest.mark.parametrize("stops", [(1,), (2,), (4,), (1, 2, 3, 4)])
def test_a_resumed_run_is_the_uninterrupted_one_to_the_last_digit(tmp_path: Path, stops: tuple[int, ...]) -> None:
    whole, pieces = begin(tmp_path / "whole"), begin(tmp_path / "pieces")
    train(whole)
    for stop in stops:
        assert not train(pieces, stop_after=stop)
        assert pieces.status() == ("stopped", "", f"accompanist train --resume {pieces.path}")
    assert train(pieces)
    assert pieces.status() == ("finished", "", "")
    _assert_same(whole, pieces)


def test_lines_written_after_the_last_checkpoint_are_taken_back(tmp_path: Path) -> None:
    whole, crashed = begin(tmp_path / "whole"), begin(tmp_path / "crashed")
    train(whole)
    train(crashed, stop_after=1)
    with crashed.record.open("ab") as file:
        file.write(b'{"kind": "step", "step": 2, "cri')
    assert train(crashed)
    _assert_same(whole, crashed)


KILLED = """
import os, signal, sys
from pathlib import Path
from support.runs import train
from training.rundir import RunDir
def prepare(loop):
    step, at = loop.step.update, int(sys.argv[2])
    def dying(number):
        if number == at:
            loop._flush()
            os.kill(os.getpid(), signal.SIGKILL)
        return step(number)
    loop.step.update = dying
train(RunDir(Path(sys.argv[1])), prepare=prepare)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_run_killed_in_its_tracks_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    whole, killed = begin(tmp_path / "whole"), begin(tmp_path / "killed")
    train(whole)
    tests = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(killed.path), "4"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent)]), "OMP_NUM_THREADS": "1"},
        check=False,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert killed.status().state == "stopped"
    assert "without a word" in killed.status().reason
    assert len(lines(killed, "step")) == 4  # one more than its last checkpoint, at step 3, stands for
    assert train(killed)
    _assert_same(whole, killed)


def test_more_epochs_go_on_from_the_end(tmp_path: Path) -> None:
    whole, longer = begin(tmp_path / "whole"), begin(tmp_path / "longer", msgspec.structs.replace(TINY, epochs=1))
    train(whole)
    train(longer)
    longer.write_config(session.changed(longer, {"epochs": 3}), longer.config().data)
    assert train(longer)
    _assert_same(whole, longer)


@pytest.mark.parametrize("flags", [{"width": 8}, {"learning_rate": 0.5}, {"data": ("pop909",)}])
def test_a_resumed_run_keeps_its_settings(tmp_path: Path, flags: dict[str, object]) -> None:
    run = begin(tmp_path)
    with pytest.raises(ConfigError, match="cannot change in a run that has begun"):
        session.changed(run, flags)


def test_other_music_is_refused(tmp_path: Path) -> None:
    run = begin(tmp_path)
    path = run.path / "data.json"
    path.write_text(path.read_text().replace('"digest": "', '"digest": "0'))
    with pytest.raises(TrainingError, match="no longer what"):
        train(run)


def test_two_processes_cannot_train_one_run(tmp_path: Path) -> None:
    run = begin(tmp_path)
    with session.opened(run, run.config().train, Classic(TINY, splits()), lambda _: None, lambda: 0.0):
        with pytest.raises(TrainingError, match="another process"):
            train(run)
        assert run.status().state == "running"


@pytest.mark.parametrize("where", ["critic", "generator"])
def test_nan_stops_the_run_and_keeps_the_last_good_checkpoint(tmp_path: Path, where: str) -> None:
    run = begin(tmp_path)

    def poison(loop_: Loop) -> None:
        step = loop_.step.update

        def poisoned(number: int) -> torch.Tensor:
            if number == 3:
                with torch.no_grad():
                    next(getattr(loop_.step.networks, where).parameters()).fill_(float("nan"))
            return step(number)

        loop_.step.update = poisoned  # type: ignore[method-assign]

    with pytest.raises(TrainingError, match=r"diverged at step 4: .* nan.*step-00000003") as told:
        train(run, prepare=poison)
    assert "--learning-rate 0.0002" in told.value.hint
    assert run.status() == ("failed", told.value.message, told.value.hint)
    assert [line["step"] for line in lines(run, "step")] == [1, 2, 3]
    generator, info = checkpoint.load_generator(run.path)
    assert info.state.step <= 3
    assert all(bool(torch.isfinite(value).all()) for value in generator.state_dict().values())
    assert train(run)  # the run itself was sound


@pytest.mark.parametrize("fails_at", ["weights", "record", "sample"])
def test_a_full_disk_costs_nothing_already_written(tmp_path: Path, fails_at: str) -> None:
    whole, run = begin(tmp_path / "whole"), begin(tmp_path / "run")
    train(whole)
    train(run, stop_after=3)
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def refuse(*_: object, **__: object) -> None:
        raise full

    def refuse_in_its_own_words(*_: object) -> None:
        raise StorageError("cannot write the sound file") from full

    before = {path.name: path.read_bytes() for path in run.checkpoints.glob("step-00000003/*")}
    with pytest.MonkeyPatch.context() as patch:

        def fill(loop_: Loop) -> None:
            if fails_at == "weights":
                patch.setattr(checkpoint, "file_of", refuse)
            elif fails_at == "sample":
                patch.setattr(samples, "render_wav", refuse_in_its_own_words)
            else:
                patch.setattr(loop_.record, "_file", _FullFile(loop_.record._file))

        with pytest.raises(StorageError, match="the disk is full"):
            train(run, prepare=fill)
    assert run.status().state == "failed"
    assert "the disk is full" in run.status().reason
    assert {path.name: path.read_bytes() for path in run.checkpoints.glob("step-00000003/*")} == before
    assert not list(run.path.rglob("*.part"))
    assert train(run)
    _assert_same(whole, run)


class _FullFile:
    """A file on a disk with room for ten bytes more."""

    def __init__(self, file: object) -> None:
        self._file = file
        self._room = 10

    def write(self, content: bytes) -> int:
        if not self._room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._room = 0
        written: int = self._file.write(content[:10])  # type: ignore[attr-defined]
        return written

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)


def test_a_long_epoch_is_checkpointed_on_its_way(tmp_path: Path) -> None:
    run = begin(tmp_path, msgspec.structs.replace(TINY, sample_every=3))
    ticks = itertools.count(0, loop.CHECKPOINT_S / 2)
    train(run, stop_after=4, clock=lambda: float(next(ticks)))
    assert [path.name for path in checkpoints.all_in(run.checkpoints)][-1] == "step-00000004"
    assert checkpoints.read_state(checkpoints.all_in(run.checkpoints)[-2]).step > 0


def test_the_speed_is_that_of_the_steps_alone(tmp_path: Path) -> None:
    now_s = 0.0

    def slow(loop_: Loop) -> None:
        step, sample = loop_.step.update, loop_.sampler

        def sampled(epoch: int) -> Seen:
            nonlocal now_s
            now_s += 1000.0
            return sample(epoch)

        def updated(number: int) -> dict[str, torch.Tensor | float]:
            nonlocal now_s
            now_s += 4.0
            return step(number)

        sampled.data = sample.data  # type: ignore[attr-defined]
        loop_.sampler, loop_.step.update = sampled, updated  # type: ignore[assignment, method-assign]

    run = begin(tmp_path)
    assert train(run, clock=lambda: now_s, prepare=slow)
    assert lines(run, "speed") == [  # after 10 s of steps: sampled were epochs 0, 1 (step 2), 2 (step 3), 3 (step 5)
        {"kind": "speed", "step": 3, "trained_s": 2012.0, "steps_per_s": 0.25},
    ]


@pytest.mark.parametrize(
    ("rule", "step", "sampled"),
    [("steps:4", 4, [0, 1, 2]), ("epochs:2", 3, [0, 1, 2]), ("onsets_per_bar>=0", 2, [0, 1])],
)
def test_a_rule_ends_the_run_and_it_can_go_on(tmp_path: Path, rule: str, step: int, sampled: list[int]) -> None:
    whole, early = begin(tmp_path / "whole"), begin(tmp_path / "early", msgspec.structs.replace(TINY, stop=(rule,)))
    train(whole)
    assert train(early)
    assert checkpoints.all_in(early.checkpoints)[-1].name == f"step-{step:08d}"
    assert [line["epoch"] for line in lines(early, "epoch")] == sampled
    assert (early.status().state, early.status().reason) == ("finished", f"ended by --stop {rule}")
    assert train(early)  # nothing more is done
    assert [line["step"] for line in lines(early, "step")] == list(range(1, step + 1))
    early.write_config(session.changed(early, {"stop": ("none",)}), early.config().data)
    assert train(early)
    _assert_same(whole, early)


def test_minutes_are_those_of_training(tmp_path: Path) -> None:
    run = begin(tmp_path, msgspec.structs.replace(TINY, stop=("minutes:1",)))
    now_s = 0.0

    def slow(loop_: Loop) -> None:
        step = loop_.step.update

        def updated(number: int) -> dict[str, torch.Tensor | float]:
            nonlocal now_s
            now_s += 25.0
            return step(number)

        loop_.step.update = updated  # type: ignore[method-assign]

    assert not train(run, stop_after=1, clock=lambda: now_s, prepare=slow)
    assert train(run, clock=lambda: now_s, prepare=slow)
    assert len(lines(run, "step")) == 3  # 25 s in the first session, 50 in the second


def test_a_rule_between_two_samples_is_kept_with_samples_at_an_epochs_end(tmp_path: Path) -> None:
    run = begin(tmp_path, msgspec.structs.replace(TINY, sample_every=3, stop=("epochs:2",)))
    train(run)
    assert [line["epoch"] for line in lines(run, "epoch")] == [0, 2]


def test_a_plateau_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a step that learns nothing: its critic's loss, and what it plays, stay as they are."""
    monkeypatch.setattr(convergence, "BLOCK_STEPS", 1)  # or it takes a thousand steps
    config = msgspec.structs.replace(TINY, epochs=40, stop=("plateau",))
    run = begin(tmp_path, config)

    def idle(loop_: Loop) -> None:
        one = loop_.step.update(0)
        seen = loop_.sampler(0)
        loop_.step.update = lambda _: dict(one)  # type: ignore[method-assign]
        loop_.sampler = _Still(seen, loop_.sampler.data)  # type: ignore[assignment]

    assert train(run, prepare=idle)
    assert 40 <= len(lines(run, "step")) <= 50  # no sooner than a loss can be judged
    assert run.status().reason == "ended by --stop plateau"
    assert convergence_of(History(run.record)).sentence.startswith("Not better than before the first step")


class _Still:
    def __init__(self, seen: Seen, data: dict[str, float]) -> None:
        self.seen, self.data = seen, data

    def __call__(self, _: int) -> Seen:
        return self.seen


def test_a_rule_that_no_metric_answers_to_is_told_before_the_first_step(tmp_path: Path) -> None:
    run = begin(tmp_path, msgspec.structs.replace(TINY, stop=("copling>=0.4",)))
    with pytest.raises(ConfigError, match="no metric copling"):
        train(run)
    assert not lines(run, "step")


def _assert_same(one: RunDir, other: RunDir) -> None:
    """Two runs ended alike, to the last bit."""
    assert one.record.read_bytes() == other.record.read_bytes()
    last, last_other = (checkpoints.all_in(run.checkpoints)[-1] for run in (one, other))
    assert last.name == last_other.name
    for name in ("generator", "critic", "generator-adam", "critic-adam"):
        tensors, others = checkpoint.read_tensors(last, name), checkpoint.read_tensors(last_other, name)
        assert tensors.keys() == others.keys()
        assert all(torch.equal(tensors[key], others[key]) for key in tensors)
