"""Where faults come from: all sources, by name."""

from __future__ import annotations

from faults.commands import Commands
from faults.diary import Disk
from faults.exceptions import Callbacks, Sabotage
from faults.hands import Hands
from faults.leaders import ClockMaster, Tempo
from faults.machine import Machine
from faults.model import Model
from faults.player import Player
from faults.ports import Ports
from faults.source import Source

SOURCES: dict[str, type[Source]] = {
    "player": Player,
    "clock": ClockMaster,
    "model": Model,
    "ports": Ports,
    "machine": Machine,
    "tempo": Tempo,
    "commands": Commands,
    "hands": Hands,
    "disk": Disk,
    "callbacks": Callbacks,
    "sabotage": Sabotage,
}
