"""What must hold at every event of a simulated performance, whatever goes wrong in it."""

from __future__ import annotations

import math
from collections import deque
from typing import Any, NoReturn

from faults.band_watch import BandWatch
from faults.broken import Broken
from faults.device import Device
from faults.held import held_elements

from accompanist.engine.bars import MOST_NOTES
from accompanist.engine.engine import Status
from accompanist.engine.memory import MOST_BEATS
from accompanist.engine.player import THRU_TRACK
from accompanist.engine.protocol import Message, Step
from accompanist.music.spec import ModelSpec
from accompanist.runtime.telemetry import Telemetry

LATE_S = 1e-6
"""More than rounding: a note this late on a punctual machine was woken for too late."""
MOST_TURNS_AT_ONCE = 3
"""Turns of the loop at one moment in which nothing comes in, goes out or happens: more is spinning."""
MOST_IDLE_TURNS_PER_S = 400
"""Turns in a simulated second in which nothing happens."""
MOST_HELD = 5_000
"""Elements of all containers of engine and loop together: the player's notes, some plans, what was ended on the ports.
The inbox, what is remembered of the song, and what the last step told (a flood that is sent on), are counted by
themselves."""
MOST_PLAYED = 2 * MOST_NOTES + 256
"""Notes of the player's that are kept: ended, led here, and held."""
MOST_OPEN_NOTES = 128 * 96
"""Of the steps that may still change, those of a plan to the next question, and its lead."""
MOST_KEPT = 1_000
"""What the inbox always takes, full or not: answers, tempo changes, commands."""
JUMPS = ("start", "position")
"""Events that say: the song goes on from somewhere else."""


class Watch:
    """Sees what the engine tells, what the ports are sent and when the loop wants to be woken.

    Args:
        spec: The model's.
        devices: The device of each track.
        internal: The engine keeps its own time.
        advance_s: How much earlier than due each track leaves.
    """

    def __init__(
        self,
        spec: ModelSpec,
        devices: dict[int, Device],
        *,
        internal: bool,
        advance_s: dict[int, float],
    ) -> None:
        self._advance_s = advance_s
        self.ahead_s = 0.0  # how long before they are due the engine tells the band's messages
        self.band = BandWatch(spec, devices)
        self._still_s = -math.inf  # since when, at the latest, the song stands still
        self._told_s = -math.inf  # when the engine told a message last
        self._engine_s = -math.inf  # the present as the engine was told it last
        self._devices = devices
        self._all = list(dict.fromkeys(devices.values()))
        self._programs = {bytes((0xC0 | track.channel, track.program)) for track in spec.tracks}
        self._internal = internal
        self.pending: dict[Device, deque[Message]] = {device: deque() for device in self._all}
        self.punctual = True  # nothing makes the machine late in this scene
        self.stalled = False  # nor did it in the last, up to this turn
        self.closing = False
        self.raised = 0  # injected exceptions that the engine let through
        self.thrown = 0  # injected exceptions of callbacks that are counted
        self._shaken = False  # ... in this turn
        self.heard = self.told = self.counted = 0
        self.worst_s = self.counted_worst_s = 0.0
        self.status: Status | None = None
        self._last_told = 0  # messages, events and reports of the engine's last step
        self._tick = 0
        self._listening_tick = -1
        self._moved = False
        self._progress = True
        self._last_s = -math.inf
        self._same = 0
        self._idle, self._idle_from_s = 0, -math.inf

    # --- what happens ---

    def stepped(self, step: Step, now_s: float) -> None:
        """The engine returned."""
        self._engine_s = max(self._engine_s, now_s)
        self._last_told = len(step.messages) + len(step.events) + len(step.reports)
        last_s: dict[int, float] = {}
        for message in step.messages:
            due_s, track = message.due_s, message.track
            if not math.isfinite(due_s) or due_s < last_s.get(track, -math.inf):
                self.fail(f"a message due at {due_s} after one due at {last_s.get(track)}")
            last_s[track] = due_s
            self._told_s = now_s
            device = self._devices.get(track)
            if device is not None:
                self.told += 1
                self.pending[device].append(message)
        self._moved = self._moved or any(event.name in JUMPS for event in step.events)
        self.band.told(step, self.ahead_s)
        self._progress = self._progress or bool(step.messages or step.events or step.reports or step.job)

    def stands(self, status: Status) -> None:
        """The engine said where it stands."""
        self.status = status
        self.band.stands(status)

    def given(self, device: Device, data: bytes, now_s: float, leave_s: float | None = None) -> None:
        """A port is given a message: to send now, or at a second."""
        self._progress = True
        pending = self.pending[device]
        passed: set[int] = set()
        for place, message in enumerate(pending):
            if message.track not in passed and self._same_data(message, data):
                del pending[place]
                if not device.gone:
                    self._in_time(device, message, now_s, leave_s)
                return
            passed.add(message.track)
        if not (self._shaken or self.closing or data in self._programs):
            told = list(pending)[:3]
            self.fail(f"{device.name} is sent {data.hex(' ')}, which the engine never told; it told {told}")

    def sent(self, device: Device, data: bytes) -> None:
        """A message has left a port."""
        if wrong := device.hear(data):
            self.fail(f"{device.name}: {wrong}")

    @staticmethod
    def _same_data(message: Message, data: bytes) -> bool:
        if message.track == THRU_TRACK:  # it may be on another channel
            return message.data[0] & 0xF0 == data[0] & 0xF0 and message.data[1:] == data[1:]
        return message.data == data

    def _leave_s(self, message: Message) -> float:
        """When a message should leave."""
        return message.due_s - self._advance_s.get(message.track, 0.0)

    def _in_time(self, device: Device, message: Message, now_s: float, leave_s: float | None) -> None:
        self.heard += 1
        wanted_s, advance_s = self._leave_s(message), self._advance_s.get(message.track, 0.0)
        late_s = (now_s if leave_s is None else max(leave_s, now_s)) - wanted_s
        if message.track == THRU_TRACK:
            late_s -= device.period_s
        elif late_s < -LATE_S and not self.closing:
            self.fail(f"{message} leaves {-late_s} s early")
        # What comes of a command or a change of tempo cannot leave any earlier, whatever its port's advance.
        elif self._internal and self.punctual and not self.stalled and late_s > LATE_S + advance_s and not self.raised:
            self.fail(f"{message} leaves {late_s} s late on a punctual machine")
        self.worst_s = max(self.worst_s, late_s)

    def count(self, due_s: float, at_s: float) -> None:
        """Telemetry was told of a message."""
        self.counted += 1
        self.counted_worst_s = max(self.counted_worst_s, at_s - due_s)

    @staticmethod
    def lost(device: Device, *, powered: bool) -> None:
        """A port has gone: nobody hears the rest. What is powered goes on sounding."""
        device.gone = True
        if not powered:
            device.sounding.clear()

    def never_left(self, count: int) -> None:
        """A port was closed before so many messages had left, which nobody will count."""
        self.heard -= count
        if count:
            self.worst_s = min(self.worst_s, self.counted_worst_s)

    def back(self, device: Device) -> None:
        """A device was lost, and its port is open again: what sounded there when it went must have been ended."""
        if device.sounding:
            self.fail(f"{device.name} is back and goes on sounding {sorted(device.sounding)}")

    def threw(self) -> None:
        """An injected exception left the engine: what it was about to tell is lost, and the loop ends what sounds."""
        self.raised += 1
        self._shaken = True
        self._tick = 0  # the event of a jump may be lost with it
        self.status = None  # nor is it known where it stands
        for pending in self.pending.values():
            pending.clear()
        self.band.threw()

    # --- what must hold ---

    def fail(self, text: str) -> NoReturn:
        """An invariant does not hold."""
        raise Broken(text)

    def turned(self, now_s: float, until_s: float | None, telemetry: Telemetry, inputs: int) -> None:
        """The loop has done a turn and waits."""
        status = self.status
        if telemetry.exceptions != self.raised + self.thrown:
            self.fail(f"{telemetry.exceptions} exceptions are counted, {self.raised} + {self.thrown} were thrown")
        waiting = sum(device.waiting for device in self._all)
        if self.counted < self.heard - waiting or (not waiting and self.counted_worst_s < self.worst_s - LATE_S):
            self.fail(
                f"{self.heard} messages were sent, {self.worst_s} s late at most, {waiting} of them yet to leave; "
                f"counted are {self.counted}, {self.counted_worst_s} s at most"
            )
        for device, pending in self.pending.items():
            if device.gone:  # what is due by now went nowhere
                while pending and self._leave_s(pending[0]) <= now_s:
                    pending.popleft()
                continue
            for message in pending:
                if self._leave_s(message) <= now_s - LATE_S:
                    self.fail(f"{message} is due and was not sent to {device.name} at {now_s}")
        if status is not None:
            self._stands_well(status, now_s)
        self._wakes_well(now_s, until_s, inputs, status)
        self._shaken = False
        self._moved = False
        self._progress = False

    def _stands_well(self, status: Status, now_s: float) -> None:
        if status.tick < self._tick and not self._moved and not self._shaken:
            self.fail(f"the position went back from {self._tick} to {status.tick}")
        self._tick = status.tick
        sounding = [key for device in self._all if device.sounding and not device.gone for key in device.sounds()]
        if status.running:
            self._still_s = math.inf
        else:
            self._still_s = max(min(self._still_s, self._engine_s), self._told_s)
        # What was told ahead may still sound.
        if sounding and now_s >= self._still_s + self.ahead_s + LATE_S * (self.ahead_s > 0):
            self.fail(f"{sounding} sound while the song stands still")
        if sounding and status.running and status.listening and self.ahead_s == 0:
            # A tick's moment may round to just before it, but not that of a later one as well.
            if 0 <= self._listening_tick < status.tick:
                self.fail(f"{sounding} sound while the band listens")
            self._listening_tick = status.tick
        else:
            self._listening_tick = -1
        if not self.closing:
            self.band.sounds_well(status, now_s, self.ahead_s)

    def _wakes_well(self, now_s: float, until_s: float | None, inputs: int, status: Status | None) -> None:
        if until_s is None:
            if self._internal and status is not None and status.running:
                self.fail("the song runs and the loop does not ask to be woken")
        elif not math.isfinite(until_s):
            self.fail(f"the loop asks to be woken at {until_s}")
        if self._progress or inputs:
            self._same = self._idle = 0
        elif now_s == self._last_s:
            self._same += 1
            if self._same > MOST_TURNS_AT_ONCE:
                self.fail(f"the loop spins at {now_s}: it asks to be woken at {until_s}")
        else:
            if now_s - self._idle_from_s > 1:
                self._idle, self._idle_from_s = 0, now_s
            self._idle += 1
            self._same = 0
            if self._idle > MOST_IDLE_TURNS_PER_S:
                self.fail(f"the loop was woken {self._idle} times within a second for nothing, last at {now_s}")
        self._last_s = now_s

    def ended(self) -> None:
        """The performance is over: nothing may sound."""
        for device in self._all:
            if device.sounding and not device.gone:
                self.fail(f"{device.name} goes on sounding {sorted(device.sounding)} after the end")

    def memory(self, *roots: Any, line: int, places: int, played: int) -> int:
        """How much engine and loop hold; fails where it is too much.

        Args:
            roots: Engine and loop.
            line: Notes of the player's that are not encoded for good: one a step and pitch at most.
            places: Beats of the song that are remembered.
            played: Notes of the player's that are kept.
        """
        if played > MOST_PLAYED:
            self.fail(f"{played} notes of the player's are kept")
        if places > MOST_BEATS:
            self.fail(f"{places} beats of the song are remembered")
        if line > MOST_OPEN_NOTES:
            self.fail(f"{line} notes of the melody are not encoded")
        held = held_elements(roots) - self._last_told
        if held > MOST_HELD:
            self.fail(f"engine and loop hold {held} elements")
        return held
