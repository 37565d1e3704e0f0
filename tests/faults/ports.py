"""Ports that vanish in the middle of a note, throw, or take their time."""

from __future__ import annotations

import math

from faults.device import Device
from faults.source import Source
from faults.watch import Injected

from accompanist.errors import PortLost


class Ports(Source):
    """Ports that vanish in the middle of a note, throw, or take their time."""

    MOODS = (("well", 6), ("vanishing", 0.3), ("throwing", 0.3), ("slow", 1))

    def act(self, length_s: float) -> None:
        """Choose when."""
        self._at_s = self.world.now() + self.rng.uniform(0, length_s)
        if self.mood == "slow":
            self.world.watch.punctual = False

    def send(self, device: Device, data: bytes, leave_s: float | None = None) -> None:
        """A port is given a message, to send now or at a second."""
        world = self.world
        if self.mood in ("vanishing", "throwing") and world.now() >= self._at_s and not world.watch.closing:
            self._at_s = math.inf
            if not device.gone:
                world.note(f"port {self.mood}")
                world.trace(f"{device.name} is {self.mood}")
                world.watch.lost(device)
        if device.gone:
            if self.mood == "throwing":
                raise Injected(f"{device.name} does not answer")
            raise PortLost(f"{device.name} is gone")
        if self.mood == "slow" and leave_s is None and self.rng.random() < 0.1:
            world.note("slow send")
            world.take_time(self.rng.uniform(0, 0.05))
        world.watch.given(device, data, world.now(), leave_s)
