"""MIDI ports by rtmidi: JACK, ALSA, CoreMIDI and Windows MM. Nothing else in the program knows of rtmidi.

Threads: an input's callback runs in a thread of rtmidi's (under JACK, of JACK's).
"""

from __future__ import annotations

import ctypes
import itertools
import sys
from collections.abc import Callable
from typing import Any

from accompanist.errors import NoMidiSystem, PortLost
from accompanist.runtime.jack_watch import JackWatch, silence_jack
from accompanist.runtime.ports import PortChoice, PortListing
from accompanist.runtime.quiet import quiet_stderr

try:
    import rtmidi

    _WHY_NOT = ""
except ImportError as error:  # its Linux wheel needs the system's ALSA library, which small installations leave out
    _WHY_NOT = str(error)

CLIENT = "Accompanist"
_PROBE = f"{CLIENT} probe"
_JACK_CLIENT_NAME_LENGTH = 50  # JACK allows 63 bytes; some are left for a number


class RtMidiSystem:
    """The machine's MIDI system, through rtmidi: JACK where a server runs, else ALSA; CoreMIDI; Windows MM.

    Raises:
        NoMidiSystem: there is none.
    """

    def __init__(self) -> None:
        self._api = _working_api()
        self.name = {"jack": "JACK", "alsa": "ALSA", "core": "CoreMIDI", "winmm": "Windows MM"}.get(
            rtmidi.get_api_name(self._api), rtmidi.get_api_display_name(self._api)
        )
        self._has_clients = self._api in (rtmidi.API_UNIX_JACK, rtmidi.API_LINUX_ALSA)
        self._clients: set[str] = set()  # names of other programs' clients, as last listed
        self._watch: JackWatch | None = None
        self.lost = False

    @property
    def can_make_ports(self) -> bool:
        """Whether virtual ports can be made."""
        return bool(self._api != rtmidi.API_WINDOWS_MM)

    def watch(self, lost: Callable[[], None]) -> None:
        """Be told, in another thread, when the whole system goes away (JACK alone can tell)."""

        def told() -> None:
            self.lost = True
            lost()

        if self.name == "JACK":
            self._watch = JackWatch(told)

    def ports(self) -> PortListing:
        """The ports other programs and devices offer now.

        Raises:
            PortLost: the MIDI system has gone.
        """
        try:
            with quiet_stderr():
                listener, speaker = self._new(rtmidi.MidiIn, _PROBE), self._new(rtmidi.MidiOut, _PROBE)
                found = listener.get_ports(), speaker.get_ports()
                listener.delete()
                speaker.delete()
        except rtmidi.RtMidiError as error:
            raise PortLost(f"{self.name} no longer answers: {error}", hint="accompanist doctor") from error
        listing = PortListing(*(tuple(name for name in names if not name.startswith(_PROBE)) for names in found))
        self._clients = {name.partition(":")[0] for names in listing for name in names}
        return listing

    def open_input(self, choice: PortChoice, receive: Callable[[bytes], None], *, role: str) -> RtMidiPort:
        """Listen to a port.

        Args:
            choice: Which, from `choose`.
            receive: Called in rtmidi's thread with the raw bytes of each message.
            role: What the port is for, part of our client's name where the system has such.
        """
        client = self._client(role)
        midi = self._new(rtmidi.MidiIn, client)
        # Timing is filtered by default, and with it every MIDI clock. System exclusive and active sensing say nothing.
        midi.ignore_types(sysex=True, timing=False, active_sense=True)
        midi.set_callback(lambda event, _: receive(bytes(event[0])))
        return self._open(midi, choice, client)

    def open_output(self, choice: PortChoice, *, role: str) -> RtMidiPort:
        """Play to a port.

        Args:
            choice: Which, from `choose`.
            role: What the port is for, part of our client's name where the system has such.
        """
        client = self._client(role)
        return self._open(self._new(rtmidi.MidiOut, client), choice, client)

    def close(self) -> None:
        """Leave the MIDI system; the ports are closed before."""
        if self._watch is not None and not self.lost:
            self._watch.close()

    def _client(self, role: str) -> str:
        # Each port is a client of its own: under JACK rtmidi gives it one anyway, and clients of one name would get
        # suffixes nobody could foretell. A colon separates client and port there, so a name may hold none.
        name = f"{CLIENT} {role}".replace(":", " ")[:_JACK_CLIENT_NAME_LENGTH]
        return next(
            free for i in itertools.count(1) if (free := name if i == 1 else f"{name} {i}") not in self._clients
        )

    def _new(self, kind: Any, client: str) -> Any:
        return kind(self._api, name=client)

    def _open(self, midi: Any, choice: PortChoice, client: str) -> RtMidiPort:
        own_name = choice.name.replace(":", " ")
        try:
            with quiet_stderr():
                if choice.exists:
                    midi.open_port(midi.get_ports().index(choice.name), name=own_name)
                    return RtMidiPort(self, midi, choice.name, exists=True)
                midi.open_virtual_port(own_name)
                full_name = f"{client}:{own_name}" if self._has_clients else own_name
                return RtMidiPort(self, midi, full_name, exists=False)
        except (rtmidi.RtMidiError, ValueError) as error:
            raise PortLost(
                f"the MIDI port {choice.name!r} cannot be opened: it went away, or another program holds it ({error})",
                hint="see what there is with: accompanist ports",
            ) from error


class RtMidiPort:
    """One open rtmidi port, in or out.

    Args:
        system: The system it belongs to.
        midi: rtmidi's object.
        name: Its full name, as other programs see it.
        exists: It is another program's; else a virtual port of our own.
    """

    def __init__(self, system: RtMidiSystem, midi: Any, name: str, *, exists: bool) -> None:
        self._system = system
        self._midi = midi
        self._exists = exists
        self.name = name

    def send(self, data: bytes) -> None:
        """Send one message now.

        Raises:
            PortLost: the port is gone.
        """
        try:
            self._midi.send_message(data)
        except rtmidi.RtMidiError as error:
            raise PortLost(f"the MIDI port {self.name!r} is gone: {error}", hint="accompanist ports") from error

    def is_there(self) -> bool:
        """Whether the other side still exists; a virtual port of our own always does."""
        if not self._exists or self._system.lost:
            return True
        try:
            return self.name in self._midi.get_ports()
        except rtmidi.RtMidiError:
            return False

    def close(self) -> None:
        """Close it; after the JACK server's death only let go of it, because closing would crash the process then."""
        if self._system.lost:
            # Its destructor closes as well: it must never run, not even when the interpreter ends.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._midi))
            return
        self._midi.close_port()
        self._midi.delete()


def _working_api() -> int:
    """The first MIDI system that answers.

    Raises:
        NoMidiSystem: none does.
    """
    if _WHY_NOT:
        raise NoMidiSystem(
            f"python-rtmidi, which speaks to the MIDI system, does not load: {_WHY_NOT}",
            hint="install ALSA's library (Debian, Ubuntu: apt-get install libasound2), or: pip install python-rtmidi",
        )
    compiled = rtmidi.get_compiled_api()
    order = (rtmidi.API_UNIX_JACK, rtmidi.API_LINUX_ALSA, rtmidi.API_MACOSX_CORE, rtmidi.API_WINDOWS_MM)
    if not sys.platform.startswith(
        "linux"
    ):  # JACK is an add-on elsewhere, and the system's own ports are what is meant
        order = (rtmidi.API_MACOSX_CORE, rtmidi.API_WINDOWS_MM, rtmidi.API_UNIX_JACK)
    silence_jack()
    for api in order:
        if api not in compiled:
            continue
        try:
            with quiet_stderr():  # ALSA prints when there is no sequencer
                rtmidi.MidiOut(api, name=_PROBE).delete()
        except rtmidi.RtMidiError:
            continue
        return int(api)
    raise NoMidiSystem(
        "there is no MIDI system here: neither a JACK server nor the ALSA sequencer answers"
        if sys.platform.startswith("linux")
        else "the MIDI system does not answer",
        hint=(
            "start JACK (jackd -d alsa, or jackd -d dummy without a sound card), or load ALSA's: modprobe snd-seq; "
            "without MIDI these work: accompanist demo, accompanist accompany"
        )
        if sys.platform.startswith("linux")
        else "restart the computer's audio service; without MIDI these work: accompanist demo, accompanist accompany",
    )
