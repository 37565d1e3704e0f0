"""What it takes for Python threads to be on time, and what is put back when the music is over.

Measured (docs/architecture.md, "Real time"): another busy thread costs a waiting one 5 ms at Python's usual switch
interval and under 1 ms at ours; the collector's pauses cost 15 to 25 ms; other programs some 3 ms without a real-time
priority. The interpreter's lock hands that on: a thread that is put off while it holds the lock puts off the engine, so
on a busy machine a status line drawn at an ordinary priority cost up to 8 ms. Hence every thread gets some priority.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH_INTERVAL_S = 0.0005
"""How long another Python thread may hold the interpreter while the engine waits for it."""
ENGINE_PRIORITY = 40
"""Below what JACK takes for its own threads (55 to 60)."""
OTHERS_PRIORITY = 1
"""Status line, inference, MIDI input: below the engine, above every program that is not real time."""


@contextmanager
def punctual_process() -> Iterator[str]:
    """Within the block this thread, and those it starts, are not put off by other programs or by the collector.

    Yields:
        Why there is no real-time priority, in a few words; empty where there is.
    """
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.collect()
    gc.freeze()  # what lives by now stays: later collections need not look at it
    gc.disable()
    try:
        with _priority(OTHERS_PRIORITY) as why_none:
            yield why_none
    finally:
        gc.enable()
        gc.unfreeze()
        sys.setswitchinterval(interval_s)


@contextmanager
def engine_thread() -> Iterator[None]:
    """Within the block this thread goes before all others of the process."""
    with _priority(ENGINE_PRIORITY):
        yield


@contextmanager
def other_thread() -> Iterator[None]:
    """Within the block this thread has, and those it starts keep, the priority of all threads but the engine's.

    For what starts threads of its own that have to keep up in play, before the play begins.
    """
    with _priority(OTHERS_PRIORITY):
        yield


def why_no_priority() -> str:
    """Why a thread of this process gets no real-time priority; empty where it would."""
    with _priority(OTHERS_PRIORITY) as why_none:
        return why_none


@contextmanager
def _priority(priority: int) -> Iterator[str]:
    """SCHED_FIFO for the calling thread; yields why not, or an empty string."""
    if not sys.platform.startswith("linux"):
        yield "this system gives Python threads none"
        return
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except OSError as error:
        yield f"{error.strerror} (a user gets it through rtprio in /etc/security/limits.d)"
        return
    try:
        yield ""
    finally:
        os.sched_setscheduler(0, *before)
