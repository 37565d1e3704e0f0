"""Whatever comes in, in whatever order and however late: what the engine owes the player and the synthesiser."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.band import answered
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.config_controls import ControlsConfig
from accompanist.engine.controls import COMMANDS, Setting
from accompanist.engine.engine import Engine
from accompanist.engine.memory import MOST_BEATS, MOST_NOTES
from accompanist.engine.player import THRU_TRACK
from accompanist.engine.protocol import (
    AheadReport,
    Answer,
    BeatReport,
    Command,
    Committed,
    Event,
    Failure,
    HeardReport,
    Input,
    Job,
    Message,
    PlanReport,
    Received,
    Report,
    Step,
    Stop,
    TempoChange,
)
from accompanist.music.spec import ModelSpec

# A beat of listening and plans of two beats: much happens in little time. Two tracks share a channel, as no model of
# ours would, because the promise about sounding copies holds per channel.
SPEC = msgspec.structs.replace(
    TINY_SPEC,
    tracks=(*TINY_SPEC.tracks[:2], msgspec.structs.replace(TINY_SPEC.tracks[2], channel=1)),
    context_steps=4,
    plan_steps=8,
)
CODED = msgspec.structs.replace(SPEC, kind="live", lag_steps=0, context_steps=8, ahead_steps=4, codes=1)
"""A model that names its plans: each beat by the number of the question."""
SHAPE = (3, 2, 8, 128)

Action = tuple[str, Any]
Moment = tuple[float, list[tuple[float, Action]]]
"""Seconds since the last step, and what has come since, each with its age in seconds (below 0: from the future)."""

keys = st.tuples(st.sampled_from([0x80, 0x90, 0x91]), st.integers(58, 62), st.sampled_from([0, 1, 64, 127]))
any_bytes = st.binary(max_size=4)
MAPPED = ControlsConfig(mute={"bass": "note 58"}, hold="pedal 64", fill="cc 123", density="cc 1")
positions = st.integers(0, 100).map(lambda n: bytes((0xF2, n & 0x7F, n >> 7)))
actions: st.SearchStrategy[Action] = st.one_of(
    st.tuples(st.just("midi"), keys.map(bytes)),
    st.tuples(st.just("midi"), st.sampled_from([b"\xf8", b"\xfa", b"\xfb", b"\xfc", b"\xb0\x7b\x00"])),
    st.tuples(st.just("midi"), positions),
    st.tuples(st.just("midi"), any_bytes),
    st.tuples(st.just("clocks"), st.integers(1, 30)),
    st.tuples(st.just("tempo"), st.tuples(st.integers(0, 2_000_000), st.none() | st.integers(-1, 20_000))),
    st.tuples(st.just("answer"), st.tuples(st.integers(0, 2), st.integers(0, 2**32 - 1))),
    st.tuples(st.just("odd answer"), st.tuples(st.integers(0, 2), st.integers(0, 5))),
    st.tuples(st.just("failure"), st.integers(0, 2)),
    st.tuples(
        st.just("command"),
        st.tuples(
            st.sampled_from([*COMMANDS, "mute", "solo", "dance"]),
            st.sampled_from([None, 0.0, 0.3, 1.0, 30.0, 300.0, math.nan]),
            st.integers(-1, 3),
        ),
    ),
)
ages = st.one_of(st.just(0.0), st.floats(-0.1, 0.3), st.sampled_from([math.nan, math.inf, -math.inf, 1e9]))
moments: st.SearchStrategy[Moment] = st.tuples(
    st.one_of(st.floats(0, 0.3), st.floats(0, 1), st.sampled_from([0.4] * 10 + [3.0, -1.0, 1000.0])),
    st.lists(st.tuples(ages, actions), max_size=6),
)
scripts = st.lists(moments, max_size=40)
stages = st.fixed_dictionaries(
    {
        "follow_clock": st.booleans(),
        "thru": st.booleans(),
        "wait_for_player": st.booleans(),
        "channel": st.sampled_from([0, 1]),
        "prompt": st.booleans(),
        "spec": st.sampled_from([SPEC, CODED]),
        "ahead_s": st.sampled_from([0.0, 0.0, 0.03, 0.3]),
        "split": st.sampled_from([0, 60]),
        "controls": st.sampled_from([ControlsConfig(), MAPPED]),
        "settings": st.builds(
            EngineConfig,
            lost_clock_beats=st.just(2),
            rest_bars=st.sampled_from([0, 1]),
            follow_density=st.booleans(),
            replan_steps=st.sampled_from([0, 0, 1, 3, 4, 8]),
            lead_steps=st.sampled_from([1, 1, 4, 16]),
        ),
    }
)
ODD_VALUES: list[Any] = [
    np.full(SHAPE, np.nan, np.float32),
    np.full(SHAPE, np.inf, np.float32),
    np.zeros((3, 2, 7, 128), np.float32),
    np.zeros((), np.float32),
    np.full(SHAPE, "no", object),
    None,
]


def values_of(seed: int) -> Any:
    """Notes at random: a fifth of the cells of the middle octaves sound."""
    rng = np.random.default_rng(seed)
    values = np.full(SHAPE, -1, np.float32)
    values[..., 50:64] = np.where(rng.random((*SHAPE[:3], 14)) < 0.2, 1, -1)
    return values


class Recorder:
    """An engine with everything noted that went in and came out.

    Args:
        spec: The model's.
        prompt: A model answers each question at once, whatever else is said to the engine about it later.
        settings: The engine's.
        options: The engine's too.
    """

    def __init__(self, *, spec: ModelSpec, prompt: bool, settings: EngineConfig, **options: Any) -> None:
        self.spec = spec
        self.engine = Engine(spec, settings, **options)
        self.prompt = prompt
        self.ahead_s: float = options["ahead_s"]
        self.messages: list[Message] = []
        self.events: list[Event] = []
        self.jobs: list[Job] = []
        self.reports: list[Report] = []
        self.committed: Counter[tuple[int, int, int, int]] = Counter()
        self.now_s = 0.0
        commit = self.engine._band._schedule.commit

        def noted(notes: Iterable[Committed]) -> None:
            beat = list(notes)
            self.committed.update((c.track, c.note.start_tick, c.note.pitch, c.note.velocity) for c in beat)
            commit(beat)

        self.engine._band._schedule.commit = noted  # type: ignore[method-assign]
        self.engine.step(self.now_s, [])
        self.told_tick = 0

    def inputs_of(self, at_s: float, action: Action) -> list[Input]:
        kind, what = action
        if kind == "midi":
            return [Received(at_s, what)]
        if kind == "clocks":  # a run of them at 125 BPM that ends at the stamp
            return [Received(at_s - 0.02 * i, b"\xf8") for i in range(what)]
        if kind in ("tempo", "command"):
            return [TempoChange(at_s, *what) if kind == "tempo" else Command(at_s, *what)]
        back = what if kind == "failure" else what[0]
        if back >= len(self.jobs):
            return []
        job = self.jobs[-1 - back]
        if kind == "failure":
            return [Failure(at_s, job, "out of memory")]
        return [self.answered(job, values_of(what[1]) if kind == "answer" else ODD_VALUES[what[1]], at_s)]

    def answered(self, job: Job, values: Any, at_s: float) -> Answer | Failure:
        answer = answered(job, values, at_s, spec=self.spec)
        if self.spec.codes and isinstance(answer, Answer):
            return answer._replace(codes=np.full((2, 1), job.number))
        return answer

    def step(self, moment: Moment) -> None:
        wait_s, arrived = moment
        now_s = self.now_s + wait_s
        self.now_s = max(self.now_s, now_s)
        inputs = [item for age_s, action in arrived for item in self.inputs_of(now_s - age_s, action)]
        self.took(self.engine.step(now_s, inputs))

    def took(self, step: Step) -> None:
        self.messages.extend(step.messages)
        self.events.extend(step.events)
        self.reports.extend(step.reports)
        moved = any(event.name in ("start", "position") for event in step.events)
        tick = self.engine.status(self.now_s).tick
        assert moved or tick >= self.told_tick
        self.told_tick = tick
        assert step.wake_at_s is None or step.wake_at_s > self.now_s
        assert all(message.due_s <= self.now_s + self.ahead_s for message in step.messages)
        assert all(message.due_s <= self.now_s for message in step.messages if message.track == THRU_TRACK)
        due_s = [message.due_s for message in step.messages]
        assert due_s == sorted(due_s)
        if step.job is not None:
            self.knows_no_more_than_it_can(step.job)
            self.jobs.append(step.job)
            if self.prompt:
                answer = self.answered(step.job, values_of(step.job.number), self.now_s)
                self.took(self.engine.step(self.now_s, [answer]))

    def knows_no_more_than_it_can(self, job: Job) -> None:
        """A question of a model with codes: unknown is silent, and only earlier questions were answered."""
        assert (job.moment is None) == (job.codes is None) == (self.spec.codes == 0)
        if job.moment is None or job.codes is None:
            return
        assert job.plan_tick % 480 == 0
        assert job.moment.beat_in_bar == job.plan_tick // 480 % 4
        assert 0 <= job.moment.first_step <= self.spec.context_steps
        assert 0 <= job.moment.known_step <= self.spec.context_steps
        assert not job.melody[:, job.moment.known_step :].any()
        assert set(job.codes[:2, 0].tolist()) <= {-1, *(earlier.number for earlier in self.jobs)}
        assert (job.codes[2:] == -1).all()


def perform(script: list[Moment], options: dict[str, Any]) -> Recorder:
    recorder = Recorder(**options)
    for moment in script:
        recorder.step(moment)
    return recorder


def is_on(message: Message) -> bool:
    return message.data[0] & 0xF0 == 0x90 and message.data[2] > 0


def is_off(message: Message) -> bool:
    return message.data[0] & 0xF0 == 0x80 or (message.data[0] & 0xF0 == 0x90 and message.data[2] == 0)


@given(scripts, stages)
@settings(deadline=None, max_examples=300)
def test_every_note_on_gets_its_note_off_and_no_pitch_sounds_twice(
    script: list[Moment], options: dict[str, Any]
) -> None:
    recorder = perform(script, options)
    recorder.messages.extend(recorder.engine.close(recorder.now_s).messages)
    sounding: set[tuple[int, int]] = set()
    for message in recorder.messages:
        key = message.data[0] & 0x0F, message.data[1]
        if message.track < 0:
            continue
        if is_on(message):
            assert key not in sounding
            sounding.add(key)
        elif is_off(message):
            sounding.remove(key)
        else:  # a panic, by which everything has ended
            assert (message.data[0] & 0xF0, message.data[1:]) == (0xB0, b"\x7b\x00")
            assert not sounding
    assert not sounding
    assert recorder.engine.close(recorder.now_s + 1).messages == ()


@given(scripts, stages)
@settings(deadline=None)
def test_no_thru_note_is_left_sounding(script: list[Moment], options: dict[str, Any]) -> None:
    recorder = perform(script, {**options, "thru": True})
    recorder.messages.extend(recorder.engine.close(recorder.now_s).messages)
    sounding: set[tuple[int, int]] = set()
    for message in recorder.messages:
        key = message.data[0] & 0x0F, (*message.data, 0)[1]
        if message.track < 0 and is_on(message):
            sounding.add(key)
        elif message.track < 0 and is_off(message):
            sounding.discard(key)
        elif message.track < 0 and message.data[0] & 0xF0 == 0xB0 and message.data[1] in (120, *range(123, 128)):
            sounding = {held for held in sounding if held[0] != key[0]}
    assert not sounding


@given(scripts, stages)
@settings(deadline=None)
def test_messages_ascend_in_time(script: list[Moment], options: dict[str, Any]) -> None:
    messages = perform(script, options).messages
    for mine in (True, False):
        due_s = [message.due_s for message in messages if (message.track == THRU_TRACK) is mine]
        assert due_s == sorted(due_s)


@given(scripts, stages)
@settings(deadline=None)
def test_what_sounds_was_committed_and_is_what_was_committed(script: list[Moment], options: dict[str, Any]) -> None:
    recorder = perform(script, options)
    sent = Counter((m.track, m.tick, m.data[1], m.data[2]) for m in recorder.messages if m.track >= 0 and is_on(m))
    assert sent <= recorder.committed


def closed(controls: Setting) -> set[str]:
    """Tracks that must be silent, worked out anew from where the controls stand."""
    names = {track.name for track in SPEC.tracks}
    return {name for name in names if name in controls.muted or (controls.soloed and name not in controls.soloed)}


@given(scripts, stages)
@settings(deadline=None, max_examples=200)
def test_a_track_that_is_muted_or_not_soloed_begins_no_note(script: list[Moment], options: dict[str, Any]) -> None:
    recorder = Recorder(**{**options, "prompt": True, "wait_for_player": False})
    for moment in script:
        before = recorder.engine.status(recorder.now_s).controls
        told, said = len(recorder.messages), len(recorder.events)
        recorder.step(moment)
        turned = any(event.name == "control" for event in recorder.events[said:])
        begun = {SPEC.tracks[m.track].name for m in recorder.messages[told:] if m.track >= 0 and is_on(m)}
        assert turned or not begun & closed(before)
        # What sounds on was begun by a track that is open, or in a step that had not closed it yet.
        sounding = recorder.engine._band._schedule._sounding.values()
        after = closed(recorder.engine.status(recorder.now_s).controls)
        assert not {SPEC.tracks[its.track].name for its in sounding} & after


@given(scripts, stages)
@settings(deadline=None)
def test_a_performance_can_be_replayed(script: list[Moment], options: dict[str, Any]) -> None:
    first, second = perform(script, options), perform(script, options)
    assert first.messages == second.messages
    # As text, because a broken stamp may have made a time that equals nothing.
    assert repr(first.events) == repr(second.events)


@given(scripts, stages, st.lists(moments, min_size=1, max_size=10))
@settings(deadline=None)
def test_after_stop_nothing_comes_any_more(script: list[Moment], options: dict[str, Any], rest: list[Moment]) -> None:
    recorder = perform(script, options)
    recorder.engine.step(recorder.now_s, [Stop(recorder.now_s)])
    sent = len(recorder.messages)
    for moment in rest:
        recorder.step(moment)
    assert len(recorder.messages) == sent


@given(scripts, stages)
@settings(deadline=None)
def test_the_counts_of_the_status_are_those_of_the_events(script: list[Moment], options: dict[str, Any]) -> None:
    recorder = perform(script, options)
    status = recorder.engine.status(recorder.now_s)
    names = Counter(event.name for event in recorder.events)
    assert status.failures == names["model_failure"]
    assert status.late_answers == names["late_answer"]
    assert status.dropped_answers == names["dropped_answer"]
    figures = status.figures
    assert (figures.rest_beats, figures.held_beats) == (names["fallback_rest"], names["fallback_hold"])
    assert (figures.silent_beats > 0) == (names["fallback_silence"] > 0)
    beats: Counter[str] = Counter()
    for report in recorder.reports:
        if isinstance(report, BeatReport):
            beats[report.source] += report.beats
    assert figures.planned_beats == beats["plan"] + beats["rest"]
    assert (figures.rest_beats, figures.held_beats) == (beats["rest"], beats["hold"])
    assert figures.silent_beats == beats["silence"]
    for plan in (report for report in recorder.reports if isinstance(report, PlanReport)):
        assert plan.from_tick >= plan.job.plan_tick if plan.outcome != "dropped_answer" else plan.from_tick == 0
    for ahead in (report for report in recorder.reports if isinstance(report, AheadReport)):
        assert all(0 <= pitch < 128 and ahead.from_tick <= start < end for _, pitch, start, end in ahead.notes)
    heard = [report.data for report in recorder.reports if isinstance(report, HeardReport)]
    assert status.notes_in == sum(data[0] & 0xF0 == 0x90 and data[2] > 0 for data in heard)
    outcomes = Counter(report.outcome for report in recorder.reports if isinstance(report, PlanReport))
    assert all(outcomes[name] == names[name] for name in ("answer", "late_answer", "dropped_answer"))
    assert figures.isr is None or 0 <= figures.isr <= 1
    assert 0 <= figures.staleness_mean_steps <= figures.staleness_max_steps
    assert status.notes_out == sum(1 for m in recorder.messages if m.track >= 0 and is_on(m))


@given(st.lists(moments, min_size=1, max_size=8), stages)
@settings(deadline=None, max_examples=20)
def test_memory_is_bounded(loop: list[Moment], options: dict[str, Any]) -> None:
    """The same minutes over and over: nothing in the engine goes on growing."""
    recorder = Recorder(**options)

    def size() -> int:
        engine, band = recorder.engine, recorder.engine._band
        return (
            len(engine._bars)
            + len(band._schedule)
            + len(band._planner._open)
            + len(band._planner._plans)
            + len(band._planner._ahead)
            + len(band._hold)
            + len(band.tally)
            + len(engine._player._thru_held)
        )

    for _ in range(100):
        for moment in loop:
            recorder.step(moment)
        # 2048 ended notes of the player's, a beat of the band's, and a key each that is held.
        assert size() < 2048 + 500
        assert len(recorder.engine._bars._memory) <= MOST_BEATS * (1 + MOST_NOTES)
