"""Groove: 1,150 performances of ten drummers, human in timing and loudness (Gillick et al., ICML 2019). Drums alone.

All was played to a metronome that began with the file, so bars are counted from tick 0 by the meter that `info.csv`
names. Strokes keep the moment at which they were played. The drums become those of `training.sources.kit`.

Takes of one groove are alike: a drummer's beats and fills of one session, style and tempo are one family, which goes to
one split as a whole. Four drummers played the same ten grooves (`eval_session`): those are families across drummers.
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import symusic

from accompanist.errors import BadMidi, DataError
from accompanist.music.time import PPQ, TICKS_PER_STEP
from training.read import LeftOut, Progress, Song, notes_of, parse_midi, tempo_class
from training.sources.archive import Archived, open_zip, read_member
from training.sources.kit import DRUMS, on_kit

TABLE = "groove/info.csv"
BEATS_PER_BAR = {"4-4": 4, "3-4": 3}
"""The meters that are read, as the table writes them."""
SAME_FOR_ALL = "eval_session"
"""The session in which several drummers played the same grooves."""


@dataclass(frozen=True, slots=True)
class Groove(Archived):
    """The source `groove`."""

    name: str = "groove"
    origin: str = "the Groove MIDI Dataset (MIDI only)"
    about: str = "1,150 drum performances by ten drummers, no melody; the 1,143 in 4/4 or 3/4 are read"
    licence: str = "CC BY 4.0"
    reader: str = "1"

    def read(self, progress: Progress) -> Iterator[Song | LeftOut]:
        """Every performance straight from the archive, which is never unpacked.

        Raises:
            DataError: the archive is missing, damaged or has no info.csv.
        """
        path = self.archive()
        with open_zip(path) as archive:
            try:
                lines = read_member(archive, TABLE).decode().splitlines()
            except (BadMidi, ValueError) as error:
                raise DataError(
                    f"{path} has no readable {TABLE}, which holds the meters: {error}", hint="get the archive again"
                ) from error
            rows = list(csv.DictReader(lines))
            for done, row in enumerate(rows):
                progress(self.name, done, len(rows))
                yield _performance(archive, row)
            progress(self.name, len(rows), len(rows))


def _performance(archive: zipfile.ZipFile, row: Mapping[str, str]) -> Song | LeftOut:
    """One row of the table with its file, or why it is left out."""
    name = row.get("id") or "a row without id"
    try:
        if row["time_signature"] not in BEATS_PER_BAR:
            meter = row["time_signature"].replace("-", "/")
            return LeftOut(name, f"in {meter}; read are 4/4 and 3/4")
        return song_of(name, parse_midi(read_member(archive, f"groove/{row['midi_filename']}")), row)
    except BadMidi as error:
        return LeftOut(name, error.message)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return LeftOut(name, f"its row in info.csv is malformed: {type(error).__name__} {error}")


def song_of(name: str, score: symusic.Score, row: Mapping[str, str]) -> Song | LeftOut:
    """One performance.

    Args:
        name: Its id, such as drummer1/session1/102.
        score: In the file's own ticks.
        row: Its row in info.csv: session, style, bpm, beat_type and time_signature are looked at.

    Raises:
        KeyError: the row lacks one of these.
        ValueError: its tempo is no number.
    """
    drums = on_kit(
        note
        for track in score.tracks
        if track.is_drum
        for note in notes_of(track, ticks_per_quarter=score.ticks_per_quarter)
    )
    if not drums:
        return LeftOut(name, "no strokes on any piece of the kit")
    session = SAME_FOR_ALL if row["session"].endswith(SAME_FOR_ALL) else row["session"]
    tags = {
        "source": "groove",
        "meter": row["time_signature"].replace("-", "/"),
        "tempo": tempo_class(float(row["bpm"])),
        "style": row["style"].partition("/")[0],
        "take": row["beat_type"],
        "family": f"{session}/{row['style']}/{row['bpm']}",
    }
    bar_ticks = BEATS_PER_BAR[row["time_signature"]] * PPQ
    last_step = (drums[-1].start_tick + TICKS_PER_STEP // 2) // TICKS_PER_STEP
    bars = last_step * TICKS_PER_STEP // bar_ticks + 1
    return Song(name, "groove", tags, (), {DRUMS: drums}, tuple(bar_ticks * bar for bar in range(bars + 1)))
