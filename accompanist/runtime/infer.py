"""The model at work: one ONNX session with its spec, and the thread that keeps the engine from waiting for it.

Threads: `Inference` owns one, which sleeps until a job is there; the newest job wins, and `run` releases the GIL. The
answer is handed back through a callback in that thread, which must only append and wake. Nothing else is done in it but
keeping a graphics card warm, where it clocks down in the pauses; a job waits for the end of one such run at most.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from accompanist.engine.decode import decoded, decoded_codes
from accompanist.engine.protocol import Answer, Failure, Job
from accompanist.errors import AccompanistError
from accompanist.music.question import Question, Reply
from accompanist.runtime.bound import BoundModel
from accompanist.runtime.clock import Clock
from accompanist.runtime.model_file import check_shapes, read_spec
from accompanist.runtime.providers import one_line, open_session
from accompanist.runtime.warmth import Warmth

_FIRST_CALLS = 3
"""The first calls are slower: onnxruntime plans its memory, a card loads its programs."""


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
        provider: A key of `providers.PROVIDERS`; `selection.select` says which is best.
        threads: Threads onnxruntime may use for one inference on the CPU.
        binding: Whether it may compute in arrays that are allocated once; benchmarks compare.

    Raises:
        ModelError: no such file, or not an ONNX model.
        SpecMismatch: it carries no spec, one this program cannot serve, or one its inputs and outputs disagree with.
        ProviderMissing: the provider does not load on this machine.
    """

    def __init__(self, path: Path, *, provider: str = "cpu", threads: int = 1, binding: bool = True) -> None:
        self.path = path
        self.provider = provider
        self.threads = threads
        session = open_session(path, provider, threads)
        self.spec = read_spec(session, path)
        check_shapes(session, self.spec, path)
        self._model = BoundModel(session, self.spec, binding=binding)

    @property
    def is_bound(self) -> bool:
        """Whether the provider computes in arrays that are allocated once."""
        return self._model.is_bound

    @property
    def why_unbound(self) -> str:
        """Why the provider does not do so though it was to; else empty."""
        return self._model.why_unbound

    def run(self, question: Question, *, seed: int, temperature: float = 1.0) -> Reply:
        """Ask the model once.

        Args:
            question: Its melody, and for a model with codes these and the moment.
            seed: Of the noise, standard normal.
            temperature: Scales the noise: 0 the same answer for every seed, 1 as the model was trained.

        Returns:
            The reply, the caller's own.
        """
        return self.run_in_place(question, seed=seed, temperature=temperature).copy()

    def run_in_place(self, question: Question, *, seed: int, temperature: float = 1.0) -> Reply:
        """Ask the model once, as `run` does, without allocating anything: the next call overwrites the reply."""
        self._model.feed.fill(question, seed, temperature)
        self._model.run()
        return self._model.reply

    def run_again(self) -> None:
        """Let the model compute on what it was given last, for nothing but the time it takes and the warmth."""
        self._model.run()

    def warm_up(self) -> float:
        """Seconds of one inference, after the first slow ones are out of the way."""
        for _ in range(_FIRST_CALLS):
            self.run_again()
        began_s = time.perf_counter()
        self.run_again()
        return time.perf_counter() - began_s


class Inference:
    """The inference thread: takes the newest job, answers or says why not, never stops the music.

    Args:
        session: The model, warmed up.
        clock: Stamps the answers.
        deliver: Called in the inference thread with each answer or failure; must not block.
        seed: `engine.seed`.
        warmth: When to keep a graphics card warm; None: never.
    """

    def __init__(
        self,
        session: Session,
        clock: Clock,
        deliver: Callable[[Answer | Failure], None],
        *,
        seed: int,
        warmth: Warmth | None = None,
    ) -> None:
        self._session = session
        self._clock = clock
        self._deliver = deliver
        self._seed = seed
        self._warmth = warmth
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
        while not self._stopping:
            job = self._wait()
            if job is not None:
                self._answer(job)
            elif self._warmth is not None and not self._stopping:
                self._keep_warm(self._warmth)

    def _answer(self, job: Job) -> None:
        if self._warmth is not None:
            self._warmth.asked(self._clock.now())
        self._deliver(infer(self._session, job, self._clock, seed=self._seed))
        if self._warmth is not None:
            self._warmth.ended(self._clock.now())

    def _keep_warm(self, warmth: Warmth) -> None:
        try:
            self._session.run_again()
        except Exception:  # noqa: BLE001 (a card that is gone: the next job says so, and is counted)
            self._warmth = None
        else:
            warmth.ended(self._clock.now())

    def _wait(self) -> Job | None:
        """The next job; None when it is time to keep the card warm, or to stop."""
        with self._condition:
            while self._next is None and not self._stopping:
                left_s = None
                if self._warmth is not None:
                    now_s = self._clock.now()
                    left_s = self._warmth.next_s(now_s) - now_s
                    if left_s <= 0:
                        return None
                self._condition.wait(left_s)
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
        question = Question(job.melody, job.codes, job.moment)
        reply = session.run_in_place(question, seed=noise_seed(seed, job.number), temperature=job.temperature)
        notes = decoded(reply.values, session.spec, job.plan_tick, velocities=reply.velocities)
        codes = decoded_codes(reply.codes, session.spec)
    except Exception as error:  # noqa: BLE001 (whatever onnxruntime raises: the engine falls back and counts it)
        message = error.message if isinstance(error, AccompanistError) else one_line(error)
        return Failure(clock.now(), job, message)
    at_s = clock.now()
    return Answer(at_s, job, notes, at_s - began_s, codes)
