"""A model with codes, asked by hand: each field of a question can be told from its reply."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray
from support.live import (
    BASS_VELOCITY,
    COUNTER,
    DRUMS_VELOCITY,
    KICK,
    LIVE_SPEC,
    LOWEST_BASS,
    PIANO_DOWN,
    PIANO_VELOCITY,
    SNARE,
    STRINGS_DOWN,
    STYLE,
    said,
    write_live_model,
)
from support.tiny import TINY_SPEC

from accompanist.errors import SpecMismatch
from accompanist.music.question import UNKNOWN, Moment, Question
from accompanist.music.roll import HELD, ONSET
from accompanist.music.spec import METADATA_KEY
from accompanist.runtime.bound import Feed
from accompanist.runtime.infer import Session
from accompanist.runtime.model_file import inputs_of, outputs_of

MOMENT = Moment(first_step=3, known_step=70, beat_in_bar=2, beats_per_bar=3, style=1)
BASS, PIANO, STRINGS, PERCUSSION = range(4)
MELODY = 2 * 128 * 128
"""Bytes of the melody as booleans; as the numbers that the model is given it has four times as many."""
STAYS = 4096
"""Bytes that the interpreter may keep for itself after hundreds of calls."""


@pytest.fixture(scope="module")
def session(live_model: Path) -> Session:
    return Session(live_model)


def melody() -> NDArray[np.bool_]:
    roll = np.zeros((2, LIVE_SPEC.melody_steps, 128), np.bool_)
    roll[:, 40:44, 72] = True  # before the plan, in its last 8 beats
    roll[:, 64:66, 74] = True  # ahead of it
    return roll


def codes(last_counter: int = 4) -> NDArray[np.int64]:
    given = np.full((16 + 8, 6), UNKNOWN, np.int64)
    given[15, COUNTER] = last_counter
    return given


def test_every_field_of_a_question_reaches_the_model(session: Session) -> None:
    reply = session.run(Question(melody(), codes(), MOMENT), seed=1)
    assert reply.codes is not None
    assert reply.codes.dtype == np.int64
    assert reply.codes[:, COUNTER].tolist() == [5, 6, 7, 8, 9, 10, 11, 12]
    assert reply.codes[:, 1:].tolist() == [list(MOMENT)] * 8
    assert reply.values.shape == (4, 2, 32, 128)
    begins = reply.values[:, ONSET] > 0
    assert np.argwhere(begins[BASS]).tolist() == [[4 * i, LOWEST_BASS + 5 + i] for i in range(8)]
    assert np.array_equal(reply.values[PIANO, HELD] > 0, np.roll(melody()[HELD, 32:64], -PIANO_DOWN, axis=1))
    assert np.array_equal(reply.values[STRINGS, HELD] > 0, np.roll(melody()[HELD, 64:96], -STRINGS_DOWN, axis=1))


def test_the_model_says_the_same_without_onnxruntime(session: Session) -> None:
    feed = Feed(LIVE_SPEC)
    for seed in range(4):
        question = Question(melody(), codes(20 * seed), MOMENT._replace(style=seed % 2))
        feed.fill(question, seed)
        for one, other in zip(session.run(question, seed=seed), said(question, feed.arrays["noise"]), strict=True):
            assert one is not None
            assert other is not None
            assert np.allclose(one, other)


def test_velocities_stand_where_notes_begin(session: Session) -> None:
    reply = session.run(Question(melody(), codes(), MOMENT), seed=1)
    assert reply.velocities is not None
    assert reply.velocities.shape == (4, 32, 128)
    begins = reply.values[:, ONSET] > 0
    assert not reply.velocities[~begins].any()
    expected = (BASS_VELOCITY + MOMENT.style, PIANO_VELOCITY, 0, DRUMS_VELOCITY)
    for track, velocity in enumerate(expected):
        assert np.allclose(reply.velocities[track][begins[track]] * 127, velocity)


def test_the_noise_chooses_the_drum(session: Session) -> None:
    drums = {
        int(np.argwhere(session.run(Question(melody()), seed=seed).values[PERCUSSION, ONSET] > 0)[0, 1])
        for seed in range(8)
    }
    assert drums == {KICK, SNARE}
    cold = session.run(Question(melody()), seed=0, temperature=0.0).values
    assert np.argwhere(cold[PERCUSSION, ONSET] > 0)[0, 1] == SNARE


def test_what_is_not_said_is_unknown_and_nothing_stays_of_an_earlier_question(session: Session) -> None:
    session.run(Question(melody(), codes(), MOMENT), seed=1)
    reply = session.run(Question(melody()), seed=1)
    assert reply.codes is not None
    assert reply.codes[0].tolist() == [0, 0, LIVE_SPEC.context_steps, 0, 4, 0]
    assert reply.codes[0, STYLE] == 0


def test_bound_or_not_the_reply_is_the_same(live_model: Path) -> None:
    bound, plain = Session(live_model), Session(live_model, binding=False)
    assert (bound.is_bound, plain.is_bound) == (True, False)
    for seed in range(3):
        question = Question(melody(), codes(seed), MOMENT)
        for one, other in zip(bound.run(question, seed=seed), plain.run(question, seed=seed), strict=True):
            assert one is not None
            assert other is not None
            assert np.array_equal(one, other)


def test_a_reply_in_place_is_overwritten_and_one_of_ones_own_is_not(session: Session) -> None:
    own = session.run(Question(melody(), codes(1), MOMENT), seed=1).codes
    in_place = session.run_in_place(Question(melody(), codes(1), MOMENT), seed=1).codes
    assert own is not None
    assert in_place is not None
    assert np.array_equal(own, in_place)
    session.run_in_place(Question(melody(), codes(2), MOMENT), seed=1)
    assert (own[0, COUNTER], in_place[0, COUNTER]) == (2, 3)


def test_a_call_allocates_no_array(session: Session) -> None:
    question = Question(melody(), codes(), MOMENT)
    tracemalloc.start()
    try:
        for seed in range(200):  # what the interpreter keeps for itself it has kept by then
            session.run_in_place(question, seed=seed)
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for seed in range(200):
            session.run_in_place(question, seed=seed)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < MELODY
    assert after - before < STAYS


def test_before_it_is_asked_it_computes_on_a_moment_that_may_be(live_model: Path) -> None:
    assert Feed(LIVE_SPEC).arrays["moment"].tolist() == [[0, 64, 0, 4, 0]]
    assert (Feed(LIVE_SPEC).arrays["codes"] == UNKNOWN).all()
    for binding in (True, False):
        Session(live_model, binding=binding).run_again()


def test_the_classic_kind_has_neither_codes_nor_moment() -> None:
    assert list(inputs_of(TINY_SPEC)) == list(Feed(TINY_SPEC).arrays) == ["melody", "noise"]
    assert list(inputs_of(LIVE_SPEC)) == ["melody", "noise", "codes", "moment"]
    assert inputs_of(LIVE_SPEC)["melody"].shape == (1, 2, 128, 128)
    assert (list(outputs_of(TINY_SPEC)), list(outputs_of(LIVE_SPEC))) == (["tracks"], ["tracks", "plan_codes"])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"codes": 7}, "input 'codes' is 1 x 24 x 6, the spec says 1 x 24 x 7"),
        ({"codes": 0}, "the model wants input 'codes', the spec names none"),
        ({"ahead_steps": 32}, "input 'melody' is 1 x 2 x 128 x 128, the spec says 1 x 2 x 96 x 128"),
        ({"velocity": False}, "output 'tracks' is 1 x 12 x 32 x 128, the spec says 1 x 8 x 32 x 128"),
        ({"codes_output": "names"}, "the spec names the output 'names', the model has 'tracks', 'plan_codes'"),
        ({"codes_input": "moment", "moment_input": "codes"}, "input 'moment' is 1 x 5, the spec says 1 x 24 x 6"),
    ],
)
def test_a_model_that_disagrees_with_its_spec_is_refused_naming_both(
    tmp_path: Path, changes: dict[str, object], told: str
) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load(str(write_live_model(tmp_path / "odd.onnx")))
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {METADATA_KEY: replace(LIVE_SPEC, **changes).to_json()})
    onnx.save(model, str(tmp_path / "odd.onnx"))
    with pytest.raises(SpecMismatch) as caught:
        Session(tmp_path / "odd.onnx")
    assert told in caught.value.message


def test_an_input_of_another_kind_is_refused(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    path = write_live_model(tmp_path / "odd.onnx", spec=replace(LIVE_SPEC, noise_input="moment", moment_input="noise"))
    model = onnx.load(str(path))
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {METADATA_KEY: replace(LIVE_SPEC, noise_shape=(5,)).to_json()})
    onnx.save(model, str(path))
    with pytest.raises(SpecMismatch, match=r"'noise' is tensor\(int64\), it should be tensor\(float\)"):
        Session(path)
