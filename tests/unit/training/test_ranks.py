"""Several processes that train together are one process with the whole batch."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")

if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
    pytest.skip("this torch comes without gloo", allow_module_level=True)

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from support import steps, together  # noqa: E402

from accompanist.config import DataConfig, TrainConfig  # noqa: E402
from accompanist.errors import ConfigError  # noqa: E402
from training import following, ranks  # noqa: E402
from training.recipe import settled  # noqa: E402

WAIT_S = 600


def ended(processes: list[subprocess.Popen[str]]) -> list[tuple[int, str, str]]:
    """Exit code, output and errors of each."""
    said = [process.communicate(timeout=WAIT_S) for process in processes]
    return [(process.returncode, *texts) for process, texts in zip(processes, said, strict=True)]


@given(rows=st.integers(0, 100), many=st.integers(1, 9))
def test_every_row_has_one_process(rows: int, many: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranks, "count", lambda: many)
        taken = []
        for number in range(many):
            patch.setattr(ranks, "number", lambda number=number: number)
            taken += list(range(rows)[ranks.own(rows)])
    assert taken == list(range(rows))


def test_a_process_alone_sends_nothing() -> None:
    value = torch.tensor([1.0, 2.0])
    ranks.average([value])
    assert value.tolist() == [1.0, 2.0]
    assert ranks.told(b"x") == b"x"
    assert [ranks.anyone(says_so=flag) for flag in (True, False)] == [True, False]
    assert (ranks.count(), ranks.number(), ranks.number_here()) == (1, 0, 0)


def test_two_processes_compute_what_one_does_with_the_joined_batch() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        alone = {"classic": steps.classic(), "live": steps.live()}
    finally:
        torch.set_num_threads(threads)
    (code, out, err), (other_code, other_out, other_err) = ended(together.start(["-m", "support.steps"], 2))
    assert (code, other_code, other_out) == (0, 0, ""), err + other_err
    both = json.loads(out)
    for recipe, told in alone.items():
        assert both[recipe].keys() == told.keys()
        for name, values in told.items():
            assert both[recipe][name] == pytest.approx(values, rel=1e-6, abs=1e-6), (recipe, name)


COMMAND = """
import signal, sys
from support.runs import splits
from training import catalog, plot, ranks, samples
from training.classic import ClassicTraining
catalog.load = lambda *_, **__: splits()
samples.render_wav = samples.draw_roll = lambda *_, **__: None
plot.draw = lambda *_: None
if "--resume" not in sys.argv:
    update = ClassicTraining.update
    def interrupted(self, step):
        if step == 1 and ranks.number() == 1:
            signal.raise_signal(signal.SIGINT)
        return update(self, step)
    ClassicTraining.update = interrupted
from accompanist.cli import main
main(["train", *sys.argv[1:]])
"""
FLAGS = ["--width", "4", "--batch", "4", "--critic-updates", "2", "--epochs", "3", "--threads", "1", "--device", "cpu"]


def test_one_writes_all_stop_together_and_go_on_together(tmp_path: Path) -> None:
    first, second = ended(together.start(["-c", COMMAND, *FLAGS], 2, cwd=tmp_path))
    assert second[0] == 128 + signal.SIGINT, second
    assert first[0] == 128 + signal.SIGTERM, first
    assert "stopped at step 2 of 5" in first[1]
    assert second[1] == ""
    assert [path.name for path in (tmp_path / "runs").iterdir() if path.is_dir()] == ["0001-musegan-chorales"]

    both = ended(together.start(["-c", COMMAND, "--resume", "1"], 2, cwd=tmp_path))
    assert [code for code, _, _ in both] == [0, 0], both
    assert "going on with runs/0001-musegan-chorales at step 2 of 5" in both[0][2]
    command = [sys.executable, "-c", COMMAND, *FLAGS, "--name", "alone"]
    env = together.surroundings()
    alone = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=WAIT_S)
    assert alone.returncode == 0, alone.stderr
    records = [
        [json.loads(line) for line in (tmp_path / "runs" / name / "metrics.jsonl").read_text().splitlines()]
        for name in ("0001-musegan-chorales", "0002-alone")
    ]
    steps_of = [[line for line in record if line["kind"] == "step"] for record in records]
    assert [line["step"] for line in steps_of[0]] == [1, 2, 3, 4, 5]
    assert steps_of[0][0]["penalty"] == pytest.approx(steps_of[1][0]["penalty"], rel=1e-5)


@pytest.mark.parametrize(
    ("caught", "ended_by", "said"), [(False, "steps:3", [False, True, True]), (True, None, [True, False])]
)
def test_the_others_learn_why_a_session_is_over(
    monkeypatch: pytest.MonkeyPatch, caught: bool, ended_by: str | None, said: list[bool]
) -> None:
    asked = list[bool]()

    def anyone(*, says_so: bool) -> bool:
        asked.append(says_so)
        return says_so

    monkeypatch.setattr(ranks, "anyone", anyone)
    stop = following.Stop(lambda: caught)
    assert stop() == caught
    stop.end(SimpleNamespace(done=3, plan=SimpleNamespace(steps=5), ended_by=ended_by))  # type: ignore[arg-type]
    assert asked == said


def test_a_batch_that_cannot_be_shared_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "count", lambda: 3)
    with pytest.raises(ConfigError, match=r"--batch is 64, which 3 processes cannot share; accepted: a multiple of 3"):
        following.tell_settings(settled(TrainConfig()), DataConfig())
    with pytest.raises(ConfigError, match=r"--batch is 2, .* accepted: 3 or more"):
        following.tell_settings(settled(TrainConfig(model="live", batch=2)), DataConfig())


def test_a_process_that_dies_ends_the_others_in_plain_words() -> None:
    script = (
        "import os, sys\n"
        "from accompanist.errors import TrainingError\n"
        "from training import ranks\n"
        "with ranks.joined():\n"
        "    ranks.anyone(says_so=False)\n"
        "    if ranks.number():\n"
        "        os._exit(9)\n"
        "    try:\n"
        "        ranks.anyone(says_so=False)\n"
        "    except TrainingError as error:\n"
        "        sys.stdout.write(error.message)\n"
    )
    first, second = ended(together.start(["-c", script], 2))
    assert second[0] == 9
    assert first[1].startswith("process 0 of 2 that train together lost the others"), first
