"""Notice what rtmidi does not: that the JACK server has died, or a connection was taken away.

When it dies, what rtmidi sends vanishes without an exception, and closing an rtmidi port afterwards crashes the
process. JACK itself tells its clients through a callback; so a client of our own, without ports, stays open to hear it.
It lives in the very libjack that rtmidi brought into the process, which must not hold two copies of that library.
"""

from __future__ import annotations

import ctypes
import itertools
import sys
import threading
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


class ServerEnd:
    """Hears of a JACK server's end without a line of Python in JACK's own threads.

    The thread that calls a shutdown callback is cancelled when its client is closed. Were it in Python just then, it
    would take the interpreter's lock with it, and the process would hang: 1 of 10 did. So the callback is C's own
    `sem_post`, and a thread of ours waits for it.

    Args:
        lost: Called once, in that thread.
    """

    def __init__(self, lost: Callable[[], None]) -> None:
        self._lost = lost
        self._c = ctypes.CDLL(None)
        self._semaphore = ctypes.create_string_buffer(64)  # a sem_t has 16 to 32 bytes
        self._c.sem_init(self._semaphore, 0, 0)
        self._closing = False
        self._thread = threading.Thread(target=self._wait, name="JACK's end", daemon=True)
        self._thread.start()

    def watch(self, client: int) -> None:
        """Hear of the end of a client's server.

        Args:
            client: Address of JACK's client, not yet active.
        """
        library = loaded_library()
        if library is not None:
            post = ctypes.cast(self._c.sem_post, ctypes.c_void_p)
            library.jack_on_shutdown(ctypes.c_void_p(client), post, self._semaphore)

    def close(self) -> None:
        """Hear no more; when the clients are closed."""
        self._closing = True
        self._c.sem_post(self._semaphore)
        self._thread.join()

    def _wait(self) -> None:
        while self._c.sem_wait(self._semaphore) != 0:
            pass  # interrupted by a signal
        if not self._closing:
            self._lost()


class JackWatch:
    """A JACK client that only waits for the server's end, and sees who is connected to whom.

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

    def connected_to(self, ours: str) -> frozenset[str] | None:
        """Full names of the ports that a port is connected to; None where nobody can tell.

        Never after the server has died.

        Args:
            ours: Its full name.
        """
        library = self._library
        if library is None or not self._client:
            return None
        library.jack_port_by_name.restype = ctypes.c_void_p
        library.jack_port_get_all_connections.restype = ctypes.POINTER(ctypes.c_char_p)
        client = ctypes.c_void_p(self._client)
        port = library.jack_port_by_name(client, ours.encode())
        if not port:  # JACK cut the name off, or changed it
            return None
        names = library.jack_port_get_all_connections(client, ctypes.c_void_p(port))
        if not names:
            return frozenset()
        found = itertools.takewhile(lambda name: name is not None, (names[i] for i in itertools.count()))
        connected = frozenset(name.decode("utf-8", "replace") for name in found)
        library.jack_free(names)
        return connected

    def close(self) -> None:
        """Leave the server; never after it has died."""
        if self._library is not None and self._client:
            self._library.jack_client_close(ctypes.c_void_p(self._client))
            self._client = None
