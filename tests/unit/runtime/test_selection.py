from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from accompanist.errors import ModelError, ProviderMissing
from accompanist.music.question import Question
from accompanist.music.roll import encode
from accompanist.runtime import selection
from accompanist.runtime.choice import Way
from accompanist.runtime.clock import ManualClock
from accompanist.runtime.infer import Session
from accompanist.runtime.realtime import why_no_priority
from accompanist.runtime.selection import Selected, select

BEAT_S = 0.5


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "accompanist" / "providers"


class Machine:
    """Providers with their measured habits, in the place of real sessions; every answer moves the clock.

    Args:
        answers_s: By provider: an answer while busy, and one after a rest. A provider on two threads takes half.
    """

    def __init__(self, **answers_s: tuple[float, float]) -> None:
        self.answers_s = answers_s
        self.clock = ManualClock()
        self.told: list[str] = []
        self.loaded: list[str] = []
        self.absent: dict[str, str] = {}
        self.broken: dict[str, Exception] = {}
        self.cores = 2

    def session(self, path: Path, *, provider: str = "cpu", threads: int = 1) -> Any:
        if provider not in self.answers_s:
            raise ProviderMissing(f"the provider {provider} does not load")
        self.loaded.append(provider)
        return MachineSession(self, path, provider, threads)

    def select(self, model: Path, provider: str = "auto", *, beat_s: float = BEAT_S, afresh: bool = False) -> Selected:
        self.told.clear()
        self.loaded.clear()
        return select(model, provider=provider, beat_s=beat_s, clock=self.clock, tell=self.told.append, afresh=afresh)


class MachineSession:
    """A session on one of its providers."""

    def __init__(self, machine: Machine, path: Path, provider: str, threads: int) -> None:
        self.machine, self.path, self.provider, self.threads = machine, path, provider, threads
        self.ended_s = -1e9

    def run_again(self) -> None:
        if self.provider in self.machine.broken:
            raise self.machine.broken[self.provider]
        clock = self.machine.clock
        busy_s, rested_s = self.machine.answers_s[self.provider]
        clock.advance((rested_s if clock.now() - self.ended_s > 0.3 else busy_s) / self.threads)
        self.ended_s = clock.now()

    def warm_up(self) -> float:
        began_s = self.machine.clock.now()
        self.run_again()
        return self.machine.clock.now() - began_s


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A slow processor, and a card that clocks down in the pauses."""
    found = Machine(cpu=(0.036, 0.036), cuda=(0.01, 0.1))
    monkeypatch.setattr(selection, "Session", found.session)
    monkeypatch.setattr(selection, "built_in", lambda: ["cpu", *(n for n in ("cuda", "tensorrt") if n in named(found))])
    monkeypatch.setattr(selection, "why_provider_fails", lambda name: found.absent.get(name, ""))
    monkeypatch.setattr(selection, "_cores", lambda: found.cores)
    return found


def named(machine: Machine) -> set[str]:
    return {*machine.answers_s, *machine.absent, *machine.broken}


def test_a_card_that_clocks_down_is_taken_kept_warm(machine: Machine, tiny_model: Path) -> None:
    session, choice = (chosen := machine.select(tiny_model))
    assert choice.way == Way("cuda", kept_warm=True)
    assert (session.provider, session.path) == ("cuda", tiny_model)
    assert choice.passed_over.keys() == {"cpu", "cuda"}
    assert chosen.warmth() is not None
    assert machine.told[0] == "timing cpu, cuda at 120 BPM, about 5 s in all"
    assert [line.split(":")[0] for line in machine.told[1:]] == ["  cpu", "  cuda", "  cuda kept warm"]


def test_where_warming_does_not_pay_the_processor_is_taken(machine: Machine, tiny_model: Path) -> None:
    machine.answers_s["cpu"] = (0.015, 0.015)  # below the card's answer and the run it may wait for
    chosen = machine.select(tiny_model)
    assert chosen.choice.way == Way("cpu")
    assert chosen.session.provider == "cpu"
    assert chosen.warmth() is None


def test_the_next_start_measures_nothing_and_loads_one_card(machine: Machine, tiny_model: Path) -> None:
    first = machine.select(tiny_model)
    began_s = machine.clock.now()
    again = machine.select(tiny_model)
    assert machine.clock.now() == began_s
    assert machine.told == []
    assert machine.loaded == ["cpu", "cuda"]
    assert again.choice.way == first.choice.way
    assert again.choice.timings == first.choice.timings
    assert again.warmth() is not None
    assert "as measured at an earlier start" in again.choice.line()


def test_another_model_machine_or_onnxruntime_is_measured_anew(
    machine: Machine, tiny_model: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.select(tiny_model)
    other = tmp_path / "other.onnx"
    other.write_bytes(tiny_model.read_bytes() + b"\0")
    machine.select(other)
    assert machine.told
    machine.cores = 3
    machine.select(tiny_model)
    assert machine.told
    monkeypatch.setattr("accompanist.runtime.choice_memory.ort.__version__", "9.9")
    machine.select(tiny_model)
    assert machine.told
    assert len(list(cache.iterdir())) == 4


def test_other_providers_than_then_are_measured(machine: Machine, tiny_model: Path) -> None:
    machine.absent["tensorrt"] = "a library is missing"
    first = machine.select(tiny_model)
    assert first.choice.passed_over["tensorrt"] == "a library is missing"
    machine.select(tiny_model)
    assert not machine.told
    machine.absent.clear()
    machine.answers_s["tensorrt"] = (0.002, 0.003)
    assert machine.select(tiny_model).choice.way == Way("tensorrt")


@pytest.mark.parametrize(("bpm", "anew"), [(119, False), (60, False), (240, False), (59, True), (241, True)])
def test_quite_another_tempo_is_measured_anew(machine: Machine, tiny_model: Path, bpm: float, anew: bool) -> None:
    machine.select(tiny_model)
    machine.select(tiny_model, beat_s=60 / bpm)
    assert bool(machine.told) is anew


def test_a_card_that_fails_its_trial_is_passed_over_also_next_time(machine: Machine, tiny_model: Path) -> None:
    machine.broken["cuda"] = RuntimeError("CUDA error 2:\nout of memory")
    for _ in range(2):
        chosen = machine.select(tiny_model)
        assert chosen.session.provider == "cpu"
        assert chosen.choice.passed_over == {"cuda": "it fails: CUDA error 2: out of memory"}


def test_a_card_that_is_gone_since_is_not_missed(machine: Machine, tiny_model: Path) -> None:
    machine.select(tiny_model)
    del machine.answers_s["cuda"]
    machine.broken["cuda"] = RuntimeError("gone")
    chosen = machine.select(tiny_model)
    assert chosen.session.provider == "cpu"
    assert chosen.choice.passed_over == {"cuda": "the provider cuda does not load"}


def test_one_provider_asked_for_is_taken_or_missing(machine: Machine, tiny_model: Path) -> None:
    assert machine.select(tiny_model, "cpu").session.provider == "cpu"
    assert (machine.told, machine.loaded) == ([], ["cpu"])
    chosen = machine.select(tiny_model, "cuda")
    assert chosen.choice.way == Way("cuda", kept_warm=True)
    assert machine.loaded == ["cuda"]
    with pytest.raises(ProviderMissing, match="tensorrt does not load"):
        machine.select(tiny_model, "tensorrt")


def test_a_model_that_fails_everywhere_says_why(machine: Machine, tiny_model: Path) -> None:
    machine.broken |= {"cuda": RuntimeError("no")}
    with pytest.raises(ModelError, match="cuda: it fails: no"):
        machine.select(tiny_model, "cuda")


def test_two_threads_are_tried_where_there_are_cores_and_the_model_is_slow(machine: Machine, tiny_model: Path) -> None:
    machine.cores = 4
    del machine.answers_s["cuda"]
    session, choice = machine.select(tiny_model)
    assert choice.way == Way("cpu", threads=2)
    assert session.threads == 2
    session, choice = machine.select(tiny_model)
    assert (session.threads, choice.earlier) == (2, True)


def test_where_there_is_nothing_to_choose_nothing_is_measured_or_kept(
    machine: Machine, tiny_model: Path, cache: Path
) -> None:
    machine.answers_s = {"cpu": (0.036, 0.036)}
    machine.absent["cuda"] = "there is no NVIDIA driver"
    choice = machine.select(tiny_model).choice
    assert choice.line() == "cpu (nothing else loads); passed over cuda: there is no NVIDIA driver"
    assert (machine.told, cache.exists()) == ([], False)
    assert machine.select(tiny_model, afresh=True).choice.chosen is not None  # unless it is asked for


def test_a_damaged_memory_or_none_costs_a_measurement(machine: Machine, tiny_model: Path, cache: Path) -> None:
    machine.select(tiny_model)
    (file,) = cache.iterdir()
    assert json.loads(file.read_text())["absent"] == {}
    file.write_text("{")
    machine.select(tiny_model)
    assert machine.told
    file.unlink()
    cache.rmdir()
    cache.write_text("in the way")
    assert machine.select(tiny_model).choice.way == Way("cuda", kept_warm=True)


def test_a_real_model_on_a_real_processor(tiny_model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    session, choice = select(
        tiny_model, provider="auto", beat_s=BEAT_S, clock=ManualClock(), tell=lambda _: None, afresh=True
    )
    assert isinstance(session, Session)
    assert choice.way.provider == session.provider
    assert session.run(Question(encode([], 32)), seed=0).values.shape == (3, 2, 32, 128)
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(bool(why_no_priority()), reason="without the right to a real-time priority")
def test_threads_of_onnxruntime_are_put_off_no_more_than_ours(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def threads() -> set[int]:
        return {int(task.name) for task in Path("/proc/self/task").iterdir()}

    kept: list[Session] = []

    def session(path: Path, **_: Any) -> Session:
        kept.append(Session(path, threads=2))
        return kept[-1]

    before, mine = threads(), os.sched_getscheduler(0)
    monkeypatch.setattr(selection, "Session", session)
    select(tiny_model, provider="cpu", beat_s=BEAT_S, clock=ManualClock(), tell=lambda _: None)
    started = threads() - before
    assert started
    assert {os.sched_getscheduler(thread) for thread in started} == {os.SCHED_FIFO}
    assert os.sched_getscheduler(0) == mine
