"""Freedoom: 111 songs for a game, rock to ambient, with bass and drums. Nothing says which track is the melody.

What becomes of the tracks (`share_parts`), by General MIDI program, as names say little:

drums    what is on the drum channel, on the pieces of `training.sources.kit`.
bass     programs of bass that lie low; where there are none, the lowest single line that does.
melody   a clear lead only: a single line in the treble by a lead synthesiser, a wind or a distorted guitar, with as
         many pitches and as few notes as a tune has, through a quarter of the song. Of several the highest; the others
         are its echoes and second voices, and left out.
strings  held notes of strings, choir, organ and pads.
piano    keys, mallets, clean guitars and plucked strings; and what the strings' programs play short.
guitar   chords of distorted guitars: no part of the ensemble, but evidence of how a band strikes together.

Other lines below C3 only double the bass: they are left out, and so are effects, hits and timpani.
"""

from __future__ import annotations

import zipfile
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import symusic
from numpy.typing import NDArray

from accompanist.errors import BadMidi
from accompanist.music.note import Note, without_doubles
from accompanist.music.time import PPQ, STEPS_PER_BEAT, TICKS_PER_STEP
from training.read import (
    MELODY,
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
from training.sources.folder import OFF_GRID_STEPS, bars_of
from training.sources.kit import DRUMS, on_kit
from training.sources.roles import BASS_BELOW, BASS_PROGRAMS, Line

FOLDER = "freedoom/musics/"
METERS = {"4/4": 4, "3/4": 3}
"""The meters that are read, and their beats."""
FEWEST_BARS = 8
"""Shorter ones are jingles."""

KEYS = {*range(16), *range(24, 29), 45, 46, *range(104, 109)}
"""Pianos, mallets, clean guitars, pizzicato, harp, and the plucked strings of other lands."""
HELD = {*range(16, 24), *range(40, 45), *range(48, 55), *range(88, 96)}
"""Organs, strings, choir and pads."""
DISTORTED = {29, 30, 31}
LEADS = {*DISTORTED, *range(56, 80), *range(80, 87)}
"""Distorted guitars, brass, reeds, pipes, and lead synthesisers but the one with a bass."""
DOUBLES_BASS_BELOW = 48
"""Mean pitch, C3, below which a line is no harmony of its own."""
SHORT_STEPS = 3
"""What is struck and not held lasts less than this at the median, in sixteenths."""

TREBLE_FROM = 60
"""Least mean pitch of a lead: C4."""
MOST_STRIKES = 9.0
"""Most notes in a bar that a lead plays in, on average; arpeggios have more."""
FEWEST_PITCHES = 7
"""Different pitches of a lead; riffs and signals have fewer."""
LEAST_PRESENCE = 0.25
"""Least share of the song's bars that a lead plays in."""

KICK, CRASH = 36, 49
CLEARLY = 0.1
"""So much better must the drums repeat in the other meter for the bar lines to be doubtful (a correlation)."""


@dataclass(frozen=True, slots=True)
class Freedoom(Archived):
    """The source `freedoom`."""

    name: str = "freedoom"
    origin: str = "the Freedoom project's folder musics"
    about: str = "111 rock, metal and ambient songs with bass and drums, few with a clear melody"
    licence: str = "BSD-3-Clause"
    reader: str = "1"

    def read(self, progress: Progress) -> Iterator[Song | LeftOut]:
        """Every song straight from the archive, which is never unpacked.

        Raises:
            DataError: the archive is missing or damaged.
        """
        with open_zip(self.archive()) as archive:
            members = sorted(name for name in archive.namelist() if FOLDER in name and name.endswith(".mid"))
            for done, member in enumerate(members):
                progress(self.name, done, len(members))
                yield _song(archive, member)
            progress(self.name, len(members), len(members))


def _song(archive: zipfile.ZipFile, member: str) -> Song | LeftOut:
    name = Path(member).stem.removeprefix("d_")
    try:
        return song_of(name, parse_midi(read_member(archive, member)))
    except BadMidi as error:
        return LeftOut(name, error.message)


def song_of(name: str, score: symusic.Score) -> Song | LeftOut:
    """One song, or why it is left out.

    Args:
        name: Such as e1m1.
        score: In the file's own ticks.
    """
    resolution = score.ticks_per_quarter
    lines = [
        Line(track.name, track.program, without_doubles(notes_of(track, ticks_per_quarter=resolution)))
        for track in score.tracks
        if not track.is_drum and len(track.notes)
    ]
    struck = [note for track in score.tracks if track.is_drum for note in notes_of(track, ticks_per_quarter=resolution)]
    drums = on_kit(struck)
    notes = [*struck, *(note for line in lines for note in line.notes)]
    if not notes:
        return LeftOut(name, "has no notes")
    marks = [(0, 4, 4), *((mark.time, mark.numerator, mark.denominator) for mark in score.time_signatures)]
    bars, meter = bars_of(
        [(round(time * PPQ / resolution), beats, unit) for time, beats, unit in marks],
        max(note.end_tick for note in notes),
    )
    doubt = _why_no_grid(notes) or _why_no_bars(drums, bars, meter)
    if doubt:
        return LeftOut(name, doubt)
    melody, parts = share_parts(lines, bars)
    if drums:
        parts[DRUMS] = drums
    if len(parts) < 2:
        return LeftOut(name, f"too few parts that play together: {', '.join(parts) or 'none'}")
    distorted = [note for line in lines if line.program in DISTORTED for note in line.notes]
    tags = {
        "source": "freedoom",
        "meter": meter,
        "mode": estimated_mode([line.notes for line in lines]),
        "tempo": tempo_class(mean_bpm(score)),
        "style": "ambient" if not drums else "metal" if _presence(distorted, bars) >= 0.5 else "rock",
    }
    return Song(name, "freedoom", tags, tuple(melody), parts, bars)


def share_parts(lines: Sequence[Line], bars: Sequence[int]) -> tuple[list[Note], dict[str, tuple[Note, ...]]]:
    """The melody, empty where none is clear, and the parts but the drums; as told at the top.

    Args:
        lines: All tracks with pitched notes.
        bars: Start tick of each bar, and the end of the last one.
    """
    low = [line for line in lines if line.mean_pitch() < BASS_BELOW]
    basses = [line for line in low if line.program in BASS_PROGRAMS]
    if not basses:
        single = [line for line in low if line.is_single() and _presence(line.notes, bars) >= LEAST_PRESENCE]
        basses = sorted(single, key=Line.mean_pitch)[:1]
    leads = [line for line in lines if _is_lead(line, bars)]
    roles: dict[str, list[Note]] = {MELODY: max(leads, key=Line.mean_pitch).notes if leads else []}
    for line in lines:
        role = "bass" if any(line is bass for bass in basses) else _harmony_role(line)
        if role:
            roles.setdefault(role, []).extend(line.notes)
    melody = roles.pop(MELODY)
    parts = {
        role: tuple(one_at_a_time(notes) if role == "bass" else without_doubles(notes)) for role, notes in roles.items()
    }
    return one_at_a_time(melody), parts


def _is_lead(line: Line, bars: Sequence[int]) -> bool:
    """Whether a line may be a melody."""
    strikes = len({note.start_tick for note in line.notes})
    presence = _presence(line.notes, bars)
    return (
        line.program in LEADS
        and line.mean_pitch() >= TREBLE_FROM
        and line.is_single()
        and strikes <= MOST_STRIKES * presence * (len(bars) - 1)
        and len({note.pitch for note in line.notes}) >= FEWEST_PITCHES
        and presence >= LEAST_PRESENCE
    )


def _harmony_role(line: Line) -> str:
    """What a line that is not the bass plays; empty: nothing for the ensemble."""
    if line.mean_pitch() < DOUBLES_BASS_BELOW:
        return ""
    if line.program in HELD:
        length_ticks = float(np.median([note.duration_ticks for note in line.notes]))
        return "strings" if length_ticks >= SHORT_STEPS * TICKS_PER_STEP else "piano"
    if line.program in DISTORTED:
        return "" if line.is_single() else "guitar"
    return "piano" if line.program in KEYS else ""


def _presence(notes: Sequence[Note], bars: Sequence[int]) -> float:
    """Share of a song's bars in which notes begin."""
    return len({bisect_right(bars, note.start_tick) for note in notes}) / (len(bars) - 1)


def _why_no_grid(notes: Sequence[Note]) -> str:
    """Why notes cannot be told in sixteenths; empty where they can."""
    starts = np.array([note.start_tick for note in notes])
    straight, triplets = _distance_steps(starts, TICKS_PER_STEP), _distance_steps(starts, PPQ // 3)
    if triplets < min(straight, OFF_GRID_STEPS):
        return f"in triplets: {straight:.2f} steps off the grid of sixteenths on average"
    if straight > OFF_GRID_STEPS:
        return f"on no grid: {straight:.2f} steps off that of sixteenths on average, {OFF_GRID_STEPS} accepted"
    return ""


def _distance_steps(ticks: NDArray[np.int64], grid_ticks: int) -> float:
    """Mean distance from a grid, in sixteenths."""
    on_grid = np.floor(ticks / grid_ticks + 0.5) * grid_ticks
    return float(np.abs(ticks - on_grid).mean() / TICKS_PER_STEP)


def _why_no_bars(drums: Sequence[Note], bars: Sequence[int], meter: str) -> str:
    """Why the bars are not those to learn from; empty where they are."""
    if meter not in METERS:
        return f"mostly in {meter}; read are {' and '.join(METERS)}"
    if len(bars) <= FEWEST_BARS:
        return f"{len(bars) - 1} bars; {FEWEST_BARS} are needed"
    if _repeats_otherwise(drums, METERS[meter]) or _begins_elsewhere(drums, bars):
        return f"bar lines are not sure: the drums do not play in the {meter} that the file says"
    return ""


def _repeats_otherwise(drums: Sequence[Note], beats_per_bar: int) -> bool:
    """Whether drums repeat clearly better after two bars of the other meter than after two of their own."""
    if not drums:
        return False
    steps = (np.array([note.start_tick for note in drums]) + TICKS_PER_STEP // 2) // TICKS_PER_STEP
    strokes = np.bincount(steps).astype(np.float64)
    strokes -= strokes.mean()
    power = float((strokes**2).sum())

    def repetition(beats: int) -> float:
        lag = 2 * beats * STEPS_PER_BEAT
        return float((strokes[:-lag] * strokes[lag:]).sum()) / power if power and len(strokes) > lag else 0.0

    return repetition(7 - beats_per_bar) > repetition(beats_per_bar) + CLEARLY


def _begins_elsewhere(drums: Sequence[Note], bars: Sequence[int]) -> bool:
    """Whether kick and crash both fall most often on one and the same place that is not the beginning of a bar."""
    places: dict[int, Counter[int]] = {}
    for note in drums:
        tick = note.start_tick + TICKS_PER_STEP // 2
        place = (tick - bars[bisect_right(bars, tick) - 1]) // TICKS_PER_STEP
        places.setdefault(note.pitch, Counter())[place] += 1
    if not {KICK, CRASH} <= set(places):
        return False
    (kick, _), (crash, _) = places[KICK].most_common(1)[0], places[CRASH].most_common(1)[0]
    return kick == crash != 0
