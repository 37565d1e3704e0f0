"""POP909: 818 pop songs arranged for piano, with a melody track (Wang et al., ISMIR 2020).

The MIDI files have three tracks: MELODY, BRIDGE (a second melody that answers the first) and PIANO (the accompaniment).
Their time signatures are wrong, their bar lines unmarked, and the beat grid lies at a constant, non-zero phase. So the
bars come from `derived_bars.json`, which was aligned note by note with a hand-made annotation of the songs' structure.

How PIANO is shared out: see `split_piano`.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import symusic

from accompanist.errors import BadMidi, DataError
from accompanist.music.note import Note, without_doubles
from accompanist.music.time import PPQ, TICKS_PER_STEP
from training.read import (
    LeftOut,
    Progress,
    Song,
    estimated_mode,
    mean_bpm,
    notes_of,
    one_at_a_time,
    parse_midi,
    tempo_class,
)
from training.sources.archive import Archived, open_zip, read_member

TICKS_PER_BAR = 4 * PPQ
BASS_CEILING = 54
"""Highest pitch of PIANO that is taken for bass: F#3.

Measured against the chord annotation on every eighth song: with F#3 the bass sounds the chord's root (or its written
bass) 97 % of its time, 91 % of its notes begin on it, and 3 % of its leaps are wider than an octave. With A3 these are
95 %, 84 % and 12 %: upper notes of broken chords get taken for bass. With E3 it is silent more often, for little gain.
"""


@dataclass(frozen=True, slots=True)
class Pop909(Archived):
    """The source `pop909`."""

    name: str = "pop909"
    origin: str = "POP909 with its derived_bars.json"
    about: str = "818 pop songs for piano with a melody track; 736 of them in 4/4 with sure bar lines are read"
    licence: str = "MIT"
    reader: str = "3"

    def read(self, progress: Progress) -> Iterator[Song | LeftOut]:
        """Every song straight from the archive, which is never unpacked.

        Raises:
            DataError: the archive is missing, damaged or has no derived_bars.json.
        """
        path = self.archive()
        with open_zip(path) as archive:
            members = set(archive.namelist())
            try:
                grids: dict[str, dict[str, Any]] = json.loads(read_member(archive, "POP909/derived_bars.json"))
            except (BadMidi, ValueError) as error:
                raise DataError(
                    f"{path} has no readable POP909/derived_bars.json, which holds the bar lines: {error}",
                    hint="get the archive that holds derived_bars.json",
                ) from error
            for done, (number, grid) in enumerate(sorted(grids.items())):
                progress(self.name, done, len(grids))
                yield self._song(archive, members, number, grid)
            progress(self.name, len(grids), len(grids))

    def _song(self, archive: zipfile.ZipFile, members: set[str], number: str, grid: dict[str, Any]) -> Song | LeftOut:
        """One song, or why it is left out."""
        midi, key = f"POP909/{number}/{number}.mid", f"POP909/{number}/key_audio.txt"
        try:
            if grid["quality"] != "ok":
                return LeftOut(number, f"bar lines are not sure: {grid['quality']}")
            score = parse_midi(read_member(archive, midi))
            annotation = read_member(archive, key).decode() if key in members else ""
            return song_of(number, score, grid, annotation)
        except BadMidi as error:
            return LeftOut(number, error.message)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            return LeftOut(number, f"its grid or its annotation is malformed: {type(error).__name__} {error}")


def song_of(number: str, score: symusic.Score, grid: dict[str, Any], key_annotation: str = "") -> Song | LeftOut:
    """One song on the project's grid.

    The first bar becomes tick 0, or a later bar line where notes come before it.

    Args:
        number: Three digits, the song's name.
        score: In the file's own ticks.
        grid: The song's entry in derived_bars.json.
        key_annotation: Text of key_audio.txt: start and end second and key, such as Gb:maj, on each line.
    """
    tracks = {track.name: track for track in score.tracks}
    missing = [name for name in ("MELODY", "BRIDGE", "PIANO") if name not in tracks]
    if missing:
        return LeftOut(number, f"no track named {' or '.join(missing)}; it has {', '.join(tracks) or 'none'}")
    origin = float(grid["bar_start_ticks"][0])
    first = min((track.notes.numpy()["time"].min() for track in score.tracks if len(track.notes)), default=0)
    half_step = score.ticks_per_quarter / 8  # a note that much early still rounds to the bar line
    early_bars = max(0, math.ceil((origin - first - half_step) / (4 * score.ticks_per_quarter)))
    shift = early_bars * TICKS_PER_BAR
    melody, bridge, piano = (
        without_doubles(
            notes_of(tracks[name], ticks_per_quarter=score.ticks_per_quarter, origin=origin, shift_ticks=shift)
        )
        for name in ("MELODY", "BRIDGE", "PIANO")
    )
    if not melody:
        return LeftOut(number, "the MELODY track is empty")
    # Bars lie whole sixteenths apart; the archive rounds them to hundredths of a tick.
    steps = [round((tick - origin) / grid["ticks_per_16th"]) for tick in grid["bar_start_ticks"]]
    starts = [step * TICKS_PER_STEP + shift for step in steps]
    bass, chords = split_piano(piano)
    tags = {
        "source": "pop909",
        "meter": grid["time_signature"],
        "mode": annotated_mode(key_annotation) or estimated_mode([melody, bridge, piano]),
        "tempo": tempo_class(mean_bpm(score)),
        "style": "pop",
    }
    parts = {"bass": tuple(bass), "piano": tuple(chords), "strings": tuple(bridge)}
    return Song(number, "pop909", tags, tuple(melody), parts, (*starts, starts[-1] + TICKS_PER_BAR))


def split_piano(piano: list[Note]) -> tuple[list[Note], list[Note]]:
    """The left hand's bass line, and the rest.

    A note is bass where it is the lowest of those that begin on its sixteenth, nothing lower still sounds from before
    (so that the upper notes of a broken chord over a held root stay with the piano), and it is at or below
    `BASS_CEILING` (so that a right hand playing alone is no bass). A bass note ends where the next begins.

    Args:
        piano: Sorted notes of PIANO.

    Returns:
        Bass and rest, each sorted.
    """
    bass: list[Note] = []
    rest: list[Note] = []
    by_step: dict[int, list[Note]] = {}
    for note in piano:
        by_step.setdefault((note.start_tick + TICKS_PER_STEP // 2) // TICKS_PER_STEP, []).append(note)
    sounding: list[Note] = []
    for step, starting in sorted(by_step.items()):
        # Half a sixteenth of overlap is the playing of a legato, not a note held below.
        sounding = [note for note in sounding if note.end_tick > (step + 0.5) * TICKS_PER_STEP]
        lowest = min(starting, key=lambda note: note.pitch)
        if lowest.pitch <= BASS_CEILING and all(note.pitch >= lowest.pitch for note in sounding):
            bass.append(lowest)
            rest += [note for note in starting if note is not lowest]
        else:
            rest += starting
        sounding += starting
    return one_at_a_time(bass), sorted(rest)


def annotated_mode(text: str) -> str | None:
    """Major or minor, whichever the key annotation holds for longer; None where it says neither."""
    seconds: Counter[str] = Counter()
    for line in text.splitlines():
        fields = line.split()
        if len(fields) == 3 and fields[2].endswith((":maj", ":min")):
            mode = "major" if fields[2].endswith(":maj") else "minor"
            seconds[mode] += float(fields[1]) - float(fields[0])  # type: ignore[assignment]
    return max(seconds, key=lambda mode: seconds[mode]) if seconds else None
