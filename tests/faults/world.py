"""A performance in simulated time: the real loop and engine, everything around them made up, all from one seed."""

# ruff: noqa: S311  (chance that can be repeated, not secrets)
from __future__ import annotations

import heapq
import itertools
import random
import threading
import time
import traceback
import zlib
from collections import Counter, deque
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import cast
from unittest.mock import patch

from faults.broken import Broken, Injected
from faults.device import Device
from faults.diary import Diary, Disk, header_of
from faults.ears import observe
from faults.exceptions import Callbacks
from faults.looks import Looks
from faults.machine import Machine
from faults.model import Model
from faults.patchbay import Patchbay
from faults.ports import Ports
from faults.report import Report, shown
from faults.scenes import Scenes
from faults.source import Source
from faults.sources import SOURCES
from faults.stage import Stage
from faults.stand_ins import Flag, no_priority
from faults.watch import MOST_KEPT, Watch

from accompanist.engine.protocol import Input, Received
from accompanist.music.time import PPQ
from accompanist.runtime import loop as loop_module
from accompanist.runtime.clock import ManualClock
from accompanist.runtime.loop import MOST_RECEIVED, Inbox, Loop
from accompanist.runtime.performance_log import Item
from accompanist.runtime.telemetry import Telemetry
from accompanist.runtime.wiring import opening

DIARIES = 0.3
"""Performances with a log."""
MOST_BEATS = 64
"""The song moves on by fewer between two turns, but for jumps and stalls, which are not counted."""
EARLY_S = 0.001
"""Who waits for less is not woken before."""


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
        scenes = random.Random(rng.getrandbits(64))
        generators = {name: random.Random(rng.getrandbits(64)) for name in SOURCES}
        self.lines: deque[str] = deque(maxlen=keep)
        self._traces = keep != 0
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self.numbers = itertools.count()
        self.faults: Counter[str] = Counter()
        self.inputs = self.turns = self.messages = self.beats = self.tick = self.digest = self.most_held = 0
        self._came = 0
        self._over = False

        self.stage = Stage(rng)
        self.follows, self.spec = self.stage.follows, self.stage.spec
        self.internal = not self.follows
        self.sources: dict[str, Source] = {
            name: SOURCES[name](self, generator) for name, generator in generators.items()
        }
        self._model, self._machine = cast(Model, self.sources["model"]), cast(Machine, self.sources["machine"])
        self._callbacks, self.ports = cast(Callbacks, self.sources["callbacks"]), cast(Ports, self.sources["ports"])
        self.disk = cast(Disk, self.sources["disk"])
        self.scenes = Scenes(self, scenes, [self.sources[name] for name in SOURCES if name not in without])
        self.telemetry = Telemetry()
        self.inbox = Inbox()
        self.inbox.wake = Flag()
        self.watch = Watch(
            self.spec,
            self.stage.devices,
            internal=self.internal,
            advance_s={i: part.advance_s for i, part in enumerate(self.stage.parts)},
        )
        self.watch.band.mapped, self.watch.band.styles = self.stage.mapped, bool(self.spec.styles)
        self.looks = Looks(self, random.Random(rng.getrandbits(64)))
        self.stage.connect(self)
        self.engine = self.stage.engine
        self.watch.ahead_s = self.stage.ahead_s
        self.diary = Diary(self) if rng.random() < DIARIES else None
        logs = self.diary is not None or rng.random() < DIARIES
        self._loop = self._wired(logs=logs)

    def _wired(self, *, logs: bool) -> Loop:
        """The loop, and all the ears around it."""
        observe(self)
        if (wires := self.stage.wires) is not None:
            wires.listen(self, self.inbox)
            self.looks.returned()
        return Loop(
            self.engine,
            self,
            self.inbox,
            self.stage.outputs,
            ask=self._model.ask,
            telemetry=self.telemetry,
            advance_s=self.stage.advance_s,
            opening=opening(self.stage.parts),
            lost=lambda _: self.callback("lost"),
            tell=self._tell,
            log=self._put if logs else None,
        )

    # --- for the sources ---

    @property
    def bay(self) -> Patchbay | None:
        """The MIDI system, where the program has its own plugs in it."""
        return self.looks.bay

    def at(self, in_s: float, action: Callable[[], None]) -> None:
        """Let something happen in so many seconds."""
        heapq.heappush(self._heap, (self._now_s + in_s, next(self.numbers), action))

    def play(self, data: bytes, at_s: float, role: str = "in") -> None:
        """Someone plays, leads or turns a knob: by the port of that role, where it is there."""
        if not self.stage.wired:
            self.receive(Received(at_s, data, from_clock=role == "clock", from_control=role == "control"))
            return
        keyboard = self.stage.keyboard[role]
        if data and keyboard.receive is not None:
            keyboard.receive(data, at_s)

    def receive(self, item: Input) -> None:
        """Something comes in."""
        self.inbox.receive(item)

    def received(self, item: Input) -> None:
        """Something is in the inbox, or was refused there."""
        self.inputs += 1
        self._came += 1
        if self._traces:
            self.trace(f"< {shown(item)}")
        if len(self.inbox._items) > MOST_RECEIVED + MOST_KEPT:
            raise Broken(f"the inbox holds {len(self.inbox._items)}")

    def take_time(self, seconds: float) -> None:
        """A call of the loop's takes so long; what is due meanwhile leaves the ports that keep time by themselves."""
        self.advance(seconds)
        self.looks.leave()

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

    def stood(self, tick: int) -> None:
        """The engine said where it stands."""
        moved = tick // PPQ - self.tick // PPQ
        self.beats += moved if 0 < moved < MOST_BEATS else 0
        self.tick = tick

    def _tell(self, _: str) -> None:
        self.callback("tell")

    def _put(self, item: Item) -> None:
        self.callback("log")
        if self.diary is not None:
            self.diary.put(item)

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

    def weigh(self) -> None:
        """How much engine and loop hold by now."""
        bars = self.engine._bars
        counts = {"line": len(bars._line), "places": len(bars._memory._beats), "played": len(bars)}
        self.most_held = max(self.most_held, self.watch.memory(self.engine, self._loop, **counts))

    def _end(self) -> None:
        self._over = True
        self.trace("# the end")
        self._loop.stop()

    def run(self) -> Report:
        """Perform to the end, or to the first invariant that fails."""
        began_s, broken, at_s = time.perf_counter(), "", 0.0
        heapq.heappush(self._heap, (self._end_s, next(self.numbers), self._end))
        self.at(0.0, self.scenes.next)
        if self.diary is not None:
            self.diary.begin(header_of(self.stage))
        pauses = SimpleNamespace(collect=lambda: None)  # a collection at each stop costs real time and shows nothing
        try:
            with patch.object(loop_module, "engine_thread", no_priority), patch.object(loop_module, "gc", pauses):
                self._loop.run()
            self.weigh()
            self.watch.ended()
            if self.diary is not None:
                self.diary.end(self.telemetry.summary()._asdict())
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
            if self.diary is not None:
                self.diary.close()
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
