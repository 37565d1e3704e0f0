"""Bach's four-part chorales from the corpus that comes with the music21 package: needs no download.

The soprano is the melody. Repeats are not played out. The corpus licence restricts some of its encodings.
"""

from __future__ import annotations

import hashlib
import importlib.util
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accompanist.errors import DataError, MissingExtra
from accompanist.music.note import Note, without_doubles
from accompanist.music.time import PPQ
from training.read import LeftOut, Progress, Song, estimated_mode, tempo_class

VOICES = {"Soprano": "melody", "Alto": "strings", "Tenor": "piano", "Bass": "bass"}
"""Which part of the ensemble each voice becomes."""
DEFAULT_BPM = 96.0
"""Where a score sets no tempo, which is most of them: the one most often set in the others."""


@dataclass(frozen=True, slots=True)
class Chorales:
    """The source `chorales`."""

    name: str = "chorales"
    about: str = "four-part chorales by J. S. Bach from the music21 package; needs no download"
    licence: str = "music21 corpus (some encodings not for commercial use)"
    reader: str = "1"

    def locate(self) -> str:
        """Folder of the scores within music21."""
        return str(_folder())

    def fingerprint(self) -> str:
        """Hash of the scores."""
        total = hashlib.sha256()
        for path in _scores():
            total.update(path.name.encode() + b"\0")
            total.update(hashlib.sha256(path.read_bytes()).digest())
        return total.hexdigest()

    def read(self, progress: Progress) -> Iterator[Song | LeftOut]:
        """Every score that has the four voices.

        Raises:
            DataError: music21 came without its corpus.
            MissingExtra: music21 is not installed.
        """
        paths = _scores()
        for done, path in enumerate(paths):
            progress(self.name, done, len(paths))
            try:
                yield song_of(path.stem, _parse(path))
            except Exception as error:  # noqa: BLE001 (music21 raises many kinds; one bad score must not stop the rest)
                yield LeftOut(path.stem, f"music21 cannot read it: {type(error).__name__} {error}")
        progress(self.name, len(paths), len(paths))


def _folder() -> Path:
    """Found without importing music21, which takes seconds."""
    spec = importlib.util.find_spec("music21")
    if spec is None or spec.origin is None:
        raise MissingExtra(
            "the chorales come with the package music21, which is not installed",
            hint="in the clone: pip install -e '.[train]'",
        )
    return Path(spec.origin).parent / "corpus" / "bach"


def _scores() -> list[Path]:
    paths = sorted(path for path in _folder().glob("bwv*") if path.suffix in {".mxl", ".xml"})
    if not paths:
        raise DataError(
            f"music21 is installed without its corpus: {_folder()} holds no scores",
            hint="install the full package: pip install --force-reinstall music21",
        )
    return paths


def _parse(path: Path) -> Any:
    """A music21 score; its warnings are about engraving and stay quiet, and it may not keep a cache of its own."""
    from music21 import converter  # noqa: PLC0415 (takes seconds to import: only when a score is really read)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return converter.parse(path, forceSource=True, storePickle=False)


def song_of(name: str, score: Any) -> Song | LeftOut:
    """One chorale, or why it is left out.

    Args:
        name: Such as bwv1.6.
        score: A music21 score.
    """
    found: dict[str, list[Any]] = {voice: [] for voice in VOICES}
    for part in score.parts:
        if part.partName in found:
            found[part.partName].append(part)
    if any(len(parts) != 1 for parts in found.values()):
        names = ", ".join(str(part.partName) for part in score.parts)
        return LeftOut(name, f"needs one part each of {', '.join(VOICES)}; has {names}")
    lines = {VOICES[voice]: tuple(_notes(part)) for voice, (part,) in found.items()}
    melody = lines.pop("melody")
    if not melody:
        return LeftOut(name, "the soprano is empty")
    soprano = found["Soprano"][0]
    measures = list(soprano.getElementsByClass("Measure"))
    starts = [_tick(measure.offset) for measure in measures]
    end = _tick(measures[-1].offset + measures[-1].duration.quarterLength)
    meters = [f"{mark.numerator}/{mark.denominator}" for mark in soprano.recurse().getElementsByClass("TimeSignature")]
    tempos = [mark.getQuarterBPM() for mark in score.recurse().getElementsByClass("MetronomeMark")]
    tags = {
        "source": "chorales",
        "meter": max(meters, key=meters.count) if meters else "4/4",
        "mode": estimated_mode([melody, *lines.values()]),
        "tempo": tempo_class(next((bpm for bpm in tempos if bpm), DEFAULT_BPM)),
        "style": "chorale",
    }
    return Song(name, "chorales", tags, melody, lines, tuple(sorted({*starts, end})))


def _notes(part: Any) -> list[Note]:
    """A part's notes with ties joined; grace notes, which have no length, left out."""
    notes: list[Note] = []
    tied: dict[int, int] = {}  # pitch -> index of the note that a tie leads on
    for element in part.flatten().notes:
        start, end = _tick(element.offset), _tick(element.offset + element.duration.quarterLength)
        if end <= start:
            continue
        for head in element.notes if element.isChord else (element,):
            pitch = int(head.pitch.midi)
            kind = head.tie.type if head.tie else None
            at = tied.get(pitch)
            if kind in {"stop", "continue"} and at is not None and notes[at].end_tick == start:
                notes[at] = notes[at]._replace(end_tick=end)
            else:
                at = len(notes)
                notes.append(Note(start, pitch, end))
            if kind in {"start", "continue"}:
                tied[pitch] = at
            else:
                tied.pop(pitch, None)
    return without_doubles(notes)


def _tick(quarters: float) -> int:
    return round(quarters * PPQ)
