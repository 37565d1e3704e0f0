from __future__ import annotations

import gc
import os
import sys

import pytest

from accompanist.runtime.realtime import (
    ENGINE_PRIORITY,
    OTHERS_PRIORITY,
    SWITCH_INTERVAL_S,
    engine_thread,
    punctual_process,
    why_no_priority,
)


def test_within_the_block_the_collector_rests_and_afterwards_all_is_as_before() -> None:
    interval_s = sys.getswitchinterval()
    with punctual_process():
        assert not gc.isenabled()
        assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL_S)
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    assert sys.getswitchinterval() == pytest.approx(interval_s)


def test_it_is_put_back_after_an_exception_too() -> None:
    with pytest.raises(RuntimeError), punctual_process():
        raise RuntimeError
    assert gc.isenabled()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells and grants it")
def test_priority_is_taken_or_its_absence_explained() -> None:
    before = os.sched_getscheduler(0)
    with punctual_process() as why_none:
        granted = os.sched_getscheduler(0) == os.SCHED_FIFO
        assert granted == (why_none == "")
        if granted:
            assert os.sched_getparam(0).sched_priority == OTHERS_PRIORITY
            with engine_thread():
                assert os.sched_getparam(0).sched_priority == ENGINE_PRIORITY
            assert os.sched_getparam(0).sched_priority == OTHERS_PRIORITY
        else:
            assert "rtprio" in why_none
    assert os.sched_getscheduler(0) == before
    assert why_no_priority() == why_none


def test_where_it_is_not_allowed_the_music_plays_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "sched_setscheduler", refuse, raising=False)
    with punctual_process() as why_none, engine_thread():
        assert why_none.startswith("Operation not permitted")
