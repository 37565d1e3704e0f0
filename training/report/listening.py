"""The same melodies at each sampled epoch: pictures and sound, as they stand in a run's `samples`."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from accompanist.errors import DataError
from accompanist.runs import RunFolder, SampledEpoch
from training.read import Progress, silent
from training.report.sound import as_mp3

MOST_EPOCHS = 24
"""Of two melodies these are some 8 MB; of a longer run the first, the last, the best and others between are taken."""


class Take(NamedTuple):
    """One melody at one epoch.

    Args:
        title: Such as "epoch 4".
        epoch: None: what people play.
        best: Whether this epoch's checkpoint is the best.
        picture: PNG as a data URI; empty where there is none.
        sound: MP3 as a data URI; empty where there is none.
    """

    title: str
    epoch: int | None
    best: bool
    picture: str
    sound: str


class Melody(NamedTuple):
    """One melody through the epochs.

    Args:
        name: Of its song.
        takes: By epoch, and what people play last.
    """

    name: str
    takes: list[Take]


def melodies(run: RunFolder, best_epoch: int | None, *, progress: Progress = silent) -> list[Melody]:
    """All that there is to hear.

    Args:
        run: The run.
        best_epoch: Of its best checkpoint.
        progress: Told while sound is made smaller.
    """
    folders: list[tuple[int | None, Path]] = [(each.epoch, each.path) for each in chosen(run.sampled(), best_epoch)]
    if (people := run.samples / "people").is_dir():
        folders.append((None, people))
    stems = sorted({file.stem for _, folder in folders for file in folder.glob("*.mid")})
    found = []
    done, total = 0, len(stems) * len(folders)
    for stem in stems:
        takes = []
        for epoch, folder in folders:
            title = "people" if epoch is None else f"epoch {epoch}"
            picture, sound = folder / f"{stem}.png", folder / f"{stem}.wav"
            takes.append(
                Take(
                    title,
                    epoch,
                    epoch is not None and epoch == best_epoch,
                    _uri("image/png", picture.read_bytes()) if picture.is_file() else "",
                    _sound(sound) if sound.is_file() else "",
                )
            )
            done += 1
            progress("samples", done, total)
        found.append(Melody(re.sub(r"^\d+-", "", stem), takes))
    return found


def chosen(sampled: Sequence[SampledEpoch], best_epoch: int | None, most: int = MOST_EPOCHS) -> list[SampledEpoch]:
    """Few enough of the epochs: the first, the last, the best, and others evenly between."""
    if len(sampled) <= most:
        return list(sampled)
    keep = set(np.linspace(0, len(sampled) - 1, most - 1).round().astype(int).tolist())
    keep |= {at for at, each in enumerate(sampled) if each.epoch == best_epoch}
    return [sampled[at] for at in sorted(keep)]


def _sound(path: Path) -> str:
    """A sound as a data URI; a damaged one is no reason to have no report."""
    with suppress(DataError):
        return _uri("audio/mpeg", as_mp3(path))
    return ""


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
