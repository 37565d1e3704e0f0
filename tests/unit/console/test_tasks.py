from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from accompanist.console.tasks import Task, Tasks


def _run(code: str, *, done: Any = lambda _: None) -> Task:
    """Python code as a command, to its end."""

    async def ran() -> Task:
        tasks = Tasks(None, [sys.executable, "-c"])
        async with tasks.lifespan():
            tasks.start("a", [code], done)
            task = await tasks.finished("a")
        assert task is not None
        return task

    return asyncio.run(ran())


def test_what_a_command_prints_is_its_result() -> None:
    found: list[Any] = []
    task = _run('print("""{"songs": 3}""")', done=found.append)
    assert (task.state, task.result) == ("done", {"songs": 3})
    assert found == [{"songs": 3}]


def test_a_failure_is_told_with_its_hint() -> None:
    task = _run('import sys; sys.stderr.write("reading\\nerror: no music\\n  try: find some\\n"); sys.exit(5)')
    assert (task.state, task.said, task.hint) == ("failed", "no music", "find some")


def test_a_command_that_says_nothing_fails_with_its_code() -> None:
    assert _run("raise SystemExit(3)").said == "it ended with code 3"


def test_a_result_that_is_no_json_is_a_failure() -> None:
    assert _run('print("hello")').state == "failed"


def test_a_program_that_is_not_there_is_a_failure() -> None:
    async def ran() -> Task | None:
        tasks = Tasks(None, ["/none/such"])
        tasks.start("a", [])
        return await tasks.finished("a")

    task = asyncio.run(ran())
    assert task is not None
    assert task.state == "failed"


def test_one_of_a_key_runs_at_a_time() -> None:
    async def ran() -> bool:
        tasks = Tasks(None, [sys.executable, "-c"])
        async with tasks.lifespan():
            return tasks.start("a", ["print(1)"]) is tasks.start("a", ["print(2)"])

    assert asyncio.run(ran())


def test_nothing_outlives_the_console(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    os.mkfifo(told)
    waiting = f"import os, signal; open({str(told)!r}, 'w').write(str(os.getpid())); signal.pause()"

    async def ran() -> tuple[int, Task | None]:
        tasks = Tasks(None, [sys.executable, "-c"])
        async with tasks.lifespan():
            tasks.start("a", [waiting])
            pid = int(await asyncio.to_thread(told.read_text))
        return pid, tasks.get("a")

    pid, task = asyncio.run(ran())
    assert task is not None
    assert task.state == "failed"
    assert not Path(f"/proc/{pid}").exists()
    assert str(-signal.SIGTERM) in task.said
