"""OpenEWLD: 502 lead sheets of the public domain, popular songs of 1850 to 1940 and folk songs (Simonetta, 2018).

Melody and chord symbols, read by `training.sources.lead_sheet`. The files' own mode says major nearly everywhere and
their tempo is mostly missing: the mode is estimated, and where there is no tempo there is no such tag. Alla breve
counts as 4/4.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from accompanist.errors import BadMidi, DataError
from training.read import LeftOut, Progress, Song, estimated_mode, tempo_class
from training.sources.archive import Archived, open_zip, read_member
from training.sources.lead_sheet import CHORDS, LeadSheet, parse_lead_sheet

METERS = {"4/4": "4/4", "2/2": "4/4", "3/4": "3/4", "2/4": "2/4"}
"""The meters that are read, and what they count as."""
TRADITIONAL = "[Traditional]"
"""What the archive writes in the place of an author who is nobody."""


@dataclass(frozen=True, slots=True)
class OpenEwld(Archived):
    """The source `openewld`."""

    name: str = "openewld"
    origin: str = "OpenEWLD as a zip file"
    about: str = "502 lead sheets of old popular songs and folk songs: melody and chord symbols, no accompaniment"
    licence: str = "MIT"
    reader: str = "1"

    def read(self, progress: Progress) -> Iterator[Song | LeftOut]:
        """Every sheet straight from the archive, which is never unpacked.

        Raises:
            DataError: the archive is missing or damaged.
        """
        with open_zip(self.archive()) as archive:
            members = sorted(name for name in archive.namelist() if name.endswith(".mxl"))
            for done, member in enumerate(members):
                progress(self.name, done, len(members))
                yield _sheet(archive, member)
            progress(self.name, len(members), len(members))


def _sheet(archive: zipfile.ZipFile, member: str) -> Song | LeftOut:
    authors, title = PurePosixPath(member).parts[-3:-1] if member.count("/") > 1 else ("", PurePosixPath(member).stem)
    name = f"{authors}/{title}"
    try:
        return song_of(name, parse_lead_sheet(read_member(archive, member)))
    except (BadMidi, DataError) as error:
        return LeftOut(name, error.message)


def song_of(name: str, sheet: LeadSheet) -> Song | LeftOut:
    """One song, or why it is left out.

    Args:
        name: Authors and title.
        sheet: What its file says.
    """
    strange = sorted({meter or "no meter" for meter in sheet.meters} - set(METERS))
    if strange:
        return LeftOut(name, f"in {', '.join(strange)}; read are {', '.join(METERS)}")
    if not sheet.melody or not sheet.chords:
        return LeftOut(name, f"has no {'chord symbols' if sheet.melody else 'melody'}")
    meters = [METERS[meter] for meter in sheet.meters]
    tags = {
        "source": "openewld",
        "meter": max(meters, key=meters.count),
        "mode": estimated_mode([sheet.melody, sheet.chords]),
        "style": "folk" if TRADITIONAL in name else "standard",
    }
    if sheet.bpm:
        tags["tempo"] = tempo_class(sheet.bpm)
    return Song(name, "openewld", tags, tuple(sheet.melody), {CHORDS: tuple(sheet.chords)}, tuple(sheet.bars))
