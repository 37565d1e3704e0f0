from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from support.band import answered, chords
from support.fake_midi import FakePort
from support.performance import HEADER
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.engine.engine import Engine
from accompanist.engine.protocol import AheadReport, BeatReport, Event, HeardReport, Job, Message, PlanReport
from accompanist.errors import StorageError
from accompanist.runtime.clock import ManualClock
from accompanist.runtime.log_records import (
    AheadRecord,
    BeatRecord,
    DroppedRecord,
    End,
    EventRecord,
    HeardRecord,
    MessageRecord,
    PlanRecord,
    Record,
    schema_text,
)
from accompanist.runtime.loop import Inbox, Loop
from accompanist.runtime.performance_log import WRITE_EVERY_S, PerformanceLog, Sent
from accompanist.runtime.telemetry import Telemetry


class Desk:
    """A log, its clock, and what it told."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.path = path
        self.clock = ManualClock(100.0)
        self.told: list[str] = []
        self.log = PerformanceLog(path, self.clock, self.told.append, **options)

    def records(self) -> list[Record]:
        return [msgspec.json.decode(line, type=Record) for line in self.path.read_bytes().splitlines()]

    def whole(self) -> list[Record]:
        """Everything, as one performance."""
        self.log.begin(HEADER)
        self.log.finish(130, "", {"bars": 3, "isr": None})
        return self.records()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "log.jsonl")


def test_each_thing_that_happened_is_a_line(desk: Desk) -> None:
    job = Job(7, np.zeros((2, 32, 128), np.bool_), 3840, 103.9, 3720)
    desk.log.put(Event(101.0, "start", "1.1"))
    desk.log.put(PlanReport(102.0, job, "answer", 0.0125, (1, 1, 0), 3840))
    desk.log.put(AheadReport(102.0, 3840, ((0, 36, 3840, 4320), (1, 60, 3840, 3960)), (1,)))
    desk.log.put(HeardReport(102.5, 3800, b"\x90\x48\x50"))
    desk.log.put(BeatReport(103.0, 3840, 1, "plan", 3720, 4, None, 2))
    desk.log.put(BeatReport(103.5, 4320, 3, "silence", None, 0, 0.5, 2))
    desk.log.put(Sent(Message(104.0, 1, b"\x91\x3c\x40", 3840), 104.0001234))
    desk.clock.advance(5)
    assert desk.whole() == [
        HEADER,
        EventRecord(1.0, "start", "1.1"),
        PlanRecord(2.0, 7, 3840, 3720, 3.9, 0.0125, "answer", (1, 1, 0), 3840),
        AheadRecord(2.0, 3840, (0, 36, 3840, 4320, 1, 60, 3840, 3960), (1,)),
        HeardRecord(2.5, 3800, "904850"),
        BeatRecord(3.0, 3840, 1, "plan", 1.0, 4, None, 2),
        BeatRecord(3.5, 4320, 3, "silence", None, 0, 0.5, 2),
        MessageRecord(4.000123, 4.0, 3840, 1, "913c40"),
        End(5.0, 130, "", {"bars": 3, "isr": None}),
    ]
    assert desk.path.read_text(encoding="utf-8").splitlines()[1] == (
        '{"record":"event","at_s":1.0,"name":"start","detail":"1.1"}'
    )
    assert desk.told == []


def test_what_the_queue_has_no_room_for_is_dropped_and_the_log_says_how_much(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "log.jsonl", most_waiting=100)
    for i in range(250):
        desk.log.put(Event(100.0 + i, "start"))
    assert len(desk.log._waiting) == 100
    records = desk.whole()
    assert [record.at_s for record in records if isinstance(record, EventRecord)] == [*range(100)]
    assert [record for record in records if isinstance(record, DroppedRecord)] == [DroppedRecord(0.0, 150)]
    assert isinstance(records[-1], End)


def test_what_was_written_can_be_read_while_the_performance_goes_on(desk: Desk) -> None:
    desk.log.put(Event(101.0, "start"))
    desk.log._write_waiting()  # as the log's thread does
    assert desk.records() == [EventRecord(1.0, "start", "")]
    assert WRITE_EVERY_S <= 1
    desk.log.close()


def test_a_log_is_added_to_and_a_line_that_was_cut_off_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    Desk(path).whole()
    path.write_bytes(path.read_bytes() + b'{"record":"ev')
    Desk(path).log.close()
    lines = path.read_bytes().splitlines()
    assert len(lines) == 3
    desk = Desk(path)
    desk.log.begin(HEADER)
    desk.log.close()
    lines = path.read_bytes().splitlines()
    assert msgspec.json.decode(lines[-1], type=Record) == HEADER
    assert lines[-2] == b'{"record":"ev'


def test_a_disk_that_fails_ends_the_log_with_a_line(desk: Desk) -> None:
    class FullDisk:
        closed = False

        def write(self, _: bytes) -> int:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            self.closed = True
            raise OSError(28, "No space left on device")

    desk.log._file.close()  # type: ignore[union-attr]
    desk.log._file = disk = FullDisk()  # type: ignore[assignment]
    desk.log.put(Event(101.0, "start"))
    desk.log.begin(HEADER)
    desk.log.finish(0, "", {})
    assert desk.told == [f"the log {desk.path} ends here: No space left on device; the music goes on"]
    assert disk.closed
    desk.log.put(Event(102.0, "stop"))
    assert len(desk.log._waiting) == 0
    desk.log.close()


def test_a_disk_that_hangs_holds_up_neither_the_engine_nor_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()

    class HangingDisk:
        def write(self, _: bytes) -> None:
            answers.wait()

        def flush(self) -> None: ...

        def close(self) -> None: ...

    monkeypatch.setattr("accompanist.runtime.performance_log._JOIN_S", 0.01)
    desk = Desk(tmp_path / "log.jsonl", most_waiting=10)
    desk.log._file.close()  # type: ignore[union-attr]
    desk.log._file = HangingDisk()  # type: ignore[assignment]
    desk.log.begin(HEADER)
    for _ in range(1000):
        desk.log.put(Event(101.0, "start"))
    assert len(desk.log._waiting) == 10
    thread = desk.log._thread
    desk.log.finish(0, "", {})
    assert desk.told == [f"the log {desk.path} could not be finished: the disk does not answer"]
    answers.set()
    assert thread is not None
    thread.join()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_no_log_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(StorageError, match="not seekable"):
        Desk(pipe)


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot write the log .*: (No such file|Is a directory)"):
        Desk(tmp_path)
    with pytest.raises(StorageError, match="No such file"):
        Desk(tmp_path / "none" / "log.jsonl")


def test_the_log_of_a_performance_holds_every_message_plan_and_beat(desk: Desk) -> None:
    clock, inbox, port = desk.clock, Inbox(), FakePort("DAW")
    jobs: list[Job] = []
    engine = Engine(TINY_SPEC, EngineConfig(hold_bars=1), wait_for_player=False)
    telemetry = Telemetry()
    loop = Loop(
        engine, clock, inbox, dict.fromkeys(range(3), port), ask=jobs.append, telemetry=telemetry, log=desk.log.put
    )
    while clock.now() < 111.0:
        wake_at_s = loop.turn()
        for job in jobs:
            if job.number == 0:
                inbox.receive(answered(job, chords(job), clock.now()))
        jobs.clear()
        clock.wait(wake_at_s, inbox.wake)
    loop.silence()
    records = desk.whole()
    assert [bytes.fromhex(record.data) for record in records if isinstance(record, MessageRecord)] == port.sent
    assert [record.outcome for record in records if isinstance(record, PlanRecord)] == ["answer"]
    sources = [record.source for record in records if isinstance(record, BeatRecord)]
    summary = telemetry.summary()
    assert sources.count("plan") == summary.planned_beats == 8
    assert sources.count("hold") == summary.held_beats == 4
    assert sources.count("silence") == summary.silent_beats > 0
    names = [record.name for record in records if isinstance(record, EventRecord)]
    assert names[0] == "start"
    assert names.count("fallback_hold") == 4


def test_the_documentation_shows_the_schema() -> None:
    text = (Path(__file__).parents[3] / "docs" / "performance-log.md").read_text(encoding="utf-8")
    assert schema_text() in text, "write it anew with: python scripts/write-log-schema"
