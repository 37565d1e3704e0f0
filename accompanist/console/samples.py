"""What a run played at its sampled epochs: the same melodies each time."""

from __future__ import annotations

from pathlib import Path

import msgspec

from accompanist.console.songs import ToldSong, told
from accompanist.console.sounds import Sounds
from accompanist.music import midifile
from accompanist.runs import RunFolder


class Samples(msgspec.Struct, frozen=True):
    """What there is to hear.

    Args:
        epochs: Sampled ones, ascending; 0 before any training.
        melodies: Names of their files, without ending.
    """

    epochs: list[int]
    melodies: list[str]


def samples_of(run: RunFolder) -> Samples:
    """What a run has to hear."""
    epochs = run.sampled()
    melodies = {path.stem for epoch in epochs[-1:] for path in epoch.path.glob("*.mid")}
    return Samples([epoch.epoch for epoch in epochs], sorted(melodies))


def sample_at(run: RunFolder, epoch: str, melody: str) -> Path | None:
    """The MIDI file of a melody at an epoch; None where there is none.

    Args:
        run: Any run.
        epoch: As the address has it.
        melody: Name of the file, without ending.
    """
    for sampled in run.sampled():
        if str(sampled.epoch) == epoch:
            return next((path for path in sampled.path.glob("*.mid") if path.stem == melody), None)
    return None


def song_of(sample: Path) -> ToldSong:
    """The song for the roll.

    Raises:
        BadMidi: the file is damaged.
    """
    return told(midifile.read(sample))


def sound_of(sample: Path, sounds: Sounds) -> Path:
    """Its sound: what training rendered, where that is still there.

    Raises:
        BadMidi: the file is damaged.
        StorageError: the sound cannot be written.
    """
    rendered = sample.with_suffix(".wav")
    return rendered if rendered.is_file() else sounds.of(midifile.read(sample))
