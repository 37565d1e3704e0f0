"""Ports that vanish in the middle of a note, come back, throw, or take their time."""

from __future__ import annotations

import math
from functools import partial

from faults.broken import Injected
from faults.device import Device, Place
from faults.source import Source

from accompanist.errors import PortLost

SHORTEST_AWAY_S, LONGEST_AWAY_S = 0.6, 60.0
"""Who is back before anybody looks was never away."""
CLIENTS = 100
NOTE_OFF = 0x80


class Ports(Source):
    """Vanishing and coming back needs the program's plugs; where there are none, a port that is gone stays away."""

    MOODS = (("well", 6), ("vanishing", 0.4), ("throwing", 0.4), ("unplugged", 0.7), ("restarted", 0.4), ("slow", 1))

    def act(self, length_s: float) -> None:
        """Choose when."""
        self._at_s = self.world.now() + self.rng.uniform(0, length_s)
        if self.mood == "slow":
            self.world.watch.punctual = False
        elif self.world.bay is not None and self.mood == "unplugged":
            for _ in range(self.rng.choice((1, 1, 4))):
                for place in self._some():
                    self.world.at(self.rng.uniform(0, length_s), partial(self._pull, place))
        elif self.world.bay is not None and self.mood == "restarted":
            self.world.at(self.rng.uniform(0, length_s), self._kill)

    def fail(self, device: Device, data: bytes, *, timed: bool) -> None:
        """A port is given a message, to send now or at its time: it may throw instead.

        Raises:
            PortLost: it is gone.
            Injected: it throws.
        """
        world = self.world
        ends_note = data[0] & 0xF0 == NOTE_OFF
        if self.mood == "unplugged" and ends_note and world.bay is not None and self.rng.random() < 0.02:
            self._pull(device)  # nobody has noticed: the end of the note goes nowhere
        if self.mood in ("vanishing", "throwing") and world.now() >= self._at_s and not world.watch.closing:
            self._at_s = math.inf if world.bay is None else world.now() + self.rng.uniform(0, LONGEST_AWAY_S)
            if not device.gone:
                world.note(f"port {self.mood}")
                world.trace(f"{device.name} is {self.mood}")
                if world.bay is not None and self.mood == "throwing" and self.rng.random() < 0.5:
                    world.watch.lost(device, powered=True)  # it stays where it is, and is opened anew
                    world.looks.soon()
                    raise Injected(f"{device.name} does not answer")
                self._pull(device, noted=True)
        if device.gone and (world.bay is None or self.rng.random() < 0.5):
            if self.mood == "throwing":
                raise Injected(f"{device.name} does not answer")
            raise PortLost(f"{device.name} is gone")
        if self.mood == "slow" and not timed and self.rng.random() < 0.1:
            world.note("slow send")
            world.take_time(self.rng.uniform(0, 0.05))

    def _some(self) -> list[Place]:
        bay = self.world.bay
        places = [*bay.devices, *bay.keyboards] if bay is not None else []
        return self.rng.sample(places, self.rng.choice((1, 1, len(places))))

    def _away_s(self) -> float:
        return math.exp(self.rng.uniform(math.log(SHORTEST_AWAY_S), math.log(LONGEST_AWAY_S)))

    def _pull(self, place: Place, *, noted: bool = False) -> None:
        world = self.world
        if not place.listed or world.watch.closing:
            return
        world.looks.seen()
        if not noted:
            world.note("port unplugged")
            world.trace(f"{place.name} is unplugged")
        if isinstance(place, Device):
            world.watch.lost(place, powered=world.bay is not None and self.rng.random() < 0.7)
        place.listed = False
        if world.bay is not None:
            world.looks.soon()
            world.at(self._away_s(), partial(self._plug, place))

    def _plug(self, place: Place) -> None:
        world = self.world
        assert world.bay is not None
        place.listed = True
        if self.rng.random() < 0.5:
            place.client = place.client % CLIENTS + 1
        world.note("port back")
        world.trace(f"{place.name} is back")
        if self.rng.random() < 0.2:
            world.bay.refuses.add(place.full_name)
        world.looks.soon()

    def _kill(self) -> None:
        world = self.world
        if world.bay is None or world.bay.lost or world.watch.closing:
            return
        world.looks.seen()
        world.note("MIDI system restarted")
        world.trace("the MIDI system dies")
        for device in world.bay.devices:
            world.watch.lost(device, powered=True)
        for keyboard in world.bay.keyboards:
            keyboard.receive = None
        world.bay.die()
        world.bay.answers = False
        world.looks.soon()
        world.at(self._away_s(), partial(self._revive, world.bay))

    def _revive(self, bay: object) -> None:
        if self.world.bay is bay:
            self.world.bay.answers = True  # type: ignore[union-attr]  # it is the one that died
            self.world.looks.soon()
