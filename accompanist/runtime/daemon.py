"""The daemon: startup, run, shutdown.

Threads: the main thread owns this object, the status line and the signals; the engine thread runs `loop.Loop`, the
inference thread `infer.Inference`, the log's thread, where a log was asked for, `performance_log.PerformanceLog`, the
control thread, where a socket was asked for, `control.ControlServer`; the MIDI system's own threads stamp what arrives
and leave it in `loop.Inbox`.
Whatever ends the performance, from any thread or signal handler, is put into one queue (a SimpleQueue, whose `put` may
interrupt anything), and the first wins.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import NamedTuple, Protocol

from accompanist.config import Config
from accompanist.engine.engine import Engine
from accompanist.engine.part import Part, parts_of
from accompanist.engine.protocol import Command, PortChange
from accompanist.errors import PortLost
from accompanist.music.spec import ModelSpec
from accompanist.music.theory import pitch_number
from accompanist.music.time import PPQ
from accompanist.runtime.clock import Clock
from accompanist.runtime.control import ControlServer
from accompanist.runtime.control_address import Address
from accompanist.runtime.infer import Inference, Session
from accompanist.runtime.installed import model_in_use
from accompanist.runtime.link import LinkListener
from accompanist.runtime.link import session as link_session
from accompanist.runtime.log_records import Header
from accompanist.runtime.loop import Inbox, Loop
from accompanist.runtime.notify import READY, STOPPING, notify
from accompanist.runtime.performance_log import PerformanceLog
from accompanist.runtime.ports import MidiSystem
from accompanist.runtime.realtime import punctual_process
from accompanist.runtime.selection import Selected, select
from accompanist.runtime.telemetry import Summary, Telemetry, status_line
from accompanist.runtime.wiring import Wires, opening

_REFRESH_S = 0.25  # between two status lines, and two looks whether the ports we are connected to still exist
_NOTIFY_EVERY = 4  # refreshes between two words to a service manager
_JOIN_S = 5.0  # more than the engine thread needs to end what sounds
_KILLED = 128  # a program ended by signal N exits with 128 + N

Ends = queue.SimpleQueue[int | PortLost]


class Ready(NamedTuple):
    """What is open, once everything is.

    Args:
        system: Name of the MIDI system.
        melody: Full name of the port in.
        clock: Full name of the clock's port, or None.
        band: Full names of the ports out.
        model: Path of the model.
        provider: What runs it.
        inference_s: How long one inference takes.
        provider_why: What was taken and why others were passed over; empty where nothing was weighed.
        clock_out: Full name of the port that gets our clock, or None.
        waiting: Those of these ports that are not there yet.
    """

    system: str
    melody: str
    clock: str | None
    band: tuple[str, ...]
    model: str
    provider: str
    inference_s: float
    provider_why: str = ""
    clock_out: str | None = None
    waiting: tuple[str, ...] = ()


class Display(Protocol):
    """How the daemon speaks to the user."""

    def ready(self, ready: Ready) -> None:
        """All ports are open."""
        ...

    def status(self, telemetry: Telemetry) -> None:
        """Some time has passed."""
        ...

    def port(self, change: PortChange) -> None:
        """A port went away, is back, or cannot be opened."""
        ...

    def line(self, text: str) -> None:
        """Something worth a line; from any thread."""
        ...


class Outcome(NamedTuple):
    """How it ended.

    Args:
        exit_code: 130 after Ctrl-C, 143 after SIGTERM, 3 after a lost port.
        lost: The port that was lost, where that ended it; else None.
        summary: The performance in numbers.
    """

    exit_code: int
    lost: PortLost | None
    summary: Summary


class Daemon:
    """Plays along until it is told to stop.

    Args:
        config: All settings; `engine` and `serve` are used.
        system: Where ports come from; closed at the end.
        clock: The one clock.
        display: Where status and messages go.
    """

    def __init__(self, config: Config, system: MidiSystem, clock: Clock, display: Display) -> None:
        self._config = config
        self._system = system
        self._clock = clock
        self._display = display
        self._telemetry = Telemetry()
        self._inbox = Inbox()
        self._wires: Wires | None = None
        self._ends: Ends = queue.SimpleQueue()

    def run(self) -> Outcome:
        """Open everything, play until something ends it, close everything.

        Raises:
            ConfigError: a setting is for a track that the model does not have.
            ModelError: the model cannot be served.
            StorageError: the log cannot be written.
            PortNotFound: a name fits several ports, or there is none and none can be made.
            PortLost: a port cannot be opened.
            ControlError: the control socket cannot be opened.
            MissingExtra: Link is asked for and not installed.
        """
        serve, engine = self._config.serve, self._config.engine
        link = link_session(engine.bpm) if serve.link else None
        path = model_in_use(serve)
        chosen = select(
            path, provider=serve.provider, beat_s=60 / engine.bpm, clock=self._clock, tell=self._display.line
        )
        session = chosen.session
        inference_s = session.warm_up()
        if session.why_unbound:
            self._display.line(f"{session.provider} gets new arrays for each answer: {session.why_unbound}")
        self._system.watch(self._system_went)
        with punctual_process() as why_no_priority, ExitStack() as stack:
            stack.callback(self._leave_system)
            if why_no_priority:
                self._display.line(f"no real-time priority, so notes may leave some ms late: {why_no_priority}")
            inference = Inference(session, self._clock, self._inbox.receive, seed=engine.seed, warmth=chosen.warmth())
            stack.callback(inference.stop)
            log = self._log()
            if log is not None:
                stack.callback(log.close)
            parts = parts_of(session.spec, serve)
            wires = Wires(self._system, session.spec, serve, parts)
            self._wires = wires
            stack.callback(wires.close)
            loop = self._loop(session, parts, wires, inference, log)
            if link is not None:
                listener = LinkListener(link, self._clock, self._inbox.receive, beats_per_bar=engine.beats_per_bar)
                stack.callback(listener.close)
            if serve.control_socket:
                stack.callback(self._take_commands(serve.control_socket, session.spec).close)
            outcome = self._play(loop, wires, chosen, inference_s, log)
            if log is not None:
                lost = outcome.lost.message if outcome.lost else ""
                log.finish(outcome.exit_code, lost, outcome.summary._asdict())
            return outcome

    def _take_commands(self, where: str, spec: ModelSpec) -> ControlServer:
        address = Address.parse(where)
        log = self._config.serve.log
        return ControlServer(
            address,
            spec,
            self._clock,
            self._inbox.receive,
            lambda: self._telemetry.status,
            log=str(Path(log).absolute()) if log else "",
        )

    def _log(self) -> PerformanceLog | None:
        path = self._config.serve.log
        return PerformanceLog(Path(path), self._clock, self._display.line) if path else None

    def _loop(
        self,
        session: Session,
        parts: Sequence[Part],
        wires: Wires,
        inference: Inference,
        log: PerformanceLog | None,
    ) -> Loop:
        serve = self._config.serve
        engine = Engine(
            session.spec,
            self._config.engine,
            follow_clock=self._config.serve.follows_clock,
            channel=serve.channel,
            thru=serve.thru,
            wait_for_player=True,
            split=pitch_number(serve.split) if serve.split else 0,
            controls=self._config.controls,
            ahead_s=wires.ahead_s,
            clock_out=bool(serve.clock_out),
            count_in_bars=serve.count_in_bars,
            link=serve.link,
            parts=parts,
        )
        return Loop(
            engine,
            self._clock,
            self._inbox,
            wires.outputs,
            ask=inference.ask,
            telemetry=self._telemetry,
            advance_s=wires.advance_s,
            opening=opening(parts) if serve.setup else (),
            lost=self._ends.put,
            tell=self._display.line,
            log=log.put if log is not None else None,
        )

    def _play(
        self, loop: Loop, wires: Wires, chosen: Selected, inference_s: float, log: PerformanceLog | None
    ) -> Outcome:
        session = chosen.session
        thread = threading.Thread(target=loop.run, name="engine")
        with signals_put_into(self._ends):
            thread.start()
            try:
                melody, clock_port = wires.listen(self._clock, self._inbox)
                ready = Ready(
                    system=wires.system.name,
                    melody=melody,
                    clock=clock_port,
                    band=wires.band_names,
                    model=str(session.path),
                    provider=session.provider,
                    inference_s=inference_s,
                    provider_why=chosen.choice.line(),
                    clock_out=wires.clock_out_name,
                    waiting=wires.away,
                )
                self._telemetry.away = wires.away
                if log is not None:
                    log.begin(self._header(ready, session.spec))
                self._display.ready(ready)
                notify(READY, "STATUS=ready")
                if self._config.serve.count_in_bars:
                    self._inbox.receive(Command(self._clock.now(), "start"))
                end = self._wait(wires)
            finally:
                notify(STOPPING)
                loop.stop()
                thread.join(_JOIN_S)
        self._telemetry.exceptions += wires.system.failures
        exit_code, lost = (end, None) if isinstance(end, int) else (end.exit_code, end)
        return Outcome(exit_code, lost, self._telemetry.summary())

    def _header(self, ready: Ready, spec: ModelSpec) -> Header:
        engine = self._config.engine
        return Header(
            program=metadata.version("accompanist"),
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            model=ready.model,
            kind=spec.kind,
            trained=spec.trained,
            tracks=tuple(track.name for track in spec.tracks),
            provider=ready.provider,
            inference_s=ready.inference_s,
            system=ready.system,
            melody_port=ready.melody,
            clock_port=ready.clock,
            band_ports=ready.band,
            follows_clock=self._config.serve.follows_clock,
            link=self._config.serve.link,
            bpm=engine.bpm,
            beats_per_bar=engine.beats_per_bar,
            ticks_per_beat=PPQ,
            seed=engine.seed,
        )

    def _wait(self, wires: Wires) -> int | PortLost:
        refreshes = 0
        while True:
            with suppress(queue.Empty):
                return self._ends.get(timeout=_REFRESH_S)
            self._display.status(self._telemetry)
            refreshes += 1
            if refreshes % _NOTIFY_EVERY == 0:
                notify(f"STATUS={status_line(self._telemetry)}")
            if not self._config.serve.exit_on_lost:
                self._look(wires)
            elif (lost := wires.missing(self._clock.now())) is not None:
                return lost

    def _look(self, wires: Wires) -> None:
        """Ports come and go; the performance goes on."""
        for change in wires.look(self._clock.now(), self._system_went):
            self._inbox.receive(change)
            self._display.port(change)
        self._telemetry.away = wires.away

    def _system_went(self) -> None:
        """The whole MIDI system is lost; told in a thread of its own. Where we go on, the next look sees it."""
        if self._config.serve.exit_on_lost:
            name = self._system.name
            message = f"the {name} server has gone, and all ports with it"
            self._ends.put(PortLost(message, hint=f"start {name} again, then serve"))

    def _leave_system(self) -> None:
        (self._wires.system if self._wires is not None else self._system).close()


@contextmanager
def signals_put_into(ends: Ends) -> Iterator[None]:
    """Within the block Ctrl-C, SIGTERM and a closed terminal put their exit code into a queue; a second one forces."""
    asked = False

    def handle(number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            os._exit(_KILLED + number)  # the first is still being obeyed: whoever asks twice will not wait
        asked = True
        ends.put(_KILLED + number)

    numbers = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
