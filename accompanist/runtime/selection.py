"""What runs the model: every provider that loads is timed at the pace of play, and the choice is remembered.

An idle graphics card clocks down between two questions and a waiting processor does not, so a provider is only known by
its answers to one question a beat, with the pause between. That takes seconds, so it is done once for each model,
version of onnxruntime and machine, and again when other providers load than then, or at quite another tempo.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from accompanist.errors import ModelError, ProviderMissing
from accompanist.runtime.choice import (
    Choice,
    Timing,
    Way,
    calls_at,
    choose,
    in_ms,
    worth_keeping_warm,
    worth_two_threads,
)
from accompanist.runtime.choice_memory import ChoiceMemory, Measured
from accompanist.runtime.clock import Clock
from accompanist.runtime.infer import Session
from accompanist.runtime.pace import timed
from accompanist.runtime.providers import built_in, one_line, why_provider_fails
from accompanist.runtime.realtime import other_thread
from accompanist.runtime.warmth import Warmth

_TELL_ABOVE_S = 2.0
"""A measurement that takes longer is announced."""

Tell = Callable[[str], None]


class Selected(NamedTuple):
    """The model, loaded on what was chosen.

    Args:
        session: The model.
        choice: What was taken and why.
    """

    session: Session
    choice: Choice

    def warmth(self) -> Warmth | None:
        """When to keep the card warm; None where that is not needed."""
        timing = self.choice.chosen
        return Warmth(timing.run_s) if timing is not None and timing.way.kept_warm else None


def select(path: Path, *, provider: str, beat_s: float, clock: Clock, tell: Tell, afresh: bool = False) -> Selected:
    """Load the model on the best provider, or on the one that is asked for and on no other.

    Args:
        path: The model file.
        provider: "auto", or a key of `providers.PROVIDERS`.
        beat_s: From one question to the next, in play.
        clock: To measure with.
        tell: Takes a line about what takes time.
        afresh: Measure, whatever is remembered and however little there is to choose between.

    Raises:
        ModelError: no such file, not an ONNX model, or one that runs nowhere.
        SpecMismatch: the model carries no spec that this program can serve.
        ProviderMissing: the provider asked for does not load on this machine.
    """
    # onnxruntime starts threads as it loads a model: an answer that waits for one of them is as late as it is.
    with other_thread():
        return _selected(path, provider, beat_s, clock, tell, afresh=afresh)


def _selected(path: Path, provider: str, beat_s: float, clock: Clock, tell: Tell, *, afresh: bool) -> Selected:
    if provider != "auto":
        candidates, absent = {Way(provider): Session(path, provider=provider)}, dict[str, str]()
    else:
        absent = {name: reason for name in built_in() if (reason := why_provider_fails(name))}
        candidates = {Way("cpu"): Session(path)}
    cores = _cores()
    memory = ChoiceMemory(path, provider, cores)
    if not afresh and (known := memory.recall()) is not None and known.holds(beat_s, absent):
        choice = choose(known.timings, {**absent, **known.failed}, earlier=True)
        session = _loaded_again(path, choice.way, candidates)
        if session is not None:
            return Selected(session, choice)
    failed: dict[str, str] = {}
    if provider == "auto":
        failed = _add_all(candidates, path, absent, cores)
    if not afresh and list(candidates) == [Way("cpu")]:
        return Selected(candidates[Way("cpu")], Choice(Way("cpu"), (), {**absent, **failed}))
    timings, failures = _measure(candidates, beat_s, clock, tell)
    failed |= failures
    if not timings:
        what = "; ".join(f"{name}: {reason}" for name, reason in failed.items())
        raise ModelError(f"the model {path} fails wherever it was tried: {what}", hint="accompanist doctor")
    memory.keep(Measured(beat_s, absent, failed, timings))
    choice = choose(timings, {**absent, **failed})
    return Selected(candidates[Way(choice.way.provider, choice.way.threads)], choice)


def _cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _loaded_again(path: Path, way: Way, loaded: dict[Way, Session]) -> Session | None:
    """The model the way that was chosen earlier; None where that no longer works."""
    plain = Way(way.provider, way.threads)
    try:
        return loaded[plain] if plain in loaded else Session(path, provider=way.provider, threads=way.threads)
    except ProviderMissing:
        return None


def _add_all(candidates: dict[Way, Session], path: Path, absent: dict[str, str], cores: int) -> dict[str, str]:
    """Load the model every other way there is; returns which providers failed, each with the reason."""
    failed: dict[str, str] = {}
    if worth_two_threads(candidates[Way("cpu")].warm_up(), cores):
        candidates[Way("cpu", threads=2)] = Session(path, threads=2)
    for name in built_in():
        if name == "cpu" or name in absent:
            continue
        try:
            candidates[Way(name)] = Session(path, provider=name)
        except ProviderMissing as error:
            failed[name] = error.message
    return failed


def _measure(
    candidates: dict[Way, Session], beat_s: float, clock: Clock, tell: Tell
) -> tuple[tuple[Timing, ...], dict[str, str]]:
    """Timings of every way that works, the simplest first, and why the others do not."""
    whole_s = len(candidates) * calls_at(beat_s) * beat_s
    shown = whole_s > _TELL_ABOVE_S
    if shown:
        tell(f"timing {', '.join(map(str, candidates))} at {60 / beat_s:.0f} BPM, about {whole_s:.0f} s in all")
    timings: list[Timing] = []
    failed: dict[str, str] = {}
    for way, session in candidates.items():
        try:
            its = [timed(session, way, beat_s, clock)]
            if worth_keeping_warm(its[0]):
                its.append(timed(session, Way(way.provider, way.threads, kept_warm=True), beat_s, clock))
        except Exception as error:  # noqa: BLE001 (a card that fails its trial is no choice, whatever onnxruntime raises)
            failed[str(way)] = f"it fails: {one_line(error)}"
            continue
        timings += its
        if shown:
            for timing in its:
                tell(f"  {timing.way}: {in_ms(timing)}")
    return tuple(timings), failed
