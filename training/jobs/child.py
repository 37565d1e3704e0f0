"""One step of a job, in a process that does not outlive its worker.

    python -m training.jobs.child LOCK MODULE ARGUMENTS...

The worker holds the other end of stdin. When that closes the worker is gone, and this process ends at once: what it has
written is whole, and whoever takes the job over begins from there. LOCK is the job's own file, held as long as this
process lives: on machines that share the runs' folder, two of them never do one job at once, whatever the queue says.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading
from pathlib import Path

if sys.platform != "win32":
    import fcntl

ORPHANED = 75
"""Exit code of a process whose worker is gone; nobody is left to read it."""


def main() -> None:
    """Wait for the job, then run the module as if it had been called itself."""
    path, module, *arguments = sys.argv[1:]
    threading.Thread(target=_end_with_the_worker, daemon=True).start()
    with Path(path).open("ab") as lock:  # closed, and so let go of, when this process ends
        if sys.platform != "win32":
            fcntl.flock(lock.fileno(), fcntl.LOCK_EX)  # waits for one that is still ending
        sys.argv = [module, *arguments]
        runpy.run_module(module, run_name="__main__", alter_sys=True)


def _end_with_the_worker() -> None:
    os.read(0, 1)  # nothing is ever written: it returns when the other end is closed
    os._exit(ORPHANED)


if __name__ == "__main__":
    main()
