from __future__ import annotations

import queue
import threading
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from support.tiny import SEMITONES_DOWN, TINY_SPEC, write_tiny_model

from accompanist.engine.decode import decoded
from accompanist.engine.protocol import Answer, Failure, Job
from accompanist.errors import ModelError, ProviderMissing, SpecMismatch
from accompanist.music.note import Note
from accompanist.music.playable import playable_notes
from accompanist.music.question import Question, Reply
from accompanist.music.roll import BoolRoll, encode
from accompanist.music.spec import METADATA_KEY, ModelSpec
from accompanist.runtime.clock import ManualClock, MonotonicClock
from accompanist.runtime.infer import Inference, Session, infer, noise_seed
from accompanist.runtime.providers import why_provider_fails
from accompanist.runtime.warmth import Warmth

MELODY = [Note(0, 72, 480), Note(480, 74, 960), Note(960, 74, 1920)]


def melody_roll() -> BoolRoll:
    return encode(MELODY, TINY_SPEC.context_steps)


def job(number: int = 0) -> Job:
    return Job(number, melody_roll(), plan_tick=3840, deadline_s=0.0)


def with_spec(path: Path, spec: ModelSpec) -> Path:
    """The tiny model, telling of itself what another spec says."""
    onnx = pytest.importorskip("onnx")
    model = onnx.load(str(write_tiny_model(path)))
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {METADATA_KEY: spec.to_json()})
    onnx.save(model, str(path))
    return path


def test_every_track_of_the_tiny_model_is_the_melody_lower(tiny_model: Path) -> None:
    values = Session(tiny_model).run(Question(melody_roll()), seed=1).values
    assert values.shape == (3, 2, 32, 128)
    assert values.dtype == np.float32
    for track, down, line in zip(TINY_SPEC.tracks, SEMITONES_DOWN, values, strict=True):
        expected = [note._replace(pitch=note.pitch - down, velocity=track.velocity) for note in MELODY]
        assert playable_notes(line, track) == expected


def test_a_melody_of_minus_one_and_one_is_the_same_question(tiny_model: Path) -> None:
    session = Session(tiny_model)
    signed = np.where(melody_roll(), np.float32(1), np.float32(-1))
    assert np.array_equal(
        session.run(Question(signed), seed=3).values, session.run(Question(melody_roll()), seed=3).values
    )


def test_the_seed_alone_decides_the_noise(tiny_model: Path) -> None:
    session = Session(tiny_model)
    first = session.run(Question(melody_roll()), seed=5).values
    assert np.array_equal(first, session.run(Question(melody_roll()), seed=5).values)
    assert not np.array_equal(first, session.run(Question(melody_roll()), seed=6).values)


def test_jobs_and_seeds_never_share_their_noise() -> None:
    seeds = {noise_seed(seed, number) for seed in range(20) for number in range(20)}
    assert len(seeds) == 400


def test_temperature_scales_the_noise(tiny_model: Path) -> None:
    session = Session(tiny_model)
    cold = [session.run(Question(melody_roll()), seed=seed, temperature=0.0).values for seed in (5, 6)]
    assert np.array_equal(*cold)
    warm, warmer = (session.run(Question(melody_roll()), seed=5, temperature=by).values - cold[0] for by in (1.0, 2.0))
    assert np.any(warm)
    assert np.allclose(warmer, 2 * warm, atol=1e-6)


class ListeningSession:
    """Takes down what it is asked; its answer is silence."""

    spec = TINY_SPEC

    def __init__(self) -> None:
        self.asked: list[dict[str, float]] = []

    def run_in_place(self, question: Question, **asked: float) -> Reply:
        assert question.melody.any()
        self.asked.append(asked)
        return Reply(np.full((3, 2, 32, 128), -1, np.float32))


def test_a_job_carries_its_temperature() -> None:
    session = ListeningSession()
    infer(session, job(2)._replace(temperature=0.5), ManualClock(7.0), seed=1)  # type: ignore[arg-type]
    assert session.asked == [{"seed": noise_seed(1, 2), "temperature": 0.5}]


def test_a_model_without_noise_has_no_noise_input(tmp_path: Path) -> None:
    spec = replace(TINY_SPEC, noise_shape=())
    session = Session(write_tiny_model(tmp_path / "silent.onnx", spec=spec))
    assert np.array_equal(
        session.run(Question(melody_roll()), seed=1).values, session.run(Question(melody_roll()), seed=2).values
    )


def test_a_model_of_one_plane_is_given_what_is_held(tmp_path: Path) -> None:
    spec = replace(TINY_SPEC, planes=1)
    values = Session(write_tiny_model(tmp_path / "one.onnx", spec=spec)).run(Question(melody_roll()), seed=1).values
    assert values.shape == (3, 1, 32, 128)
    assert np.array_equal(values[1, 0] > 0, np.roll(melody_roll()[1], -12, axis=1))


def test_warming_up_tells_how_long_one_inference_takes(tiny_model: Path) -> None:
    assert 0 < Session(tiny_model).warm_up() < 60


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere\.onnx: no such file") as caught:
        Session(tmp_path / "nowhere.onnx")
    assert caught.value.hint


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="a folder"):
        Session(tmp_path)


@pytest.mark.parametrize("content", [b"", b"MThd\0\0\0\6\0\0\0\1\1\xe0", b"\x08\x08" + b"x" * 100])
def test_a_file_that_is_no_onnx_model_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"x\.onnx") as caught:
        Session(tmp_path / "x.onnx")
    assert "\n" not in caught.value.message


def test_an_onnx_model_of_another_program_is_refused(tmp_path: Path) -> None:
    write_tiny_model(tmp_path / "other.onnx", metadata=False)
    with pytest.raises(SpecMismatch, match=r"accompanist\.spec"):
        Session(tmp_path / "other.onnx")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"context_steps": 64}, "input 'melody' is 1 x 2 x 32 x 128, the spec says 1 x 2 x 64 x 128"),
        ({"plan_steps": 16}, "output 'tracks' is 1 x 6 x 32 x 128, the spec says 1 x 6 x 16 x 128"),
        ({"melody_input": "song"}, "the spec names the input 'song', the model has 'melody', 'noise'"),
        ({"output": "band"}, "the spec names the output 'band', the model has 'tracks'"),
        ({"noise_shape": ()}, "the model wants input 'noise', the spec names none"),
        ({"noise_shape": (3, 1, 1)}, "input 'noise' is 1 x 2 x 1 x 1, the spec says 1 x 3 x 1 x 1"),
        ({"tracks": TINY_SPEC.tracks[:2]}, "the spec says 1 x 4 x 32 x 128"),
    ],
)
def test_a_model_that_disagrees_with_its_spec_is_refused_naming_both(
    tmp_path: Path, changes: dict[str, object], told: str
) -> None:
    spec = replace(TINY_SPEC, **changes)
    with pytest.raises(SpecMismatch) as caught:
        Session(with_spec(tmp_path / "odd.onnx", spec))
    assert told in caught.value.message


def test_a_provider_that_cannot_load_says_why_and_prints_nothing(
    tiny_model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    missing = [name for name in ("cuda", "coreml") if why_provider_fails(name)]
    assert missing, "no machine has both CUDA and CoreML"
    for name in missing:
        with pytest.raises(ProviderMissing, match=f"{name} does not load") as caught:
            Session(tiny_model, provider=name)
        assert "--provider auto" in caught.value.hint
    assert capfd.readouterr() == ("", "")


def test_an_unknown_provider_is_refused(tiny_model: Path) -> None:
    with pytest.raises(ProviderMissing, match="'quantum'"):
        Session(tiny_model, provider="quantum")


def test_an_answer_carries_its_job_and_its_time(tiny_model: Path) -> None:
    clock = ManualClock(7.0)
    answer = infer(Session(tiny_model), job(2), clock, seed=1)
    assert isinstance(answer, Answer)
    assert (answer.at_s, answer.job.number, answer.inference_s) == (7.0, 2, 0.0)
    values = Session(tiny_model).run(Question(melody_roll()), seed=noise_seed(1, 2)).values
    assert answer.notes == decoded(values, TINY_SPEC, 3840)
    assert [note.start_tick for track, note, _ in answer.notes if track == 0] == [3840, 4320, 4800]


class Gate:
    """Stands in for a session: each run says that it began, and waits to be let go."""

    spec = TINY_SPEC

    def __init__(self) -> None:
        self.began = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.fails = False

    def run_in_place(self, question: Question, **_: float) -> Reply:
        self.began.release()
        assert self.go.acquire(timeout=10)
        if self.fails:
            raise RuntimeError("the card\nis gone")
        assert question.melody.any()
        return Reply(np.full((3, 2, 32, 128), -1, np.float32))


class OddSession:
    """Answers with what no answer of its model is."""

    spec = TINY_SPEC

    def run_in_place(self, question: Question, **_: float) -> Reply:
        return Reply(question.melody)


def test_an_answer_that_is_none_is_a_failure() -> None:
    answer = infer(OddSession(), job(3), ManualClock(7.0), seed=1)  # type: ignore[arg-type]
    assert answer == Failure(
        7.0, answer.job, "the model's answer is 2 x 32 x 128; by its spec it should be 3 x 2 x 32 x 128"
    )


def test_the_newest_job_wins_and_a_failure_is_handed_back() -> None:
    gate, got, arrived = Gate(), [], threading.Semaphore(0)

    def deliver(answer: Answer | Failure) -> None:
        got.append(answer)
        arrived.release()

    inference = Inference(gate, ManualClock(), deliver, seed=0)  # type: ignore[arg-type]
    inference.ask(job(0))
    assert gate.began.acquire(timeout=10)
    for number in (1, 2, 3):  # all while job 0 is at work
        inference.ask(job(number))
    gate.go.release()
    assert arrived.acquire(timeout=10)
    assert gate.began.acquire(timeout=10)
    gate.fails = True
    gate.go.release()
    assert arrived.acquire(timeout=10)
    inference.stop()
    assert [answer.job.number for answer in got] == [0, 3]
    assert isinstance(got[0], Answer)
    assert isinstance(got[1], Failure)
    assert got[1].reason == "the card is gone"


def test_stopping_leaves_no_thread_behind() -> None:
    inference = Inference(Gate(), ManualClock(), lambda _: None, seed=0)  # type: ignore[arg-type]
    inference.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "inference"]


class Stove:
    """Stands in for a session on a card: says when it is kept warm, and may be gone."""

    spec = TINY_SPEC

    def __init__(self) -> None:
        self.warmed = threading.Semaphore(0)
        self.asked = threading.Semaphore(0)
        self.is_gone = False
        self.warmings = 0

    def run_again(self) -> None:
        self.warmings += 1
        self.warmed.release()
        if self.is_gone:
            raise RuntimeError("the card is gone")

    def run_in_place(self, question: Question, **_: float) -> Reply:
        assert question.melody.any()
        self.asked.release()
        return Reply(np.full((3, 2, 32, 128), -1, np.float32))


def test_a_card_is_kept_warm_between_jobs_and_a_job_is_answered_all_the_same() -> None:
    stove, answers = Stove(), queue.SimpleQueue[Answer | Failure]()
    warmth = Warmth(0.0001, every_s=0.001)
    inference = Inference(stove, MonotonicClock(), answers.put, seed=0, warmth=warmth)  # type: ignore[arg-type]
    for number in range(3):
        assert all(stove.warmed.acquire(timeout=10) for _ in range(3))
        inference.ask(job(number))
        assert answers.get(timeout=10).job.number == number
    inference.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "inference"]


def test_a_card_that_is_gone_is_kept_warm_no_longer_and_jobs_still_say_so() -> None:
    stove, answers = Stove(), queue.SimpleQueue[Answer | Failure]()
    stove.is_gone = True
    inference = Inference(stove, MonotonicClock(), answers.put, seed=0, warmth=Warmth(0.0001))  # type: ignore[arg-type]
    assert stove.warmed.acquire(timeout=10)
    inference.ask(job(0))
    assert isinstance(answers.get(timeout=10), Answer)
    inference.stop()
    assert stove.warmings == 1


def test_without_need_nothing_runs_between_jobs() -> None:
    stove, answers = Stove(), queue.SimpleQueue[Answer | Failure]()
    inference = Inference(stove, MonotonicClock(), answers.put, seed=0)  # type: ignore[arg-type]
    inference.ask(job(0))
    assert answers.get(timeout=10).job.number == 0
    inference.stop()
    assert stove.warmings == 0
