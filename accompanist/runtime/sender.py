"""Messages to their ports in time: handed over when the port wants them, ended when nobody else will.

A message is due at a second of the song. It leaves so much earlier as what comes after its port needs to sound in time
(`advance_s`), and is handed over earlier still to a port that sends at an exact time of its own (`ahead_s`). Lateness
is measured against the second it was to leave at; a port that sends at its own time tells when that really was.

The player's own messages never wait: what came in leaves at once, or, where the port keeps exact time, a cycle later to
the frame, so that playing through keeps its rhythm.

Threads: the engine thread alone uses it.
"""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, cast

from accompanist.engine.player import THRU_TRACK
from accompanist.engine.protocol import Message
from accompanist.errors import PortLost
from accompanist.runtime.clock import Clock
from accompanist.runtime.ledger import ALL_NOTES_OFF, Ledger
from accompanist.runtime.performance_log import Item, Sent
from accompanist.runtime.ports import OutputPort, TimedPort
from accompanist.runtime.telemetry import Telemetry

_SYSTEM = 0xF0


def look_ahead_s(outputs: Mapping[int, OutputPort], advance_s: Mapping[int, float]) -> float:
    """How long before they are due the engine must tell the band's messages.

    Args:
        outputs: The port of each track.
        advance_s: How much earlier each track leaves; 0 where nothing is said.
    """
    band = (track for track in outputs if track != THRU_TRACK)
    return max((outputs[track].ahead_s + advance_s.get(track, 0.0) for track in band), default=0.0)


class _Parcel(NamedTuple):
    """A message on its way; the order is that of handing over.

    Args:
        hand_s: When its port wants it.
        number: Counts up: what is wanted together is handed over in the order it was told.
        leave_s: When it should leave.
        message: What.
    """

    hand_s: float
    number: int
    leave_s: float
    message: Message


class Sender:
    """Sends what the engine tells, and keeps the ledger of what sounds.

    Args:
        clock: The one clock.
        outputs: The port of each track; -1 is the player's own melody.
        telemetry: Takes every message's lateness.
        advance_s: How much earlier than due each track leaves; 0 where nothing is said, always for the player's own.
        lost: Called with a port's loss, at most once per port.
        log: Takes down what left; must not block or throw.
    """

    def __init__(
        self,
        clock: Clock,
        outputs: Mapping[int, OutputPort],
        telemetry: Telemetry,
        *,
        advance_s: Mapping[int, float],
        lost: Callable[[PortLost], None],
        log: Callable[[Item], None] | None,
    ) -> None:
        self._clock = clock
        self._outputs = outputs
        self._telemetry = telemetry
        self._advance_s = advance_s
        self._lost = lost
        self._log = log
        self._numbers = itertools.count()
        self._waiting: list[_Parcel] = []  # a heap
        self._ledgers: defaultdict[int, Ledger] = defaultdict(Ledger)  # by track: what was handed over
        self._last_s: dict[int, float] = {}  # track: when the last message handed over is to leave
        self._gone: set[int] = set()  # tracks whose port was lost
        self._under_way = 0  # handed over to be sent at its time, and not told as left: at least so many

    @property
    def next_s(self) -> float | None:
        """When to call `send_due` again; None where nothing waits."""
        return self._waiting[0].hand_s if self._waiting else None

    def take(self, messages: Iterable[Message]) -> None:
        """Take messages that are due, now or later."""
        for message in messages:
            parcel = self._parcel(message)
            if parcel is not None:
                heapq.heappush(self._waiting, parcel)

    def send_due(self) -> None:
        """Hand over what its port wants by now, and take down what has left."""
        while self._waiting and self._waiting[0].hand_s <= self._clock.now():
            self._hand_over(heapq.heappop(self._waiting))
        self._collect()

    def send_all(self) -> None:
        """Hand over whatever waits, in order."""
        while self._waiting:
            self._hand_over(heapq.heappop(self._waiting))

    def drop_waiting(self) -> None:
        """Forget what was not yet handed over. What sounds because of that is still in the ledger."""
        self._waiting.clear()

    def send(self, track: int, data: bytes) -> None:
        """Send something now: after all that was handed over for its track."""
        due_s = max(self._clock.now(), self._last_s.get(track, 0.0))
        self._hand_over(_Parcel(due_s, 0, due_s, Message(due_s, track, data, 0)), counts=False)

    def end_what_sounds(self) -> None:
        """A note-off for every note that was handed over and not ended."""
        for track, ledger in sorted(self._ledgers.items()):
            for data in ledger.ends():
                self.send(track, data)

    def all_notes_off(self) -> None:
        """All notes off on every channel ever used; returns when everything has left."""
        for track, ledger in sorted(self._ledgers.items()):
            for data in ledger.quiet(ALL_NOTES_OFF):
                self.send(track, data)
        for port in self._timed_ports():
            port.flush()
        self._collect()

    def _parcel(self, message: Message) -> _Parcel | None:
        port = self._outputs.get(message.track)
        if port is None:
            return None
        leave_s, ahead_s = message.due_s, port.ahead_s
        if message.track == THRU_TRACK:
            leave_s += cast(TimedPort, port).period_s if ahead_s > 0 else 0.0
            ahead_s = float("inf")  # it never waits
        else:
            leave_s -= self._advance_s.get(message.track, 0.0)
        return _Parcel(leave_s - ahead_s, next(self._numbers), leave_s, message)

    def _hand_over(self, parcel: _Parcel, *, counts: bool = True) -> None:
        """Give a message to its port; with its lateness counted, unless it was never due at a time."""
        track, data = parcel.message.track, parcel.message.data
        port = self._outputs.get(track)
        if port is None or track in self._gone:
            return
        try:
            if port.ahead_s > 0:
                cast(TimedPort, port).send_at(data, parcel.leave_s, (parcel, counts))
                self._under_way += 1
            else:
                port.send(data)
                self._left(parcel, self._clock.now(), counts=counts)
        except Exception as error:  # noqa: BLE001 (a port that throws cannot be sent to: the others play on)
            lost = error if isinstance(error, PortLost) else PortLost(f"the MIDI port {port.name!r} failed: {error}")
            self._gone |= {other for other, candidate in self._outputs.items() if candidate is port}
            self._lost(lost)
            return
        self._last_s[track] = max(parcel.leave_s, self._last_s.get(track, 0.0))
        self._ledgers[track].note(data)

    def _timed_ports(self) -> list[TimedPort]:
        ports = {id(port): port for track, port in self._outputs.items() if track not in self._gone}
        return [cast(TimedPort, port) for port in ports.values() if port.ahead_s > 0]

    def _collect(self) -> None:
        if not self._under_way:
            return
        for port in self._timed_ports():
            for tag, at_s in port.departures():
                self._under_way -= 1
                parcel, counts = cast(tuple[_Parcel, bool], tag)
                self._left(parcel, at_s, counts=counts)

    def _left(self, parcel: _Parcel, at_s: float, *, counts: bool) -> None:
        if counts:
            self._telemetry.sent(parcel.leave_s, at_s)
        if self._log is not None and parcel.message.data[0] < _SYSTEM:  # a clock would be most of the log
            self._log(Sent(parcel.message._replace(due_s=parcel.leave_s), at_s))
