"""What must hold of what the band plays: where its notes come from, and that closed tracks are silent."""

from __future__ import annotations

from collections.abc import Sequence

from faults.broken import Broken
from faults.device import Device
from faults.hands import means_control

from accompanist.engine.player import THRU_TRACK
from accompanist.engine.protocol import BeatReport, PlanReport, Report, Step
from accompanist.engine.status import Status
from accompanist.music.spec import ModelSpec
from accompanist.music.time import PPQ

MOST_BEATS = 64
"""Beats that notes may come from in the next step: what was settled lately, and some ahead."""
SLACK_S = 1e-6
HEALED_BEATS = 3
"""Settled since an exception in the engine: a command that it left half obeyed is obeyed by then."""


class BandWatch:
    """Sees every step of the engine.

    - A note of the band lies in a beat that was settled since the song last jumped.
    - An answer is taken only where its question was asked since then, and where no newer one was taken before.
    - A track that is muted, or not soloed where another is, begins nothing, and soon nothing of it sounds.
    - A panic ends everything that sounds.
    - A message that is mapped to a control is never sent on.

    Args:
        spec: The model's tracks.
        devices: The device of each track.
    """

    def __init__(self, spec: ModelSpec, devices: dict[int, Device]) -> None:
        self._spec, self._devices = spec, devices
        self.mapped = self.styles = False  # controls are; a style is one of them
        self._settled: dict[int, None] = {}  # first ticks of beats, in order
        self._knows = False  # all beats settled since the last jump were seen
        self._first_job = self._taken_job = -1
        self._jump: tuple[int, int] | None = None  # in this step
        self._step = Step()
        self._closed_since_s: dict[int, float] = {}
        self._beats = HEALED_BEATS  # settled since the last exception

    def threw(self) -> None:
        """What a step said is lost."""
        self._settled.clear()
        self._knows = False
        self._first_job = self._taken_job = -1
        self._jump = None
        self._beats = 0
        self._closed_since_s.clear()
        self._step = Step()

    def jumps(self, reports: int, next_job: int) -> None:
        """The song is about to go on from somewhere else.

        Args:
            reports: So many were made in this step before.
            next_job: Number of the next question.
        """
        self._jump = reports, next_job

    def told(self, step: Step, ahead_s: float) -> None:
        """The engine returned.

        Args:
            step: What it said; nothing of it was sent yet.
            ahead_s: How long before they are due it tells messages.
        """
        self._step = step
        before, self._jump = self._jump, None
        knew = self._knows
        self._follow(step.reports[: before[0]] if before is not None else step.reports)
        earlier = dict(self._settled)
        if before is not None:
            self._settled.clear()
            self._knows, self._first_job = True, before[1]
            self._follow(step.reports[before[0] :])
        for message in step.messages:
            data = message.data
            if message.track >= 0 and data[0] & 0xF0 == 0x90 and knew:
                self._comes_from_a_beat(message.tick, {**earlier, **self._settled})
            elif message.track == THRU_TRACK and self.mapped and means_control(data, styles=self.styles):
                raise Broken(f"{data.hex(' ')} is a control and is sent on")
        while len(self._settled) > MOST_BEATS:
            del self._settled[next(iter(self._settled))]

        if ahead_s == 0 and self._beats >= HEALED_BEATS and _panics(step):
            self._ends_all(step)

    def _ends_all(self, step: Step) -> None:
        """After a panic everything is ended that sounded before."""
        ended = {message.data[:2] for message in step.messages if message.data[0] & 0xF0 == 0x80}
        for device in self._devices.values():
            left = [key for key in device.sounds() if bytes((0x80 | key[0], key[1])) not in ended]
            if left and not device.gone:
                raise Broken(f"{left} of {device.name} go on sounding after a panic")

    def _follow(self, reports: Sequence[Report]) -> None:
        for report in reports:
            if isinstance(report, BeatReport):
                self._settled[report.tick] = None
                self._beats += 1
            elif isinstance(report, PlanReport) and report.outcome != "dropped_answer":
                self._takes(report.job.number)

    def _takes(self, number: int) -> None:
        if number < self._first_job:
            raise Broken(
                f"the answer to {number}, asked before the jump, is taken; {self._first_job} was asked after it"
            )
        if number <= self._taken_job:
            raise Broken(f"the answer to question {number} is taken after that to {self._taken_job}")
        self._taken_job = number

    @staticmethod
    def _comes_from_a_beat(tick: int, settled: dict[int, None]) -> None:
        if tick // PPQ * PPQ not in settled:
            last = list(settled)[-4:]
            raise Broken(f"a note begins at tick {tick}, in a beat not settled since the jump; the last were {last}")

    def _closed(self, status: Status) -> set[int]:
        setting = status.controls
        names = {i: track.name for i, track in enumerate(self._spec.tracks)}
        return {
            i for i, name in names.items() if name in setting.muted or (setting.soloed and name not in setting.soloed)
        }

    def stands(self, status: Status) -> None:
        """The engine said where it stands after its last step."""
        closed = self._closed(status)
        turned = any(event.name == "control" and event.detail[:4] in ("mute", "solo") for event in self._step.events)
        if not turned and self._beats >= HEALED_BEATS:
            for message in self._step.messages:
                if message.track in closed and message.data[0] & 0xF0 == 0x90:
                    raise Broken(f"{message} begins a note of a closed track")

    def sounds_well(self, status: Status, now_s: float, ahead_s: float) -> None:
        """What sounds at the end of a turn."""
        if self._beats < HEALED_BEATS:
            return
        closed = self._closed(status)
        self._closed_since_s = {track: self._closed_since_s.get(track, now_s) for track in closed}
        for track in closed:
            device, channel = self._devices[track], self._spec.tracks[track].channel
            together = {i for i, its in enumerate(self._spec.tracks) if its.channel == channel}
            if device.gone or together - closed:
                continue
            if now_s < max(self._closed_since_s[i] for i in together) + ahead_s + SLACK_S:
                continue
            sounding = [pitch for its, pitch in device.sounding if its == channel]
            if sounding:
                raise Broken(f"{sounding} of the closed track {track} go on sounding")


def _panics(step: Step) -> bool:
    return any(event.name == "control" and event.detail == "panic" for event in step.events)
