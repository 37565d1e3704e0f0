"""The daemon's main thread, which looks at the ports four times a second; where nothing changed it sees nothing."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, cast

from faults.broken import Broken
from faults.device import Device, DevicePort
from faults.patchbay import Patchbay

if TYPE_CHECKING:
    from faults.world import World

LOOK_S = 0.25
MOST_LOOKS = 3
"""By then a port that is there has been opened, though it was just coming at the first."""


class Looks:
    """Looks where something changed, and sees to it that what is back is silent and is opened.

    Args:
        world: Whose ports.
        rng: Says when the next look is.
    """

    def __init__(self, world: World, rng: random.Random) -> None:
        self._world, self._rng = world, rng
        self._ports: dict[Device, DevicePort] = {}
        self._gone: set[Device] = set()
        self._in_vain: Counter[str] = Counter()

    @property
    def bay(self) -> Patchbay | None:
        """The MIDI system, where the program has its own plugs in it."""
        wires = self._world.stage.wires
        return None if wires is None else cast(Patchbay, wires.system)

    def plugged_in(self, device: Device, port: DevicePort) -> None:
        """A device has a new port."""
        self._ports[device] = port

    def leave(self) -> None:
        """What is due by now leaves the ports that keep time by themselves."""
        for port in self._ports.values():
            port.leave()

    def seen(self) -> None:
        """A look at which all is as it was; the last before something happens to a port, at the latest."""
        wires = self._world.stage.wires
        if wires is not None and self.bay is not None and not self.bay.lost:
            for plug in wires._plugs:
                if plug._port is not None and plug._port.is_there():
                    plug.why_gone(self._world.now())

    def soon(self) -> None:
        """The next look."""
        self._world.at(self._rng.uniform(0, LOOK_S), self._look)

    def _look(self) -> None:
        world, wires = self._world, self._world.stage.wires
        if wires is None or world.watch.closing:
            return
        there = {plug.role for plug in wires._plugs if plug.there}
        changes = wires.look(world.now(), lambda: None)
        told = {change.role for change in changes if change.there}
        if (new := {plug.role for plug in wires._plugs if plug.there} - there) != told - there:
            raise Broken(f"ports of {sorted(new)} are open again, told are {sorted(told)}")
        for change in changes:
            world.watch.ahead_s = max(world.watch.ahead_s, change.ahead_s)
            world.receive(change)
        self.returned()
        self._expect()

    def returned(self) -> None:
        """Devices whose port was opened anew sound nothing that nobody will end."""
        for device, port in list(self._ports.items()):
            port.leave()
            if device in self._gone and not device.gone:
                self._world.watch.back(device)
        self._gone = {device for device in self._ports if device.gone}

    def _expect(self) -> None:
        """What is there is opened within some looks."""
        bay, wires = self.bay, self._world.stage.wires
        if bay is None or wires is None or bay.lost:
            return
        listed = {place.name: place for place in (*bay.devices, *bay.keyboards) if place.listed}
        for plug in wires._plugs:
            place = listed.get(plug._asked)
            if plug.there or place is None:
                self._in_vain.pop(plug._asked, None)
                continue
            self._in_vain[plug._asked] += 1
            if self._in_vain[plug._asked] > MOST_LOOKS:
                raise Broken(f"{place.full_name} is there and was not opened in {MOST_LOOKS} looks")
            self.soon()
