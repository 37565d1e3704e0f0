"""Which run belongs to which job: a file in the run's folder says it, whole from the moment the run is one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from accompanist.errors import StorageError

JOB_FILE = "job.json"


def files_for(job: str) -> Mapping[str, bytes]:
    """What a job's run holds more than others."""
    return {JOB_FILE: json.dumps({"id": job}).encode() + b"\n"}


def run_of(job: str, runs: Path) -> Path | None:
    """The folder of a job's run; None where it has not begun."""
    for path in sorted(runs.glob(f"*/{JOB_FILE}")):
        # A run's settings are written last: without them its making was cut short.
        if (path.parent / "config.toml").is_file() and job_of(path.parent) == job:
            return path.parent
    return None


def job_of(run: Path) -> str:
    """The job that a run belongs to, or belonged to last; empty where it was begun by hand, or it does not say.

    Args:
        run: Its folder.
    """
    try:
        found = json.loads((run / JOB_FILE).read_bytes())
    except (OSError, ValueError):
        return ""
    name = found.get("id") if isinstance(found, dict) else None
    return name if isinstance(name, str) else ""


def claim(run: Path, job: str) -> None:
    """Have a run that is there belong to a job from now on.

    Args:
        run: Its folder.
        job: The job's name.

    Raises:
        StorageError: its folder cannot be written.
    """
    part = run / f"{JOB_FILE}.part"
    try:
        part.write_bytes(files_for(job)[JOB_FILE])
        part.replace(run / JOB_FILE)
    except OSError as error:
        raise StorageError(
            f"cannot write into {run}: {error.strerror or error}", hint="check the permissions"
        ) from error
