"""Those whose time `timing.py` measures, each in a process of its own: Accompanist, and its peers.

    python timing_players.py jack|rtmidi|isobar|mido|polling [--infer] [--log FILE] --seconds 20

All play the same: a chord of three notes every sixteenth at 240 BPM. Says {"out": PORT, "in": PORT} when it is there,
begins on the line "go", and on "stop" says {"due": [[second, hex bytes, left], ...], "inferences": N}: when each
note-on should have left, on the machine's monotonic clock, and when the player says it did (null: it does not know).

Accompanist is the program's own engine, loop, ports and threads with their priorities, its answers ready-made so that
what it should play is known; it begins with the player's first note, and sends the player's melody on. `--infer`: the
shipped model computes without a pause in a second thread of the process, whoever plays.
isobar is not among the project's requirements: pip install isobar==0.2.1
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import mido
import msgspec
import numpy as np

from accompanist.config import EngineConfig, ServeConfig
from accompanist.engine.engine import Engine
from accompanist.engine.part import parts_of
from accompanist.engine.player import THRU_TRACK
from accompanist.engine.protocol import Answer, Job, Planned
from accompanist.music.note import Note
from accompanist.music.question import Question
from accompanist.music.spec import ModelSpec
from accompanist.runtime.clock import MonotonicClock
from accompanist.runtime.infer import Session
from accompanist.runtime.installed import default_model_path
from accompanist.runtime.log_records import Header
from accompanist.runtime.loop import Inbox, Loop
from accompanist.runtime.performance_log import Item, PerformanceLog, Sent
from accompanist.runtime.realtime import punctual_process
from accompanist.runtime.systems import open_system
from accompanist.runtime.telemetry import Telemetry
from accompanist.runtime.wiring import Wires

BPM, STEP_TICKS = 240, 120
STEP_S = 60 / BPM / 4
NOTE_S = STEP_S * 0.6
CHORD = (40, 55, 64)
"""One note a track: in the range of bass, piano and strings."""
_AHEAD_S = 0.05  # between "go" and a peer's first note

Due = list[tuple[float, str, float | None]]


class Model:
    """The shipped model, computing without a pause in a thread of its own."""

    def __init__(self) -> None:
        self._session = Session(default_model_path())
        self._session.warm_up()
        self._over = False
        self.inferences = 0
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._over = True
        self._thread.join()

    def _work(self) -> None:
        spec = self._session.spec
        melody = np.zeros((2, spec.melody_steps, 128), np.bool_)
        melody[:, ::2, 60] = True
        while not self._over:
            self._session.run(Question(melody), seed=self.inferences)
            self.inferences += 1


def say(**values: object) -> None:
    """A line for whoever runs us."""
    print(json.dumps(values), flush=True)


def wait_for(word: str) -> None:
    """Wait until we are told to go on."""
    for line in sys.stdin:
        if line.strip() == word:
            return


def chords(job: Job, steps: int) -> tuple[Planned, ...]:
    """A chord on every sixteenth of a plan."""
    starts = range(job.plan_tick, job.plan_tick + steps * STEP_TICKS, STEP_TICKS)
    length = round(STEP_TICKS * NOTE_S / STEP_S)
    return tuple(Planned(i, Note(start, pitch, start + length)) for start in starts for i, pitch in enumerate(CHORD))


def accompanist(backend: str, model: Model | None, log_path: Path | None, _seconds: float) -> None:
    """The program itself, between its ports and ready-made answers."""
    clock, inbox, telemetry = MonotonicClock(), Inbox(), Telemetry()
    spec = Session(default_model_path()).spec
    system = open_system(backend, clock)
    sent: list[Sent] = []
    file = PerformanceLog(log_path, clock, print) if log_path is not None else None

    def log(item: Item) -> None:
        if isinstance(item, Sent):
            sent.append(item)
        if file is not None:
            file.put(item)

    def ask(job: Job) -> None:
        inbox.receive(Answer(clock.now(), job, chords(job, spec.plan_steps), 0.0))

    with punctual_process():
        serve = msgspec.convert({"in": "Keyboard", "out": "DAW", "thru": True}, ServeConfig)
        parts = parts_of(spec, serve)
        wires = Wires(system, spec, serve, parts)
        engine = Engine(spec, EngineConfig(bpm=BPM), thru=True, ahead_s=wires.ahead_s, parts=parts)
        loop = Loop(
            engine, clock, inbox, wires.outputs, ask=ask, telemetry=telemetry, advance_s=wires.advance_s, log=log
        )  # fmt: skip
        thread = threading.Thread(target=loop.run)
        thread.start()
        melody, _ = wires.listen(clock, inbox)
        if model is not None:
            model.start()
        if file is not None:
            file.begin(header(spec, melody))
        say(out=wires.band_names[0], **{"in": melody})
        wait_for("stop")
        loop.stop()
        thread.join()
        if model is not None:
            model.stop()
        wires.close()
        system.close()
    if file is not None:
        file.close()
    due = [
        (item.message.due_s, item.message.data.hex(), item.at_s)
        for item in sent
        if item.message.track != THRU_TRACK and item.message.data[0] & 0xF0 == 0x90
    ]
    say(due=due, inferences=model.inferences if model else 0, summary=telemetry.summary()._asdict())


def header(spec: ModelSpec, melody: str) -> Header:
    """The performance log's; its thread begins with it."""
    names = {"program": "benchmark", "started": "", "model": "", "trained": "", "provider": "", "system": ""}
    ports = {"melody_port": melody, "clock_port": None, "band_ports": (), "follows_clock": False}
    numbers = {"inference_s": 0.0, "bpm": float(BPM), "beats_per_bar": 4, "ticks_per_beat": 480, "seed": 0}
    tracks = tuple(track.name for track in spec.tracks)
    return msgspec.convert(
        {"record": "header", "kind": spec.kind, "tracks": tracks, **names, **ports, **numbers}, Header
    )


def peer(opened: Callable[[], Callable[[float], Due]], name: str, model: Model | None, seconds: float) -> None:
    """A peer that plays chords to a port of its own from the word "go" on."""
    play = opened()
    if model is not None:
        model.start()
    say(out=f"RtMidiOut Client:{name}", **{"in": ""})
    wait_for("go")
    due = play(seconds)
    wait_for("stop")
    if model is not None:
        model.stop()
    say(due=due, inferences=model.inferences if model else 0)


def grid(begin_s: float, seconds: float) -> Due:
    """Every note-on of a peer's performance."""
    return [
        (begin_s + step * STEP_S, bytes((0x90 | i, pitch, 80)).hex(), None)
        for step in range(int(seconds / STEP_S))
        for i, pitch in enumerate(CHORD)
    ]


def with_isobar() -> Callable[[float], Due]:
    """Isobar's timeline on its own clock, in its own thread."""
    import isobar  # noqa: PLC0415 (only where it is measured)
    from isobar.timelines import clock as isobar_clock  # noqa: PLC0415

    began: list[float] = []
    device = isobar.MidiOutputDevice("isobar", virtual=True)

    def now() -> float:  # isobar counts the seconds of time.time; ours are monotonic, and it begins with its first look
        began.append(time.monotonic()) if not began else None
        return time.monotonic()

    def play(seconds: float) -> Due:
        isobar_clock.time = SimpleNamespace(time=now, sleep=time.sleep)
        timeline = isobar.Timeline(BPM / 2, output_device=device)
        for i, pitch in enumerate(CHORD):
            notes = isobar.PSequence([pitch], int(seconds / STEP_S))
            timeline.schedule(
                {"note": notes, "duration": 1 / 8, "gate": NOTE_S / STEP_S, "channel": i, "amplitude": 80}
            )
        timeline.background()
        time.sleep(seconds + 1)
        timeline.stop()
        return grid(began[0] + 60 / (BPM / 2) / timeline.ticks_per_beat, seconds)  # it lets one tick pass first

    return play


def with_mido() -> Callable[[float], Due]:
    """A MIDI file, by `MidiFile.play`."""
    port = mido.open_output("mido", virtual=True)
    began: list[float] = []

    def now() -> float:
        began.append(time.monotonic())
        return began[-1]

    def play(seconds: float) -> Due:
        for message in song(seconds).play(now=now):
            port.send(message)
        return grid(began[0], seconds)

    return play


def song(seconds: float) -> mido.MidiFile:
    """The chords as a file."""
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(BPM)))
    length = round(STEP_TICKS * NOTE_S / STEP_S)
    for step in range(int(seconds / STEP_S)):
        for kind, wait in (("note_on", STEP_TICKS - length if step else 0), ("note_off", length)):
            for i, pitch in enumerate(CHORD):
                track.append(mido.Message(kind, channel=i, note=pitch, velocity=80, time=0 if i else wait))
    return file


def with_polling() -> Callable[[float], Due]:
    """The loop everybody writes first: look every 5 ms, send what is due, sleep."""
    port = mido.open_output("polling", virtual=True)

    def play(seconds: float) -> Due:
        due = grid(time.monotonic() + _AHEAD_S, seconds)
        waiting = [(at_s, bytes.fromhex(data)) for at_s, data, _ in due]
        waiting += [(at_s + NOTE_S, bytes((data[0] & 0x8F, data[1], 0))) for at_s, data in waiting]
        waiting.sort(reverse=True)
        while waiting:
            now_s = time.monotonic()
            while waiting and waiting[-1][0] <= now_s:
                port.send(mido.Message.from_bytes(waiting.pop()[1]))
            time.sleep(0.005)
        return due

    return play


PEERS = {"isobar": with_isobar, "mido": with_mido, "polling": with_polling}


def main() -> None:
    """Play as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("who", choices=["jack", "rtmidi", *PEERS])
    parser.add_argument("--infer", action="store_true")
    parser.add_argument("--log", type=Path)
    parser.add_argument("--seconds", type=float, required=True)
    asked = parser.parse_args()
    model = Model() if asked.infer else None
    if asked.who in PEERS:
        mido.set_backend("mido.backends.rtmidi/UNIX_JACK")
        peer(PEERS[asked.who], asked.who, model, asked.seconds)
    else:
        accompanist(asked.who, model, asked.log, asked.seconds)


if __name__ == "__main__":
    main()
