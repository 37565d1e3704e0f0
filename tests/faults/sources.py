"""Where faults come from. Each source has a mood per scene, drawn from a generator of its own."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from faults.watch import Device, Injected

from accompanist.engine.protocol import Answer, Command, Failure, Job, Planned, Received, TempoChange
from accompanist.errors import PortLost
from accompanist.music.note import Note
from accompanist.music.question import Reply
from accompanist.music.time import PPQ, TICKS_PER_STEP
from accompanist.runtime.infer import infer

if TYPE_CHECKING:
    from faults.world import World

CLOCK, START, CONTINUE, STOP = b"\xf8", b"\xfa", b"\xfb", b"\xfc"
LONGEST_CLOCK_S = 60.0
"""Longer scenes have no steady clock: it comes 48 times a second."""
MOST_PER_SCENE = 300
"""A scene's messages from a source that plays all the time: long scenes are sparse ones."""
TORRENT = 14_000
"""Messages of 2,000 a second: more notes than the engine may keep."""
GARBAGE = tuple(
    bytes.fromhex(text)
    for text in (
        *("", "3c", "3c 40", "90", "90 3c", "90 3c 40 3e 40", "90 80 40", "c0", "d0 ff", "b0 7b"),
        *("f0 7e 7f f7", "f0", "f7", "f2", "f2 01", "f2 ff 01", "f1 00", "f4", "fe", "ff"),
    )
)
"""Truncated messages, running status, system exclusive, undefined and stray bytes."""


class Source:
    """A source of faults.

    Args:
        world: Where it acts.
        rng: Its own generator.
    """

    MOODS: tuple[tuple[str, float], ...] = ()

    def __init__(self, world: World, rng: random.Random) -> None:
        self.world = world
        self.rng = rng
        self.mood = "calm"

    def begin(self, length_s: float) -> None:
        """A scene begins."""
        names, weights = zip(*self.MOODS, strict=True)
        (self.mood,) = self.rng.choices(names, weights)
        self.act(length_s)

    def act(self, length_s: float) -> None:
        """Do what the mood asks for."""

    def again(self, gap_s: Callable[[], float], action: Callable[[], None]) -> None:
        """Do something again and again until the scene is over."""
        scene = self.world.scene

        def once() -> None:
            if self.world.scene == scene:
                action()
                self.world.at(gap_s(), once)

        self.world.at(gap_s(), once)


class Player(Source):
    """Someone at a keyboard that loses note-offs, floods and sends garbage."""

    MOODS = (
        ("silent", 3),
        ("melody", 4),
        ("lossy", 2),
        ("flood", 0.5),
        ("torrent", 0.3),
        ("garbage", 1),
        ("all off", 1),
        ("odd stamps", 1),
    )

    def __init__(self, world: World, rng: random.Random) -> None:
        super().__init__(world, rng)
        self._held: set[bytes] = set()

    def act(self, length_s: float) -> None:
        """Play."""
        rng = self.rng
        gap_s = max(rng.choice((0.05, 0.25, 1.0)), length_s / MOST_PER_SCENE)
        match self.mood:
            case "silent":
                for off in sorted(self._held):
                    self._send(off)
                self._held.clear()
            case "melody" | "lossy" | "odd stamps":
                self.again(lambda: rng.expovariate(1 / gap_s), self._strike)
            case "flood":
                self.world.at(rng.uniform(0, length_s), self._flood)
            case "torrent" if not self.world.long:
                self.world.note("torrent")
                for i in range(TORRENT):
                    self.world.at(i * 0.0005, partial(self._send, bytes((0x80 if i % 2 else 0x90, i // 2 % 128, 100))))
                self.world.at(TORRENT * 0.0005, self.world.weigh)
            case "garbage":
                self.again(lambda: rng.expovariate(1 / gap_s), self._babble)
            case "all off":
                self.again(lambda: rng.expovariate(1 / gap_s), self._storm)

    def _send(self, data: bytes) -> None:
        at_s = self.world.now()
        if self.mood == "odd stamps":
            odd = (
                math.nan,
                math.inf,
                -math.inf,
                at_s + 1e9,
                at_s - 1e9,
                at_s - self.rng.random(),
                at_s + self.rng.random(),
            )
            at_s = self.rng.choice(odd)
        self.world.receive(Received(at_s, data))

    def _strike(self) -> None:
        rng = self.rng
        channel, pitch = rng.choice((0, 0, 0, 1, 5, 15)), rng.randrange(48, 84)
        off = bytes((0x80 | channel, pitch, 0))
        self._send(bytes((0x90 | channel, pitch, rng.randrange(1, 128))))
        self._held.add(off)
        if len(self._held) > 6 or rng.random() < 0.7:
            gone = rng.choice(sorted(self._held))
            self._held.discard(gone)
            if self.mood == "lossy" and rng.random() < 0.5:
                self.world.note("lost note-off")
            else:
                self._send(gone)
        if rng.random() < 0.1:
            self._send(bytes((0xB0 | channel, 64, rng.choice((0, 127)))))

    def _flood(self) -> None:
        self.world.note("flood")
        for i in range(self.rng.choice((200, 2_000, 20_000))):
            pitch = i * 7 % 128
            self._send(bytes((0x90, pitch, 100)) if i % 2 else bytes((0x80, pitch, 0)))

    def _babble(self) -> None:
        self.world.note("garbage")
        self._send(self.rng.choice(GARBAGE) if self.rng.random() < 0.7 else self.rng.randbytes(self.rng.randrange(6)))

    def _storm(self) -> None:
        self.world.note("all notes off")
        for channel in range(self.rng.choice((1, 16))):
            self._send(bytes((0xB0 | channel, self.rng.choice((120, 123, 64)), 0)))
        self._strike()


class ClockMaster(Source):
    """A MIDI clock that stops, jumps, jitters and storms; an engine that keeps its own time must not care."""

    MOODS = (("silent", 2), ("steady", 5), ("jittery", 3), ("wild", 1), ("doubled", 1), ("storm", 1), ("stuck", 1))

    def __init__(self, world: World, rng: random.Random) -> None:
        super().__init__(world, rng)
        self._bpm = 120.0

    def act(self, length_s: float) -> None:
        """Lead."""
        rng = self.rng
        if (
            self.mood == "silent"
            or (length_s > LONGEST_CLOCK_S and self.mood != "storm")
            or (not self.world.follows and rng.random() < 0.8)
        ):
            if rng.random() < 0.5:
                self._send(STOP)
            return
        if self.mood == "storm":
            gap_s = max(0.02, length_s / MOST_PER_SCENE)
            self.again(lambda: rng.expovariate(1 / gap_s), self._storm)
            return
        if rng.random() < 0.2:
            self._locate()
        if rng.random() < 0.7:
            self._send(rng.choice((START, CONTINUE, CONTINUE)))
        self._bpm = rng.choice((30, 60, 90, 120, 150, 240, 300))
        self.again(self._gap_s, self._tick)

    def _gap_s(self) -> float:
        rng, even_s = self.rng, 60 / self._bpm / 24
        match self.mood:
            case "jittery":
                return max(rng.gauss(even_s, even_s / 2), 0.0)
            case "wild":
                if rng.random() < 0.05:
                    self._bpm = rng.choice((0.5, 1, 20, 500, 1000))
                return 60 / self._bpm / 24
            case "stuck":
                return even_s if rng.random() < 0.98 else rng.choice((0.3, 1.0, 4.0))
        return even_s

    def _tick(self) -> None:
        rng = self.rng
        if self.mood == "doubled" and rng.random() < 0.2:
            self.world.note("missing or doubled clock")
            if rng.random() < 0.5:
                return
            self._send(CLOCK)
        self._send(CLOCK)
        if rng.random() < 0.002:
            self._send(rng.choice((STOP, START, CONTINUE)))
        if rng.random() < 0.001:
            self._locate()

    def _storm(self) -> None:
        self.world.note("start, stop and song position")
        for _ in range(self.rng.choice((1, 1, 5, 40))):
            if self.rng.random() < 0.3:
                self._locate()
            else:
                self._send(self.rng.choice((START, STOP, CONTINUE, CLOCK, CLOCK)))

    def _locate(self) -> None:
        near = max(self.world.tick // TICKS_PER_STEP - self.rng.randrange(1, 16), 0) % 0x4000
        place = self.rng.choice((0, 1, 16, 1000, 0x3FFF, near, near, self.rng.randrange(0x4000)))
        self._send(bytes((0xF2, place & 0x7F, place >> 7)))

    def _send(self, data: bytes) -> None:
        self.world.receive(Received(self.world.now(), data, from_clock=self.rng.random() < 0.5))


class FakeSession:
    """A model for `infer`: answers with whatever it is told to."""

    def __init__(self, spec: Any) -> None:
        self.spec = spec
        self.values: Any = None

    def run_in_place(self, *_: Any, **__: Any) -> Any:
        """The values, or their exception."""
        if isinstance(self.values, Exception):
            raise self.values
        return Reply(self.values)


class Model(Source):
    """A model that is late, loses answers, gives them twice, answers nonsense and fails."""

    MOODS = (("prompt", 4), ("slow", 2), ("flaky", 2), ("dead", 1), ("nonsense", 1), ("dense", 0.3))

    def __init__(self, world: World, rng: random.Random) -> None:
        super().__init__(world, rng)
        self._session = FakeSession(world.spec)
        self._old: list[Job] = []

    def ask(self, job: Job) -> None:
        """The loop's way to the inference thread."""
        self.world.callback("ask")
        rng = self.rng
        delay_s = rng.uniform(0, 0.02)
        if self.mood == "slow" or (self.mood == "flaky" and rng.random() < 0.3):
            self.world.note("late answer")
            delay_s = 10 ** rng.uniform(-2, 2)
        if self.mood == "dead" or (self.mood == "flaky" and rng.random() < 0.2):
            self.world.note("lost answer")
            return
        self.world.at(delay_s, lambda: self._answer(job))
        if self.mood == "flaky" and rng.random() < 0.2:
            self.world.note("doubled answer")
            self.world.at(delay_s + rng.uniform(0, 10), lambda: self._answer(job))
        if self.mood == "flaky" and rng.random() < 0.1 and self._old:
            self.world.note("answer to an old question")
            self.world.at(delay_s, lambda: self._answer(rng.choice(self._old)))
        self._old = [*self._old[-3:], job]

    def _answer(self, job: Job) -> None:
        rng, at_s = self.rng, self.world.now()
        if (self.mood == "nonsense" and rng.random() < 0.5) or (self.mood == "flaky" and rng.random() < 0.1):
            self.world.note("wrong answer")
            self._session.values = self._nonsense()
            self.world.receive(infer(self._session, job, self.world, seed=0))  # type: ignore[arg-type]  # a session's part
        elif self.mood == "flaky" and rng.random() < 0.1:
            self.world.note("model failure")
            self.world.receive(Failure(at_s, job, "out of memory"))
        else:
            self.world.receive(Answer(at_s, job, self._notes(job), 0.01))

    def _notes(self, job: Job) -> tuple[Planned, ...]:
        """A plan as decoding makes them: ordered, and no two copies of a pitch of a track at once."""
        rng, spec = self.rng, self.world.spec
        rest = 0.95 if self.world.long else 0.3
        planned, end_tick = [], job.plan_tick + spec.plan_steps * TICKS_PER_STEP
        steps = rng.choice((1, 2)) if self.mood == "dense" else rng.choice((4, 8))
        chord = 6 if self.mood == "dense" else 1
        for track, its in enumerate(spec.tracks):
            free: dict[int, int] = {}
            for tick in range(job.plan_tick, end_tick, steps * TICKS_PER_STEP):
                if rng.random() < rest:
                    continue
                for pitch in {rng.randrange(its.lowest, its.highest + 1) for _ in range(chord)}:
                    if free.get(pitch, 0) > tick:
                        continue
                    length = rng.choice((1, steps, steps, 2 * steps, 16)) * TICKS_PER_STEP
                    free[pitch] = min(tick + length, end_tick)
                    sounds_on = tick == job.plan_tick and rng.random() < 0.2
                    planned.append(Planned(track, Note(tick, pitch, free[pitch], rng.randrange(1, 128)), sounds_on))
        planned.sort(key=lambda one: (one.note.start_tick, one.track, one.note.pitch))
        return tuple(planned)

    def _nonsense(self) -> Any:
        """What a broken model may say; now and then just a roll at random."""
        rng, spec = self.rng, self.world.spec
        shape = len(spec.tracks), spec.planes, spec.plan_steps, 128
        values = rng.choice(
            (math.nan, 1e38, -math.inf, "no", None, (1, *shape), (), (0,), MemoryError("no memory"), shape)
        )
        if values is shape:
            return np.random.default_rng(rng.randrange(1000)).standard_normal(shape, np.float32) - 1.5
        if isinstance(values, tuple):
            return np.zeros(values, np.float32)
        return np.full(shape, values, np.float32) if isinstance(values, float) else values


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


class Machine(Source):
    """A machine that stands still, wakes too early, or whose clock does."""

    MOODS = (("punctual", 4), ("late", 2), ("stalling", 1), ("early", 1), ("frozen", 0.5))

    def act(self, length_s: float) -> None:  # noqa: ARG002  only the mood matters
        """Take the mood on."""
        if self.mood not in ("punctual", "early"):
            self.world.watch.punctual = False
        self._frozen = 0

    def late_s(self) -> float:
        """How long after the moment asked for the loop is woken."""
        rng = self.rng
        if self.mood == "late":
            return rng.expovariate(500)
        if self.mood == "stalling" and rng.random() < 0.05:
            self.world.note("stall")
            return 10 ** rng.uniform(-2, 2.5)
        return 0.0

    def wakes_early(self) -> bool:
        """The loop is woken for nothing before its time."""
        return self.mood == "early" and self.rng.random() < 0.2

    def frozen(self) -> bool:
        """The clock stands still, though the loop asks for its next turn."""
        if self.mood != "frozen":
            return False
        if self._frozen == 0 and self.rng.random() < 0.02:
            self.world.note("clock stands still")
            self._frozen = self.rng.randrange(1, 3)
        self._frozen = max(self._frozen - 1, 0)
        return self._frozen > 0


class Tempo(Source):
    """Tempo changes, now and ahead, sane and not."""

    MOODS = (("none", 4), ("once", 3), ("many", 1))

    def act(self, length_s: float) -> None:
        """Change it; but long scenes are slow, whatever was asked for before."""
        rng = self.rng
        if self.world.long:
            self.again(lambda: 600.0, self.world.change_tempo)
        if self.mood == "none" or self.world.long:
            return
        gap_s = length_s if self.mood == "once" else max(0.05, length_s / MOST_PER_SCENE)
        self.again(lambda: rng.expovariate(1 / gap_s), self._change)

    def _change(self) -> None:
        rng = self.rng
        self.world.note("tempo change")
        us = rng.choice((60_000, 200_000, 500_000, 1_000_000, rng.randrange(20_000, 3_000_000)))
        if rng.random() < 0.1:
            us = rng.choice((0, -5, 1, 10**9))
        tick = rng.choice((None, None, 0, -1, 10**15, self.world.tick + rng.randrange(4 * PPQ)))
        self.world.receive(TempoChange(self.world.now(), us, tick))


class Commands(Source):
    """Live controls: knobs turned by a nervous hand."""

    MOODS = (("none", 5), ("some", 2), ("storm", 1))
    SWITCHES, AMOUNTS = ("mute", "solo", "hold", "listen"), ("density", "temperature", "style", "bpm")
    TRIGGERS = ("fill", "panic", "tap", "start", "stop", "continue")

    def act(self, length_s: float) -> None:
        """Turn knobs, from where they stand at the beginning, more often than not."""
        rng = self.rng
        if rng.random() < 0.7:
            for name, value in (("density", 1.0), ("hold", 0.0), ("listen", 1.0), ("mute", 0.0), ("solo", 0.0)):
                for track in range(len(self.world.spec.tracks)):
                    self.world.receive(Command(self.world.now(), name, value, track))
        if self.mood == "none":
            return
        gap_s = max(0.02 if self.mood == "storm" else 2.0, length_s / MOST_PER_SCENE)
        self.again(lambda: rng.expovariate(1 / gap_s), self._turn)

    def _turn(self) -> None:
        rng = self.rng
        name = rng.choice((*self.SWITCHES, *self.AMOUNTS, *self.TRIGGERS, "nonsense"))
        value = rng.choice((None, 0.0, 1.0, 0.5, 2.0, 120.0, 1e9, -1.0, math.nan, math.inf))
        self.world.note("command")
        self.world.receive(Command(self.world.now(), name, value, rng.choice((-1, 0, 1, 2, 7))))


class Callbacks(Source):
    """Whoever is called by the loop, and throws."""

    MOODS = (("well", 3), ("throwing", 1))

    def throws(self) -> bool:
        """Asked within each callback."""
        return self.mood == "throwing" and self.rng.random() < 0.1


class Sabotage(Source):
    """An engine whose own parts fail: any method of any part, before or after it did its work."""

    MOODS = (("well", 4), ("failing", 1))

    def act(self, length_s: float) -> None:
        """Break things now and then."""
        if self.mood == "failing":
            gap_s = max(1.0, length_s / 20)
            self.again(lambda: self.rng.expovariate(1 / gap_s), self._break)

    def _break(self) -> None:
        parts = sorted(self._parts(), key=lambda part: type(part).__name__)
        part = self.rng.choice(parts)
        names = [
            name
            for name in sorted(dir(type(part)))
            if not name.startswith("__")
            and callable(getattr(type(part), name))
            and not isinstance(vars(type(part)).get(name), (staticmethod, classmethod))
        ]
        name, before = self.rng.choice(names), self.rng.random() < 0.5
        if name in vars(part):
            return  # broken already
        whole = getattr(part, name)

        def broken(*args: Any, **kwargs: Any) -> Any:
            del part.__dict__[name]
            if not before:
                whole(*args, **kwargs)
            self.world.note("exception in the engine")
            self.world.trace(f"{type(part).__name__}.{name} throws")
            raise Injected(f"{type(part).__name__}.{name} throws")

        part.__dict__[name] = broken

    def _parts(self) -> list[Any]:
        engine = self.world.engine
        found, todo = [], list(vars(engine).values())
        while todo:
            item = todo.pop()
            ours = type(item).__module__.startswith("accompanist.engine") and hasattr(item, "__dict__")
            if ours and not any(item is other for other in found):
                found.append(item)
                todo += vars(item).values()
        return found


SOURCES: dict[str, type[Source]] = {
    "player": Player,
    "clock": ClockMaster,
    "model": Model,
    "ports": Ports,
    "machine": Machine,
    "tempo": Tempo,
    "commands": Commands,
    "callbacks": Callbacks,
    "sabotage": Sabotage,
}
