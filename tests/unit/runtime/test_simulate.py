from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.live import (
    BASS_VELOCITY,
    COUNTER,
    KICK,
    LOWEST_BASS,
    PIANO_DOWN,
    PIANO_VELOCITY,
    SNARE,
    STRINGS_DOWN,
)
from support.tiny import SEMITONES_DOWN, TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.engine.protocol import Message
from accompanist.errors import ModelError
from accompanist.melodies import ODE_TO_JOY
from accompanist.music.note import Note
from accompanist.music.question import Question, Reply
from accompanist.music.roll import encode
from accompanist.music.time import TICKS_PER_STEP, TempoMap
from accompanist.runtime.infer import Session
from accompanist.runtime.simulate import notes_of, perform, perform_with_foresight

WINDOW = 32 * TICKS_PER_STEP
END = 16 * 1920
AT_112 = TempoMap.constant(112)


@pytest.fixture(scope="module")
def session(tiny_model: Path) -> Session:
    return Session(tiny_model)


def places(notes: list[Note]) -> list[tuple[int, int, int]]:
    return [(note.start_tick, note.pitch, note.end_tick) for note in notes]


def test_live_each_track_answers_two_bars_later(session: Session) -> None:
    performance = perform(session, ODE_TO_JOY.notes(), AT_112, EngineConfig(), end_tick=END)
    heard = [note for note in ODE_TO_JOY.notes() if note.start_tick < END - WINDOW]
    for notes, down in zip(performance.notes, SEMITONES_DOWN, strict=True):
        # The note tied over a window's edge stays one note.
        assert places(notes) == places([note.shifted(WINDOW).transposed(-down) for note in heard])


def test_live_asks_once_a_window_and_nothing_comes_late(session: Session) -> None:
    performance = perform(session, ODE_TO_JOY.notes(), AT_112, EngineConfig(), end_tick=END)
    assert len(performance.inference_s) == performance.statistics["job"] == performance.statistics["answer"]
    assert END // WINDOW - 1 <= len(performance.inference_s) <= END // WINDOW
    assert all(took_s > 0 for took_s in performance.inference_s)
    unwanted = {"late_answer", "dropped_answer", "model_failure"}
    unwanted |= {"fallback_rest", "fallback_hold", "fallback_silence"}
    assert not unwanted & performance.statistics.keys()


def test_a_quiet_player_is_followed(session: Session) -> None:
    def mean_velocity(played: int) -> float:
        melody = [note._replace(velocity=played) for note in ODE_TO_JOY.notes()]
        notes = perform(session, melody, AT_112, EngineConfig(), end_tick=END).notes[0]
        return sum(note.velocity for note in notes) / len(notes)

    assert mean_velocity(30) < mean_velocity(110)


def test_with_foresight_each_track_answers_at_once(session: Session) -> None:
    performance = perform_with_foresight(session, ODE_TO_JOY.notes(), seed=0, end_tick=END)
    for notes, down in zip(performance.notes, SEMITONES_DOWN, strict=True):
        # The note tied over a window's edge stays one note.
        assert places(notes) == places([note.transposed(-down) for note in ODE_TO_JOY.notes()])
    assert performance.statistics == {"answer": END // WINDOW} == {"answer": len(performance.inference_s)}


def test_with_foresight_nothing_lasts_beyond_the_end(session: Session) -> None:
    performance = perform_with_foresight(session, [Note(0, 60, 9999)], seed=0, end_tick=480)
    assert [places(notes) for notes in performance.notes] == [[(0, 60 - down, 480)] for down in SEMITONES_DOWN]
    assert perform_with_foresight(session, [], seed=0, end_tick=0).notes == ([], [], [])


on_grid = st.builds(
    lambda start, pitch, steps, velocity: Note(
        start * TICKS_PER_STEP, pitch, (start + steps) * TICKS_PER_STEP, velocity
    ),
    st.integers(0, 100),
    st.integers(56, 86),
    st.integers(1, 24),
    st.integers(1, 127),
)
free = st.builds(
    lambda start, pitch, length, velocity: Note(start, pitch, start + length, velocity),
    st.integers(0, 12_000),
    st.integers(0, 127),
    st.integers(1, 3_000),
    st.integers(1, 127),
)
tempos = st.dictionaries(st.integers(1, 14_000), st.integers(1, 0xFFFFFF), max_size=8).flatmap(
    lambda changes: st.integers(1, 0xFFFFFF).map(lambda first: TempoMap(tuple(sorted({**changes, 0: first}.items()))))
)


@settings(max_examples=40, deadline=None)
@given(st.lists(on_grid, max_size=30), tempos, st.integers(0, 3))
def test_the_tempo_map_changes_no_note(session: Session, melody: list[Note], tempo: TempoMap, seed: int) -> None:
    config = EngineConfig(seed=seed)
    steady = perform(session, melody, AT_112, config, end_tick=15_360)
    assert perform(session, melody, tempo, config, end_tick=15_360).notes == steady.notes


@settings(max_examples=40, deadline=None)
@given(st.lists(free, max_size=30), tempos, st.integers(1, 20_000))
def test_whatever_is_played_every_note_is_whole_on_the_grid_and_in_range(
    session: Session, melody: list[Note], tempo: TempoMap, end_tick: int
) -> None:
    performance = perform(session, melody, tempo, EngineConfig(), end_tick=end_tick)
    for notes, track in zip(performance.notes, TINY_SPEC.tracks, strict=True):
        assert notes == sorted(notes)
        for note in notes:
            assert note.start_tick % TICKS_PER_STEP == 0
            assert note.end_tick % TICKS_PER_STEP == 0 or note.end_tick == end_tick
            assert WINDOW <= note.start_tick < note.end_tick <= end_tick
            assert track.lowest <= note.pitch <= track.highest


class BrokenSession:
    """A model that fails whenever it is asked."""

    spec = TINY_SPEC
    path = Path("broken.onnx")

    def run_in_place(self, question: Any, *, seed: int, **_: float) -> Any:
        raise RuntimeError(f"no answer to {question.melody.shape} with {seed}")


def test_a_model_that_fails_is_told() -> None:
    broken: Any = BrokenSession()
    with pytest.raises(ModelError, match=r"broken\.onnx failed: no answer to"):
        perform(broken, ODE_TO_JOY.notes(), AT_112, EngineConfig(), end_tick=END)


class AnticipatingSession:
    """A model that answers for what comes after its window: silence, and a record of what it was asked."""

    spec = msgspec.structs.replace(TINY_SPEC, lag_steps=0, plan_steps=16)
    path = Path("anticipating.onnx")

    def __init__(self) -> None:
        self.heard: list[np.ndarray] = []

    def run(self, question: Question, *, seed: int, temperature: float = 1.0) -> Reply:  # noqa: ARG002 (a stand-in)
        self.heard.append(question.melody)
        return Reply(np.full((3, 2, 16, 128), -1.0 - seed, dtype=np.float32))


def test_with_foresight_a_model_is_given_the_window_its_answer_belongs_to() -> None:
    session: Any = AnticipatingSession()
    perform_with_foresight(session, ODE_TO_JOY.notes(), seed=0, end_tick=4 * 1920)
    whole = encode(ODE_TO_JOY.notes(), 8 * 16)
    assert [window.any() for window in session.heard] == [False, True, True, True]
    assert np.array_equal(session.heard[3], whole[:, 16:48])  # bars 2 and 3, to plan bar 4


class Recording:
    """A session that takes down what it is asked."""

    def __init__(self, session: Session) -> None:
        self.spec, self.path = session.spec, session.path
        self.session = session
        self.asked: list[Question] = []

    def run(self, question: Question, **how: Any) -> Reply:
        self.asked.append(question)
        return self.session.run(question, **how)


@pytest.fixture(scope="module")
def live_session(live_model: Path) -> Session:
    return Session(live_model)


BEAT = 4 * TICKS_PER_STEP


def test_live_a_model_with_codes_comes_in_after_a_bar_and_remembers_its_beats(live_session: Session) -> None:
    performance = perform(live_session, ODE_TO_JOY.notes(), AT_112, EngineConfig(), end_tick=END)
    bass = performance.notes[0]
    assert [note.start_tick for note in bass] == list(range(1920, END, BEAT))
    assert [note.pitch - LOWEST_BASS for note in bass] == [i % 24 for i in range(len(bass))]
    piano = [note.shifted(-2 * 1920).transposed(PIANO_DOWN) for note in performance.notes[1]]
    strokes = {(note.start_tick, note.pitch) for note in ODE_TO_JOY.notes()}
    # Asked on every beat, it says what was played two bars ago, but for the sixteenth that it had not heard yet.
    assert {(note.start_tick, note.pitch) for note in piano} <= strokes
    assert len(piano) > len(strokes) // 2
    assert performance.notes[2] == []  # it sees nothing ahead
    drums = performance.notes[3]
    assert {note.pitch for note in drums} == {KICK, SNARE}
    assert {note.duration_ticks for note in drums} == {TICKS_PER_STEP}
    assert not {"late_answer", "dropped_answer", "model_failure", "fallback_rest"} & performance.statistics.keys()


@pytest.mark.parametrize("beats_per_bar", [3, 4])
def test_with_foresight_a_model_with_codes_knows_the_song_and_its_own_plans(
    live_session: Session, beats_per_bar: int
) -> None:
    recording: Any = Recording(live_session)
    melody, end_tick = ODE_TO_JOY.notes(), 15 * 1920 + BEAT
    performance = perform_with_foresight(recording, melody, seed=3, end_tick=end_tick, beats_per_bar=beats_per_bar)
    bass, piano, strings, drums = performance.notes
    assert [(n.start_tick, n.pitch) for n in bass] == [(i * BEAT, LOWEST_BASS + i % 24) for i in range(15 * 4 + 1)]
    assert [note.velocity for note in bass] == [BASS_VELOCITY] * len(bass)
    # What it heard before each plan and what it sees ahead, joined over the plans' edges.
    heard = [note.shifted(WINDOW).transposed(-PIANO_DOWN)._replace(velocity=PIANO_VELOCITY) for note in melody]
    assert piano == [n._replace(end_tick=min(n.end_tick, end_tick)) for n in heard if n.start_tick < end_tick]
    seen = [note.transposed(-STRINGS_DOWN)._replace(velocity=64) for note in melody]  # nothing is said of its loudness
    assert strings == [n._replace(end_tick=min(n.end_tick, end_tick)) for n in seen if n.start_tick < end_tick]
    assert {note.pitch for note in drums} == {KICK, SNARE}
    for i, question in enumerate(recording.asked):
        assert question.moment == (max(64 - 32 * i, 0), 128, 8 * i % beats_per_bar, beats_per_bar, 0)
        counters = question.codes[:16, COUNTER].tolist()
        assert counters == [max(beat, -1) for beat in range(8 * i - 16, 8 * i)]
        assert (question.codes[16:] == -1).all()
    assert performance.statistics == {"answer": len(recording.asked)} == {"answer": 8}


def test_with_foresight_the_same_seed_is_the_same_performance(live_session: Session) -> None:
    def drums(seed: int) -> list[Note]:
        return perform_with_foresight(live_session, ODE_TO_JOY.notes(), seed=seed, end_tick=END).notes[3]

    assert drums(1) == drums(1) != drums(2)
    assert perform_with_foresight(live_session, [], seed=0, end_tick=0).notes == ([], [], [], [])


def message(tick: int, *data: int, track: int = 0) -> Message:
    return Message(tick / 960, track, bytes(data), tick)


def test_messages_become_notes_by_their_ticks() -> None:
    messages = [
        message(0, 0xC0, 33),
        message(0, 0x90, 60, 70),
        message(0, 0x91, 64, 50, track=1),
        message(480, 0x90, 60, 80),  # struck again: the first ends here
        message(600, 0x90, 60, 0),  # a note-on without velocity is a note-off
        message(700, 0x80, 60, 64),  # nothing sounds any more
        message(720, 0x90, 62, 60),
        message(720, 0x80, 62, 64),  # no time to sound
        message(800, 0x90, 65, 60),  # never ended
    ]
    assert notes_of(messages, 0, end_tick=960) == [Note(0, 60, 480, 70), Note(480, 60, 600, 80), Note(800, 65, 960, 60)]
    assert notes_of(messages, 1, end_tick=960) == [Note(0, 64, 960, 50)]
