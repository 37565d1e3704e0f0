"""Melodies that ship with the project, in the public domain: what `accompanist demo` plays.

Notation: one line per phrase, bars between `|`. `F#4` is a quarter note, `F#4:6` lasts six sixteenths, `-:4` holds the
note before it on, `r:4` is a rest.
"""

from __future__ import annotations

from typing import NamedTuple

from accompanist.errors import DataError
from accompanist.music.note import Note
from accompanist.music.theory import pitch_number
from accompanist.music.time import TICKS_PER_STEP, Meter

MELODY_VELOCITY = 96
FOUR_FOUR = Meter()
_QUARTER_STEPS = 4


class Melody(NamedTuple):
    """A tune.

    Args:
        name: As typed on the command line.
        title: As shown.
        bpm: Quarter notes a minute.
        text: The tune, in the notation above.
        program: General MIDI program to play it with, 0 to 127.
        meter: How long its bars are.
    """

    name: str
    title: str
    bpm: float
    text: str
    program: int = 73
    meter: Meter = FOUR_FOUR

    @property
    def bars(self) -> int:
        """How many bars it has."""
        return len(_bars(self.text))

    def notes(self, *, repeats: int = 1) -> list[Note]:
        """Its notes from tick 0 on, played through `repeats` times.

        Raises:
            DataError: the text is not in the notation above, or a bar is not full.
        """
        once = parse(self.text, meter=self.meter)
        length_ticks = self.bars * self.meter.ticks_per_bar
        return [note.shifted(times * length_ticks) for times in range(repeats) for note in once]


def parse(text: str, *, meter: Meter = FOUR_FOUR, velocity: int = MELODY_VELOCITY) -> list[Note]:
    """Notes of a tune written in the notation above.

    Raises:
        DataError: a token cannot be read, or a bar is not full; the bar is named.
    """
    notes: list[Note] = []
    tick = 0
    for number, bar in enumerate(_bars(text), start=1):
        bar_tick = tick
        for token in bar.split():
            name, _, length = token.partition(":")
            try:
                ticks = (int(length) if length else _QUARTER_STEPS) * TICKS_PER_STEP
                if name == "-":
                    notes[-1] = notes[-1]._replace(end_tick=tick + ticks)
                elif name != "r":
                    notes.append(Note(tick, pitch_number(name), tick + ticks, velocity))
            except (ValueError, IndexError) as error:
                raise DataError(f"bar {number}: {token!r} is not a note such as F#4 or F#4:6") from error
            tick += ticks
        if tick - bar_tick != meter.ticks_per_bar:
            steps, full = (tick - bar_tick) // TICKS_PER_STEP, meter.ticks_per_bar // TICKS_PER_STEP
            raise DataError(f"bar {number} lasts {steps} sixteenths, a bar of {meter} has {full}: {bar.strip()!r}")
    return notes


def _bars(text: str) -> list[str]:
    return [bar for bar in text.replace("\n", "|").split("|") if bar.strip()]


ODE_TO_JOY = Melody(
    name="ode-to-joy",
    title="Ode to Joy (Beethoven, Symphony No. 9, 1824)",
    bpm=112,
    text="""
        F#4 F#4 G4 A4 | A4 G4 F#4 E4           | D4 D4 E4 F#4           | F#4:6 E4:2 E4:8
        F#4 F#4 G4 A4 | A4 G4 F#4 E4           | D4 D4 E4 F#4           | E4:6 D4:2 D4:8
        E4 E4 F#4 D4  | E4 F#4:2 G4:2 F#4 D4   | E4 F#4:2 G4:2 F#4 E4   | D4 E4 A3 F#4
        -:4 F#4 G4 A4 | A4 G4 F#4 E4           | D4 D4 E4 F#4           | E4:6 D4:2 D4:8
    """,
)
TWINKLE = Melody(
    name="twinkle",
    title="Twinkle, Twinkle (Ah! vous dirai-je, maman, 1761)",
    bpm=104,
    text="""
        C4 C4 G4 G4 | A4 A4 G4:8 | F4 F4 E4 E4 | D4 D4 C4:8
        G4 G4 F4 F4 | E4 E4 D4:8 | G4 G4 F4 F4 | E4 E4 D4:8
        C4 C4 G4 G4 | A4 A4 G4:8 | F4 F4 E4 E4 | D4 D4 C4:8
    """,
)
HARBOUR = Melody(
    name="harbour",
    title="Harbour Lights at Four (a pop tune of our own)",
    bpm=96,
    text="""
        B3:2 D4:2 G4 F#4:2 E4:2 D4 | E4:6 D4:2 B3:8      | C4:2 E4:2 A4 G4:2 F#4:2 E4  | D4:12 r:4
        B3:2 D4:2 G4 F#4:2 G4:2 A4 | B4:6 A4:2 G4 E4     | A4:2 G4:2 F#4 E4:2 F#4:2 G4 | G4:12 r:4
        D5:6 B4:2 G4 A4            | B4:6 A4:2 G4:8      | C5:6 A4:2 F#4 G4            | A4:12 B4:2 C5:2
        D5:6 B4:2 G4 A4            | B4:6 G4:2 E4:8      | E4:2 G4:2 A4 B4 A4          | G4:16
    """,
)
STAIRCASE = Melody(
    name="staircase",
    title="Staircase (a tune of our own that climbs from C to E flat)",
    bpm=108,
    text="""
        E4 G4 C5 B4    | A4 C5 G4:8   | F4 A4 G4 E4           | D4 E4:2 F4:2 G4:8
        E4 G4 C5 D5    | E5 C5 A4:8   | F4:2 G4:2 A4 B4 D5    | C5:16
        G4 Bb4 Eb5 D5  | C5 Eb5 Bb4:8 | Ab4 C5 Bb4 G4         | F4 G4:2 Ab4:2 Bb4:8
        G4 Bb4 Eb5 F5  | G5 Eb5 C5:8  | Ab4:2 Bb4:2 C5 D5 F5  | Eb5:16
    """,
)
MELODIES = {melody.name: melody for melody in (ODE_TO_JOY, TWINKLE, HARBOUR, STAIRCASE)}
"""By the name typed on the command line."""
