"""Keep C libraries from writing over the player's terminal.

ALSA, JACK and onnxruntime print straight to file descriptor 2 when asked for something that is not there, which is what
looking for a MIDI system or a GPU amounts to. Python's own `sys.stderr` redirection does not reach them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Within the block nothing reaches the standard error stream of the process, in any thread: keep it short."""
    try:
        sys.stderr.flush()
        saved = os.dup(2)
    except (OSError, ValueError, AttributeError):  # closed, or a program without a terminal: nothing to keep clean
        yield
        return
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
