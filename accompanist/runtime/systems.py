"""Which MIDI back end to speak through: JACK's own where a server runs, else rtmidi.

Only the one that is taken is loaded: rtmidi's wheel brings a libjack of its own, and a process must not use two.
"""

from __future__ import annotations

import sys

from accompanist.errors import NoMidiSystem
from accompanist.runtime.clock import Clock
from accompanist.runtime.ports import MidiSystem


def open_system(backend: str, clock: Clock) -> MidiSystem:
    """The machine's MIDI system.

    Args:
        backend: "jack", "rtmidi", or "auto": jack on Linux where a JACK server answers, else rtmidi.
        clock: The one clock.

    Raises:
        NoMidiSystem: there is none.
    """
    if backend == "jack" or (backend == "auto" and sys.platform.startswith("linux")):
        if not sys.platform.startswith("linux"):
            raise NoMidiSystem(
                "the jack back end needs Linux, and this is none", hint="rtmidi is the back end here: --backend rtmidi"
            )
        from accompanist.runtime.jack_ports import JackSystem  # noqa: PLC0415 (it loads libjack)

        try:
            return JackSystem(clock)
        except NoMidiSystem:
            if backend == "jack":
                raise
    from accompanist.runtime.rtmidi_ports import RtMidiSystem  # noqa: PLC0415 (it loads a libjack of its own)

    return RtMidiSystem()
