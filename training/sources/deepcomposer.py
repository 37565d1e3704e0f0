"""The classic recipe's own data: 229 four-voice chorale snippets of two bars (AWS DeepComposer samples)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import symusic

from accompanist.errors import BadMidi
from accompanist.music.note import without_doubles
from accompanist.music.time import PPQ
from training.read import LeftOut, Progress, Song, estimated_mode, mean_bpm, notes_of, parse_midi, tempo_class
from training.sources.archive import Archived, open_zip, read_member

FOLDER = "reinvent-labs/lab-2/original_midi/"
"""Where the snippets lie in the archive; the sample melodies beside them have no accompaniment to learn from."""
OCTAVES_TOO_HIGH = 2
"""The files are written two octaves above what a choir sings: soprano 82 to 101, bass 58 to 86."""
BARS = 2


@dataclass(frozen=True, slots=True)
class DeepComposer(Archived):
    """The source `deepcomposer`."""

    name: str = "deepcomposer"
    origin: str = "aws-deepcomposer-samples as a zip file"
    about: str = "229 four-voice chorale snippets of two bars, the classic recipe's own data"
    licence: str = "MIT-0"
    reader: str = "1"

    def read(self, progress: Progress) -> Iterator[Song | LeftOut]:
        """Every snippet, straight from the archive.

        Raises:
            DataError: the archive is missing or damaged.
        """
        with open_zip(self.archive()) as archive:
            members = sorted(name for name in archive.namelist() if FOLDER in name and name.endswith(".mid"))
            for done, member in enumerate(members):
                progress(self.name, done, len(members))
                name = Path(member).stem
                try:
                    yield song_of(name, parse_midi(read_member(archive, member)))
                except BadMidi as error:
                    yield LeftOut(name, error.message)
            progress(self.name, len(members), len(members))


def song_of(name: str, score: symusic.Score) -> Song | LeftOut:
    """One snippet: its four tracks are soprano, alto, tenor and bass.

    They become melody, strings, piano and bass.
    """
    if len(score.tracks) != 4:
        return LeftOut(name, f"has {len(score.tracks)} tracks with notes, not four voices")
    soprano, alto, tenor, bass = (
        without_doubles(notes_of(track, ticks_per_quarter=score.ticks_per_quarter, pitch_shift=-12 * OCTAVES_TOO_HIGH))
        for track in score.tracks
    )
    tags = {
        "source": "deepcomposer",
        "meter": "4/4",
        "mode": estimated_mode([soprano, alto, tenor, bass]),
        "tempo": tempo_class(mean_bpm(score)),
        "style": "chorale",
    }
    parts = {"bass": tuple(bass), "piano": tuple(tenor), "strings": tuple(alto)}
    return Song(name, "deepcomposer", tags, tuple(soprano), parts, tuple(4 * PPQ * bar for bar in range(BARS + 1)))
