"""A synthesiser behind a port."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

SYSTEM = {b"\xf8": 1, b"\xfa": 1, b"\xfb": 1, b"\xfc": 1, b"\xf2": 3}
"""Clock, start, continue, stop and song position, with their lengths."""


class Device:
    """A synthesiser behind a port: knows what sounds, and refuses what no synthesiser may be sent.

    Args:
        name: The port's.
        band: MIDI channels of the band on it; on others the player's own notes sound.
        ahead_s: How long before it sends a message it wants it; 0: it can only send now.
    """

    def __init__(self, name: str, band: Iterable[int], *, ahead_s: float = 0.0) -> None:
        self.name = name
        self.band = frozenset(band)
        self.ahead_s = ahead_s
        self.period_s = ahead_s / 3
        self.gone = False
        self.waiting = 0  # given and not yet told as left
        self.sounding: set[tuple[int, int]] = set()
        # Set by the simulation: faults, then `hear`.
        self.send: Any = None
        self.send_at: Any = None
        self.departures: Any = None
        self.flush: Any = None

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
        elif kind == 0xB0 and (data[1] == 120 or data[1] >= 123):
            self.sounding = {other for other in self.sounding if other[0] != channel}
        return ""

    def sounds(self) -> list[tuple[int, int]]:
        """Of the band: (channel, pitch)."""
        return sorted(key for key in self.sounding if key[0] in self.band)
