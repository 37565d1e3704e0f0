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
from accompanist.runtime.devices import alsa_devices, jack_devices
from accompanist.runtime.jack_watch import JackWatch, silence_jack
from accompanist.runtime.ports import PortChoice, PortListing, Receive
from accompanist.runtime.quiet import quiet_stderr

try:
    import rtmidi

    _WHY_NOT = ""
except ImportError as error:  # its Linux wheel needs the system's ALSA library, which small installations leave out
    _WHY_NOT = str(error)

CLIENT = "Accompanist"
_PROBE = f"{CLIENT} probe"
_SEE = "see what there is with: accompanist ports"
_JACK_CLIENT_NAME_LENGTH = 50  # JACK allows 63 bytes; some are left for a number


class RtMidiSystem:
    """The machine's MIDI system, through rtmidi: JACK where a server runs, else ALSA; CoreMIDI; Windows MM.

    Args:
        api: rtmidi's number of the system, where only that will do; any that answers where None.

    Raises:
        NoMidiSystem: there is none.
    """

    backend = "rtmidi"
    failures = 0  # rtmidi tells none

    def __init__(self, api: int | None = None) -> None:
        self._api = _working_api(api)
        self.name = {"jack": "JACK", "alsa": "ALSA", "core": "CoreMIDI", "winmm": "Windows MM"}.get(
            rtmidi.get_api_name(self._api), rtmidi.get_api_display_name(self._api)
        )
        self._has_clients = self._api in (rtmidi.API_UNIX_JACK, rtmidi.API_LINUX_ALSA)
        self._ours: set[str] = set()  # names of our clients; where the system has none, of our virtual ports
        self._taken: set[str] = set()  # names of other programs' clients, as last listed
        self._in_use: list[Any] = []  # rtmidi's objects behind our open ports
        self._scouts: list[Any] = []  # others, that only look around
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
        """The ports other programs and devices offer now; our own are left out.

        Raises:
            PortLost: the MIDI system has gone.
        """
        if self.lost:
            raise PortLost(f"{self.name} no longer answers", hint="accompanist doctor")
        try:
            with quiet_stderr():
                found = [self._names(kind) for kind in (rtmidi.MidiIn, rtmidi.MidiOut)]
        except rtmidi.RtMidiError as error:
            raise PortLost(f"{self.name} no longer answers: {error}", hint="accompanist doctor") from error
        listing = PortListing(*(tuple(name for name in names if name and not self._is_ours(name)) for names in found))
        self._taken = {name.partition(":")[0] for names in listing for name in names}
        return listing

    def _names(self, kind: Any) -> list[str]:
        # An object that is open anyway is asked where there is one: in JACK's library a process that opens clients
        # again and again gets in the way of others that open theirs.
        for midi in (*self._in_use, *self._scouts):
            if isinstance(midi, kind):
                return names_of(midi)
        self._scouts.append(self._new(kind, _PROBE))
        return names_of(self._scouts[-1])

    def _is_ours(self, name: str) -> bool:
        whose = name.partition(":")[0] if self._has_clients else name
        return whose in self._ours or whose.startswith(_PROBE)

    def devices(self) -> frozenset[str] | None:
        """Full names of the ports that are a device's, not a program's; None where the system does not tell."""
        if self.name == "JACK":
            return jack_devices()
        return alsa_devices(itertools.chain(*self.ports())) if self.name == "ALSA" else None

    def open_input(self, choice: PortChoice, receive: Receive, *, role: str) -> RtMidiPort:
        """Listen to a port.

        Args:
            choice: Which, from `port_names.choose`.
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
            choice: Which, from `port_names.choose`.
            role: What the port is for, part of our client's name where the system has such.
        """
        client = self._client(role)
        return self._open(self._new(rtmidi.MidiOut, client), choice, client)

    def connects(self, ours: str, theirs: str | None) -> bool:
        """Whether a port of ours is connected to another, or to any, by full names; only JACK tells, else True."""
        if self._watch is None or self.lost:
            return True
        others = self._watch.connected_to(ours)
        return others is None or (theirs in others if theirs is not None else bool(others))

    def close(self) -> None:
        """Leave the MIDI system; the ports are closed before."""
        while self._scouts:
            self.let_go(self._scouts.pop(), "")
        if self._watch is not None and not self.lost:
            self._watch.close()

    def again(self) -> RtMidiSystem:
        """A new one, for when this one is lost and closed. What this one held stays as it is: closing would crash.

        Raises:
            NoMidiSystem: it does not answer yet.
        """
        return RtMidiSystem(self._api)

    def let_go(self, midi: Any, ours: str) -> None:
        """Close a port; after the JACK server's death only leave it, for closing would crash the process then.

        Args:
            midi: rtmidi's object.
            ours: Name of our client or virtual port.
        """
        self._ours.discard(ours)
        self._in_use = [other for other in self._in_use if other is not midi]
        if self.lost:
            # Its destructor closes as well: it must never run, not even when the interpreter ends.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(midi))
            return
        midi.close_port()
        midi.delete()

    def _client(self, role: str) -> str:
        # Each port is a client of its own: under JACK rtmidi gives it one anyway, and clients of one name would get
        # suffixes nobody could foretell. A colon separates client and port there, so a name may hold none.
        name = f"{CLIENT} {role}".replace(":", " ")[:_JACK_CLIENT_NAME_LENGTH]
        taken = self._taken | self._ours
        return next(free for i in itertools.count(1) if (free := name if i == 1 else f"{name} {i}") not in taken)

    def _new(self, kind: Any, client: str) -> Any:
        return kind(self._api, name=client)

    def _open(self, midi: Any, choice: PortChoice, client: str) -> RtMidiPort:
        own_name = choice.name.replace(":", " ")
        ours = client if self._has_clients else "" if choice.exists else own_name
        try:
            with quiet_stderr():
                if choice.exists:
                    midi.open_port(_place(midi, choice), name=own_name)
                else:
                    midi.open_virtual_port(own_name)
        except rtmidi.RtMidiError as error:
            midi.delete()
            raise PortLost(f"the MIDI port {choice.name!r} cannot be opened: {error}", hint=self._why_held()) from error
        except PortLost:
            midi.delete()
            raise
        self._ours.add(ours)
        self._in_use.append(midi)
        for scout in [scout for scout in self._scouts if isinstance(scout, type(midi))]:
            self._scouts.remove(scout)
            self.let_go(scout, "")
        ours_in_full = f"{client}:{own_name}" if self._has_clients else own_name
        theirs = choice.name if choice.exists else None
        return RtMidiPort(self, midi, ours_in_full, theirs, ours)

    def _why_held(self) -> str:
        if self._api == rtmidi.API_WINDOWS_MM:
            return f"Windows lets one program at a time use a port: close the other; {_SEE}"
        return f"it went away, or another program holds it; {_SEE}"


def _place(midi: Any, choice: PortChoice) -> int:
    """The number of a port among those there are now.

    Raises:
        PortLost: it is not there any more.
    """
    places = [place for place, name in enumerate(names_of(midi)) if name == choice.name]
    if len(places) <= choice.nth:
        raise PortLost(f"the MIDI port {choice.name!r} cannot be opened: it went away", hint=_SEE)
    return places[choice.nth]


class RtMidiPort:
    """One open rtmidi port, in or out.

    Args:
        system: The system it belongs to.
        midi: rtmidi's object.
        full_name: Its full name, as other programs see it.
        theirs: Full name of the other program's port that it is connected to; None: it is a virtual port.
        ours: Name of our client; where the system has none, of the virtual port (empty: it is another program's).
    """

    ahead_s = 0.0

    def __init__(self, system: RtMidiSystem, midi: Any, full_name: str, theirs: str | None, ours: str) -> None:
        self._system = system
        self._midi = midi
        self._ours = ours
        self._full_name = full_name
        self._exists = theirs is not None
        self.name = full_name if theirs is None else theirs

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
            return self.name in names_of(self._midi)
        except rtmidi.RtMidiError:
            return False

    def is_connected(self) -> bool:
        """Whether we are still connected to the other side, a virtual port to anybody; only JACK tells."""
        return self._system.connects(self._full_name, self.name if self._exists else None)

    def close(self) -> None:
        """Close it; nothing that sounds is ended by that."""
        self._system.let_go(self._midi, self._ours)


def names_of(midi: Any) -> list[str]:
    """Full names of the ports one of rtmidi's objects could open, each at its number.

    rtmidi speaks UTF-8 on every system; what python-rtmidi takes it for on macOS and Windows by itself (MacRoman,
    Latin-1) garbles every letter that is not ASCII (python-rtmidi issue 180). A name it cannot tell is empty.
    """
    return [name or "" for name in midi.get_ports(encoding="utf-8")]


def _working_api(only: int | None) -> int:
    """The first MIDI system that answers.

    Args:
        only: No other will do; None: any.

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
    for api in order if only is None else (only,):
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
