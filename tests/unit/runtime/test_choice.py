from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accompanist.runtime.choice import (
    CLEARLY,
    Choice,
    Timing,
    Way,
    calls_at,
    choose,
    worth_keeping_warm,
    worth_two_threads,
)

CPU, CPU_2, CUDA, WARM = Way("cpu"), Way("cpu", threads=2), Way("cuda"), Way("cuda", kept_warm=True)


def timing(way: Way, *calls_ms: float, busy_ms: float = 1.0, run_ms: float = 0.0) -> Timing:
    return Timing(way, busy_ms / 1000, tuple(ms / 1000 for ms in calls_ms), run_ms / 1000)


def test_a_card_that_clocks_down_loses_to_a_slower_processor() -> None:
    """The measured fact: 10 ms while busy, 100 ms when it has rested, and the processor 36 ms always."""
    rested = timing(CUDA, 98, 101, 100, busy_ms=10)
    choice = choose([timing(CPU, 36, 37, 36, busy_ms=36), rested], {})
    assert choice.way == CPU
    assert choice.passed_over == {"cuda": "101.0 ms at worst of 3 answers, one a beat; 10.0 without a pause"}
    assert worth_keeping_warm(rested)


def test_the_same_card_kept_warm_wins_though_a_question_may_wait_for_a_run() -> None:
    timings = [
        timing(CPU, 36, 37, 36, busy_ms=36),
        timing(CUDA, 98, 101, 100, busy_ms=10),
        timing(WARM, 10, 11, 10, busy_ms=10, run_ms=12),
    ]
    choice = choose(timings, {"tensorrt": "a library is missing"})
    assert choice.way == WARM
    assert choice.chosen == timings[2]
    assert choice.line() == (
        "cuda kept warm (23.0 ms at worst of 3 answers, one a beat; 10.0 without a pause); passed over "
        "cpu: 37.0 ms at worst of 3 answers, one a beat; 36.0 without a pause; "
        "cuda: 101.0 ms at worst of 3 answers, one a beat; 10.0 without a pause; tensorrt: a library is missing"
    )


def test_one_slow_answer_counts_however_fast_the_others_are() -> None:
    assert choose([timing(CPU, 30, 30, 30), timing(CUDA, 5, 5, 80)], {}).way == CPU


def test_a_simpler_way_is_not_left_for_next_to_nothing() -> None:
    choice = choose([timing(CPU, 10.0), timing(CPU_2, 9.5)], {})
    assert choice.way == CPU
    assert choice.passed_over["cpu with 2 threads"].startswith("9.5 ms at worst")
    assert choice.passed_over["cpu with 2 threads"].endswith("no clear gain")


@given(st.lists(st.floats(0.1, 1000), min_size=1, max_size=6))
def test_nothing_passed_over_is_clearly_better(worst_ms: list[float]) -> None:
    timings = [timing(Way(f"p{i}"), ms) for i, ms in enumerate(worst_ms)]
    choice = choose(timings, {})
    assert choice.chosen is not None
    assert all(one.worst_s >= CLEARLY * choice.chosen.worst_s - 1e-12 for one in timings)
    assert choice.passed_over.keys() == {str(one.way) for one in timings} - {str(choice.way)}
    # Whatever stands before it, and so is simpler, is clearly worse than the best.
    best_s = min(one.worst_s for one in timings)
    assert all(CLEARLY * one.worst_s > best_s for one in timings[: timings.index(choice.chosen)])


def test_where_nothing_was_weighed_there_is_nothing_to_tell() -> None:
    assert Choice(CPU, (), {}).line() == ""
    only = Choice(CPU, (), {"cuda": "there is no NVIDIA driver"})
    assert only.line() == "cpu (nothing else loads); passed over cuda: there is no NVIDIA driver"
    assert only.chosen is None


def test_an_earlier_measurement_says_so() -> None:
    assert "as measured at an earlier start" in choose([timing(CPU, 3)], {}, earlier=True).line()


@pytest.mark.parametrize(
    ("busy_s", "cores", "worth"), [(0.003, 16, False), (0.036, 2, False), (0.036, 3, False), (0.036, 4, True)]
)
def test_a_second_thread_wants_a_slow_model_and_spare_cores(busy_s: float, cores: int, worth: bool) -> None:
    assert worth_two_threads(busy_s, cores) is worth


def test_what_does_not_clock_down_needs_no_warming() -> None:
    assert not worth_keeping_warm(timing(CPU, 40, busy_ms=1))  # a processor never does
    assert not worth_keeping_warm(timing(CUDA, 11, 12, busy_ms=10))
    assert not worth_keeping_warm(timing(CUDA, 21, busy_ms=10))  # an answer may have to wait for a run: 10 + 10
    assert worth_keeping_warm(timing(CUDA, 23, busy_ms=10))


@given(st.floats(30, 300))
def test_timing_takes_a_few_seconds_at_any_tempo(bpm: float) -> None:
    calls = calls_at(60 / bpm)
    assert 3 <= calls <= 5
    assert calls * 60 / bpm <= 6


def test_a_faster_tempo_is_given_more_calls() -> None:
    assert [calls_at(60 / bpm) for bpm in (30, 60, 120, 300)] == [3, 4, 5, 5]
