"""The model at work: one ONNX session with its spec, and the thread that keeps the engine from waiting for it.

Threads: `Inference` owns one, which sleeps until a job is there; the newest job wins, and `run` releases the GIL. The
answer is handed back through a callback in that thread, which must only append and wake. Nothing else runs in it.
"""

from __future__ import annotations

import importlib.resources
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from accompanist.engine.decode import decoded
from accompanist.engine.protocol import Answer, Failure, Job
from accompanist.errors import AccompanistError, ModelError, ProviderMissing, SpecMismatch
from accompanist.music.playable import split_tracks
from accompanist.music.roll import HELD, PITCHES, BoolRoll, FloatRoll
from accompanist.music.spec import METADATA_KEY, ModelSpec
from accompanist.runtime.clock import Clock
from accompanist.runtime.providers import LOG_FATAL, PROVIDERS, one_line, ort, why_provider_fails
from accompanist.runtime.quiet import quiet_stderr

_REST_S = 1.0
"""How long `auto` lets a graphics card rest before it times it: in play the model is asked every second or two, and by
then an idle card has clocked down to a tenth of its speed (docs/architecture.md, "Real time")."""


def default_model_path() -> Path:
    """Where the shipped model stands."""
    return Path(str(importlib.resources.files("accompanist") / "models" / "default.onnx"))


def noise_seed(seed: int, job_number: int) -> int:
    """The seed of one job's noise, so that a performance depends on `engine.seed` and the melody alone.

    Args:
        seed: The setting, 0 or more.
        job_number: `Job.number`, 0 or more.
    """
    return (seed << 32) | job_number


class Session:
    """One ONNX model with its spec, loaded once.

    Args:
        path: The model file.
        provider: "cpu", "cuda", "coreml", or "auto": the fastest that really loads, timed as in play.
        threads: Threads onnxruntime may use for one inference on the CPU.

    Raises:
        ModelError: no such file, or not an ONNX model.
        SpecMismatch: it carries no spec, one this program cannot serve, or one its inputs and outputs disagree with.
        ProviderMissing: the provider does not load on this machine.
    """

    def __init__(self, path: Path, *, provider: str = "cpu", threads: int = 1) -> None:
        self.path = path
        self._threads = threads
        if provider == "auto":
            self._session, self.provider = self._fastest()
        else:
            self._session, self.provider = self._load(provider), provider
        self.spec = _read_spec(self._session, path)
        _check_shapes(self._session, self.spec, path)

    def _load(self, provider: str) -> Any:
        _check_file(self.path)
        why_not = why_provider_fails(provider)
        if why_not:
            raise _provider_missing(provider, why_not)
        options = ort.SessionOptions()
        options.log_severity_level = LOG_FATAL
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        # A waiting worker must sleep: spinning would take a core from the MIDI system for nothing.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        wanted = [PROVIDERS[provider]] if provider == "cpu" else [PROVIDERS[provider], PROVIDERS["cpu"]]
        try:
            with quiet_stderr():
                session = ort.InferenceSession(str(self.path), options, providers=wanted)
        except Exception as error:  # onnxruntime's errors share no class of their own
            if provider != "cpu":
                self._load("cpu")  # where that fails too, the file is at fault and the provider is not
                raise _provider_missing(provider, one_line(error)) from error
            raise ModelError(
                f"{self.path} cannot be loaded as an ONNX model: {one_line(error)}",
                hint="export a training run again: accompanist export RUN -o model.onnx",
            ) from error
        if session.get_providers()[0] != PROVIDERS[provider]:  # it falls back without an exception
            raise _provider_missing(provider, "onnxruntime fell back to the CPU when asked for it")
        return session

    def _fastest(self) -> tuple[Any, str]:
        best, name = self._load("cpu"), "cpu"
        spec = _read_spec(best, self.path)
        _check_shapes(best, spec, self.path)
        for other in ("cuda", "coreml"):
            if why_provider_fails(other):
                continue
            try:
                candidate = self._load(other)
                if _seconds_in_play(candidate, spec) < _seconds_in_play(best, spec):
                    best, name = candidate, other
            except Exception:  # noqa: BLE001, S112 (auto means: whatever works; a card that fails its trial does not)
                continue
        return best, name

    def run(self, melody: BoolRoll | FloatRoll, *, seed: int, temperature: float = 1.0) -> FloatRoll:
        """Ask the model once.

        Args:
            melody: (2 planes, context_steps, 128); a note where above 0.
            seed: Of the noise, standard normal.
            temperature: Scales the noise.

        Returns:
            (tracks, planes, plan_steps, 128); a note where above 0.
        """
        (output,) = self._session.run([self.spec.output], model_inputs(self.spec, melody, seed, temperature))
        return split_tracks(np.asarray(output[0], dtype=np.float32), self.spec)

    def warm_up(self) -> float:
        """Seconds of one inference, after the first slow ones are out of the way."""
        return _seconds(self._session, self.spec)


def model_inputs(
    spec: ModelSpec, melody: BoolRoll | FloatRoll, seed: int, temperature: float = 1.0
) -> dict[str, FloatRoll]:
    """What the model is fed, by input name, batch 1: the melody as -1 and 1, and noise.

    Args:
        spec: Names, planes and shapes.
        melody: (2 planes, context_steps, 128); a note where above 0.
        seed: Of the noise, standard normal.
        temperature: Scales the noise: 0 the same answer for every seed, 1 as the model was trained.
    """
    planes = melody if spec.planes == 2 else melody[HELD:]
    feed = {spec.melody_input: np.where(planes > 0, np.float32(1), np.float32(-1))[None]}
    if spec.noise_shape:
        noise = np.random.Generator(np.random.PCG64(seed)).standard_normal(spec.noise_shape, dtype=np.float32)
        feed[spec.noise_input] = noise[None] * np.float32(temperature)
    return feed


def _seconds(session: Any, spec: ModelSpec, *, rest_s: float = 0.0) -> float:
    feed = model_inputs(spec, np.zeros((2, spec.context_steps, PITCHES), dtype=np.bool_), 0)
    for _ in range(3):
        session.run([spec.output], feed)
    time.sleep(rest_s)
    began_s = time.perf_counter()
    session.run([spec.output], feed)
    return time.perf_counter() - began_s


def _seconds_in_play(session: Any, spec: ModelSpec) -> float:
    return _seconds(session, spec, rest_s=_REST_S)


def _check_file(path: Path) -> None:
    if path.is_file():
        return
    what = "a folder" if path.is_dir() else "no such file"
    raise ModelError(
        f"cannot open the model {path}: {what}; a model is an .onnx file",
        hint="export a training run: accompanist export RUN -o model.onnx",
    )


def _read_spec(session: Any, path: Path) -> ModelSpec:
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if text is None:
        raise SpecMismatch(
            f"{path} is an ONNX model, but not one of Accompanist's: its metadata has no {METADATA_KEY}",
            hint="export a training run: accompanist export RUN -o model.onnx",
        )
    return ModelSpec.from_json(text)


def _check_shapes(session: Any, spec: ModelSpec, path: Path) -> None:
    wanted_in: dict[str, tuple[int, ...]] = {spec.melody_input: (1, spec.planes, spec.context_steps, PITCHES)}
    if spec.noise_shape:
        wanted_in[spec.noise_input] = (1, *spec.noise_shape)
    wanted_out: dict[str, tuple[int, ...]] = {
        spec.output: (1, len(spec.tracks) * spec.planes, spec.plan_steps, PITCHES)
    }
    found_in, found_out = session.get_inputs(), session.get_outputs()
    problems = [
        *_differences("input", wanted_in, found_in, others_allowed=False),
        *_differences("output", wanted_out, found_out, others_allowed=True),
    ]
    if problems:
        raise SpecMismatch(
            f"{path} disagrees with its own spec: {'; '.join(problems)}",
            hint="export the run again: accompanist export RUN -o model.onnx",
        )


def _differences(side: str, wanted: dict[str, tuple[int, ...]], found: list[Any], *, others_allowed: bool) -> list[str]:
    by_name = {value.name: value for value in found}
    problems = []
    for name, shape in wanted.items():
        if name not in by_name:
            problems.append(f"the spec names the {side} {name!r}, the model has {', '.join(map(repr, by_name))}")
            continue
        actual, kind = by_name[name].shape, by_name[name].type
        # A dimension that is no number is free; the batch, which is first, may be.
        if len(actual) != len(shape) or any(
            isinstance(have, int) and have != want for have, want in zip(actual, shape, strict=False)
        ):
            problems.append(f"{side} {name!r} is {_shape_text(actual)}, the spec says {_shape_text(shape)}")
        if kind != "tensor(float)":
            problems.append(f"{side} {name!r} is {kind}, it should be tensor(float)")
    if not others_allowed:
        problems += [f"the model wants {side} {name!r}, the spec names none" for name in by_name if name not in wanted]
    return problems


def _shape_text(shape: Any) -> str:
    return " x ".join(str(dimension) for dimension in shape)


def _provider_missing(provider: str, reason: str) -> ProviderMissing:
    install = {"cuda": "pip install 'onnxruntime-gpu[cuda,cudnn]', or take"}.get(provider, "take")
    return ProviderMissing(f"the provider {provider} does not load: {reason}", hint=f"{install} --provider auto")


class Inference:
    """The inference thread: takes the newest job, answers or says why not, never stops the music.

    Args:
        session: The model, warmed up.
        clock: Stamps the answers.
        deliver: Called in the inference thread with each answer or failure; must not block.
        seed: `engine.seed`.
    """

    def __init__(
        self, session: Session, clock: Clock, deliver: Callable[[Answer | Failure], None], *, seed: int
    ) -> None:
        self._session = session
        self._clock = clock
        self._deliver = deliver
        self._seed = seed
        self._condition = threading.Condition()
        self._next: Job | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="inference", daemon=True)
        self._thread.start()

    def ask(self, job: Job) -> None:
        """Put a job before the model; one that still waits is dropped for it."""
        with self._condition:
            self._next = job
            self._condition.notify()

    def stop(self, *, timeout_s: float = 5.0) -> None:
        """End the thread; a job at work is finished first, one that waits is dropped."""
        with self._condition:
            self._stopping = True
            self._next = None
            self._condition.notify()
        self._thread.join(timeout_s)

    def _work(self) -> None:
        while (job := self._wait()) is not None:
            self._deliver(infer(self._session, job, self._clock, seed=self._seed))

    def _wait(self) -> Job | None:
        with self._condition:
            while self._next is None and not self._stopping:
                self._condition.wait()
            job, self._next = self._next, None
            return job


def infer(session: Session, job: Job, clock: Clock, *, seed: int) -> Answer | Failure:
    """One job answered and its answer decoded; an exception, or an answer that is none, told as a failure.

    Args:
        session: The model.
        job: The question.
        clock: Stamps the answer; on a manual clock the model takes no time at all.
        seed: `engine.seed`.
    """
    began_s = clock.now()
    try:
        values = session.run(job.melody, seed=noise_seed(seed, job.number), temperature=job.temperature)
        notes = decoded(values, session.spec, job.plan_tick)
    except Exception as error:  # noqa: BLE001 (whatever onnxruntime raises: the engine falls back and counts it)
        message = error.message if isinstance(error, AccompanistError) else one_line(error)
        return Failure(clock.now(), job, message)
    at_s = clock.now()
    return Answer(at_s, job, notes, at_s - began_s)
