"""Lead sheets in MusicXML: a melody and chord symbols over it, played once as written.

Only what such a sheet needs is read, which takes milliseconds: the first part's measures, notes, ties and harmonies
(MusicXML 4.0, `score-partwise`). Of notes that sound together the top line is the melody. Repeats are not played out.

A chord symbol becomes its tones in close position around C4, held until the next symbol, over its bass note: what the
harmony is, and nothing of how it would be played. Tensions (ninths and above) are left to the players.
"""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
import zipfile
import zlib
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from accompanist.errors import DataError
from accompanist.music.note import Note, top_line
from accompanist.music.time import PPQ
from training.sources.measures import bar_lines

CHORDS = "chords"
"""Name of the chord symbols among a song's parts."""
LOWEST_TONE, LOWEST_BASS = 55, 40
"""G3 and E2: a chord's tones lie in the octave from the one, its bass in the octave from the other."""
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_KINDS = {
    (0, 4, 7): "major",
    (0, 3, 7): "minor",
    (0, 3, 6): "diminished",
    (0, 4, 8): "augmented",
    (0, 2, 7): "suspended-second",
    (0, 5, 7): "suspended-fourth",
    (0, 7): "power",
    (0, 4, 7, 9): "major-sixth maj69",
    (0, 3, 7, 9): "minor-sixth",
    (0, 4, 7, 10): "dominant dominant-ninth dominant-11th dominant-13th",
    (0, 4, 7, 11): "major-seventh major-ninth major-11th major-13th",
    (0, 3, 7, 10): "minor-seventh minor-ninth minor-11th minor-13th",
    (0, 3, 7, 11): "major-minor minor-major",
    (0, 3, 6, 9): "diminished-seventh",
    (0, 3, 6, 10): "half-diminished",
    (0, 4, 8, 10): "augmented-seventh augmented-ninth",
}
KINDS = {kind: intervals for intervals, kinds in _KINDS.items() for kind in kinds.split()}
"""Semitones above the root of the kinds of chord; MusicXML's own names and the few others that programs write."""
_DEGREES = {3: 4, 5: 7, 6: 9, 7: 10}
"""Semitones of the degrees that change what a chord is."""


@dataclass(slots=True)
class LeadSheet:
    """What a sheet says.

    Args:
        melody: One note at a time.
        chords: Tones and basses of the chord symbols.
        bars: Start tick of each bar, and the end of the last one (see `training.sources.measures`).
        meters: Meter of each measure, such as 3/4; empty before the first time signature.
        bpm: The first tempo it sets; None where it sets none.
    """

    melody: list[Note]
    chords: list[Note]
    bars: list[int]
    meters: list[str]
    bpm: float | None


class _Symbol(NamedTuple):
    """A chord symbol: when, and which pitch classes; no bass where it names no chord that is known."""

    tick: int
    bass: int | None
    tones: tuple[int, ...]


@dataclass(slots=True)
class _Reader:
    """Walks through the measures of a part, counting from each one's start in the file's own divisions of a quarter."""

    divisions: int = 1
    meter: str = ""
    bar_ticks: int = 4 * PPQ
    bpm: float | None = None
    notes: list[Note] = field(default_factory=list)
    symbols: list[_Symbol] = field(default_factory=list)
    tied: dict[int, int] = field(default_factory=dict)

    def measure(self, element: ET.Element, start_tick: int) -> int:
        """Read one measure; returns its length in ticks."""
        now = reached = onset = 0
        for item in element:
            length = int(item.findtext("duration") or 0)
            match item.tag:
                case "attributes":
                    self._attributes(item)
                case "note":
                    fields = {child.tag: child for child in item}
                    if "chord" not in fields:
                        onset = now
                        now += length
                    if "pitch" in fields and length > 0:  # grace notes have no length
                        self._note(item, start_tick + self._ticks(onset), start_tick + self._ticks(onset + length))
                case "backup":
                    now -= length
                case "forward":
                    now += length
                case "harmony":
                    at = now + int(item.findtext("offset") or 0)
                    self.symbols.append(_Symbol(start_tick + self._ticks(at), *_chord(item)))
                case "direction" | "sound":
                    self._tempo(item)
                case _:
                    pass
            reached = max(reached, now)
        return self._ticks(reached) or self.bar_ticks

    def _ticks(self, count: int) -> int:
        return (2 * count * PPQ + self.divisions) // (2 * self.divisions)

    def _attributes(self, item: ET.Element) -> None:
        self.divisions = int(item.findtext("divisions") or self.divisions)
        beats, unit = item.findtext("time/beats"), item.findtext("time/beat-type")
        if beats and unit:
            self.meter = f"{beats}/{unit}"
            self.bar_ticks = int(beats) * 4 * PPQ // int(unit)

    def _note(self, item: ET.Element, start_tick: int, end_tick: int) -> None:
        """A note, joined to the one that a tie leads on from."""
        octave = int(item.findtext("pitch/octave") or 0)
        pitch = SEMITONES[item.findtext("pitch/step") or ""] + 12 * (octave + 1) + _alter(item, "pitch/alter")
        ties = {tie.get("type") for tie in item.findall("tie")}
        at = self.tied.pop(pitch, None)
        if "stop" in ties and at is not None and self.notes[at].end_tick == start_tick:
            self.notes[at] = self.notes[at]._replace(end_tick=end_tick)
        else:
            at = len(self.notes)
            self.notes.append(Note(start_tick, pitch, max(end_tick, start_tick + 1)))
        if "start" in ties:
            self.tied[pitch] = at

    def _tempo(self, item: ET.Element) -> None:
        mark = item if item.tag == "sound" else item.find("sound")
        if self.bpm is None and mark is not None and mark.get("tempo"):
            self.bpm = float(mark.get("tempo", ""))


def parse_lead_sheet(data: bytes) -> LeadSheet:
    """A compressed MusicXML file (.mxl).

    Raises:
        DataError: it is damaged, or no score in parts.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as container:
            # The container's own index names the score; programs agree on there being no other XML beside it.
            name = next(name for name in container.namelist() if not name.startswith("META-INF/") and name[-1] != "/")
            root = ET.fromstring(container.read(name))  # noqa: S314 (expat fetches nothing and limits entities itself)
        part = root.find("part")
        if root.tag != "score-partwise" or part is None:
            raise DataError(f"not a score in parts: {root.tag}", hint="export it as MusicXML, score-partwise")
        return _sheet(part)
    except (zipfile.BadZipFile, zlib.error, EOFError, StopIteration, ET.ParseError) as error:
        raise DataError(f"damaged MusicXML file: {error or 'no score in it'}", hint="get it again") from error
    except (ValueError, KeyError, ArithmeticError) as error:
        raise DataError(f"malformed MusicXML: {type(error).__name__} {error}", hint="get it again") from error


def _sheet(part: ET.Element) -> LeadSheet:
    reader, now = _Reader(), 0
    measures, meters = [], []
    for measure in part.findall("measure"):
        length = reader.measure(measure, now)
        measures.append((length, reader.bar_ticks))
        meters.append(reader.meter)
        now += length
    chords: list[Note] = []
    for symbol, following in pairwise(
        [*sorted(reader.symbols, key=lambda symbol: symbol.tick), _Symbol(now, None, ())]
    ):
        if symbol.bass is not None and following.tick > symbol.tick:
            low = LOWEST_BASS + (symbol.bass - LOWEST_BASS) % 12
            close = {LOWEST_TONE + (tone - LOWEST_TONE) % 12 for tone in symbol.tones}
            chords += [Note(symbol.tick, pitch, following.tick) for pitch in (low, *sorted(close))]
    shift_ticks, bars = bar_lines(measures)
    return LeadSheet(
        [note.shifted(shift_ticks) for note in top_line(reader.notes)],
        [note.shifted(shift_ticks) for note in chords],
        bars,
        meters,
        reader.bpm,
    )


def _chord(item: ET.Element) -> tuple[int | None, tuple[int, ...]]:
    """Pitch classes of a chord symbol's bass and tones; None and nothing where it names no chord that is known."""
    root_step = item.findtext("root/root-step")
    intervals = KINDS.get(item.findtext("kind") or "")
    if root_step is None or intervals is None:
        return None, ()
    root = SEMITONES[root_step] + _alter(item, "root/root-alter")
    bass_step = item.findtext("bass/bass-step")
    bass = root if bass_step is None else SEMITONES[bass_step] + _alter(item, "bass/bass-alter")
    return bass % 12, tuple((root + interval) % 12 for interval in _with_degrees(item, set(intervals)))


def _with_degrees(item: ET.Element, intervals: set[int]) -> list[int]:
    """A chord's semitones above its root with what the symbol adds, alters and omits."""
    for degree in item.findall("degree"):
        number = int(degree.findtext("degree-value") or 0)
        if number not in _DEGREES:
            continue
        plain, kind = _DEGREES[number], degree.findtext("degree-type")
        if kind in {"alter", "subtract"}:
            intervals.discard(plain)
        if kind in {"alter", "add"}:
            intervals.add(plain + _alter(degree, "degree-alter"))
    return sorted(intervals)


def _alter(item: ET.Element, path: str) -> int:
    """Semitones of an accidental."""
    return round(float(item.findtext(path) or 0))
