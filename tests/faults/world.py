"""A performance in simulated time: the real loop and engine, everything around them made up, all from one seed."""

# ruff: noqa: S311  (chance that can be repeated, not secrets)
from __future__ import annotations

import heapq
import itertools
import math
import random
import tempfile
import threading
import time
import traceback
import zlib
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import msgspec
from faults.device import Device
from faults.exceptions import Callbacks
from faults.machine import Machine
from faults.model import Model
from faults.ports import Ports
from faults.report import Report, shown
from faults.source import Source
from faults.sources import SOURCES
from faults.watch import MOST_KEPT, Broken, Injected, Watch
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig, ServeConfig
from accompanist.engine.clock_out import CLOCK_TRACK
from accompanist.engine.engine import Engine
from accompanist.engine.part import parts_of
from accompanist.engine.player import THRU_TRACK
from accompanist.engine.protocol import Command, Input, Step, TempoChange
from accompanist.errors import PortLost
from accompanist.music.time import PPQ
from accompanist.runtime import loop as loop_module
from accompanist.runtime.clock import ManualClock
from accompanist.runtime.loop import MOST_RECEIVED, Inbox, Loop
from accompanist.runtime.performance_log import Item, PerformanceLog
from accompanist.runtime.ports import Departure
from accompanist.runtime.sender import look_ahead_s
from accompanist.runtime.telemetry import Telemetry
from accompanist.runtime.wiring import BesideTheBand, opening

SHORTEST_SCENE_S, LONGEST_SCENE_S = 0.05, 8 * 3600.0
MOST_BEATS = 64
"""The song moves on by fewer between two turns, but for jumps and stalls, which are not counted."""
LONG_S = 120.0
"""Longer scenes are slow and sparse: an hour of dense beats shows no more than a minute of them."""
EARLY_S = 0.001
"""Who waits for less is not woken before."""
LOG_WAITING = 500


class World(ManualClock):
    """One performance. It is the loop's clock: whenever the loop waits, the world goes on.

    Args:
        seed: Everything follows from it.
        hours: Simulated time.
        without: Sources that are left out.
        keep: Lines of the transcript that are kept, none by default; None: all.
    """

    def __init__(self, seed: int, hours: float, *, without: Sequence[str] = (), keep: int | None = 0) -> None:
        rng = random.Random(seed)
        self.seed = seed
        self.begin_s = rng.choice((0.0, 54_321.9, 3e7))
        super().__init__(self.begin_s)
        self._end_s = self.begin_s + 3600 * hours
        self._scenes = random.Random(rng.getrandbits(64))
        generators = {name: random.Random(rng.getrandbits(64)) for name in SOURCES}
        self.lines: deque[str] = deque(maxlen=keep)
        self._traces = keep != 0
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._leaves: list[Callable[[], None]] = []  # of ports that keep exact time
        self.scene = 0
        self.long = False
        self.faults: Counter[str] = Counter()
        self.inputs = self.turns = self.messages = self.beats = self.tick = self.digest = self.most_held = 0
        self._came = 0
        self._over = False

        self.follows = rng.random() < 0.5
        self.internal = not self.follows
        self._stage(rng)
        self.sources: dict[str, Source] = {
            name: SOURCES[name](self, generator) for name, generator in generators.items()
        }
        self._active = [name for name in SOURCES if name not in without]
        self._loop = self._wired(rng)

    def _stage(self, rng: random.Random) -> None:
        """Model, engine and ports, as the seed has them."""
        shared = rng.random() < 0.3
        tracks = tuple(
            msgspec.structs.replace(track, channel=min(i, 1) if shared else i)
            for i, track in enumerate(TINY_SPEC.tracks)
        )
        self.spec = msgspec.structs.replace(
            TINY_SPEC, tracks=tracks, context_steps=rng.choice((4, 16, 32)), plan_steps=rng.choice((4, 8, 16, 32))
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
        self.parts = parts_of(self.spec, ServeConfig())
        thru = rng.random() < 0.5
        ahead_s = rng.choice((0.0, 0.0, 0.016, 0.05))
        band = {track.channel for track in tracks}
        if rng.random() < 0.5:
            devices = {i: Device(track.name, {track.channel}, ahead_s=ahead_s) for i, track in enumerate(tracks)}
            devices[THRU_TRACK] = Device("melody", (), ahead_s=rng.choice((0.0, ahead_s)))
            self.outputs: dict[int, Any] = dict(devices)
        else:
            one = Device("band", band, ahead_s=ahead_s)
            devices = dict.fromkeys(range(-1, len(tracks)), one)
            self.outputs = {**devices, THRU_TRACK: BesideTheBand(one, band)}
        if not thru:
            del self.outputs[THRU_TRACK], devices[THRU_TRACK]
        self.devices = devices
        if leads := self.internal and rng.random() < 0.15:
            self.outputs[CLOCK_TRACK] = devices[CLOCK_TRACK] = Device("clock", (), ahead_s=ahead_s)
        self.advance_s = {i: rng.choice((0.0, 0.0, 0.01)) for i in range(len(tracks))}
        if shared or len(set(devices.values())) < len(devices):  # one port is as far from being heard for all
            self.advance_s = dict.fromkeys(self.advance_s, self.advance_s[0])
        self.engine = Engine(
            self.spec,
            self.settings,
            follow_clock=self.follows,
            channel=rng.choice((0, 0, 1)),
            thru=thru,
            wait_for_player=rng.random() < 0.7,
            split=rng.choice((0, 0, 60)),
            parts=self.parts,
            clock_out=leads,
            ahead_s=(told_s := look_ahead_s(self.outputs, self.advance_s)),
        )
        self.watch = Watch(self.spec, devices, internal=self.internal, advance_s=self.advance_s, ahead_s=told_s)
        for device in dict.fromkeys(devices.values()):
            self._plug_in(device)

    def _plug_in(self, device: Device) -> None:
        """Give a device its port's methods."""
        left: list[Departure] = []
        heap: list[tuple[float, int, bytes, object]] = []

        def send_at(data: bytes, due_s: float, tag: object = None) -> None:
            self._ports.send(device, data, due_s)
            device.waiting += 1
            heapq.heappush(heap, (due_s, next(self._numbers), data, tag))
            heapq.heappush(self._heap, (max(due_s, self._now_s), next(self._numbers), leave))

        def leave() -> None:
            while heap and heap[0][0] <= self._now_s:
                _, _, data, tag = heapq.heappop(heap)
                if not device.gone:
                    self.sent(device, data)
                left.append(Departure(tag, self._now_s))

        def departures() -> list[Departure]:
            told, left[:] = left[:], []
            device.waiting -= len(told)
            return told

        def flush() -> None:
            if heap:
                self._now_s = max(self._now_s, max(heap)[0])
            leave()

        def send(data: bytes) -> None:
            self._ports.send(device, data)
            self.sent(device, data)

        self._leaves.append(leave)
        device.send, device.send_at, device.departures, device.flush = send, send_at, departures, flush

    def _wired(self, rng: random.Random) -> Loop:
        self.telemetry = Telemetry()
        self.inbox = Inbox()
        self._step, self._status = self.engine.step, self.engine.status
        self.engine.step = self._watched_step  # type: ignore[method-assign]
        self.engine.status = self._watched_status  # type: ignore[method-assign]
        count = self.telemetry.sent

        def sent(due_s: float, at_s: float) -> None:
            count(due_s, at_s)
            self.watch.count(due_s, at_s)

        self.telemetry.sent = sent  # type: ignore[method-assign]
        self._log: PerformanceLog | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        if rng.random() < 0.2:
            self._folder = tempfile.TemporaryDirectory()
            path = Path(self._folder.name) / "log.jsonl"
            self._log = PerformanceLog(path, self, lambda _: None, most_waiting=LOG_WAITING)
        loop = Loop(
            self.engine,
            self,
            self.inbox,
            self.outputs,
            ask=self._model.ask,
            telemetry=self.telemetry,
            advance_s=self.advance_s,
            opening=opening(self.parts),
            lost=self._lost,
            tell=lambda _: self.callback("tell"),
            log=self._put if rng.random() < 0.5 or self._log else None,
        )
        silence = loop.silence

        def closing() -> None:
            self.watch.closing = True
            silence()

        loop.silence = closing  # type: ignore[method-assign]
        return loop

    # --- for the sources ---

    @property
    def _model(self) -> Model:
        return self.sources["model"]  # type: ignore[return-value]

    @property
    def _callbacks(self) -> Callbacks:
        return self.sources["callbacks"]  # type: ignore[return-value]

    @property
    def _ports(self) -> Ports:
        return self.sources["ports"]  # type: ignore[return-value]

    @property
    def _machine(self) -> Machine:
        return self.sources["machine"]  # type: ignore[return-value]

    def at(self, in_s: float, action: Callable[[], None]) -> None:
        """Let something happen in so many seconds."""
        heapq.heappush(self._heap, (self._now_s + in_s, next(self._numbers), action))

    def receive(self, item: Input) -> None:
        """Something comes in."""
        self.inputs += 1
        self._came += 1
        if self._traces:
            self.trace(f"< {shown(item)}")
        self.inbox.receive(item)
        if len(self.inbox._items) > MOST_RECEIVED + MOST_KEPT:
            raise Broken(f"the inbox holds {len(self.inbox._items)}")

    def take_time(self, seconds: float) -> None:
        """A call of the loop's takes so long; what is due meanwhile leaves the ports that keep time by themselves."""
        self.advance(seconds)
        for leave in self._leaves:
            leave()

    def note(self, fault: str) -> None:
        """Count a fault."""
        self.faults[fault] += 1

    def trace(self, line: str) -> None:
        """Write a line into the transcript."""
        if self._traces:
            self.lines.append(f"{self._now_s - self.begin_s:.6f} {line}")

    def callback(self, name: str) -> None:
        """One of the loop's callbacks is called: it may throw."""
        if self._callbacks.throws():
            self.note(f"exception in {name}")
            self.trace(f"{name} throws")
            self.watch.thrown += name != "tell"  # the only one that is not counted: it tells of the others
            raise Injected(f"{name} throws")

    def sent(self, device: Device, data: bytes) -> None:
        """A message left."""
        self.watch.sent(device, data)
        self.messages += 1
        self.digest = zlib.crc32(data, self.digest ^ hash(self._now_s) & 0xFFFFFFFF)
        if self._traces:
            self.trace(f"> {device.name} {data.hex(' ')}")

    # --- around the engine and the loop ---

    def _watched_step(self, now_s: float, inputs: Sequence[Input]) -> Step:
        try:
            step = self._step(now_s, inputs)
        except Injected:
            self.watch.threw()
            raise
        except Exception as error:
            raise Broken(f"the engine raised by itself: {''.join(traceback.format_exception(error))}") from error
        self.watch.stepped(step, now_s)
        for event in step.events:
            self.trace(f"! {event.name} {event.detail}")
        return step

    def _watched_status(self, now_s: float) -> Any:
        try:
            status = self._status(now_s)
        except Injected:
            self.watch.threw()
            raise
        self.watch.stands(status)
        moved = status.tick // PPQ - self.tick // PPQ
        self.beats += moved if 0 < moved < MOST_BEATS else 0
        self.tick = status.tick
        return status

    def _lost(self, _: PortLost) -> None:
        self.callback("lost")

    def _put(self, item: Item) -> None:
        self.callback("log")
        if self._log is not None:
            self._log.put(item)

    # --- the clock ---

    def wait(self, until_s: float | None, wake: threading.Event) -> None:
        """The loop waits: the world goes on until it is woken, or the moment has come."""
        self.turns += 1
        self.watch.turned(self._now_s, until_s, self.telemetry, self._came)
        self._came = 0
        if self._machine.frozen():
            wake.clear()
            return
        if until_s is not None and until_s > self._now_s + EARLY_S and self._machine.wakes_early():
            until_s = self._now_s + (until_s - self._now_s) / 2
        while not wake.is_set():
            if until_s is not None and until_s < self._heap[0][0]:
                self._now_s = max(self._now_s, until_s)
                break
            self._happens()
        late_s = self._machine.late_s()
        self.watch.stalled = late_s > 0
        if late_s > 0:
            late_until_s = self._now_s + late_s
            while self._heap[0][0] <= late_until_s and not self._over:
                self._happens()
            self._now_s = max(self._now_s, late_until_s)
        wake.clear()

    def _happens(self) -> None:
        at_s, _, action = heapq.heappop(self._heap)
        self._now_s = max(self._now_s, at_s)
        action()

    # --- the course of things ---

    def _next_scene(self) -> None:
        self.weigh()
        if self._log is not None:
            if len(self._log._waiting) > LOG_WAITING:
                raise Broken(f"{len(self._log._waiting)} records wait for the log")
            if self._scenes.random() < 0.5:
                self._log._write_waiting()
        self.scene += 1
        rng = self._scenes
        longest_s = LONGEST_SCENE_S if rng.random() < 0.5 else LONG_S / 2
        length_s = math.exp(rng.uniform(math.log(SHORTEST_SCENE_S), math.log(longest_s)))
        self.long = length_s > LONG_S
        self.change_tempo()
        if self.internal and rng.random() < 0.8:  # or a stop some scenes ago would be the end of it
            self.receive(Command(self._now_s, "continue"))
        self.watch.punctual = True
        for name in self._active:
            self.sources[name].begin(length_s)
        moods = " ".join(f"{name}={self.sources[name].mood}" for name in self._active)
        self.trace(f"# scene {self.scene}, {length_s:.2f} s: {moods}")
        self.at(length_s, self._next_scene)

    def weigh(self) -> None:
        """How much engine and loop hold by now."""
        self.most_held = max(self.most_held, self.watch.memory(self.engine, self._loop))

    def change_tempo(self) -> None:
        """A tempo for this scene."""
        if self.internal:
            us = self._scenes.randrange(*((12_000_000, 20_000_000) if self.long else (200_000, 2_000_000)))
            self.receive(TempoChange(self._now_s, us))

    def _end(self) -> None:
        self._over = True
        self.trace("# the end")
        self._loop.stop()

    def run(self) -> Report:
        """Perform to the end, or to the first invariant that fails."""
        began_s, broken, at_s = time.perf_counter(), "", 0.0
        heapq.heappush(self._heap, (self._end_s, next(self._numbers), self._end))
        self.at(0.0, self._next_scene)
        pauses = SimpleNamespace(collect=lambda: None)  # a collection at each stop costs real time and shows nothing
        try:
            with patch.object(loop_module, "engine_thread", _no_priority), patch.object(loop_module, "gc", pauses):
                self._loop.run()
            self.watch.memory(self.engine, self._loop)
            self.watch.ended()
        except (Broken, Exception) as error:  # noqa: BLE001  whatever ends the engine thread is what we look for
            first: BaseException = error
            while isinstance(first.__context__, Broken):
                first = first.__context__
            broken = (
                str(first)
                if isinstance(first, Broken)
                else f"the engine thread died: {''.join(traceback.format_exception(first))}"
            )
            at_s = self._now_s - self.begin_s
        finally:
            if self._log is not None:
                self._log.close()
            if self._folder is not None:
                self._folder.cleanup()
        return Report(
            self.seed,
            (self._now_s - self.begin_s) / 3600,
            self.beats,
            self.messages,
            self.inputs,
            self.turns,
            self.faults,
            self.most_held,
            self.digest,
            time.perf_counter() - began_s,
            broken,
            at_s,
            tuple(self.lines),
        )


class _no_priority:  # noqa: N801  stands in for a function
    """A thread of a test needs no priority."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...
