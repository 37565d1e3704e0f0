"""Notice that the JACK server has died, which rtmidi does not.

When it dies, what rtmidi sends vanishes without an exception, and closing an rtmidi port afterwards crashes the
process. JACK itself tells its clients through a callback; so a client of our own, without ports, stays open to hear it.
It lives in the very libjack that rtmidi brought into the process, which must not hold two copies of that library.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from pathlib import Path

NO_START_SERVER = 1  # JackNoStartServer of jack/types.h
_SHUTDOWN_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


def loaded_library() -> ctypes.CDLL | None:
    """The libjack that rtmidi's extension module is linked to, or None where it is not."""
    if not sys.platform.startswith("linux"):
        return None
    for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines():
        path = line.split(None, 5)[-1]
        if Path(path).name.startswith("libjack") and ".so" in path:
            return ctypes.CDLL(path)
    return None


def silence_jack() -> None:
    """Keep libjack from printing to the terminal, also later and from its own threads."""
    library = loaded_library()
    if library is None:
        return
    # A C function that reads the text and does nothing with it: no Python runs in JACK's threads for this.
    ignore = ctypes.cast(ctypes.CDLL(None).strlen, ctypes.c_void_p)
    library.jack_set_error_function(ignore)
    library.jack_set_info_function(ignore)


class JackWatch:
    """A JACK client that only waits for the server's end.

    Args:
        lost: Called once, in a thread of JACK's, when the server is gone. Must only append and wake.
    """

    def __init__(self, lost: Callable[[], None]) -> None:
        self._library = loaded_library()
        self._client: int | None = None
        self._callback = _SHUTDOWN_CALLBACK(lambda _: lost())  # kept: JACK holds only its address
        if self._library is None:
            return
        self._library.jack_client_open.restype = ctypes.c_void_p
        self._client = self._library.jack_client_open(b"Accompanist watch", NO_START_SERVER, None)
        if self._client:
            self._library.jack_on_shutdown(ctypes.c_void_p(self._client), self._callback, None)
            self._library.jack_activate(ctypes.c_void_p(self._client))

    def close(self) -> None:
        """Leave the server; never after it has died."""
        if self._library is not None and self._client:
            self._library.jack_client_close(ctypes.c_void_p(self._client))
            self._client = None
