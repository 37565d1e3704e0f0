"""The MIDI system between the program and the devices: it can be restarted, and they can be unplugged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from faults.device import Device, DevicePort, Keyboard, KeyboardPort
from support.fake_midi import FakeMidiSystem

from accompanist.errors import NoMidiSystem, PortLost
from accompanist.runtime.ports import PortChoice, PortListing, Receive

if TYPE_CHECKING:
    from faults.world import World


class Patchbay(FakeMidiSystem):
    """A MIDI system of devices and keyboards.

    Args:
        world: Where it is.
        devices: One is sent to by each name.
        keyboards: One is heard by each name.
    """

    name = "ALSA"

    def __init__(self, world: World, devices: Sequence[Device], keyboards: Sequence[Keyboard]) -> None:
        super().__init__()
        self._world, self.devices, self.keyboards = world, devices, keyboards
        self.answers = True  # a new one can be had once this one is lost
        self.opened: dict[str, Any] = {}

    def ports(self) -> PortListing:
        """What is plugged in."""
        if self.lost:
            raise PortLost("the MIDI system no longer answers")
        listed = ([place.full_name for place in places if place.listed] for places in (self.keyboards, self.devices))
        return PortListing(*map(tuple, listed))

    def open_input(self, choice: PortChoice, receive: Receive, *, role: str) -> Any:
        """Listen to a keyboard."""
        self._check(choice.name)
        keyboard = next(one for one in self.keyboards if one.listed and one.full_name == choice.name)
        keyboard.receive = receive
        self.roles[choice.name] = role
        return self._opened(choice, KeyboardPort(keyboard, choice.name))

    def open_output(self, choice: PortChoice, *, role: str) -> Any:
        """Play to a device, or by a port of our own that it listens to."""
        self._check(choice.name)
        names = "full_name" if choice.exists else "name"
        device = next(one for one in self.devices if getattr(one, names) == choice.name)
        device.gone = False
        self.roles[choice.name] = role
        port = DevicePort(self._world, device, choice.name, self._world.watch.never_left)
        self._world.looks.plugged_in(device, port)
        return self._opened(choice, port)

    def _check(self, name: str) -> None:
        if name in self.refuses:
            self.refuses.discard(name)
            raise PortLost(f"the MIDI port {name!r} is just coming")

    def _opened(self, choice: PortChoice, port: Any) -> Any:
        self.opened[choice.name] = port
        return port

    def again(self) -> Patchbay:
        """The one that was started after this one."""
        assert self.lost
        assert self.closed
        if not self.answers:
            raise NoMidiSystem("the MIDI system does not answer yet")
        return Patchbay(self._world, self.devices, self.keyboards)
