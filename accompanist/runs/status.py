"""How a run stands: the lock that training holds says whether it runs, `outcome.json` how its last session ended."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

if sys.platform != "win32":
    import fcntl

OUTCOME = "outcome.json"
"""Name of the file in a run's folder; not there while it is trained, nor where its process was killed."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a session of training ended.

    Args:
        state: It came to its end; it was stopped (Ctrl-C) and can go on; or it failed.
        step: Steps done by then.
        reason: Why, in a sentence; empty where there is nothing to say.
        hint: What to type next; may be empty.
    """

    state: Literal["finished", "stopped", "failed"]
    step: int = 0
    reason: str = ""
    hint: str = ""


class Status(NamedTuple):
    """How a run stands.

    Args:
        state: queued: made, and not begun; running: a process trains it at this moment.
        reason: Why it stands so, in a sentence; empty where there is nothing to say.
        hint: What to type next; may be empty.
    """

    state: Literal["queued", "running", "stopped", "finished", "failed"]
    reason: str = ""
    hint: str = ""


def status_of(path: Path, *, complete: bool) -> Status:
    """How the run in a folder stands.

    Args:
        path: The run's folder.
        complete: Whether its newest checkpoint is at the end of what was asked for: runs of before outcomes were
            written down say so in no other way.
    """
    record = path / "metrics.jsonl"
    if not record.is_file():
        return Status("queued")
    if held(record):
        return Status("running")
    outcome = read_outcome(path)
    if outcome:
        return Status(outcome.state, outcome.reason, outcome.hint)
    if complete:
        return Status("finished")
    return Status(
        "stopped",
        "its process ended without a word; what came after the last checkpoint is trained again",
        f"accompanist train --resume {path}",
    )


def read_outcome(path: Path) -> Outcome | None:
    """How the last session ended, as its folder has it; None where it does not say, or not legibly."""
    try:
        return msgspec.json.decode((path / OUTCOME).read_bytes(), type=Outcome)
    except (OSError, msgspec.MsgspecError):
        return None


def held(record: Path) -> bool:
    """Whether a process trains the run of this record at this moment.

    On Windows, where no lock tells, a run that has not said how it ended counts as running.
    """
    if sys.platform == "win32":
        return not (record.parent / OUTCOME).exists()
    try:
        with record.open("rb") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # it cannot be read: whoever trains it is not known from here
        return False
    return False
