"""The engine thread: drain -> engine.step(now, inputs) -> send what is due (`sender.Sender`) -> wait.

Threads: `run` is the engine thread, the only one that touches the engine and the output ports. `Inbox.receive` may be
called from any thread: it appends and wakes, nothing else (a deque's append is atomic).

An exception never stops the music, whoever throws it: it is counted and told once. Where it is the engine, the inputs
that caused it are dropped, and everything that sounds is ended from the sender's ledger, because whatever the failed
step was about to end is not known any more. A port that throws is taken as lost.
"""

from __future__ import annotations

import gc
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from types import MappingProxyType
from typing import Protocol, TypeVar

from accompanist.engine.protocol import Answer, Command, Input, Job, Message, Received, Step
from accompanist.engine.status import Status
from accompanist.errors import PortLost
from accompanist.runtime.clock import Clock
from accompanist.runtime.performance_log import Item
from accompanist.runtime.ports import OutputPort
from accompanist.runtime.realtime import engine_thread
from accompanist.runtime.sender import Sender
from accompanist.runtime.telemetry import Telemetry

MOST_RECEIVED = 16_384
"""MIDI messages and commands kept for the engine at most: a MIDI cable at its fullest fills it in 16 s, so only an
engine that hangs meets it. Answers and tempo changes are always kept."""
_T = TypeVar("_T")
_RETRY_S = 0.1  # how long an engine that fails by itself is left alone
_MOST_EARLY_S = 0.1  # JACK hands its events over before their frames come, at most a cycle


class EngineLike(Protocol):
    """What the loop needs of an engine."""

    def step(self, now_s: float, inputs: Sequence[Input]) -> Step:
        """Take inputs, return what is due."""
        ...

    def status(self, now_s: float) -> Status:
        """Where the performance stands."""
        ...

    def close(self, now_s: float) -> Step:
        """End what sounds."""
        ...


class Inbox:
    """Where every thread leaves what the engine should know of."""

    def __init__(self) -> None:
        self.wake = threading.Event()
        self.dropped = 0  # two ports at the very same moment may count one for two
        self._items: deque[Input] = deque()

    def receive(self, item: Input) -> None:
        """Leave something; from any thread. A message or command that finds the inbox full is dropped and counted."""
        if len(self._items) >= MOST_RECEIVED and isinstance(item, Received | Command):
            self.dropped += 1
            return
        self._items.append(item)
        self.wake.set()

    def take(self) -> list[Input]:
        """All there is, oldest first."""
        items = []
        while self._items:
            items.append(self._items.popleft())
        return items


class Loop:
    """Keeps an engine going between its ports and its model.

    Args:
        engine: The engine; this object alone calls it from now on.
        clock: The one clock, which also stamps the inputs.
        inbox: Where the inputs are.
        outputs: The port of each track; -1 is the player's own melody.
        ask: Puts a job before the model, without waiting.
        telemetry: Takes the numbers.
        advance_s: How much earlier than due each track leaves; 0 where nothing is said.
        opening: Sent once, when the music first begins to move (instruments): whoever listens is connected by then.
        lost: Called with a port's loss, at most once per port.
        tell: Called with a line for the user's eyes.
        log: Takes down what happened; must not block. None where nobody asked for it.
    """

    def __init__(
        self,
        engine: EngineLike,
        clock: Clock,
        inbox: Inbox,
        outputs: Mapping[int, OutputPort],
        *,
        ask: Callable[[Job], None],
        telemetry: Telemetry,
        advance_s: Mapping[int, float] = MappingProxyType({}),
        opening: Sequence[Message] = (),
        lost: Callable[[PortLost], None] = lambda _: None,
        tell: Callable[[str], None] = lambda _: None,
        log: Callable[[Item], None] | None = None,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._inbox = inbox
        self._sender = Sender(
            clock,
            outputs,
            telemetry,
            advance_s=advance_s,
            lost=partial(self._safely, lost),
            log=partial(self._safely, log) if log is not None else None,
        )
        self._ask = ask
        self._telemetry = telemetry
        self._opening = tuple(opening)
        self._tell = tell
        self._log = log
        self._stopping = False

    def stop(self) -> None:
        """Let `run` end everything that sounds, and return; from any thread."""
        self._stopping = True
        self._inbox.wake.set()

    def run(self) -> None:
        """The engine thread, until `stop`."""
        with engine_thread():
            try:
                while not self._stopping:
                    self._clock.wait(self.turn(), self._inbox.wake)
            finally:
                self.silence()

    def turn(self) -> float | None:
        """Take what has come in and send what is due, once.

        Returns:
            When to call again at the latest, in seconds; None where only an input can change anything.
        """
        now_s = self._clock.now()
        inputs = self._inbox.take()
        self._telemetry.dropped_by_inbox = self._inbox.dropped
        latest_s = now_s + _MOST_EARLY_S
        for item in inputs:
            if isinstance(item, Answer):
                self._telemetry.answered(item.inference_s)
            elif isinstance(item, Received) and now_s < item.at_s < latest_s:
                now_s = item.at_s
        step = self._step(now_s, inputs)
        self._sender.take(step.messages)
        status = self._telemetry.status
        if self._opening and status is not None and status.running:
            for message in self._opening:
                self._sender.send(message.track, message.data)
            self._opening = ()
        self._sender.send_due()
        if step.job is not None:
            self._safely(self._ask, step.job)
        if any(event.name == "stop" for event in step.events):
            gc.collect()  # a pause that nobody hears
        return min((at_s for at_s in (step.wake_at_s, self._sender.next_s) if at_s is not None), default=None)

    def silence(self) -> None:
        """End everything that sounds: what the engine knows of, what only the ledger knows of, every used channel."""
        self._sender.drop_waiting()
        now_s = self._clock.now()
        try:
            step = self._engine.close(now_s)
            self._sender.take(step.messages)
            self._note(step)
            self._telemetry.stands(self._engine.status(now_s))
        except Exception as error:  # noqa: BLE001 (the ledger below does it alone, then)
            self._failed(error)
        self._sender.send_all()
        self._sender.end_what_sounds()
        self._sender.all_notes_off()

    def _step(self, now_s: float, inputs: list[Input]) -> Step:
        for attempt in (inputs, []):
            try:
                step = self._engine.step(now_s, attempt)
                self._telemetry.stands(self._engine.status(now_s))
            except Exception as error:  # noqa: BLE001 (nothing stops the music)
                self._failed(error)
                self._telemetry.dropped_by_engine += len(attempt)
                self._sender.drop_waiting()
                self._sender.end_what_sounds()
            else:
                self._note(step)
                return step
        return Step(wake_at_s=now_s + _RETRY_S)

    def _note(self, step: Step) -> None:
        if self._log is not None:
            for item in (*step.events, *step.reports):
                self._safely(self._log, item)

    def _safely(self, call: Callable[[_T], object], item: _T) -> None:
        """Hand something to whoever waits for it; that it throws is not the music's affair."""
        try:
            call(item)
        except Exception as error:  # noqa: BLE001 (nothing stops the music)
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self._telemetry.exceptions += 1
        if self._telemetry.exceptions == 1:
            with suppress(Exception):  # a terminal that went away
                self._tell(f"the engine failed ({type(error).__name__}: {error}); the music goes on")
