"""A model's inputs and output in memory that is allocated once and stays where it is.

A call writes melody and noise into the input arrays, lets onnxruntime compute, and finds the answer in the output
array: nothing large is allocated while the music plays. On the CPU onnxruntime works in our arrays; any other provider
is handed the inputs anew for each call, because it copies them at that moment, and copies its answer into our array
once. Whether a provider really does so is tried when the model is loaded; one that doesn't is called without binding.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from accompanist.music.roll import HELD, BoolRoll, FloatRoll
from accompanist.music.spec import ModelSpec
from accompanist.runtime.model_file import input_shapes, output_shape
from accompanist.runtime.providers import PROVIDERS, ort

_TRIAL_TOLERANCE = 1e-3
"""Of values between -1 and 1: far above what a graphics card differs by from call to call, far below another answer."""


class Feed:
    """The arrays that a model is fed from, batch 1.

    Args:
        spec: Names, planes and shapes.

    Attributes:
        arrays: By input name, in the order of the model's inputs: the melody, and the noise where there is any.
    """

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self.arrays: dict[str, FloatRoll] = {
            name: np.zeros(shape, dtype=np.float32) for name, shape in input_shapes(spec).items()
        }
        self._melody = self.arrays[spec.melody_input][0]
        self._sounds = np.zeros(self._melody.shape, dtype=np.bool_)

    def fill(self, melody: BoolRoll | FloatRoll, seed: int, temperature: float = 1.0) -> None:
        """Write a question: the melody as -1 and 1, and noise.

        Args:
            melody: (2 planes, context_steps, 128); a note where above 0.
            seed: Of the noise, standard normal.
            temperature: Scales the noise: 0 the same answer for every seed, 1 as the model was trained.
        """
        planes = melody if self._spec.planes == 2 else melody[HELD:]
        if planes.dtype != np.bool_:  # comparing booleans with a number would convert them in a buffer of its own
            planes = np.greater(planes, np.float32(0), out=self._sounds)
        self._melody.fill(-1)
        np.copyto(self._melody, np.float32(1), where=planes)
        if self._spec.noise_shape:
            noise = self.arrays[self._spec.noise_input]
            np.random.Generator(np.random.PCG64(seed)).standard_normal(out=noise, dtype=np.float32)
            np.multiply(noise, np.float32(temperature), out=noise)


class BoundModel:
    """An onnxruntime session with its arrays.

    Args:
        session: The onnxruntime session.
        spec: Its spec, which it agrees with.
        binding: Whether to bind the arrays at all; benchmarks compare.

    Attributes:
        feed: What it is fed from.
        output: (1, tracks x planes, plan_steps, 128): the last answer.
        is_bound: Whether onnxruntime computes in these arrays.
    """

    def __init__(self, session: Any, spec: ModelSpec, *, binding: bool = True) -> None:
        self._session = session
        self._spec = spec
        self.feed = Feed(spec)
        self.output: FloatRoll = np.zeros(output_shape(spec), dtype=np.float32)
        self._on_cpu = session.get_providers()[0] == PROVIDERS["cpu"]
        self._inputs = {name: ort.OrtValue.ortvalue_from_numpy(array) for name, array in self.feed.arrays.items()}
        self._answer = ort.OrtValue.ortvalue_from_numpy(self.output)
        self._binding = self._bind() if binding else None

    @property
    def is_bound(self) -> bool:
        """Whether onnxruntime computes in these arrays."""
        return self._binding is not None

    def run(self) -> None:
        """Answer what stands in `feed`, into `output`."""
        if self._binding is not None:
            self._run_bound(self._binding)
        else:
            self.output[:] = self._plain()

    def _bind(self) -> Any:
        """The binding; None where the provider does not take it, or answers something else by it."""
        try:
            binding = self._session.io_binding()
            self._bind_inputs(binding)
            binding.bind_ortvalue_output(self._spec.output, self._answer)
            for melody in (-1, 1):  # twice: a stale copy of the first question would answer the second
                for array in self.feed.arrays.values():
                    array.fill(melody)
                expected = self._plain()
                self._run_bound(binding)
                if not np.allclose(self.output, expected, rtol=0, atol=_TRIAL_TOLERANCE, equal_nan=True):
                    return None
        except Exception:  # noqa: BLE001 (onnxruntime's errors share no class; without binding it may well work)
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

    def _plain(self) -> FloatRoll:
        (answer,) = self._session.run([self._spec.output], self.feed.arrays)
        return np.asarray(answer, dtype=np.float32)
