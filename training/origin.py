"""Which program trained a run: its version and, in a clone, its commit; written down as it begins and as it goes on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from accompanist.runs.folder import Origin

_HERE = Path(__file__)


def present(step: int) -> Origin:
    """This program, from a step on."""
    return Origin(step, version("accompanist"), _commit())


def gone_on(before: Sequence[Origin], now: Origin) -> tuple[Origin, ...]:
    """The origins of a run that is begun or gone on with.

    Args:
        before: What is written down so far, ascending by step; empty at a run's beginning and in older runs.
        now: This program, from the step that the run goes on at.

    Returns:
        The same without what trained nothing that is kept, and with this program where it is another.
    """
    kept = tuple(origin for origin in before if origin.step < now.step)
    if kept and (kept[-1].version, kept[-1].commit) == (now.version, now.commit):
        return kept
    return (*kept, now)


def described(origins: Sequence[Origin], step: int) -> str:
    """In words, which program trained a run up to a step.

    Args:
        origins: Ascending by step.
        step: Of the checkpoint that is meant.
    """
    did = [origin for origin in origins if origin.step < step] or origins[:1]
    if not did or did[0].step > 0:  # begun before this was written down
        did = [Origin(0, "unknown", "unknown"), *did]
    texts = []
    for i, origin in enumerate(did):
        text = f"accompanist {origin.version}" + (f", commit {origin.commit}" if origin.commit else "")
        texts.append(f"{text} up to step {did[i + 1].step}" if i + 1 < len(did) else text)
    return ", then ".join(texts)


def _commit() -> str:
    """The commit of this clone; empty where there is no git, or where this file is no part of a clone.

    An installed package may well lie inside somebody else's repository: in a virtual environment kept there.
    """
    if _git("ls-files", "--error-unmatch", _HERE.name) is None:
        return ""
    return _git("describe", "--always", "--abbrev=12", "--exclude=*", "--dirty") or ""


def _git(*arguments: str) -> str | None:
    """What git prints; None where it fails or is not there."""
    try:
        found = subprocess.run(  # noqa: S603 (fixed arguments)
            ["git", "-C", str(_HERE.parent), *arguments],  # noqa: S607 (the user's own git)
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},  # looking must not get in the way of a commit
        )
    except OSError:
        return None
    return found.stdout.strip() if found.returncode == 0 else None
