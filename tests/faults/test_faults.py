"""Performances in simulated time with everything going wrong; `run.py` runs as many as one likes, for as long."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from faults.report import Report
from faults.sources import SOURCES
from faults.world import World

HOURS = 1.0
SEEDS = range(12)
"""CI's own step runs hundreds (`run.py`)."""
DISK_FAILS = 58
"""A seed."""


@pytest.fixture(autouse=True)
def without_collections() -> Iterator[None]:
    """As while playing: the collector is off, and what lives is frozen."""
    gc.collect()
    gc.freeze()
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


def replay(report: Report) -> str:
    last = World(report.seed, report.hours + 0.001, keep=40).run().last
    return "\n".join(
        (*last, report.broken, f"again: python tests/faults/run.py --seed {report.seed} --hours {HOURS} --trace")
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_goes_wrong_the_invariants_hold(seed: int) -> None:
    report = World(seed, HOURS).run()
    assert not report.broken, replay(report)
    assert report.hours == pytest.approx(HOURS, abs=0.2)
    assert report.turns > 100


def test_a_seed_replays() -> None:
    first, second = (World(3, 0.5, keep=keep).run() for keep in (0, 10))
    assert first._replace(took_s=0.0, last=()) == second._replace(took_s=0.0, last=())
    assert first.messages > 0
    assert World(4, 0.5).run().digest != first.digest


@pytest.mark.parametrize("source", SOURCES)
def test_any_source_of_faults_can_be_left_out(source: str) -> None:
    report = World(1, 0.2, without=(source,)).run()
    assert not report.broken, report.broken


def logged(hours: float, mood: str) -> Report:
    """The first performance that has a log, on a disk of one mood."""
    for seed in SEEDS:
        world = World(seed, hours)
        if world.diary is not None:
            world.disk.MOODS = ((mood, 1.0),)
            return world.run()
    raise AssertionError("none has a log")


def test_a_log_on_a_disk_that_fails_changes_nothing_of_the_performance() -> None:
    gone, full, well = (logged(0.3, mood) for mood in ("gone", "full", "well"))
    assert gone.faults["disk gone"] > 0
    assert full.faults["disk full"] > 0
    assert (gone.broken, full.broken, well.broken) == ("", "", "")
    assert gone.digest == full.digest == well.digest
    assert well.messages > 0
