"""Who is at the other end of a port: a synthesiser that is sent to, a keyboard that is listened to."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from accompanist.runtime.ports import Departure, Receive

if TYPE_CHECKING:
    from faults.world import World

SYSTEM = {b"\xf8": 1, b"\xfa": 1, b"\xfb": 1, b"\xfc": 1, b"\xf2": 3}
"""Clock, start, continue, stop and song position, with their lengths."""


class Place:
    """Where a port of another's stands among the system's.

    Args:
        name: What the settings call it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.listed = True  # plugged in, and offered by the system
        self.client = 16  # its number, another one whenever it is plugged in

    @property
    def full_name(self) -> str:
        """As ALSA lists it."""
        return f"{self.name}:{self.name} MIDI 1 {self.client}:0"


class Keyboard(Place):
    """Someone plays, leads or turns knobs on it."""

    receive: Receive | None = None
    """Who listens."""


class Device(Place):
    """A synthesiser: knows what sounds, and refuses what no synthesiser may be sent.

    Args:
        name: The port's.
        band: MIDI channels of the band on it; on others the player's own notes sound.
        ahead_s: How long before it sends a message its port wants it; 0: it can only send now.
        ends_all: It knows "all notes off"; many do not.
    """

    def __init__(self, name: str, band: Iterable[int], *, ahead_s: float = 0.0, ends_all: bool = True) -> None:
        super().__init__(name)
        self.band = frozenset(band)
        self.ahead_s = ahead_s
        self.period_s = ahead_s / 3
        self.virtual = False  # its port is one of the program's own, which it listens to
        self.gone = False  # what is sent to it does not arrive
        self.waiting = 0  # given to its port and not yet told as left
        self.sounding: set[tuple[int, int]] = set()
        self._ends_all = ends_all

    def hear(self, data: bytes) -> str:
        """Take a message; returns what is wrong with it, or nothing."""
        if data[:1] in SYSTEM:
            return "" if len(data) == SYSTEM[data[:1]] else f"{data.hex(' ')} is no system message"
        kind, channel = data[0] & 0xF0, data[0] & 0x0F
        length = 2 if kind in (0xC0, 0xD0) else 3
        if not 0x80 <= data[0] < 0xF0 or len(data) != length or max(data[1:]) > 0x7F:
            return f"{data.hex(' ')} is no MIDI message"
        key = channel, data[1]
        if kind == 0x90 and data[2] > 0:
            if key in self.sounding and channel in self.band:
                return f"channel {channel + 1} begins pitch {data[1]} which sounds already"
            self.sounding.add(key)
        elif kind in (0x80, 0x90):
            self.sounding.discard(key)
        elif kind == 0xB0 and (data[1] == 120 or data[1] >= 123) and self._ends_all:
            self.sounding = {other for other in self.sounding if other[0] != channel}
        return ""

    def sounds(self) -> list[tuple[int, int]]:
        """Of the band: (channel, pitch)."""
        return sorted(key for key in self.sounding if key[0] in self.band)


class DevicePort:
    """The port to a device.

    Args:
        world: Where it is.
        device: Who is behind it.
        name: Its own.
        lose: Called when it is closed, with how many messages never left.
    """

    def __init__(self, world: World, device: Device, name: str, lose: Callable[[int], None]) -> None:
        self.name = name
        self.ahead_s, self.period_s = device.ahead_s, device.period_s
        self.closed = False
        self._world, self._device, self._lose = world, device, lose
        self._given: list[tuple[float, int, bytes, object]] = []  # a heap
        self._left: list[Departure] = []

    def send(self, data: bytes) -> None:
        """Send now."""
        if self.ahead_s > 0:
            self.send_at(data, self._world.now())
            return
        assert not self.closed
        self._world.ports.fail(self._device, data, timed=False)
        self._arrive(data)

    def send_at(self, data: bytes, due_s: float, tag: object = None) -> None:
        """Send at a second."""
        assert not self.closed
        self._world.ports.fail(self._device, data, timed=True)
        self._device.waiting += tag is not None
        heapq.heappush(self._given, (due_s, next(self._world.numbers), data, tag))
        self._world.at(max(due_s - self._world.now(), 0.0), self.leave)

    def leave(self) -> None:
        """What is due by now leaves."""
        while self._given and self._given[0][0] <= self._world.now():
            _, _, data, tag = heapq.heappop(self._given)
            self._arrive(data)
            if tag is not None:
                self._left.append(Departure(tag, self._world.now()))

    def _arrive(self, data: bytes) -> None:
        if not self._device.gone:
            self._world.sent(self._device, data)

    def departures(self) -> list[Departure]:
        """What has left since the last call."""
        told, self._left = self._left, []
        self._device.waiting -= len(told)
        return told

    def flush(self) -> None:
        """Time goes on until all has left."""
        if self._given:
            self._world.advance(max(max(self._given)[0] - self._world.now(), 0.0))
        self.leave()

    def is_there(self) -> bool:
        """The device is still listed under this name."""
        return self.name == self._device.name or (self._device.listed and self.name == self._device.full_name)

    def is_connected(self) -> bool:
        """Nobody takes a cable out in a patchbay."""
        return True

    def close(self) -> None:
        """Nobody will hear of what has not left, nor be told of what has."""
        self.closed = True
        lost = sum(tag is not None for _, _, _, tag in self._given) + len(self._left)
        self._given.clear()
        self._left.clear()
        self._device.waiting -= lost
        self._lose(lost)


class KeyboardPort:
    """The port a keyboard is heard on.

    Args:
        keyboard: The keyboard.
        name: Its name when it was opened.
    """

    ahead_s = 0.0

    def __init__(self, keyboard: Keyboard, name: str) -> None:
        self.name = name
        self.closed = False
        self._keyboard = keyboard

    def is_there(self) -> bool:
        """The keyboard is still listed under this name."""
        return self._keyboard.listed and self.name == self._keyboard.full_name

    def is_connected(self) -> bool:
        """Nobody takes a cable out in a patchbay."""
        return True

    def send(self, data: bytes) -> None:
        """Nothing is sent to a keyboard."""
        raise AssertionError(data)

    def close(self) -> None:
        """Listen no more."""
        self.closed = True
        self._keyboard.receive = None
