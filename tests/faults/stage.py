"""What a performance is made of: model, settings, engine, devices and ports, as its seed has them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import msgspec
from faults.device import Device, DevicePort, Keyboard
from faults.hands import CONTROLS
from faults.patchbay import Patchbay
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig, ServeConfig
from accompanist.config_controls import ControlsConfig
from accompanist.engine.clock_out import CLOCK_TRACK
from accompanist.engine.engine import Engine
from accompanist.engine.part import parts_of
from accompanist.engine.player import THRU_TRACK
from accompanist.runtime.sender import look_ahead_s
from accompanist.runtime.wiring import BesideTheBand, Wires

if TYPE_CHECKING:
    from faults.world import World

BAND, LEADER, PADS, PIANO, METRONOME = "Band", "Leader", "Pads", "Piano", "Metronome"
"""Names of ports: of the devices, the clock, the controls, the player and who gets our clock."""


class Stage:
    """Draws everything that stays as it is for a whole performance.

    Args:
        rng: Draws it.
    """

    def __init__(self, rng: random.Random) -> None:
        self.follows = rng.random() < 0.5
        self.shared = rng.random() < 0.3  # two tracks on one channel
        tracks = tuple(
            msgspec.structs.replace(track, channel=min(i, 1) if self.shared else i)
            for i, track in enumerate(TINY_SPEC.tracks)
        )
        self.spec = msgspec.structs.replace(
            TINY_SPEC,
            tracks=tracks,
            context_steps=rng.choice((4, 16, 32)),
            plan_steps=rng.choice((4, 8, 16, 32)),
            styles=rng.choice(((), ("pop", "bossa", "waltz"))),
        )
        drawn: dict[str, Any] = {
            "bpm": rng.choice((30.0, 60.0, 97.3, 120.0, 300.0)),
            "beats_per_bar": rng.choice((3, 4, 4, 7)),
            "lead_steps": rng.choice((1, 1, 2, 4, 16)),
            "lost_clock_beats": rng.choice((1, 4, 16)),
            "hold_bars": rng.choice((0, 1, 4)),
            "replan_steps": rng.choice((0, 2, 4, 8, 16)),
            "rest_bars": rng.choice((0, 1, 4)),
            "follow_density": rng.random() < 0.5,
        }
        drawn["replan_steps"] = min(drawn["replan_steps"], self.spec.plan_steps)
        self.settings = EngineConfig(**drawn)
        self.thru = rng.random() < 0.5
        self.channel = rng.choice((0, 0, 1))
        self.split = rng.choice((0, 0, 60))
        self.waits = rng.random() < 0.7  # for the player's first note
        self.leads = not self.follows and rng.random() < 0.15  # sends its own clock
        self.mapped = rng.random() < 0.5
        self.wired = rng.random() < 0.7  # by the program's own plugs
        self.own_clock_port, self.own_pads = self.follows and rng.random() < 0.5, self.mapped and rng.random() < 0.5
        self._draw_devices(rng)
        if rng.random() < 0.4:
            self.spec = msgspec.structs.replace(
                self.spec,
                kind="live",
                context_steps=rng.choice((4, 16, 64, 256)),
                lag_steps=0,
                velocity=True,
                ahead_steps=8,
                codes=2,
            )

    def _draw_devices(self, rng: random.Random) -> None:
        tracks = self.spec.tracks
        ahead_s = rng.choice((0.0, 0.0, 0.016, 0.05))
        apart = rng.random() < 0.5  # a port per track
        ends_all = rng.random() < 0.5
        if apart:
            devices = {
                i: Device(f"{BAND} {track.name}", {track.channel}, ahead_s=ahead_s, ends_all=ends_all)
                for i, track in enumerate(tracks)
            }
            thru_ahead_s = rng.choice((0.0, ahead_s))
            devices[THRU_TRACK] = Device(f"{BAND} melody", (), ahead_s=thru_ahead_s, ends_all=ends_all)
        else:
            one = Device(BAND, {track.channel for track in tracks}, ahead_s=ahead_s, ends_all=ends_all)
            devices = dict.fromkeys(range(-1, len(tracks)), one)
        if not self.thru:
            del devices[THRU_TRACK]
        if self.leads:
            devices[CLOCK_TRACK] = Device(METRONOME, (), ahead_s=ahead_s)
        self.devices = devices
        self.each_device = list(dict.fromkeys(devices.values()))
        absent = self.wired and rng.random() < 0.3  # some are not there yet
        own = not absent and rng.random() < 0.3
        for device in self.each_device:
            device.virtual = own and rng.random() < 0.5
            device.listed = not device.virtual
            device.gone = self.wired  # until its port is opened
        advances_ms = [rng.choice((0.0, 0.0, 10.0)) for _ in tracks]
        if self.shared or not apart:  # one port is as far from being heard for all
            advances_ms = [advances_ms[0]] * len(tracks)
        self.serve = ServeConfig(
            melody=PIANO,
            band=BAND,
            split_ports=apart,
            thru=self.thru,
            clock=LEADER if self.own_clock_port else "",
            sync=self.follows and not self.own_clock_port,
            control=PADS if self.own_pads else "",
            clock_out=METRONOME if self.leads else "",
            tracks={track.name: {"advance_ms": ms} for track, ms in zip(tracks, advances_ms, strict=True)},
            wait=absent,
        )
        self.serve = msgspec.convert(msgspec.to_builtins(self.serve), ServeConfig)
        self.parts = parts_of(self.spec, self.serve)
        names = [PIANO, *([LEADER] if self.own_clock_port else []), *([PADS] if self.own_pads else [])]
        self.keyboards = [Keyboard(name) for name in names]
        by_name = {keyboard.name: keyboard for keyboard in self.keyboards}
        piano = by_name[PIANO]
        self.keyboard = {"in": piano, "clock": by_name.get(LEADER, piano), "control": by_name.get(PADS, piano)}
        if absent:
            for place in (*self.each_device, *self.keyboards):
                place.listed = place.listed and rng.random() < 0.7

    def connect(self, world: World) -> None:
        """Make the ports, by the program's plugs or bare, and the engine."""
        self.bay = Patchbay(world, self.each_device, self.keyboards) if self.wired else None
        self.wires: Wires | None = None
        if self.bay is not None:
            self.wires = Wires(self.bay, self.spec, self.serve, self.parts)
            self.outputs: dict[int, Any] = self.wires.outputs
            self.advance_s = self.wires.advance_s
        else:
            never_left = world.watch.never_left
            ports = {device: DevicePort(world, device, device.name, never_left) for device in self.each_device}
            for device, port in ports.items():
                world.looks.plugged_in(device, port)
            self.outputs = {track: ports[device] for track, device in self.devices.items()}
            if self.thru and not self.serve.split_ports:
                band = {track.channel for track in self.spec.tracks}
                self.outputs[THRU_TRACK] = BesideTheBand(self.outputs[THRU_TRACK], band)
            self.advance_s = {i: part.advance_s for i, part in enumerate(self.parts)}
        self.ahead_s = look_ahead_s(self.outputs, self.advance_s)
        self.engine = Engine(
            self.spec,
            self.settings,
            follow_clock=self.follows,
            channel=self.channel,
            thru=self.thru,
            wait_for_player=self.waits,
            split=self.split,
            parts=self.parts,
            clock_out=self.leads,
            controls=self._controls(),
            ahead_s=self.ahead_s,
        )

    def _controls(self) -> ControlsConfig:
        if not self.mapped:
            return ControlsConfig()
        return msgspec.structs.replace(CONTROLS, style="cc 24" if self.spec.styles else "")
