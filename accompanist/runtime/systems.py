"""Which MIDI back end to speak through: JACK's own where a server runs, else rtmidi.

Only the one that is taken is loaded: rtmidi's wheel brings a libjack of its own, and a process must not use two.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from accompanist.errors import NoMidiSystem, PortLost
from accompanist.runtime.clock import Clock
from accompanist.runtime.ports import MidiSystem, Port, PortChoice, PortListing, Receive

_SEQUENCER = Path("/dev/snd/seq")
"""ALSA's MIDI, on Linux all that rtmidi knows but JACK."""


def open_system(backend: str, clock: Clock, *, waits: bool = False) -> MidiSystem:
    """The machine's MIDI system.

    Args:
        backend: "jack", "rtmidi", or "auto": jack on Linux where a JACK server answers, else rtmidi.
        clock: The one clock.
        waits: The caller will ask again. So rtmidi is not loaded where it can't help: JACK's own back end could not be
            used after that.

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
            if backend == "jack" or (waits and not _SEQUENCER.exists()):
                raise
    from accompanist.runtime.rtmidi_ports import RtMidiSystem  # noqa: PLC0415 (it loads a libjack of its own)

    return RtMidiSystem()


def await_system(backend: str, clock: Clock, tell: Callable[[str], None]) -> MidiSystem:
    """The machine's MIDI system, or one that stands for it until it is there.

    Args:
        backend: As for `open_system`.
        clock: The one clock.
        tell: Called with a line for the user where it is not there yet.
    """
    try:
        return open_system(backend, clock, waits=True)
    except NoMidiSystem as error:
        tell(f"waiting for MIDI: {error.message}")
        return AbsentSystem(backend, clock)


class AbsentSystem:
    """The MIDI system before it is there: lost from the beginning, and `again` is the real one.

    Args:
        backend: What is to speak to it.
        clock: The one clock.
    """

    name, backend = "MIDI", ""
    can_make_ports = True  # only JACK and ALSA can be away, and there ports can be made
    failures = 0
    lost = True

    def __init__(self, backend: str, clock: Clock) -> None:
        self._backend = backend
        self._clock = clock

    def watch(self, lost: Callable[[], None]) -> None:
        """Nothing more can be lost."""

    def ports(self) -> PortListing:
        """There are none to ask for.

        Raises:
            PortLost: always.
        """
        raise self._absence()

    def devices(self) -> None:
        """Nobody tells."""

    def open_input(self, choice: PortChoice, receive: Receive, *, role: str) -> Port:  # noqa: ARG002  there is none
        """None can be opened.

        Raises:
            PortLost: always.
        """
        raise self._absence()

    def open_output(self, choice: PortChoice, *, role: str) -> Port:  # noqa: ARG002  there is none
        """None can be opened.

        Raises:
            PortLost: always.
        """
        raise self._absence()

    def close(self) -> None:
        """There is nothing to leave."""

    def again(self) -> MidiSystem:
        """The MIDI system.

        Raises:
            NoMidiSystem: it does not answer yet.
        """
        return open_system(self._backend, self._clock, waits=True)

    @staticmethod
    def _absence() -> PortLost:
        return PortLost("there is no MIDI system yet")
