"""Which ports are a device's and which a program's, where the system tells: JACK and ALSA do."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterable
from pathlib import Path

from accompanist.runtime.jack_watch import NO_START_SERVER, loaded_library

_ALSA_CLIENTS = Path("/proc/asound/seq/clients")
_ALSA_CLIENT = re.compile(r'^Client +(?P<number>\d+) : "(?P<name>.*)" \[Kernel', re.MULTILINE)
_ALSA_NO_DEVICES = ("System", "Midi Through", "Virtual Raw MIDI", "VirMIDI")
"""Clients of the kernel's that are no device all the same."""
_JACK_MIDI = b"8 bit raw midi"  # JACK_DEFAULT_MIDI_TYPE
_JACK_IS_PHYSICAL = 4  # JackPortIsPhysical of jack/types.h


def alsa_devices(names: Iterable[str], clients: str | None = None) -> frozenset[str]:
    """The names that are a device's: its client is the kernel's.

    Args:
        names: Full names of ports, ending in the client's number and the port's: "Keys:Keys MIDI 1 20:0".
        clients: What the kernel says of its clients; read from it where None.
    """
    if clients is None:
        try:
            clients = _ALSA_CLIENTS.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return frozenset()
    numbers = {
        match["number"] for match in _ALSA_CLIENT.finditer(clients) if not match["name"].startswith(_ALSA_NO_DEVICES)
    }
    return frozenset(
        name for name in names if (found := re.search(r" (\d+):\d+$", name)) is not None and found[1] in numbers
    )


def jack_devices() -> frozenset[str] | None:
    """Full names of JACK's MIDI ports that a driver calls physical; None where the server cannot be asked."""
    library = loaded_library()
    if library is None:
        return None
    library.jack_client_open.restype = ctypes.c_void_p
    library.jack_get_ports.restype = ctypes.POINTER(ctypes.c_char_p)
    client = ctypes.c_void_p(library.jack_client_open(b"Accompanist devices", NO_START_SERVER, None))
    if not client:
        return None
    names: set[str] = set()
    found = library.jack_get_ports(client, None, _JACK_MIDI, ctypes.c_ulong(_JACK_IS_PHYSICAL))
    if found:
        place = 0
        while (name := found[place]) is not None:
            names.add(name.decode("utf-8", "replace"))
            place += 1
        library.jack_free(found)
    library.jack_client_close(client)
    return frozenset(names)
