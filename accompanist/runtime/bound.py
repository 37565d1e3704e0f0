"""A model's inputs and outputs in memory that is allocated once and stays where it is.

A call writes the question and the noise into the input arrays, lets onnxruntime compute, and finds the answer in the
output arrays: nothing large is allocated while the music plays. On the CPU onnxruntime works in our arrays; any other
provider is handed the inputs anew for each call, because it copies them at that moment, and copies its answer into our
arrays once. Whether a provider really does so is tried when the model is loaded; one that doesn't is called without
binding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from accompanist.music.playable import split_tracks
from accompanist.music.question import UNKNOWN, Moment, Question, Reply
from accompanist.music.roll import HELD
from accompanist.music.spec import ModelSpec
from accompanist.runtime.model_file import inputs_of, outputs_of
from accompanist.runtime.providers import PROVIDERS, one_line, ort

_TRIAL_TOLERANCE = 1e-3
"""Of values between -1 and 1: far above what a graphics card differs by from call to call, far below another answer."""


class Feed:
    """The arrays that a model is fed from, batch 1.

    Args:
        spec: Names, planes and shapes.

    Attributes:
        arrays: By input name: the melody, the noise where there is any, codes and moment where the model has codes.
    """

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self.arrays: dict[str, NDArray[Any]] = {
            name: np.zeros(tensor.shape, dtype=tensor.dtype) for name, tensor in inputs_of(spec).items()
        }
        self._melody = self.arrays[spec.melody_input][0]
        self._sounds = np.zeros(self._melody.shape, dtype=np.bool_)
        self._nowhere = Moment(0, spec.context_steps, 0, spec.beats_per_bar)
        self.try_out(-1)  # a model may be run for its time before it is asked, and no bar has 0 beats

    def fill(self, question: Question, seed: int, temperature: float = 1.0) -> None:
        """Write a question, the melody as -1 and 1, and noise.

        Args:
            question: What is asked.
            seed: Of the noise, standard normal.
            temperature: Scales the noise: 0 the same answer for every seed, 1 as the model was trained.
        """
        planes = question.melody if self._spec.planes == 2 else question.melody[HELD:]
        if planes.dtype != np.bool_:  # comparing booleans with a number would convert them in a buffer of its own
            planes = np.greater(planes, np.float32(0), out=self._sounds)
        self._melody.fill(-1)
        np.copyto(self._melody, np.float32(1), where=planes)
        if self._spec.noise_shape:
            noise = self.arrays[self._spec.noise_input]
            np.random.Generator(np.random.PCG64(seed)).standard_normal(out=noise, dtype=np.float32)
            np.multiply(noise, np.float32(temperature), out=noise)
        if self._spec.codes:
            np.copyto(self.arrays[self._spec.codes_input], UNKNOWN if question.codes is None else question.codes)
            self.arrays[self._spec.moment_input][0] = question.moment or self._nowhere

    def try_out(self, value: int) -> None:
        """A question that nobody asks: numbers the same all over, at a moment that may be.

        Args:
            value: -1 or 1.
        """
        for array in self.arrays.values():
            array.fill(value)
        if self._spec.codes:
            self.arrays[self._spec.moment_input][0] = self._nowhere._replace(first_step=max(value, 0))


class BoundModel:
    """An onnxruntime session with its arrays.

    Args:
        session: The onnxruntime session.
        spec: Its spec, which it agrees with.
        binding: Whether to bind the arrays at all; benchmarks compare.

    Attributes:
        feed: What it is fed from.
        outputs: By output name the last answer, batch 1.
        reply: The same, as what it means.
        is_bound: Whether onnxruntime computes in these arrays.
        why_unbound: Why it does not though it was to; else empty.
    """

    def __init__(self, session: Any, spec: ModelSpec, *, binding: bool = True) -> None:
        self._session = session
        self._spec = spec
        self.feed = Feed(spec)
        self.outputs: dict[str, NDArray[Any]] = {
            name: np.zeros(tensor.shape, dtype=tensor.dtype) for name, tensor in outputs_of(spec).items()
        }
        self.reply = _reply(self.outputs, spec)
        self._on_cpu = session.get_providers()[0] == PROVIDERS["cpu"]
        self._inputs = {name: ort.OrtValue.ortvalue_from_numpy(array) for name, array in self.feed.arrays.items()}
        self._answers = {name: ort.OrtValue.ortvalue_from_numpy(array) for name, array in self.outputs.items()}
        self.why_unbound = ""
        self._binding = self._bind() if binding else None

    @property
    def is_bound(self) -> bool:
        """Whether onnxruntime computes in these arrays."""
        return self._binding is not None

    def run(self) -> None:
        """Answer what stands in `feed`, into `outputs`."""
        if self._binding is not None:
            self._run_bound(self._binding)
        else:
            for name, answer in self._plain().items():
                self.outputs[name][:] = answer

    def _bind(self) -> Any:
        """The binding; None where the provider does not take it, or answers something else by it."""
        try:
            binding = self._session.io_binding()
            self._bind_inputs(binding)
            for name, value in self._answers.items():
                binding.bind_ortvalue_output(name, value)
            for number in (-1, 1):  # twice: a stale copy of the first question would answer the second
                self.feed.try_out(number)
                expected = self._plain()
                self._run_bound(binding)
                if not all(_close(array, expected[name]) for name, array in self.outputs.items()):
                    self.why_unbound = "in these arrays it answers something else"
                    return None
        except Exception as error:  # noqa: BLE001 (onnxruntime's errors share no class; without it may well work)
            self.why_unbound = one_line(error)
            return None
        return binding

    def _run_bound(self, binding: Any) -> None:
        if not self._on_cpu:
            self._bind_inputs(binding)
            binding.synchronize_inputs()
        self._session.run_with_iobinding(binding)
        if not self._on_cpu:
            binding.synchronize_outputs()

    def _bind_inputs(self, binding: Any) -> None:
        for name, value in self._inputs.items():
            binding.bind_ortvalue_input(name, value)

    def _plain(self) -> dict[str, NDArray[Any]]:
        names = list(self.outputs)
        return dict(zip(names, self._session.run(names, self.feed.arrays), strict=True))


def _reply(outputs: dict[str, NDArray[Any]], spec: ModelSpec) -> Reply:
    """Views of a model's outputs."""
    tracks = split_tracks(outputs[spec.output][0], spec)
    return Reply(
        tracks[:, : spec.planes],
        tracks[:, spec.planes] if spec.velocity else None,
        outputs[spec.codes_output][0] if spec.codes else None,
    )


def _close(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return bool(np.allclose(one, other, rtol=0, atol=_TRIAL_TOLERANCE, equal_nan=True))
