"""A model of the live kind whose answer is known by hand: everything it is given can be told from what it says.

Codes of a beat: a counter, then the moment it was asked at. The counter goes on from the last beat of the context whose
code it was given; from -1, unknown, it begins at 0.

- bass: each beat struck, 28 + the beat's counter (within two octaves); as loud as 64 + the style;
- piano: the melody of the last `plan_steps` before the plan, an octave lower, at velocity 100;
- strings: the melody ahead of the plan, a fifth lower; they say nothing of loudness;
- drums: on each beat a sixteenth, the kick where the noise's mean is above 0, else the snare, at velocity 90.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from accompanist.music.question import Question, Reply
from accompanist.music.roll import HELD, ONSET
from accompanist.music.spec import LIVE_BAND, METADATA_KEY, ModelSpec

COUNTER, FIRST_STEP, KNOWN_STEP, BEAT_IN_BAR, BEATS_PER_BAR, STYLE = range(6)
"""What each code of a beat says."""
LOWEST_BASS, BASS_PITCHES = 28, 24
PIANO_DOWN, STRINGS_DOWN = 12, 7
KICK, SNARE = 36, 38
BASS_VELOCITY, PIANO_VELOCITY, DRUMS_VELOCITY = 64, 100, 90

LIVE_SPEC = ModelSpec(
    kind="live",
    tracks=LIVE_BAND,
    planes=2,
    context_steps=64,
    plan_steps=32,
    lag_steps=0,
    noise_shape=(8, 3),
    styles=("pop", "folk"),
    velocity=True,
    ahead_steps=64,
    codes=6,
    trained="made by the tests",
    export_error=0.0,
    licences=("CC0-1.0",),
)


def write_live_model(path: Path, *, spec: ModelSpec = LIVE_SPEC) -> Path:
    """Write the model as ONNX; needs the onnx package, else skips the test.

    Args:
        path: Where to.
        spec: Its spec: codes, velocities, two planes, the four tracks above; ahead at least as long as a plan.
    """
    onnx = pytest.importorskip("onnx", reason="the tiny model is written with the onnx package (extra: export)")
    graph = _Graph(onnx)
    steps, beats, per_beat = spec.plan_steps, spec.plan_beats, spec.steps_per_beat
    # The codes.
    last = graph.node("Gather", spec.codes_input, graph.ints([spec.context_beats - 1]), axis=1)
    last = graph.node("Gather", last, graph.ints([COUNTER]), axis=2)  # (1, 1, 1)
    counter = graph.node("Add", last, graph.ints(np.arange(1, beats + 1).reshape(1, beats, 1)))
    moment = graph.node("Reshape", spec.moment_input, graph.ints([1, 1, 5]))
    graph.node(
        "Concat",
        counter,
        graph.node("Expand", moment, graph.ints([1, beats, 5])),
        axis=2,
        output=spec.codes_output,
    )
    # Bass and drums, beat by beat.
    style = graph.node("Cast", graph.node("Gather", spec.moment_input, graph.ints([4]), axis=1), to=1)  # (1, 1)
    low = graph.node("Add", graph.node("Mod", counter, graph.ints([BASS_PITCHES])), graph.ints([LOWEST_BASS]))
    bass = graph.on_beats(low, beats, length=per_beat, per_beat=per_beat)
    bass_loud = graph.node("Div", graph.node("Add", style, graph.floats(BASS_VELOCITY)), graph.floats(127))
    above = graph.node("Greater", graph.node("ReduceMean", spec.noise_input, keepdims=0), graph.floats(0))
    hit = graph.node("Where", above, graph.ints(KICK), graph.ints(SNARE))
    hits = graph.node("Expand", hit, graph.ints([1, beats, 1]))
    drums = graph.on_beats(hits, beats, length=1, per_beat=per_beat)
    # Piano and strings: the melody before and ahead.
    before = graph.steps(spec.melody_input, spec.context_steps - steps, spec.context_steps)
    ahead = graph.steps(spec.melody_input, spec.context_steps, spec.context_steps + steps)
    parts = [
        *graph.with_velocity(bass, bass_loud),
        *graph.with_velocity(graph.lower(before, PIANO_DOWN), graph.floats(PIANO_VELOCITY / 127)),
        *graph.with_velocity(graph.lower(ahead, STRINGS_DOWN), graph.floats(0)),
        *graph.with_velocity(drums, graph.floats(DRUMS_VELOCITY / 127)),
    ]
    graph.node("Concat", *parts, axis=1, output=spec.output)
    inputs = [
        (spec.melody_input, onnx.TensorProto.FLOAT, (1, 2, spec.melody_steps, 128)),
        (spec.noise_input, onnx.TensorProto.FLOAT, (1, *spec.noise_shape)),
        (spec.codes_input, onnx.TensorProto.INT64, (1, spec.context_beats + beats, spec.codes)),
        (spec.moment_input, onnx.TensorProto.INT64, (1, 5)),
    ]
    outputs = [
        (spec.output, onnx.TensorProto.FLOAT, (1, 3 * len(spec.tracks), steps, 128)),
        (spec.codes_output, onnx.TensorProto.INT64, (1, beats, spec.codes)),
    ]
    graph.save(path, inputs, outputs, spec)
    return path


def said(question: Question, noise: NDArray[np.float32], spec: ModelSpec = LIVE_SPEC) -> Reply:
    """The same without onnxruntime.

    Args:
        question: With codes and moment.
        noise: As the model is given it.
        spec: Its spec.
    """
    assert question.codes is not None
    assert question.moment is not None
    steps, beats, context = spec.plan_steps, spec.plan_beats, spec.context_steps
    counters = question.codes[spec.context_beats - 1, COUNTER] + 1 + np.arange(beats)
    codes = np.array([[counter, *question.moment] for counter in counters], dtype=np.int64)
    values = np.full((4, 2, steps, 128), -1, dtype=np.float32)
    velocities = np.zeros((4, steps, 128), dtype=np.float32)
    for beat, counter in enumerate(counters.tolist()):
        first, low, hit = 4 * beat, LOWEST_BASS + counter % BASS_PITCHES, KICK if noise.mean() > 0 else SNARE
        values[0, ONSET, first, low] = values[0, HELD, first : first + 4, low] = 1
        values[3, :, first, hit] = 1
    for track, first, down in ((1, context - steps, PIANO_DOWN), (2, context, STRINGS_DOWN)):
        heard = np.roll(question.melody[:, first : first + steps], -down, axis=2)
        values[track] = np.where(heard > 0, 1, -1)
    for track, velocity in ((0, BASS_VELOCITY + question.moment.style), (1, PIANO_VELOCITY), (3, DRUMS_VELOCITY)):
        velocities[track][values[track, ONSET] > 0] = velocity / 127
    return Reply(values, velocities, codes)


class _Graph:
    """An ONNX graph as it grows; every method returns the name of a value."""

    def __init__(self, onnx: Any) -> None:
        self._onnx = onnx
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def node(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """One operation."""
        name = output or f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def ints(self, values: Any) -> str:
        """A constant of integers."""
        return self._constant(np.asarray(values, dtype=np.int64))

    def floats(self, values: Any) -> str:
        """A constant of numbers."""
        return self._constant(np.asarray(values, dtype=np.float32))

    def _constant(self, values: Any) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(self._onnx.numpy_helper.from_array(values, name))
        return name

    def steps(self, roll: str, begin: int, end: int) -> str:
        """Some steps of a roll, (1, planes, steps, 128)."""
        return self.node("Slice", roll, self.ints([begin]), self.ints([end]), self.ints([2]))

    def lower(self, roll: str, semitones: int) -> str:
        """A roll transposed."""
        return self.node("Gather", roll, self.ints([(pitch + semitones) % 128 for pitch in range(128)]), axis=3)

    def on_beats(self, pitch: str, beats: int, *, length: int, per_beat: int) -> str:
        """A roll, (1, 2 planes, steps, 128), that strikes the pitches (1, beats, 1) and holds them for some steps."""
        cells = self.node("OneHot", pitch, self.ints(128), self.floats([-1, 1]), axis=-1)  # (1, beats, 1, 128)
        silence = self.floats(np.full((1, beats, per_beat - 1, 128), -1))
        onset = self.node("Concat", cells, silence, axis=2)
        held = self.node("Expand", cells, self.ints([1, beats, length, 128]))
        if length < per_beat:
            held = self.node("Concat", held, self.floats(np.full((1, beats, per_beat - length, 128), -1)), axis=2)
        shape = self.ints([1, 1, beats * per_beat, 128])
        return self.node("Concat", *(self.node("Reshape", plane, shape) for plane in (onset, held)), axis=1)

    def with_velocity(self, roll: str, velocity: str) -> tuple[str, str]:
        """A roll, and its plane of velocities."""
        onset = self.node("Slice", roll, self.ints([0]), self.ints([1]), self.ints([1]))
        loud = self.node("Where", self.node("Greater", onset, self.floats(0)), velocity, self.floats(0))
        return roll, loud

    def save(self, path: Path, inputs: list[Any], outputs: list[Any], spec: ModelSpec) -> None:
        """As a file, with its spec."""
        helper = self._onnx.helper
        graph = helper.make_graph(
            self._nodes,
            "live",
            *([helper.make_tensor_value_info(*value) for value in values] for values in (inputs, outputs)),
            self._constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        helper.set_model_props(model, {METADATA_KEY: spec.to_json()})
        self._onnx.save(model, str(path))
