"""The process that reads MIDI files and accompanies them: `python -m accompanist.console.compose.worker`.

One question on each line of the standard input, one answer on each of the standard output, both JSON. It ends with its
input, so that none is left behind whatever becomes of the console; and it gives way to everything else on the machine.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
from functools import lru_cache
from pathlib import Path

import msgspec

from accompanist.config import EngineConfig
from accompanist.errors import AccompanistError, BadMidi, DataError
from accompanist.music import midifile
from accompanist.music.song import MidiSong, MidiTrack, melody_track
from accompanist.music.time import Meter
from accompanist.runtime.arrange import Wish, arrange
from accompanist.runtime.infer import Session

MOST_BEATS = 4000
"""Half an hour at 130 BPM: what a person waits for."""
_GIVE_WAY = 10


class Read(msgspec.Struct, tag="read", forbid_unknown_fields=True):
    """What is in a file?"""

    midi: bytes


class Arrange(msgspec.Struct, tag="arrange", forbid_unknown_fields=True):
    """Accompany a melody.

    Args:
        midi: The file it is in.
        track: Index of the melody among the file's parts.
        model: Path of the model.
        settings: The engine's, the seed among them.
        wish: What the band is asked for.
    """

    midi: bytes
    track: int
    model: str
    settings: EngineConfig
    wish: Wish


class Found(msgspec.Struct, tag="found"):
    """What a file holds.

    Args:
        tracks: Name and number of notes of each part.
        melody: Index of the one most likely to be the melody.
        meter: The first time signature.
    """

    tracks: list[tuple[str, int]]
    melody: int
    meter: str


class Made(msgspec.Struct, tag="made"):
    """What was made of it.

    Args:
        midi: Melody and band.
        bars: Its length.
        inference_ms: Median of the model's answers.
    """

    midi: bytes
    bars: int
    inference_ms: float


class Failed(msgspec.Struct, tag="failed"):
    """Why not."""

    message: str
    hint: str
    damaged: bool = False


def answer(question: Read | Arrange) -> Found | Made | Failed:
    """What a question is answered with; never raises for what a file may hold."""
    try:
        song = midifile.parse(question.midi)
        return _found(song) if isinstance(question, Read) else _made(song, question)
    except AccompanistError as error:
        return Failed(error.message, error.hint, isinstance(error, BadMidi))


def _found(song: MidiSong) -> Found:
    melody = melody_track(song)
    _, beats, unit = song.meters[0]
    return Found([(track.name, len(track.notes)) for track in song.tracks], melody, str(Meter(beats, unit)))


def _made(song: MidiSong, question: Arrange) -> Made:
    if not 0 <= question.track < len(song.tracks) or not song.tracks[question.track].notes:
        raise DataError(f"there is no melody in part {question.track + 1} of {len(song.tracks)}", hint="choose another")
    melody = song.tracks[question.track]
    beats = max(note.end_tick for note in melody.notes) // song.ppq
    if beats > MOST_BEATS:
        raise DataError(
            f"the melody lasts {beats} beats; up to {MOST_BEATS} are accompanied here",
            hint="for longer ones: accompanist accompany IN -o OUT",
        )
    alone = MidiSong((_named(melody),), song.tempo, song.meters)
    made = arrange(_session(question.model), alone, question.settings, mode="file", wish=question.wish)
    took_s = statistics.median(made.performance.inference_s or [0.0])
    try:
        return Made(midifile.render(made.song), made.bars, round(1000 * took_s, 2))
    except ValueError as error:
        raise DataError(f"its accompaniment fits in no MIDI file: {error}") from error


def _named(melody: MidiTrack) -> MidiTrack:
    return MidiTrack(melody.name or "melody", melody.notes, melody.program, melody.channel)


@lru_cache(maxsize=2)
def _session(model: str) -> Session:
    return Session(Path(model))


def main() -> None:
    """Answer until the input ends."""
    with contextlib.suppress(AttributeError, OSError):
        os.nice(_GIVE_WAY)
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints must not come between the answers
    ask: msgspec.json.Decoder[Read | Arrange] = msgspec.json.Decoder(Read | Arrange)
    for line in sys.stdin.buffer:
        out.write(msgspec.json.encode(answer(ask.decode(line))) + b"\n")
        out.flush()


if __name__ == "__main__":
    main()
