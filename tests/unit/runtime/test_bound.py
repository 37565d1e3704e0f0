from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from numpy.typing import NDArray
from support.tiny import TINY_SPEC, write_tiny_model

from accompanist.music.question import UNKNOWN, Moment, Question
from accompanist.music.roll import HELD
from accompanist.runtime.bound import BoundModel, Feed
from accompanist.runtime.infer import Session
from accompanist.runtime.installed import default_model_path

SMALLEST_ARRAY = 2 * 32 * 128 * 4
"""Bytes of the melody's input, and less than the answer; a call itself takes some 2 kB, checked types some more."""
STAYS = 4096
"""Bytes that the interpreter may keep for itself after hundreds of calls."""


def melodies(number: int) -> NDArray[np.bool_]:
    return np.random.default_rng(number).random((2, 32, 128)) < 0.02


def answer(session: Session, seed: int) -> NDArray[np.float32]:
    return session.run(Question(melodies(seed)), seed=seed).values


@given(seed=st.integers(0, 2**40), temperature=st.sampled_from([0.0, 0.5, 1.0, 2.0]), planes=st.sampled_from([1, 2]))
def test_a_question_is_what_it_always_was_to_the_byte(seed: int, temperature: float, planes: int) -> None:
    spec = replace(TINY_SPEC, planes=planes, noise_shape=(7, 2, 3))
    feed = Feed(spec)
    for number in (0, 1):  # what stood there before leaves no trace
        melody = melodies(number)
        feed.fill(Question(melody), seed + number, temperature)
        voices = melody if planes == 2 else melody[HELD:]
        random = np.random.Generator(np.random.PCG64(seed + number))
        noise = random.standard_normal((7, 2, 3), dtype=np.float32) * np.float32(temperature)
        assert feed.arrays["melody"].tobytes() == np.where(voices, np.float32(1), np.float32(-1)).tobytes()
        assert feed.arrays["noise"].tobytes() == noise.tobytes()
        assert list(feed.arrays) == ["melody", "noise"]


@pytest.mark.parametrize("noise_shape", [(2, 1, 1), ()])
def test_bound_or_not_the_answer_is_the_same(tmp_path: Path, noise_shape: tuple[int, ...]) -> None:
    path = write_tiny_model(tmp_path / "tiny.onnx", spec=replace(TINY_SPEC, noise_shape=noise_shape))
    bound, plain = Session(path), Session(path, binding=False)
    assert (bound.is_bound, plain.is_bound) == (True, False)
    for seed in range(3):
        assert np.array_equal(answer(bound, seed), answer(plain, seed))


@pytest.mark.skipif(not default_model_path().is_file(), reason="without the shipped model")
def test_the_shipped_model_answers_the_same_bound_or_not() -> None:
    bound, plain = Session(default_model_path()), Session(default_model_path(), binding=False)
    assert bound.is_bound
    spec = bound.spec
    codes = np.full((spec.context_beats + spec.plan_beats, spec.codes), UNKNOWN, dtype=np.int64)
    for seed in range(3):
        melody = np.random.default_rng(seed).random((2, spec.melody_steps, 128)) < 0.02
        question = Question(melody, codes, Moment(0, spec.context_steps, 0, 4))
        ours, theirs = bound.run(question, seed=seed), plain.run(question, seed=seed)
        assert np.array_equal(ours.values, theirs.values)
        assert np.array_equal(ours.codes, theirs.codes)


def test_an_answer_in_place_is_overwritten_and_one_of_ones_own_is_not(tiny_model: Path) -> None:
    session = Session(tiny_model)
    own = session.run(Question(melodies(1)), seed=1).values
    in_place = session.run_in_place(Question(melodies(1)), seed=1).values
    assert np.array_equal(own, in_place)
    before = own.copy()
    session.run_in_place(Question(melodies(2)), seed=2)
    assert np.array_equal(own, before)
    assert not np.array_equal(in_place, before)


def test_a_call_allocates_no_array_and_nothing_that_stays(tiny_model: Path) -> None:
    session, question = Session(tiny_model), Question(melodies(1))
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
    assert peak - before < SMALLEST_ARRAY
    assert after - before < STAYS


class Onnx:
    """An onnxruntime session of a provider that is not the CPU, with what may be wrong with it.

    Args:
        copies: When the inputs are copied: as they are bound, or only the first time they are.
        fails: Whether binding raises.
    """

    def __init__(self, *, copies: str = "as bound", fails: bool = False) -> None:
        self.copies, self.fails = copies, fails
        self.inputs: dict[str, NDArray[np.float32]] = {}
        self.output: Any = None

    def get_providers(self) -> list[str]:
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]

    def run(self, _names: list[str], feed: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        melody = feed["melody"][0]
        return [np.concatenate([melody] * 3)[None] + feed["noise"].mean()]

    def io_binding(self) -> Onnx:
        if self.fails:
            raise RuntimeError("this provider binds nothing")
        return self

    def bind_ortvalue_input(self, name: str, value: Any) -> None:
        if self.copies == "as bound" or name not in self.inputs:
            self.inputs[name] = value.numpy().copy()

    def bind_ortvalue_output(self, _name: str, value: Any) -> None:
        self.output = value

    def synchronize_inputs(self) -> None:
        """What was bound is there."""

    def synchronize_outputs(self) -> None:
        """What was computed is there."""

    def run_with_iobinding(self, _binding: Onnx) -> None:
        self.output.update_inplace(self.run([], self.inputs)[0])


@pytest.mark.parametrize(
    ("onnx", "why_not"),
    [
        (Onnx(), ""),
        (Onnx(copies="once"), "in these arrays it answers something else"),  # the first question's answer, for ever
        (Onnx(fails=True), "this provider binds nothing"),
    ],
)
def test_a_card_is_bound_only_where_it_hears_each_question(onnx: Onnx, why_not: str) -> None:
    model = BoundModel(onnx, TINY_SPEC)
    assert (model.is_bound, model.why_unbound) == (not why_not, why_not)
    for seed in range(3):
        model.feed.fill(Question(melodies(seed)), seed)
        model.run()
        assert np.array_equal(model.outputs["tracks"], onnx.run([], model.feed.arrays)[0])
