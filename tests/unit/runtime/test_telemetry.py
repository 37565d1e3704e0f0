from __future__ import annotations

import pytest

from accompanist.engine.engine import Status
from accompanist.runtime.telemetry import Telemetry, percentile, status_line


def status(**changes: object) -> Status:
    values = {
        "running": True, "bar": 1, "beat": 1, "tick": 0, "bpm": 120.0, "lock": "internal", "listening": False,
        "notes_in": 0, "notes_out": 0, "late_answers": 0, "dropped_answers": 0, "failures": 0, "rest_beats": 0,
        "held_beats": 0, "silent_beats": 0, "inference_s": 0.0,
    }  # fmt: skip
    return Status(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([], 50, 0.0), ([3.0], 50, 3.0), ([1, 2, 3, 4], 50, 2), ([1, 2, 3, 4, 5], 50, 3), (range(1, 101), 99, 99),
     (range(1, 201), 99, 198), ([1, 2], 100, 2), ([1, 2], 0, 1)],
)  # fmt: skip
def test_percentiles_by_nearest_rank(values: list[float], percent: int, expected: float) -> None:
    assert percentile(values, percent) == expected


def test_lateness_is_actual_minus_due_in_milliseconds() -> None:
    telemetry = Telemetry()
    for late_ms in (1, 5, 2):
        telemetry.sent(10.0, 10.0 + late_ms / 1000)
    telemetry.sent(10.0, 9.9)  # before its time: not late
    summary = telemetry.summary()
    assert summary.lateness_p50_ms == pytest.approx(1)
    assert summary.lateness_max_ms == summary.lateness_p99_ms == pytest.approx(5)
    assert telemetry.worst_lateness_s == pytest.approx(0.005)


def test_a_bar_counts_when_the_song_moves_through_it() -> None:
    telemetry = Telemetry()
    for running, bar in [(False, 1), (True, 1), (True, 1), (True, 2), (False, 2), (True, 1), (True, 3)]:
        telemetry.stands(status(running=running, bar=bar))
    assert telemetry.summary().bars == 4


def test_the_summary_is_one_paragraph_and_speaks_of_failures_only_when_there_are_any() -> None:
    telemetry = Telemetry()
    telemetry.stands(status(notes_in=3, notes_out=9, late_answers=2, rest_beats=5, held_beats=1, silent_beats=7))
    telemetry.answered(0.020)
    text = str(telemetry.summary())
    assert "3 notes in, 9 notes out" in text
    assert "inference 20.0 ms median" in text
    assert "2 late answers. Beats from the rest of a plan 5, with the last harmony held 1, silent" in text
    assert "failed" not in text
    telemetry.exceptions = 1
    assert "the engine 1 times" in str(telemetry.summary())


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"running": False}, "waiting for your first note"),
        ({"running": False, "lock": "waiting"}, "waiting for the clock"),
        ({"bar": 2, "beat": 3, "listening": True}, "2.3 listening"),
        (
            {"bar": 3, "beat": 1, "bpm": 96.04, "notes_in": 7, "notes_out": 21},
            "3.1 playing | 96.0 BPM internal | in 7 out 21",
        ),
    ],
)
def test_the_status_line(changes: dict[str, object], text: str) -> None:
    telemetry = Telemetry()
    assert status_line(telemetry) == "starting"
    telemetry.stands(status(**changes))
    assert status_line(telemetry).startswith(text)
