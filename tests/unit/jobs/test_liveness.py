from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from accompanist.jobs.database import Database
from accompanist.jobs.liveness import FileLocks, liveness_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="flock")


def test_who_holds_a_lock_lives(tmp_path: Path) -> None:
    one, other, looker = FileLocks(tmp_path), FileLocks(tmp_path), FileLocks(tmp_path)
    names = {one.claim(), other.claim()}
    assert len(names) == 2
    assert one.held()
    assert looker.alive([*names, "stranger-1-00000000"]) == names
    assert looker.count() == 2
    one.close()
    assert looker.count() == 1
    assert not one.held()
    other.close()
    assert looker.alive(names) == set()


def test_a_killed_process_is_dead_and_tidied_away_by_the_next(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from accompanist.jobs.liveness import FileLocks\n"
        "locks = FileLocks(Path(sys.argv[1])); print(locks.claim(), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        locks = FileLocks(tmp_path)
        assert locks.alive([name]) == {name}
        process.kill()
    assert locks.alive([name]) == set()
    assert (tmp_path / f"{name}.lock").exists()
    locks.claim()
    assert not (tmp_path / f"{name}.lock").exists()
    assert locks.count() == 1
    locks.close()


def test_a_lock_whose_file_was_deleted_is_lost(tmp_path: Path) -> None:
    locks = FileLocks(tmp_path)
    (tmp_path / f"{locks.claim()}.lock").unlink()
    assert not locks.held()
    locks.close()


def test_no_folder_no_workers(tmp_path: Path) -> None:
    locks = liveness_of(Database.at("", tmp_path / "runs"))
    assert locks.count() == 0
    assert locks.alive(["a-1-00000000"]) == set()
    locks.close()
