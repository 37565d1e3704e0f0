"""MIDI ports on JACK, in time to the frame. Linux only; nothing else in the program knows of JACK-Client.

Two clients, one that listens and one that plays: were they one, a DAW that plays to us and hears us would be in a loop
with it, and JACK lets one side of a loop wait for a cycle. They do not depend on each other, so a note can leave at the
very frame of the DAW's beat.

Threads: each client's process callback runs in a thread of JACK's, once a cycle. That of the listener stamps what came
in with the second of its frame and leaves it with the receiver; that of the player writes what is due within the cycle
at its frame. The engine's thread only appends to a queue (a deque, whose `append` and `popleft` are atomic); no lock is
held. The callbacks need the interpreter like everything in Python, so they are punctual only in a punctual process
(`realtime.py`). An exception in one is counted.

Which second a frame falls on: that at which JACK comes to it (`jack_time.py`). What goes out at a frame and what comes
in at it are together. Events of a cycle are there when it begins, so stamps may lie up to a cycle ahead of the present.

The server's death, measured with jackd 1.9.21, killed and told to stop, again and again in one process: JACK tells
within 5 to 40 ms, `lost` is True, and from then on nothing may be asked of the clients but to be closed. That is safe,
before a new server runs and after, where no Python runs in JACK's threads meanwhile (`jack_watch.ServerEnd`). Then a
new `JackSystem` opens in the same process as soon as a server answers (until then it raises `NoMidiSystem`), under the
same names, and its ports can be opened and connected again. What is sent to a dead server vanishes. Never load rtmidi
into the same process: its wheel brings a libjack of its own, and what rtmidi holds of JACK cannot be closed after the
server's death.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from accompanist.errors import NoMidiSystem, PortLost
from accompanist.runtime.clock import Clock
from accompanist.runtime.frame_queue import FrameQueue
from accompanist.runtime.jack_time import FrameLine
from accompanist.runtime.jack_watch import ServerEnd, silence_jack
from accompanist.runtime.ports import Departure, PortChoice, PortListing, Receive

try:
    import jack

    _WHY_NOT = ""
except (ImportError, OSError) as error:  # OSError: libjack is not installed
    _WHY_NOT = str(error)

CLIENT = "Accompanist"
AHEAD_S = 0.02
"""How long before its cycle a message should be here: more than a busy machine puts the engine off."""
_SLOWEST_LOOK_S = 0.0002  # a look at the frame counter that took longer tells no second
_PORT_NAME_BYTES = 120
_FLUSH_S = 1.0
_LAST_CALLBACK_S = 0.1  # a callback takes 50 us
_SYSTEM_EXCLUSIVE, _ACTIVE_SENSING = 0xF0, 0xFE


class JackSystem:
    """A JACK server, through two clients of it.

    Args:
        clock: The one clock.

    Raises:
        NoMidiSystem: JACK-Client or libjack is missing, or no server answers.
    """

    name, backend = "JACK", "jack"
    can_make_ports = True

    def __init__(self, clock: Clock) -> None:
        if _WHY_NOT:
            raise NoMidiSystem(
                f"JACK-Client, which speaks to JACK, does not load: {_WHY_NOT}",
                hint="install JACK's library (Debian, Ubuntu: apt-get install libjack-jackd2-0), or: --backend rtmidi",
            )
        self._clock = clock
        self._player = _new_client(f"{CLIENT} out")
        try:
            self._listener = _new_client(f"{CLIENT} in")
        except NoMidiSystem:  # the server went away in between
            self._player.close(ignore_errors=True)
            raise
        rate = self._player.samplerate
        self._line = FrameLine(rate)
        self._frame_s = 1 / rate
        self._period_s: float = self._player.blocksize * self._frame_s
        self._ins: tuple[tuple[Any, Receive], ...] = ()
        self._outs: tuple[JackOutput, ...] = ()
        self._active = False
        self._tell: Callable[[], None] = lambda: None
        self.lost = False
        self.failures = 0  # exceptions in the callbacks
        self.first_failure: Exception | None = None
        self._player.set_process_callback(partial(self._safely, self._play))
        self._listener.set_process_callback(partial(self._safely, self._listen))
        self._end = ServerEnd(self._died)
        for client in (self._player, self._listener):
            self._end.watch(_address(client))

    @property
    def period_s(self) -> float:
        """Length of a cycle."""
        return self._period_s

    @property
    def stood_still_s(self) -> float:
        """How far JACK's frames have fallen behind the seconds: so long the machine, or the server, stood still."""
        return self._line.lost_s

    def watch(self, lost: Callable[[], None]) -> None:
        """Be told, in another thread, when the server goes away."""
        self._tell = lost

    def ports(self) -> PortListing:
        """The MIDI ports of other clients.

        Raises:
            PortLost: the server has gone.
        """
        if self.lost:
            raise PortLost("the JACK server has gone, and all ports with it", hint="start JACK again")
        return PortListing(self._names("is_output"), self._names("is_input"))

    def _names(self, way: str) -> tuple[str, ...]:
        ports = self._player.get_ports(is_midi=True, **{way: True})
        return tuple(port.name for port in ports if not self._player.owns(port) and not self._listener.owns(port))

    def devices(self) -> frozenset[str]:
        """Full names of the ports that are a device's, not a program's."""
        return frozenset(port.name for port in self._player.get_ports(is_midi=True, is_physical=True))

    def open_input(self, choice: PortChoice, receive: Receive, *, role: str) -> JackInput:
        """Listen to a port.

        Args:
            choice: Which, from `port_names.choose`.
            receive: Called in JACK's thread with the bytes of each message and the second of its frame.
            role: What the port is for: its name where it is to be connected to another's.

        Raises:
            PortLost: it went away since it was listed.
        """
        own = self._register(self._listener.midi_inports, choice, role)
        self._ins = (*self._ins, (own, receive))
        self._connect(self._listener, choice, own, (choice.name, own))
        return JackInput(self, choice, own)

    def open_output(self, choice: PortChoice, *, role: str) -> JackOutput:
        """Play to a port.

        Args:
            choice: Which, from `port_names.choose`.
            role: What the port is for: its name where it is to be connected to another's.

        Raises:
            PortLost: it went away since it was listed.
        """
        own = self._register(self._player.midi_outports, choice, role)
        port = JackOutput(self, choice, own, self._clock)
        self._outs = (*self._outs, port)
        self._connect(self._player, choice, own, (own, choice.name))
        return port

    def close(self) -> None:
        """Leave the server, dead or alive."""
        self._ins = self._outs = ()
        if self.lost:
            # JACK's threads are cancelled by closing: by then none may be within a last callback of ours.
            threading.Event().wait(_LAST_CALLBACK_S)
        self._listener.close(ignore_errors=True)
        self._player.close(ignore_errors=True)
        self._end.close()

    def again(self) -> JackSystem:
        """A client of the server's successor, for when this one is lost and closed.

        Raises:
            NoMidiSystem: none answers yet.
        """
        return JackSystem(self._clock)

    def has(self, name: str) -> bool:
        """Whether a port of this name exists; True where nobody can tell any more."""
        if self.lost:
            return True
        try:
            self._player.get_port_by_name(name)
        except jack.JackError:
            return False
        return True

    def connects(self, own: Any, name: str | None) -> bool:
        """Whether a port of ours is connected to another, or to any; True where nobody can tell any more."""
        if self.lost:
            return True
        return bool(own.number_of_connections if name is None else own.is_connected_to(name))

    def forget(self, own: Any) -> None:
        """Close a port of ours."""
        self._ins = tuple((port, receive) for port, receive in self._ins if port is not own)
        self._outs = tuple(port for port in self._outs if port.own is not own)
        if not self.lost:
            own.unregister()  # JACK lets a cycle that still uses it end

    def _register(self, ports: Any, choice: PortChoice, role: str) -> Any:
        self._activate()
        wanted = role if choice.exists else choice.name
        # A colon separates client and port.
        base = wanted.replace(":", " ").encode()[:_PORT_NAME_BYTES].decode(errors="ignore")
        taken = {port.shortname for port in ports}
        names = itertools.chain((base,), (f"{base} {i}" for i in itertools.count(2)))
        return ports.register(next(name for name in names if name not in taken))

    def _activate(self) -> None:
        if not self._active:
            self._player.activate()
            self._listener.activate()
            self._active = True

    def _connect(self, client: Any, choice: PortChoice, own: Any, ends: tuple[Any, Any]) -> None:
        if not choice.exists:
            return
        try:
            client.connect(*ends)
        except jack.JackError as error:
            self.forget(own)
            raise PortLost(
                f"the MIDI port {choice.name!r} cannot be opened: it went away ({error})",
                hint="see what there is with: accompanist ports",
            ) from error

    def _died(self) -> None:
        self.lost = True
        for port in self._outs:
            port.emptied.set()
        self._tell()

    # --- in JACK's threads ---

    def _safely(self, callback: Callable[[int], None], frames: int) -> None:
        try:
            callback(frames)
        except Exception as error:  # noqa: BLE001 (JACK throws a client out whose callback fails)
            self.failures += 1
            if self.first_failure is None:
                self.first_failure = error

    def _listen(self, _frames: int) -> None:
        begin_s = self._line.s_of(self._listener.last_frame_time)
        for own, receive in self._ins:
            for offset, data in own.incoming_midi_events():
                message = bytes(data)
                if message[0] not in (_SYSTEM_EXCLUSIVE, _ACTIVE_SENSING):  # they say nothing to us
                    at_s = begin_s + offset * self._frame_s
                    receive(message, self._clock.now() if math.isnan(at_s) else at_s)

    def _play(self, frames: int) -> None:
        begin_s = self._cycle()
        if math.isnan(begin_s):
            return
        self._period_s = frames * self._frame_s
        for port in self._outs:
            port.write(begin_s, frames)

    def _cycle(self) -> float:
        """When this cycle began. The server's own beginning counts, not that of this callback, which waits its turn."""
        client = self._player
        before_s = self._clock.now()
        since_frames = client.frames_since_cycle_start
        after_s = self._clock.now()
        sure = after_s - before_s < _SLOWEST_LOOK_S
        at_s = (before_s + after_s) / 2 - since_frames * self._frame_s if sure else None
        return self._line.cycle(client.last_frame_time, at_s)


class JackInput:
    """A port of ours that listens.

    Args:
        system: The system it belongs to.
        choice: What it listens to.
        own: JACK-Client's port.
    """

    ahead_s = 0.0

    def __init__(self, system: JackSystem, choice: PortChoice, own: Any) -> None:
        self._system = system
        self._exists = choice.exists
        self.own = own
        self.name: str = choice.name if choice.exists else own.name

    def send(self, data: bytes) -> None:
        """Nothing is sent to a port that listens."""
        raise PortLost(f"the MIDI port {self.name!r} only listens: {data.hex()} cannot be sent")

    def is_there(self) -> bool:
        """Whether the other side still exists; a virtual port of our own always does."""
        return not self._exists or self._system.has(self.name)

    def is_connected(self) -> bool:
        """Whether we are still connected to the other side; for a virtual port whether anybody is connected."""
        return self._system.connects(self.own, self.name if self._exists else None)

    def close(self) -> None:
        """Close it."""
        self._system.forget(self.own)


class JackOutput:
    """A port of ours that plays: what it is given leaves at its own frame.

    Args:
        system: The system it belongs to.
        choice: What it plays to.
        own: JACK-Client's port.
        clock: The one clock.
    """

    def __init__(self, system: JackSystem, choice: PortChoice, own: Any, clock: Clock) -> None:
        self._system = system
        self._exists = choice.exists
        self._clock = clock
        self.own = own
        self.name: str = choice.name if choice.exists else own.name
        self.emptied = threading.Event()
        self._queue = FrameQueue()

    @property
    def ahead_s(self) -> float:
        """How long before it is due a message wants to be here, to leave at its frame."""
        return AHEAD_S + self._system.period_s

    @property
    def period_s(self) -> float:
        """Length of a cycle: what came in leaves again so much later, at the same place in its cycle."""
        return self._system.period_s

    def send(self, data: bytes) -> None:
        """Send one message with the next cycle, after what is due before."""
        self.send_at(data, self._clock.now())

    def send_at(self, data: bytes, due_s: float, tag: object = None) -> None:
        """Send one message at the frame of a second; with the next cycle where that is past. See `FrameQueue.give`."""
        self._queue.give(data, due_s, tag)

    def departures(self) -> list[Departure]:
        """What has left since the last call, and when."""
        return self._queue.departures()

    def flush(self) -> None:
        """Wait until everything given has left, and the cycle that took it is over: others still read from it."""
        self.emptied.clear()
        if not self._system.lost:
            self.emptied.wait(_FLUSH_S)

    def is_there(self) -> bool:
        """Whether the other side still exists; a virtual port of our own always does."""
        return not self._exists or self._system.has(self.name)

    def is_connected(self) -> bool:
        """Whether we are still connected to the other side; for a virtual port whether anybody is connected."""
        return self._system.connects(self.own, self.name if self._exists else None)

    def close(self) -> None:
        """Close it, when what it was given has left."""
        self.flush()
        self._system.forget(self.own)

    def write(self, begin_s: float, frames: int) -> None:
        """In JACK's thread: write what is due in a cycle.

        Args:
            begin_s: When the cycle begins.
            frames: Its length.
        """
        self.own.clear_buffer()
        if not self._queue:
            self.emptied.set()
            return
        self._queue.write(begin_s, frames, self._system.period_s / frames, self._put)

    def _put(self, offset: int, data: bytes) -> bool:
        try:
            self.own.write_midi_event(offset, data)
        except jack.JackError:
            return False
        return True


def _address(client: Any) -> int:
    """Where JACK's own client lives, for what JACK-Client does not offer."""
    return int(jack._ffi.cast("uintptr_t", client._ptr))  # noqa: SLF001 (there is no public way)


def _new_client(name: str) -> Any:
    """A client; JACK calls a second one of a name "NAME-01".

    Raises:
        NoMidiSystem: no server answers.
    """
    silence_jack()
    try:
        return jack.Client(name, no_start_server=True)
    except jack.JackOpenError as error:
        raise NoMidiSystem(
            "no JACK server answers",
            hint="start JACK (jackd -d alsa, or jackd -d dummy without a sound card), or serve with: --backend rtmidi",
        ) from error
