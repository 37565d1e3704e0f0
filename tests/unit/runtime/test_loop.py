from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from support.fake_midi import FakePort
from support.tiny import SEMITONES_DOWN, TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.engine.engine import Engine
from accompanist.engine.figures import Figures
from accompanist.engine.protocol import Answer, Command, Event, Input, Job, Message, Received, Step
from accompanist.engine.status import Status
from accompanist.errors import PortLost
from accompanist.runtime.clock import ManualClock
from accompanist.runtime.infer import Session, infer
from accompanist.runtime.loop import MOST_RECEIVED, Inbox, Loop
from accompanist.runtime.telemetry import Telemetry

ON, OFF = b"\x90\x3c\x40", b"\x80\x3c\x40"


class FakeEngine:
    """Returns the steps it is given, one per call; an exception among them is raised."""

    def __init__(self, *steps: Step | Exception, running: bool = True) -> None:
        self.steps = list(steps)
        self.calls: list[tuple[float, list[Input]]] = []
        self.closing: Step | Exception = Step()
        self.running = running

    def step(self, now_s: float, inputs: Sequence[Input]) -> Step:
        self.calls.append((now_s, list(inputs)))
        step = self.steps.pop(0) if self.steps else Step()
        if isinstance(step, Exception):
            raise step
        return step

    def status(self, now_s: float) -> Status:
        return Status(self.running, 1, 1, 0, 120.0, "internal", listening=False, notes_in=0, notes_out=0,
                      late_answers=0, dropped_answers=0, failures=0, figures=Figures(), inference_s=now_s)  # fmt: skip

    def close(self, now_s: float) -> Step:  # noqa: ARG002 (the engine's signature)
        if isinstance(self.closing, Exception):
            raise self.closing
        return self.closing


class Rig:
    """A loop around an engine, and everything it speaks to."""

    def __init__(self, engine: FakeEngine | Engine, *, opening: Sequence[Message] = ()) -> None:
        self.clock = ManualClock(10.0)
        self.inbox = Inbox()
        self.port = FakePort("DAW")
        self.jobs: list[Job] = []
        self.losses: list[PortLost] = []
        self.told: list[str] = []
        self.telemetry = Telemetry()
        self.loop = Loop(
            engine, self.clock, self.inbox, dict.fromkeys(range(-1, 3), self.port),
            ask=self.jobs.append, telemetry=self.telemetry, opening=opening,
            lost=self.losses.append, tell=self.told.append,
        )  # fmt: skip


def message(due_s: float, data: bytes, track: int = 0) -> Message:
    return Message(due_s, track, data, 0)


def test_what_has_come_in_goes_to_the_engine_in_order_with_the_time() -> None:
    engine = FakeEngine()
    rig = Rig(engine)
    inputs = [Received(9.8, ON), Received(9.9, OFF)]
    for item in inputs:
        rig.inbox.receive(item)
    rig.loop.turn()
    rig.loop.turn()
    assert engine.calls == [(10.0, inputs), (10.0, [])]


def test_an_input_whose_frame_is_yet_to_come_is_taken_at_its_stamp() -> None:
    engine = FakeEngine()
    rig = Rig(engine)
    rig.inbox.receive(Received(10.004, ON))  # JACK hands a cycle over when it begins
    rig.inbox.receive(Received(99.0, OFF))  # no cycle is that long
    rig.loop.turn()
    assert [now_s for now_s, _ in engine.calls] == [10.004]


def test_what_is_due_is_sent_and_its_lateness_recorded() -> None:
    rig = Rig(FakeEngine(Step((message(9.997, ON), message(9.999, OFF)))))
    rig.loop.turn()
    assert rig.port.sent == [ON, OFF]
    assert rig.telemetry.summary().lateness_max_ms == pytest.approx(3)
    assert rig.telemetry.summary().lateness_p50_ms == pytest.approx(1, rel=0.045)


def test_what_is_due_later_waits_for_its_time() -> None:
    rig = Rig(FakeEngine(Step((message(10.0, ON), message(10.5, OFF)), wake_at_s=12.0)))
    assert rig.loop.turn() == 10.5
    assert rig.port.sent == [ON]
    rig.clock.advance(0.5)
    assert rig.loop.turn() is None
    assert rig.port.sent == [ON, OFF]


def test_it_wakes_when_the_engine_asks_for_it() -> None:
    assert Rig(FakeEngine(Step(wake_at_s=11.5))).loop.turn() == 11.5


def test_a_job_is_handed_on() -> None:
    job = Job(0, Session.__new__(Session), 0, 0.0)  # type: ignore[arg-type]  # only handed through
    rig = Rig(FakeEngine(Step(job=job)))
    rig.loop.turn()
    assert rig.jobs == [job]


def test_the_instruments_are_chosen_once_when_the_music_begins() -> None:
    engine = FakeEngine(running=False)
    rig = Rig(engine, opening=[message(0.0, b"\xc0\x21")])
    rig.loop.turn()
    assert rig.port.sent == []
    engine.running = True
    engine.steps = [Step((message(10.0, ON),))]
    rig.loop.turn()
    rig.loop.turn()
    assert rig.port.sent == [b"\xc0\x21", ON]


def test_an_engine_that_trips_over_an_input_goes_on_without_it() -> None:
    engine = FakeEngine(ValueError("bad"), Step((message(10.0, OFF),)), ValueError("again"), Step())
    rig = Rig(engine)
    rig.inbox.receive(Received(9.9, ON))
    rig.loop.turn()
    rig.loop.turn()
    assert [len(inputs) for _, inputs in engine.calls] == [1, 0, 0, 0]
    assert rig.port.sent == [OFF]
    assert rig.telemetry.exceptions == 2
    assert rig.telemetry.summary().dropped_inputs == 1
    assert rig.told == ["the engine failed (ValueError: bad); the music goes on"]  # told once


def test_a_full_inbox_drops_midi_messages_and_counts_them_but_keeps_the_models_answers() -> None:
    rig = Rig(FakeEngine())
    answer = Answer(0.0, Job(0, np.zeros((2, 32, 128), np.bool_), 0, 0.0), (), 0.1)
    for _ in range(MOST_RECEIVED + 2):
        rig.inbox.receive(Received(9.9, ON))
    rig.inbox.receive(Command(9.9, "fill"))  # a script may flood as well
    rig.inbox.receive(answer)
    rig.loop.turn()
    ((_, inputs),) = rig.loop._engine.calls  # type: ignore[attr-defined]
    assert (len(inputs), inputs[-1]) == (MOST_RECEIVED + 1, answer)
    assert rig.telemetry.summary().dropped_inputs == 3


def test_an_engine_that_fails_by_itself_leaves_nothing_sounding_and_is_tried_again() -> None:
    engine = FakeEngine(Step((message(10.0, ON), message(10.0, b"\x91\x40\x40", 1))), *[ValueError("x")] * 2)
    rig = Rig(engine)
    rig.loop.turn()
    assert rig.loop.turn() == pytest.approx(10.1)
    assert rig.port.sent[2:] == [OFF, b"\x81\x40\x40"]
    rig.loop.turn()
    assert len(engine.calls) == 4


def test_what_sounded_before_an_engines_failure_is_ended_and_what_waited_is_dropped() -> None:
    begun = Step((message(10.0, ON), message(10.5, OFF), message(10.5, b"\x91\x40\x40", 1)))
    rig = Rig(FakeEngine(begun, ValueError("lost the note-offs it was about to tell")))
    rig.loop.turn()
    rig.loop.turn()
    rig.clock.advance(1.0)
    rig.loop.turn()
    assert rig.port.sent == [ON, OFF]


def _throws(*_: object) -> None:
    raise RuntimeError("nobody there")


def test_whoever_throws_the_music_goes_on() -> None:
    job = Job(0, np.zeros((2, 32, 128), np.bool_), 0, 0.0)
    engine = FakeEngine(Step((message(10.0, ON),), job, None, (Event(10.0, "job"),)), Step((message(10.0, OFF),)))
    rig = Rig(engine)
    for name in ("_ask", "_log", "_tell"):
        setattr(rig.loop, name, _throws)
    rig.loop._sender._log = partial(rig.loop._safely, _throws)
    rig.loop.turn()
    rig.loop.turn()
    assert rig.port.sent == [ON, OFF]
    assert rig.telemetry.exceptions == 4  # the log three times: the event and two messages


def test_a_port_that_throws_is_lost_and_the_others_play_on(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(FakeEngine(Step((message(10.0, ON), message(10.0, b"\x91\x40\x40", 1)))))
    broken = FakePort("Synth")
    monkeypatch.setattr(broken, "send", _throws)
    rig.loop._sender._outputs = {0: broken, 1: rig.port}
    rig.loop.turn()
    assert rig.port.sent == [b"\x91\x40\x40"]
    assert [lost.message for lost in rig.losses] == ["the MIDI port 'Synth' failed: nobody there"]


def test_silence_ends_what_the_engine_knows_of_and_then_every_used_channel() -> None:
    engine = FakeEngine(Step((message(10.0, ON), message(11.0, b"\x90\x43\x40"))))
    engine.closing = Step((message(10.0, OFF),))
    rig = Rig(engine)
    rig.loop.turn()
    rig.loop.silence()
    assert rig.port.sent == [ON, OFF, b"\xb0\x7b\x00"]  # what was not yet due never sounds


def test_silence_needs_no_engine() -> None:
    engine = FakeEngine(Step((message(10.0, ON), message(10.0, b"\x92\x50\x40", 2), message(10.0, b"\x92\x50\x00", 2))))
    engine.closing = RuntimeError("broken")
    rig = Rig(engine)
    rig.loop.turn()
    rig.loop.silence()
    assert rig.port.sent[3:] == [OFF, b"\xb0\x7b\x00", b"\xb2\x7b\x00"]


def test_a_lost_port_is_told_once_and_not_sent_to_again() -> None:
    rig = Rig(FakeEngine(Step((message(10.0, ON), message(10.0, OFF), message(10.0, ON)))))
    rig.port.breaks_after = 1
    rig.loop.turn()
    rig.loop.silence()
    assert rig.port.sent == [ON]
    assert [str(loss) for loss in rig.losses] == ["the MIDI port 'DAW' is gone"]


def test_run_goes_on_until_it_is_stopped_and_leaves_silence() -> None:
    def stop_after(turns: int) -> Callable[[float, Sequence[Input]], Step]:
        def step(now_s: float, _: Sequence[Input]) -> Step:
            engine.calls.append((now_s, []))
            if len(engine.calls) == turns:
                rig.loop.stop()
            return Step((message(now_s, ON),) if len(engine.calls) == 1 else (), wake_at_s=now_s + 1)

        return step

    engine = FakeEngine()
    rig = Rig(engine)
    engine.step = stop_after(4)  # type: ignore[method-assign]
    rig.loop.run()
    assert [now_s for now_s, _ in engine.calls] == [10.0, 11.0, 12.0, 13.0]
    assert rig.port.sent == [ON, OFF, b"\xb0\x7b\x00"]


def test_a_stop_is_a_moment_to_tidy_up(monkeypatch: pytest.MonkeyPatch) -> None:
    collected: list[bool] = []
    monkeypatch.setattr("gc.collect", lambda: collected.append(True))
    rig = Rig(FakeEngine(Step(events=(Event(10.0, "start"),)), Step(events=(Event(10.0, "stop"),))))
    rig.loop.turn()
    assert not collected
    rig.loop.turn()
    assert collected


def test_the_real_engine_and_a_real_model_play_the_tune_a_window_later(tiny_model: Path) -> None:
    """The whole line but for ports and threads, on a manual clock."""
    session = Session(tiny_model)
    rig = Rig(Engine(session.spec, EngineConfig(bpm=120)))
    tune, beat_s, begin_s = [60, 62, 64, 65, 67, 69, 71, 72], 0.5, 10.0
    script = [
        (begin_s + (beat + on_off) * beat_s, bytes((0x80 if on_off else 0x90, pitch, 80)))
        for beat, pitch in enumerate(tune)
        for on_off in (0, 0.9)
    ]
    heard: list[tuple[float, bytes]] = []
    wake_at_s: float | None = None
    while rig.clock.now() < begin_s + 17 * beat_s:
        next_s = min([script[0][0]] if script else [begin_s + 17 * beat_s])
        rig.clock.wait(min(next_s, wake_at_s) if wake_at_s is not None else next_s, rig.inbox.wake)
        while script and script[0][0] <= rig.clock.now():
            rig.inbox.receive(Received(*script.pop(0)))
        sent = len(rig.port.sent)
        wake_at_s = rig.loop.turn()
        heard += [(rig.clock.now(), data) for data in rig.port.sent[sent:]]
        while rig.jobs:
            answer = infer(session, rig.jobs.pop(), rig.clock, seed=0)
            assert isinstance(answer, Answer)
            rig.inbox.receive(answer)
            wake_at_s = rig.loop.turn()
    for channel, down in enumerate(SEMITONES_DOWN):
        begun = [(at_s, data[1]) for at_s, data in heard if data[0] == 0x90 | channel]
        assert [pitch for _, pitch in begun] == [pitch - down for pitch in tune]
        assert [at_s for at_s, _ in begun] == pytest.approx([begin_s + (8 + beat) * beat_s for beat in range(8)])
    assert rig.telemetry.summary().lateness_max_ms == pytest.approx(0, abs=1e-6)
    assert rig.telemetry.summary().notes_out == 3 * len(tune)
    assert TINY_SPEC.lag_steps == 4 * 8
