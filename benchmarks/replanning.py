"""Whether a model plays better when it is asked more often: whole held-out songs through the engine, live.

python benchmarks/replanning.py [--model M] [--data pop909] [--songs 20] [--replan-steps 32 16 4] [--seed 0] [--json]

Each song's melody is played to the very engine that `serve` runs, in simulated time and with answers at once, once for
each distance between plans. What sounded is scored beside the melody of the same bars, from the third bar on.
`restruck`: notes that begin as one of their pitch and track ends, of all notes; `beats_between_changes`: how long the
set of pitch classes that sound on the beat stays the same.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accompanist.config import EngineConfig, TrainConfig, load_config
from accompanist.music.note import Note
from accompanist.music.roll import HELD, ONSET, BoolRoll, decode, encode, pitch_classes
from accompanist.music.time import STEPS_PER_BEAT, TICKS_PER_STEP, TempoMap
from accompanist.runtime.infer import Session
from accompanist.runtime.installed import default_model_path
from accompanist.runtime.simulate import perform
from training import catalog
from training.metrics import score
from training.windows import WindowSet

SHOWN = ("note_in_chord", "note_in_chord_chance", "coupling", "pitch_classes_per_beat", "onsets_per_bar", "restruck",
         "beats_between_changes", "piano.qualified_note_rate")  # fmt: skip


def melodies(windows: WindowSet, songs: int, seed: int) -> list[BoolRoll]:
    """Melodies of whole songs, from their first window to the end of their last: (2 planes, steps, 128) each."""
    found = []
    for song in np.random.default_rng(seed).permutation(len(windows.songs))[:songs]:
        mine = windows.start_of[windows.song_of == song]
        begin, end = int(mine.min()), int(mine.max()) + windows.window_steps
        bits = np.unpackbits(windows.rolls[begin:end, 0], axis=-1).view(np.bool_)  # step, plane, pitch
        steps = (end - begin) // windows.window_steps * windows.window_steps
        found.append(np.ascontiguousarray(bits[:steps].transpose(1, 0, 2)))
    return found


def cut(roll: NDArray[np.bool_], length: int) -> NDArray[np.bool_]:
    """(..., steps, 128) as windows, (N, ..., length, 128), the first left out: there the band listens."""
    *front, steps, pitches = roll.shape
    parts = roll.reshape(*front, steps // length, length, pitches)
    return np.moveaxis(parts, len(front), 0)[1:]


def played(session: Session, melody: BoolRoll, settings: EngineConfig) -> tuple[list[list[Note]], NDArray[np.bool_]]:
    """A song's accompaniment: notes of each track, and as rolls (tracks, 2 planes, steps, 128)."""
    steps = melody.shape[1]
    tempo = TempoMap.constant(settings.bpm)
    performance = perform(session, decode(melody), tempo, settings, end_tick=steps * TICKS_PER_STEP)
    return list(performance.notes), np.stack([encode(notes, steps) for notes in performance.notes])


def restruck(tracks: list[list[Note]]) -> tuple[int, int]:
    """Notes that begin as one of their pitch ends, and all notes."""
    again = 0
    for notes in tracks:
        ends = {(note.pitch, note.end_tick) for note in notes}
        again += sum((note.pitch, note.start_tick) in ends for note in notes)
    return again, sum(map(len, tracks))


def changes(roll: NDArray[np.bool_]) -> tuple[int, int]:
    """How often what sounds on a beat has other pitch classes than on the one before, and how many beats there are."""
    on_beat = pitch_classes((roll[:, HELD] | roll[:, ONSET])[:, ::STEPS_PER_BEAT].any(axis=0))
    return int((on_beat[1:] != on_beat[:-1]).any(axis=-1).sum()), len(on_beat) - 1


def measure(session: Session, songs: list[BoolRoll], replan_steps: int, seed: int) -> dict[str, float]:
    """All metrics for one distance between plans."""
    settings = EngineConfig(replan_steps=replan_steps, seed=seed)
    heard, band = [], []
    again = notes = changed = beats = 0
    for melody in songs:
        tracks, roll = played(session, melody, settings)
        heard.append(cut(melody, session.spec.plan_steps))
        band.append(cut(roll, session.spec.plan_steps))
        here, there = restruck(tracks)
        again, notes = again + here, notes + there
        here, there = changes(roll)
        changed, beats = changed + here, beats + there
    found = score(np.concatenate(heard), np.concatenate(band), [track.name for track in session.spec.tracks])
    return {**found, "restruck": again / max(notes, 1), "beats_between_changes": beats / max(changed, 1)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=default_model_path())
    parser.add_argument("--data", default="pop909")
    parser.add_argument("--songs", type=int, default=20, help="of the test split, drawn by seed")
    parser.add_argument("--replan-steps", type=int, nargs="+", default=[32, 16, 4])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    splits = catalog.load(TrainConfig(data=(asked.data,)), load_config(None).data)
    session = Session(asked.model)
    songs = melodies(splits.test, asked.songs, asked.seed)
    found = {str(steps): measure(session, songs, steps, asked.seed) for steps in asked.replan_steps}
    if asked.json:
        print(json.dumps(found))
        return
    first = next(iter(found.values()))
    print(f"{'replan_steps':32}" + "".join(f"{steps:>12}" for steps in found))
    for name in [*SHOWN, *(name for name in first if name not in SHOWN)]:
        print(f"{name:32}" + "".join(f"{values[name]:12.3f}" for values in found.values()))


if __name__ == "__main__":
    main()
