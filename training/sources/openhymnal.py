"""Open Hymnal: 284 hymns in ABC notation, nearly all for four voices (openhymnal.org).

The soprano is the melody, the bass the bass; alto and tenor together are the piano. Repeats are not played out. Only
major keys are named, whatever the mode, so that is estimated. Hymns to one tune are one family.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from accompanist.errors import BadMidi, DataError
from accompanist.music.note import top_line, without_doubles
from training.read import LeftOut, Progress, Song, estimated_mode, one_at_a_time, tempo_class
from training.sources.abc_notation import AbcScore, parse_abc
from training.sources.archive import Archived, open_zip, read_member
from training.sources.measures import bar_lines

VOICES = ("S1V1", "S1V2", "S2V1", "S2V2")
"""Soprano, alto, tenor and bass, as the files call them: two staves of two voices."""
METERS = {"4/4": "4/4", "2/2": "4/4", "3/4": "3/4", "2/4": "2/4"}
"""The meters that are read, and what they count as."""


@dataclass(frozen=True, slots=True)
class OpenHymnal(Archived):
    """The source `openhymnal`."""

    name: str = "openhymnal"
    origin: str = "the Open Hymnal's ABC files as a zip file"
    about: str = "284 hymns; the 231 for four voices in 4/4, 3/4 or 2/4 are read"
    licence: str = "public domain"
    reader: str = "1"

    def read(self, progress: Progress) -> Iterator[Song | LeftOut]:
        """Every hymn straight from the archive, which is never unpacked.

        Raises:
            DataError: the archive is missing or damaged.
        """
        with open_zip(self.archive()) as archive:
            members = sorted(name for name in archive.namelist() if name.endswith(".abc"))
            for done, member in enumerate(members):
                progress(self.name, done, len(members))
                yield _hymn(archive, member)
            progress(self.name, len(members), len(members))


def _hymn(archive: zipfile.ZipFile, member: str) -> Song | LeftOut:
    name = PurePosixPath(member).stem
    try:
        # Some files are in Latin 1, but only their words differ by that, which are not read.
        return song_of(name, parse_abc(read_member(archive, member).decode("latin-1")))
    except (BadMidi, DataError) as error:
        return LeftOut(name, error.message)


def song_of(name: str, score: AbcScore) -> Song | LeftOut:
    """One hymn, or why it is left out.

    Args:
        name: Title and tune, such as Amazing_Grace-New_Britain.
        score: What its file says.
    """
    if set(score.voices) != set(VOICES):
        return LeftOut(name, f"needs the four voices {', '.join(VOICES)}; has {', '.join(score.voices) or 'none'}")
    strange = sorted({meter or "no meter" for meter in score.meters} - set(METERS))
    if strange:
        return LeftOut(name, f"in {', '.join(strange)}; read are {', '.join(METERS)}")
    soprano, alto, tenor, bass = (score.voices[voice] for voice in VOICES)
    lengths = {sum(ticks for ticks, _ in voice.measures) for voice in (soprano, alto, tenor, bass)}
    if len(lengths) > 1:  # a bar line that one voice lacks is no matter
        return LeftOut(name, "its voices are not equally long")
    if not soprano.notes:
        return LeftOut(name, "the soprano is empty")
    shift_ticks, bars = bar_lines(soprano.measures)
    melody, low, inner = (
        tuple(note.shifted(shift_ticks) for note in line)
        for line in (
            top_line(soprano.notes),
            one_at_a_time(bass.notes),
            without_doubles([*alto.notes, *tenor.notes]),
        )
    )
    tags = {
        "source": "openhymnal",
        "meter": METERS[score.meters[0]],
        "mode": estimated_mode([melody, low, inner]),
        "style": "hymn",
        "family": tune_of(name),
    }
    if score.bpm:
        tags["tempo"] = tempo_class(score.bpm)
    return Song(name, "openhymnal", tags, melody, {"bass": low, "piano": inner}, tuple(bars))


def tune_of(name: str) -> str:
    """The tune's usual name, without what tells its versions apart: New_Britain, from Amazing_Grace-New_Britain."""
    tune = name.split("-")[1] if "-" in name else name
    return re.sub(r"_(\d+|(iso)?rhythmic)$", "", tune.casefold())
