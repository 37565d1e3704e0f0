"""Processes that train together, as `torchrun` starts them, without it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def surroundings() -> dict[str, str]:
    """The environment of a process that finds the program and what tests share, and computes in one thread."""
    here = os.pathsep.join([str(ROOT / "tests"), str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": here, "OMP_NUM_THREADS": "1"}


def start(command: list[str], processes: int, **more: object) -> list[subprocess.Popen[str]]:
    """Start a command in several processes that find each other; each computes in one thread.

    Args:
        command: What follows the interpreter.
        processes: How many.
        more: For `subprocess.Popen`.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return [
        subprocess.Popen(
            [sys.executable, *command],
            env={
                **surroundings(),
                "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes),
                "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **more,  # type: ignore[call-overload]
        )
        for rank in range(processes)
    ]  # fmt: skip
