"""A step's process, with a small module in its place."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

dbos = pytest.importorskip("dbos", reason="needs the jobs extra: pip install -e '.[jobs]'")

from training.jobs import process  # noqa: E402
from training.jobs.child import ORPHANED  # noqa: E402

Do = Callable[..., dict[str, Any]]


class Unwanted(BaseException):
    pass


@pytest.fixture
def do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Do:
    """Runs a script as a step."""
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[4]}")

    def run(script: str, *arguments: str, look: Callable[[], None] = lambda: None, **how: Any) -> dict[str, Any]:
        (tmp_path / "acting.py").write_text(script)
        return process.run(
            tmp_path / "job.lock", ["acting", *arguments], look=look, echo=how.get("echo", lambda _: None), every_s=0.05
        )

    return run


def test_its_last_line_is_its_result(do: Do) -> None:
    assert do("import sys; print('well'); print('{\"run\": \"%s\"}' % sys.argv[1])", "a b") == {"run": "a b"}
    assert do("print('no json')") == {}


def test_what_it_fails_of_is_told_with_its_hint(do: Do) -> None:
    heard: list[str] = []
    script = "import sys; print('error: no music\\n  try: more', file=sys.stderr); sys.exit(5)"
    with pytest.raises(dbos.PortableWorkflowError) as failed:
        do(script, echo=heard.append)
    assert (failed.value.message, failed.value.data) == ("no music", {"hint": "more"})
    assert heard == ["error: no music", "  try: more"]


def test_a_traceback_fails_it_with_its_last_line(do: Do) -> None:
    with pytest.raises(dbos.PortableWorkflowError, match="ValueError: 7"):
        do("raise ValueError(7)")


def test_a_crash_fails_the_step_and_nothing_else(do: Do) -> None:
    with pytest.raises(dbos.PortableWorkflowError, match="killed by signal 9"):
        do("import os; os.kill(os.getpid(), 9)")


def test_one_that_is_no_longer_wanted_may_end_in_its_own_time(do: Do, tmp_path: Path) -> None:
    script = (
        "import signal, sys, threading, pathlib\n"
        "told = threading.Event(); signal.signal(signal.SIGTERM, lambda *_: told.set())\n"
        "pathlib.Path(sys.argv[1]).write_text('ready'); told.wait(); pathlib.Path(sys.argv[1]).write_text('whole')"
    )
    written = tmp_path / "checkpoint"

    def look() -> None:
        if written.exists() and written.read_text() == "ready":
            raise Unwanted

    with pytest.raises(Unwanted):
        do(script, str(written), look=look)
    assert written.read_text() == "whole"


def test_it_ends_with_its_worker(tmp_path: Path) -> None:
    (tmp_path / "acting.py").write_text("import threading; print('here', flush=True); threading.Event().wait()")
    command = [sys.executable, "-m", "training.jobs.child", str(tmp_path / "job.lock"), "acting"]
    environment = {"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[4]}"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == b"here\n"
        child.stdin.close()  # what the system does for a worker that is killed
        assert child.wait() == ORPHANED


def test_two_never_do_one_job_at_once(tmp_path: Path) -> None:
    (tmp_path / "acting.py").write_text(
        "import sys, threading; print(sys.argv[1], flush=True)\nif sys.argv[1] == 'first': threading.Event().wait()"
    )
    command = [sys.executable, "-m", "training.jobs.child", str(tmp_path / "job.lock"), "acting"]
    environment = {"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[4]}"}
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, "first"], stdin=pipe, stdout=pipe, env=environment) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"first\n"
        with subprocess.Popen([*command, "second"], stdin=pipe, stdout=pipe, env=environment) as second:
            with pytest.raises(subprocess.TimeoutExpired):
                second.wait(0.5)
            first.kill()
            assert second.wait() == 0
