"""Which run belongs to which job: a file in the run's folder says it, whole from the moment the run is one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

JOB_FILE = "job.json"


def files_for(job: str) -> Mapping[str, bytes]:
    """What a job's run holds more than others."""
    return {JOB_FILE: json.dumps({"id": job}).encode() + b"\n"}


def run_of(job: str, runs: Path) -> Path | None:
    """The folder of a job's run; None where it has not begun."""
    for path in sorted(runs.glob(f"*/{JOB_FILE}")):
        # A run's settings are written last: without them its making was cut short.
        if (path.parent / "config.toml").is_file() and json.loads(path.read_bytes()).get("id") == job:
            return path.parent
    return None
