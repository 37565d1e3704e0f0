"""Sweeps over trainings of a few steps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")
pytest.importorskip("optuna", reason="needs the sweep extra: pip install -e '.[sweep]'")

import msgspec  # noqa: E402
from optuna.trial import TrialState  # noqa: E402
from support.runs import TINY, begin, lines, splits  # noqa: E402
from support.runs import train as train_alone  # noqa: E402

from accompanist import cli  # noqa: E402
from accompanist.config import DataConfig  # noqa: E402
from accompanist.errors import ConfigError, TrainingError  # noqa: E402
from accompanist.jobs.database import Database  # noqa: E402
from accompanist.jobs.liveness import FileLocks  # noqa: E402
from training import catalog, samples  # noqa: E402
from training.classic import Classic  # noqa: E402
from training.loop import Loop  # noqa: E402
from training.rundir import RunDir  # noqa: E402
from training.sweep.space import space_of  # noqa: E402
from training.sweep.study import FILE, RUN, WHY, Sweep  # noqa: E402
from training.sweep.trial import Ending, train  # noqa: E402

VARIED = ("learning_rate=0.0005:0.002",)


@pytest.fixture(autouse=True)
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No sound and no pictures, which take longer than the training."""
    monkeypatch.setattr(samples, "render_wav", lambda *_: None)
    monkeypatch.setattr(samples, "draw_roll", lambda *_, **__: None)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)


class Stage:
    """A sweep in a folder, as one process after the other has it."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self.base = msgspec.structs.replace(TINY, runs=str(runs))
        self.recipe = Classic(self.base, splits())
        self.liveness = FileLocks(runs / ".jobs/sweeps")

    def sweep(self, *, epochs: int = TINY.epochs) -> Sweep:
        base = msgspec.structs.replace(self.base, epochs=epochs)
        database = Database.at("", self.runs, FILE)
        database.prepare_file()
        space = space_of(base, VARIED)
        return Sweep(database, "s", base, space, goal="coupling", upwards=True, liveness=self.liveness)

    def train(self, sweep: Sweep, trial: Any, *, stop_after: int | None = None) -> Ending:
        asked = 0

        def stopping() -> bool:
            nonlocal asked
            asked += 1
            return stop_after is not None and asked > stop_after

        return train(
            sweep, trial, self.base, DataConfig(), self.recipe,
            metric="coupling", stopping=stopping, show=lambda _: None, clock=lambda: 0.0,
        )  # fmt: skip

    def dies(self) -> None:
        self.liveness.close()
        self.liveness = FileLocks(self.runs / ".jobs/sweeps")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "runs")


def test_processes_that_begin_together_try_different_settings(stage: Stage) -> None:
    one, other = stage.sweep(), stage.sweep()
    trials = [sweep.begin() for sweep in (one, other, one, other)]
    values = [each.suggest(trial) for trial in trials for each in one.space]
    assert len(set(values)) == len(values)


def test_a_trial_is_a_run_and_its_value_that_of_the_best_checkpoint(stage: Stage) -> None:
    sweep = stage.sweep()
    trial = sweep.begin()
    assert stage.train(sweep, trial) == "ended"
    (frozen,) = sweep.over()
    run = RunDir.open(stage.runs / frozen.user_attrs[RUN])
    assert run.path.name == "0001-s-1"
    assert run.config().train.learning_rate == frozen.params["learning_rate"]
    epochs = lines(run, "epoch")
    assert frozen.value == max(line["metrics"]["coupling"] for line in epochs[1:])
    assert frozen.intermediate_values == {
        line["epoch"]: line["metrics"]["coupling"] for line in epochs[1:-1]
    }  # the last one is the end


def test_a_trial_whose_process_died_goes_on_in_its_run_to_the_same_losses(stage: Stage, tmp_path: Path) -> None:
    sweep = stage.sweep()
    trial = sweep.begin()
    assert stage.train(sweep, trial, stop_after=3) == "stopped"
    stage.dies()
    sweep = stage.sweep()
    again = sweep.begin()
    assert again.number == 1
    assert again.user_attrs[RUN] == "0001-s-1"
    assert stage.train(sweep, again) == "ended"
    (frozen,) = sweep.over()
    assert frozen.params == trial.params
    assert sweep.study.trials[0].state == TrialState.FAIL  # handed on, and not counted
    alone = begin(tmp_path / "alone", msgspec.structs.replace(TINY, **frozen.params))
    assert train_alone(alone)
    run = RunDir.open(stage.runs / "0001-s-1")
    for kind in ("step", "epoch"):
        assert lines(run, kind) == lines(alone, kind)


def test_a_trial_of_a_process_that_lives_is_left_to_it(stage: Stage) -> None:
    one = stage.sweep()
    first = one.begin()
    stage.liveness = FileLocks(stage.runs / ".jobs/sweeps")
    other = stage.sweep()
    assert other.begin().number == 1
    assert one.study.trials[first.number].state == TrialState.RUNNING
    one.close()
    other.close()


def test_no_session_tries_what_another_has_tried(stage: Stage) -> None:
    tried = []
    for _ in range(3):
        sweep = stage.sweep()
        trial = sweep.begin()
        tried.append(tuple(each.suggest(trial) for each in sweep.space))
        sweep.study.tell(trial, 0.5)
        stage.dies()
    assert len(set(tried)) == 3


def test_other_settings_are_another_sweep(stage: Stage) -> None:
    stage.sweep()
    stage.dies()
    with pytest.raises(ConfigError, match="has begun with epochs 3, and this one has 5"):
        stage.sweep(epochs=5)


def test_one_that_diverges_counts_and_the_sweep_goes_on(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(_self: Loop, _stopping: object) -> bool:
        raise TrainingError("the critic is nan")

    sweep = stage.sweep()
    with monkeypatch.context() as patched:
        patched.setattr(Loop, "train", diverge)
        assert stage.train(sweep, sweep.begin()) == "diverged"
    (frozen,) = sweep.over()
    assert (frozen.state, frozen.user_attrs[WHY]) == (TrialState.PRUNED, "the critic is nan")


def test_one_that_is_behind_is_given_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = stage.sweep()
    trial = sweep.begin()
    monkeypatch.setattr(trial, "should_prune", lambda: True)
    assert stage.train(sweep, trial) == "behind"
    (frozen,) = sweep.over()
    assert (frozen.state, frozen.user_attrs[WHY]) == (TrialState.PRUNED, "behind the others at epoch 1")


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    flags = ["--width", "4", "--batch", "4", "--critic-updates", "2", "--epochs", "1", "--threads", "1"]
    with pytest.raises(SystemExit) as stop:
        cli.main(["sweep", "--device", "cpu", *flags, *arguments])
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(catalog, "load", lambda *_, **__: splits())
    return tmp_path


def test_the_same_command_with_more_trials_goes_on(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, "--trials", "2", *("--vary", VARIED[0]))
    assert code == 0
    assert "trial 2: ended" in err
    assert "2 of 2 trials; report: runs/sweeps/sweep-musegan.html" in out
    code, out, _ = call(capsys, "--trials", "5", *("--vary", VARIED[0]), "--json")
    found = json.loads(out)
    assert code == 0
    assert sorted(trial["number"] for trial in found["trials"]) == [1, 2, 3, 4, 5]
    values = [trial["value"] for trial in found["trials"]]
    assert values == sorted(values, reverse=True)
    assert found["importance"] == {"learning_rate": pytest.approx(1.0)}
    page = (here / "runs/sweeps/sweep-musegan.html").read_text()
    assert page.count("<tr") == 1 + 5
    assert "http:" not in page.replace("https:", "http:")  # opens offline; a picture may spell the letters alone
    assert f"Trial {found['trials'][0]['number']} was best" in page


def test_a_metric_that_is_not_there_is_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, "--metric", "loudness")
    assert code == 2
    assert "--metric is 'loudness'; accepted: " in err
    assert "coupling" in err
    assert here.is_dir()
