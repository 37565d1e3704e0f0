"""How a model's accompaniment measures beside people's, on songs it never saw.

python benchmarks/score_model.py [--model M] [--data pop909] [--split test] [--windows 2000] [--seed 0] [--json]

Every melody window goes through the daemon's own session; what would sound (see `accompanist.music.playable`) is
scored. `file`: the answer beside the window it answers for. `live`: beside the window two bars later, which is when a
model that must hear a window first can play it. `human`, `human late`: the same for the song's own accompaniment.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accompanist.config import TrainConfig, load_config
from accompanist.music.playable import playable_roll
from accompanist.music.question import Question
from accompanist.runtime.infer import Session, noise_seed
from accompanist.runtime.installed import default_model_path
from training import catalog
from training.metrics import score
from training.windows import WindowSet

SHOWN = ("note_in_chord", "note_in_chord_chance", "coupling", "pitch_classes_per_beat", "onsets_per_bar")


def followed(windows: WindowSet, most: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Windows that another of the same song follows without a gap, and those others; `most` of them, drawn by seed."""
    at = {
        (int(song), int(start)): i
        for i, (song, start) in enumerate(zip(windows.song_of, windows.start_of, strict=True))
    }
    step = windows.window_steps
    pairs = [(i, at[song, start + step]) for (song, start), i in at.items() if (song, start + step) in at]
    chosen = np.random.default_rng(seed).permutation(len(pairs))[:most]
    first, second = np.array(pairs, dtype=np.int64)[np.sort(chosen)].T
    return first, second


def answers(session: Session, melody: NDArray[np.bool_], seed: int) -> NDArray[np.bool_]:
    """What would sound to each melody window: (N, tracks, 2 planes, steps, 128)."""
    played = []
    for number, window in enumerate(melody):
        values = session.run(Question(window), seed=noise_seed(seed, number)).values
        played.append(
            [
                playable_roll(track_values, track)
                for track_values, track in zip(values, session.spec.tracks, strict=True)
            ]
        )
    return np.array(played)


def measure(session: Session, windows: WindowSet, *, most: int, seed: int) -> dict[str, dict[str, float]]:
    """All metrics of the four performances."""
    names = [track.name for track in windows.tracks]
    first, second = followed(windows, most, seed)
    melody, human = windows.batch(first)
    next_melody, _ = windows.batch(second)
    band = answers(session, melody, seed)
    return {
        "file": score(melody, band, names),
        "live": score(next_melody, band, names),
        "human": score(melody, human, names),
        "human late": score(next_melody, human, names),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=default_model_path())
    parser.add_argument("--data", default="pop909")
    parser.add_argument("--split", choices=catalog.SPLITS, default="test")
    parser.add_argument("--windows", type=int, default=2000, help="at most so many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    splits = catalog.load(TrainConfig(data=(asked.data,)), load_config(None).data)
    found = measure(Session(asked.model), getattr(splits, asked.split), most=asked.windows, seed=asked.seed)
    if asked.json:
        print(json.dumps(found))
        return
    metrics = [*SHOWN, *(name for name in found["file"] if name not in SHOWN)]
    print(f"{'':32}" + "".join(f"{name:>12}" for name in found))
    for name in metrics:
        print(f"{name:32}" + "".join(f"{values[name]:12.3f}" for values in found.values()))


if __name__ == "__main__":
    main()
