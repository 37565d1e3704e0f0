from __future__ import annotations

import pytest

from accompanist.engine.figures import Figures
from accompanist.engine.status import Status
from accompanist.runtime.telemetry import Telemetry, status_line

FIGURES = Figures(10, 5, 1, 7, due_ticks=4000, planned_ticks=3000, deadline_misses=3, staleness_mean_steps=2.5,
                  staleness_max_steps=8.0)  # fmt: skip


def status(**changes: object) -> Status:
    values = {
        "running": True, "bar": 1, "beat": 1, "tick": 0, "bpm": 120.0, "lock": "internal", "listening": False,
        "notes_in": 0, "notes_out": 0, "late_answers": 0, "dropped_answers": 0, "failures": 0, "figures": Figures(),
        "inference_s": 0.0,
    }  # fmt: skip
    return Status(**(values | changes))  # type: ignore[arg-type]


def test_lateness_is_actual_minus_due_in_milliseconds() -> None:
    telemetry = Telemetry()
    for late_ms in (1, 5, 2):
        telemetry.sent(10.0, 10.0 + late_ms / 1000)
    telemetry.sent(10.0, 9.9)  # before its time: not late
    summary = telemetry.summary()
    assert summary.lateness_p50_ms == pytest.approx(1, rel=0.045)
    assert summary.lateness_max_ms == summary.lateness_p99_ms == summary.lateness_p95_ms == pytest.approx(5)
    assert telemetry.worst_lateness_s == pytest.approx(0.005)


def test_a_bar_counts_when_the_song_moves_through_it() -> None:
    telemetry = Telemetry()
    for running, bar in [(False, 1), (True, 1), (True, 1), (True, 2), (False, 2), (True, 1), (True, 3)]:
        telemetry.stands(status(running=running, bar=bar))
    assert telemetry.summary().bars == 4


def test_the_summary_is_one_paragraph_and_speaks_of_failures_only_when_there_are_any() -> None:
    telemetry = Telemetry()
    telemetry.stands(status(notes_in=3, notes_out=9, late_answers=2, figures=FIGURES))
    telemetry.answered(0.020)
    text = str(telemetry.summary())
    assert "3 notes in, 9 notes out" in text
    assert "inference 20.0 ms median" in text
    assert "0.750 of the time a plan was there (ISR)" in text
    assert "2.5 sixteenths old on average, 8.0 at most; 3 deadlines missed, 2 late answers" in text
    assert "Beats from the rest of a plan 5, with the last harmony held 1, silent for want of a plan 7." in text
    assert "failed" not in text
    telemetry.exceptions = 1
    telemetry.dropped_by_inbox, telemetry.dropped_by_engine = 2, 3
    assert "the engine 1 times. 5 inputs were dropped." in str(telemetry.summary())


def test_the_summary_holds_every_figure() -> None:
    telemetry = Telemetry()
    assert telemetry.summary().isr is None
    assert "no plan was due" in str(telemetry.summary())
    telemetry.stands(status(dropped_answers=4, figures=FIGURES))
    summary = telemetry.summary()
    beats = (summary.planned_beats, summary.rest_beats, summary.held_beats, summary.silent_beats)
    assert (summary.isr, beats, summary.dropped_answers) == (0.75, (10, 5, 1, 7), 4)
    assert (summary.staleness_mean_steps, summary.staleness_max_steps, summary.deadline_misses) == (2.5, 8.0, 3)


def test_a_long_performance_takes_no_more_memory_than_a_short_one() -> None:
    telemetry = Telemetry()
    for i in range(10_000):
        telemetry.sent(0.0, i / 1e6)
    assert len(telemetry._recent_s) == 100
    assert telemetry.worst_lateness_s == pytest.approx(0.009999)
    for _ in range(100):
        telemetry.sent(0.0, 0.001)
    assert telemetry.worst_lateness_s == 0.001  # of the last hundred


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"running": False}, "waiting for your first note"),
        ({"running": False, "lock": "waiting"}, "waiting for the clock"),
        ({"running": False, "lock": "locked"}, "waiting for a start | 120.0 BPM locked"),
        ({"bar": 2, "beat": 3, "listening": True}, "2.3 listening"),
        (
            {"bar": 3, "beat": 1, "bpm": 96.04, "notes_in": 7, "notes_out": 21},
            "3.1 playing | 96.0 BPM internal | in 7 out 21",
        ),
        (
            {"notes_in": 123, "notes_out": 456, "inference_s": 0.0123, "figures": FIGURES},
            "1.1 playing | 120.0 BPM internal | in 123 out 456 | infer 12.3 late 0.00 ms | held 1 silent 7",
        ),
    ],
)
def test_the_status_line(changes: dict[str, object], text: str) -> None:
    telemetry = Telemetry()
    assert status_line(telemetry) == "starting"
    telemetry.stands(status(**changes))
    assert status_line(telemetry).startswith(text)


def test_ports_that_are_waited_for_come_first_in_the_line() -> None:
    telemetry = Telemetry()
    telemetry.away = ("Keys", "DAW")
    assert status_line(telemetry) == "waiting for Keys, DAW | starting"
