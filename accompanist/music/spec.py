"""What a model is: everything the daemon must know to serve it, kept in the ONNX file's own metadata."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from accompanist.errors import SpecMismatch
from accompanist.music.song import DRUM_CHANNEL
from accompanist.music.time import STEPS_PER_BEAT

SPEC_VERSION = 1
METADATA_KEY = "accompanist.spec"
"""Key of the ONNX metadata under which the spec stands as JSON."""


Pitch = Annotated[int, Meta(ge=0, le=127)]
"""MIDI note number; the bounds are checked where a spec is read."""


class TrackSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One accompaniment track.

    Args:
        name: Bass, piano, ...: also the name of its MIDI track and port.
        program: General MIDI program, 0 to 127.
        channel: MIDI channel, 0 to 15 (shown as 1 to 16).
        lowest: Lowest pitch it plays.
        highest: Highest pitch it plays.
        polyphony: Most notes it sounds at once.
        shortest_steps: Shortest note, in sixteenths; of drums every hit lasts one.
        velocity: How loud, where the model does not say.
    """

    name: str
    program: Annotated[int, Meta(ge=0, le=127)]
    channel: Annotated[int, Meta(ge=0, le=15)]
    lowest: Pitch
    highest: Pitch
    polyphony: Annotated[int, Meta(ge=1)]
    shortest_steps: Annotated[int, Meta(ge=1)] = 1
    velocity: Annotated[int, Meta(ge=1, le=127)] = 80

    @property
    def is_drums(self) -> bool:
        """Whether its pitches are drums (General MIDI, channel 10 as musicians count), which no change of key moves."""
        return self.channel == DRUM_CHANNEL


class _Versioned(msgspec.Struct):
    """The one field that a spec of any version has."""

    version: int = SPEC_VERSION


class ModelSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The contract between a model file and whatever plays it.

    Args:
        kind: Recipe: "musegan", "live".
        tracks: In the order of the output's track axis.
        planes: 2 (onset, held) or 1 (held only), of the melody in and the tracks out.
        context_steps: Steps of melody the model is given.
        plan_steps: Steps of accompaniment it answers with.
        lag_steps: How far behind the melody's end the answer begins, in the model's own view: the classic recipe
            answers for the window it was given (lag = context_steps); an anticipating model has 0.
        noise_shape: Shape of the noise input, batch left out: (channels, steps, pitches).
        steps_per_beat: Steps of the roll per beat.
        beats_per_bar: Beats of a bar in the music it was trained on.
        styles: Style tags it knows; none for the classic recipe.
        velocity: The output has one more plane for each track, behind its note planes: velocity / 127 at the cells
            where a note begins, 0 elsewhere.
        ahead_steps: So many steps from the plan's beginning on the melody input covers too; whole beats.
        codes: Integers per beat by which the model names its own plan; 0: it does not, and remembers nothing. With
            codes it is given those of the beats before (input `codes`) and where it is (input `moment`), and answers
            with those of its plan; context and plan are then whole beats.
        melody_input: Name of the ONNX input that takes the melody, (1, planes, context_steps + ahead_steps, 128)
            float32, -1 or 1.
        noise_input: Name of the ONNX input that takes the noise.
        codes_input: Name of the ONNX input that takes the codes, (1, context_beats + plan_beats, codes) int64: what was
            planned and settled for the beats before, and what is given for those to come; -1 unknown, hidden, or the
            model's to choose.
        moment_input: Name of the ONNX input that takes the `Moment`, (1, 5) int64.
        output: Name of the ONNX output, (1, tracks x (planes + velocity), plan_steps, 128) float32, a note where above
            0.
        codes_output: Name of the ONNX output that names the plan, (1, plan_beats, codes) int64.
        trained: Free text: run, data and training commit.
        export_error: Largest difference from the trained network, measured at export.
        licences: Licences of the data it was trained on.
        version: Version of this format.
    """

    kind: str
    tracks: tuple[TrackSpec, ...]
    planes: int
    context_steps: int
    plan_steps: int
    lag_steps: int
    noise_shape: tuple[int, ...]
    steps_per_beat: int = STEPS_PER_BEAT
    beats_per_bar: int = 4
    styles: tuple[str, ...] = ()
    velocity: bool = False
    ahead_steps: int = 0
    codes: int = 0
    melody_input: str = "melody"
    noise_input: str = "noise"
    codes_input: str = "codes"
    moment_input: str = "moment"
    output: str = "tracks"
    codes_output: str = "plan_codes"
    trained: str = ""
    export_error: float | None = None
    licences: tuple[str, ...] = ()
    version: int = SPEC_VERSION

    @property
    def melody_steps(self) -> int:
        """Steps of melody it is given: the context, and what it may see of the time to come."""
        return self.context_steps + self.ahead_steps

    @property
    def context_beats(self) -> int:
        """Whole beats of its context."""
        return self.context_steps // self.steps_per_beat

    @property
    def plan_beats(self) -> int:
        """Whole beats of its plan."""
        return self.plan_steps // self.steps_per_beat

    @property
    def planes_out(self) -> int:
        """Planes of each track of the output."""
        return self.planes + self.velocity

    def to_json(self) -> str:
        """As it stands in the ONNX metadata."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str) -> ModelSpec:
        """Read and check a spec.

        Raises:
            SpecMismatch: it is of another version, or not a spec this program can serve; both sides are named.
        """
        try:
            version = msgspec.json.decode(text, type=_Versioned).version
            if version != SPEC_VERSION:  # told first: a spec of another version has fields this one does not know
                raise SpecMismatch(
                    f"the model's spec is of version {version}, this program serves version {SPEC_VERSION}",
                    hint="update the older of the two: this program, or the model by exporting its run again",
                )
            spec = msgspec.json.decode(text, type=cls)
        except msgspec.MsgspecError as error:
            raise SpecMismatch(
                f"the model's spec cannot be read: {error}", hint="export the run again: accompanist export RUN"
            ) from error
        problems = _problems(spec)
        if problems:
            raise SpecMismatch(
                f"the model cannot be served: it has {'; '.join(problems)}",
                hint="export the run again with this version: accompanist export RUN",
            )
        return spec


def _problems(spec: ModelSpec) -> list[str]:
    """What of a spec this program cannot serve, each with what it can."""
    problems = []
    if spec.steps_per_beat != STEPS_PER_BEAT:
        problems.append(f"{spec.steps_per_beat} steps per beat, this program serves {STEPS_PER_BEAT}")
    if spec.planes not in (1, 2):
        problems.append(f"{spec.planes} planes, this program serves 1 or 2")
    if not spec.tracks:
        problems.append("no tracks")
    if spec.plan_steps <= 0 or spec.context_steps <= 0:
        problems.append(f"a context of {spec.context_steps} and a plan of {spec.plan_steps} steps")
    if spec.ahead_steps < 0 or spec.ahead_steps % STEPS_PER_BEAT:
        problems.append(f"{spec.ahead_steps} steps ahead, this program serves whole beats of {STEPS_PER_BEAT}")
    if len(set(spec.styles)) != len(spec.styles):
        problems.append(f"two styles of one name among {', '.join(spec.styles)}")
    problems += _codes_problems(spec)
    problems += [
        f"a lowest pitch of {track.lowest} above the highest of {track.highest} in track {track.name!r}"
        for track in spec.tracks
        if track.lowest > track.highest
    ]
    if len({track.channel for track in spec.tracks}) != len(spec.tracks):
        problems.append("two tracks on one MIDI channel")
    return problems


def _codes_problems(spec: ModelSpec) -> list[str]:
    if spec.codes < 0:
        return [f"{spec.codes} codes per beat, this program serves 0 or more"]
    if spec.codes == 0:
        return []
    problems = [
        f"codes and a {what} of {steps} steps, this program serves whole beats of {STEPS_PER_BEAT} then"
        for what, steps in (("context", spec.context_steps), ("plan", spec.plan_steps))
        if steps % STEPS_PER_BEAT
    ]
    if spec.lag_steps:
        problems.append(f"codes and a lag of {spec.lag_steps} steps, this program serves codes with a lag of 0")
    names = (spec.melody_input, spec.noise_input, spec.codes_input, spec.moment_input)
    if len(set(names)) != len(names) or spec.output == spec.codes_output:
        problems.append("one name for two inputs or outputs")
    return problems


BAND = (
    TrackSpec(name="bass", program=33, channel=0, lowest=28, highest=57, polyphony=1, velocity=84),
    TrackSpec(name="piano", program=0, channel=1, lowest=36, highest=88, polyphony=5, velocity=72),
    TrackSpec(name="strings", program=48, channel=2, lowest=40, highest=91, polyphony=3, velocity=64),
)
"""The house ensemble. Sources name their parts after it: see `training.read`."""

LIVE_BAND = (
    *BAND,
    TrackSpec(name="drums", program=0, channel=DRUM_CHANNEL, lowest=35, highest=81, polyphony=6, velocity=80),
)
"""The ensemble of the live model: the house ensemble and a drummer on General MIDI's drum notes."""
