from __future__ import annotations

import shutil
import subprocess
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")

from support.runs import begin, train

from accompanist.errors import DataError
from accompanist.runs.folder import Origin
from training import origin
from training.checkpoint import load_generator
from training.origin import described, gone_on

HERE = version("accompanist")
UNKNOWN, TOLD_A, TOLD_B = (
    "accompanist unknown, commit unknown", f"accompanist 1.0, commit {'a' * 12}", f"accompanist 1.0, commit {'b' * 12}"
)  # fmt: skip
A, B, C = (Origin(0, "1.0", letter * 12) for letter in "abc")


def at(step: int, program: Origin) -> Origin:
    return Origin(step, program.version, program.commit)


def test_a_run_knows_what_trained_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origin, "_commit", lambda: "a" * 12)
    run = begin(tmp_path)
    train(run, stop_after=2)
    assert run.origins() == (Origin(0, HERE, "a" * 12),)
    train(run, stop_after=3)
    assert len(run.origins()) == 1  # the same program went on
    monkeypatch.setattr(origin, "_commit", lambda: "b" * 12)
    train(run)
    assert run.origins() == (Origin(0, HERE, "a" * 12), Origin(3, HERE, "b" * 12))
    assert load_generator(run.path)[1].origins == run.origins()


def test_an_older_run_is_of_unknown_origin_also_when_it_goes_on(tmp_path: Path) -> None:
    run = begin(tmp_path)
    train(run, stop_after=2)
    (run.path / "origin.json").unlink()
    assert run.origins() == ()
    train(run)
    assert [known.step for known in run.origins()] == [2]
    assert described(run.origins(), 5).startswith("accompanist unknown, commit unknown up to step 2, then accompanist ")


def test_a_damaged_origin_is_told(tmp_path: Path) -> None:
    run = begin(tmp_path)
    (run.path / "origin.json").write_text("[{}]")
    with pytest.raises(DataError, match=r"origin\.json cannot be read"):
        run.origins()


@pytest.mark.parametrize(
    ("origins", "step", "text"),
    [
        ((), 9, UNKNOWN),
        ((A,), 9, TOLD_A),
        ((A,), 0, TOLD_A),
        ((Origin(0, "1.0", ""),), 9, "accompanist 1.0"),
        ((A, at(5, B)), 5, TOLD_A),
        ((A, at(5, B)), 6, f"{TOLD_A} up to step 5, then {TOLD_B}"),
        ((at(5, B),), 6, f"{UNKNOWN} up to step 5, then {TOLD_B}"),
    ],
)  # fmt: skip
def test_in_words(origins: tuple[Origin, ...], step: int, text: str) -> None:
    assert described(origins, step) == text


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from([A, B, C]))))
def test_origins_ascend_and_no_two_neighbours_are_one_program(sessions: list[tuple[int, Origin]]) -> None:
    origins: tuple[Origin, ...] = ()
    for step, program in sessions:
        origins = gone_on(origins, at(step, program))
        assert [one.step for one in origins] == sorted({one.step for one in origins})
        programs = [one.commit for one in origins]
        assert all(one != other for one, other in pairwise(programs))
        assert programs[-1] == program.commit  # who trains from here on


def test_without_git_there_is_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert origin.present(0).commit == ""


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_package_in_somebody_elses_clone_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*arguments: str) -> str:
        names = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
        return subprocess.run(
            ["git", "-C", str(tmp_path), *names, *arguments], check=True, capture_output=True, text=True
        ).stdout

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "theirs")
    package = tmp_path / "venv" / "training" / "origin.py"
    package.parent.mkdir(parents=True)
    package.write_text("")
    monkeypatch.setattr(origin, "_HERE", package)
    assert origin.present(0).commit == ""
    git("add", "-A")
    git("commit", "-q", "-m", "now it is part of it")
    head = git("rev-parse", "HEAD").strip()
    assert origin.present(0).commit == head[:12]
    package.write_text("changed")
    assert origin.present(0).commit == f"{head[:12]}-dirty"
