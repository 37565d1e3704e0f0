"""Scores in several voices in ABC notation, as far as choirs need it; played once as written.

Read are notes, rests, chords, lengths, broken rhythms, tuplets, ties, accidentals, bar lines and the inline fields of
voice, meter and tempo (ABC standard 2.1, section 4). An accidental holds to the end of its measure in its own octave,
as it does in print. Slurs, decorations, words, grace notes and repeats are passed over. (music21 reads ABC too, but
runs voices together that are marked inline.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

from accompanist.errors import DataError
from accompanist.music.note import Note
from accompanist.music.time import PPQ

_FIFTHS = {"C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5, "F": -1}
_SHARPENED = "FCGDAEB"
"""Letters in the order in which key signatures sharpen them; flats come in the reverse order."""
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}
_TUPLET_TIME = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}
"""In the time of how many notes so many are played."""

_PITCH = r"(?P<accidental>\^\^|__|[\^_=])?(?P<letter>[A-Ga-g])(?P<octave>[,']*)"
_LENGTH = r"(?P<length>\d*/*\d*)"
_TOKEN = re.compile(
    r"(?P<ignored>\{[^}]*\}|![^!]*!|\"[^\"]*\"|[\s().~y`',$])"
    r"|\[(?P<field>[A-Za-z]):(?P<value>[^\]]*)\]"
    r"|(?P<bar>:*\|[|\]:]*\d?|::|\[\||\[\d)"
    rf"|\[(?P<chord>(?:[\^_=]*[A-Ga-g][,']*\d*/*\d*-?)+)\](?P<chord_length>\d*/*\d*)"
    rf"|{_PITCH}{_LENGTH}"
    r"|(?P<rest>[zx])(?P<rest_length>\d*/*\d*)"
    r"|(?P<tie>-)"
    r"|(?P<broken>[<>]+)"
)
_TUPLET = re.compile(r"\((\d)(?::(\d*))?(?::(\d*))?")
_IN_CHORD = re.compile(_PITCH + _LENGTH + r"(?P<tie>-?)")


@dataclass(slots=True)
class Voice:
    """One voice of a score.

    Args:
        notes: Sorted.
        measures: (ticks, ticks that its meter asks for) of each measure.
    """

    notes: list[Note]
    measures: list[tuple[int, int]]


@dataclass(slots=True)
class AbcScore:
    """What a file says.

    Args:
        voices: By name, in the order of the file.
        meters: Every meter that it sets, such as 4/4, the first at its head.
        bpm: Quarter notes in a minute at its first tempo; None where it sets none.
    """

    voices: dict[str, Voice]
    meters: list[str]
    bpm: float | None


def parse_abc(text: str) -> AbcScore:
    """The first tune of a file.

    Raises:
        DataError: it has no key, which ends the head of a tune, or something in it that is not read.
    """
    head: dict[str, str] = {}
    lines = iter(text[text.find("X:") :].splitlines())
    for line in lines:
        name, colon, value = line.partition("%")[0].partition(":")
        if colon and len(name) == 1:
            head.setdefault(name, value.strip())
            if name == "K":
                break
    else:
        raise DataError("no tune in ABC notation: nothing ends its head with a line K:", hint="check the file")
    music: dict[str, list[str]] = {}
    voice = ""
    for line in lines:
        body = line.partition("%")[0]
        if re.match(r"[A-Za-z+]:|%%begintext", line):
            voice = voice if line[0] == "w" else ""  # text may go on below other fields
            continue
        if named := re.match(r"\s*\[V:\s*([^\]\s]+)[^\]]*\]", body):
            voice, body = named[1], body[named.end() :]
        if voice:
            music.setdefault(voice, []).append(body)
    meters, tempos = [_meter(head.get("M", ""))], [head.get("Q", "")]
    voices = {}
    try:
        for name, parts in music.items():
            reader = _Reader(_signature(head["K"]), Fraction(head.get("L") or _usual_length(meters[0])), meters[0])
            voices[name] = reader.read(" ".join(parts))
            meters += reader.meters
            tempos += reader.tempos
    except (ValueError, KeyError, ZeroDivisionError) as error:
        raise DataError(f"malformed ABC notation: {type(error).__name__} {error}", hint="check the file") from error
    return AbcScore(voices, meters, next((bpm for bpm in map(_bpm, tempos) if bpm), None))


@dataclass(slots=True)
class _Reader:
    """Reads one voice; time in exact fractions of a whole note."""

    signature: dict[str, int]
    unit: Fraction
    meter: str
    notes: list[Note] = field(default_factory=list)
    measures: list[tuple[int, int]] = field(default_factory=list)
    meters: list[str] = field(default_factory=list)
    tempos: list[str] = field(default_factory=list)
    now: Fraction = Fraction(0)
    bar: Fraction = Fraction(0)
    held: dict[tuple[str, int], int] = field(default_factory=dict)
    tied: dict[tuple[str, int], int] = field(default_factory=dict)
    last: dict[tuple[str, int], int] = field(default_factory=dict)
    stretch: Fraction = Fraction(1)
    left_in_tuplet: int = 0
    broken: Fraction = Fraction(1)

    def read(self, text: str) -> Voice:
        """Everything in a voice.

        Raises:
            DataError: there is something that is not read.
        """
        at = 0
        while at < len(text):
            if tuplet := _TUPLET.match(text, at):
                count = int(tuplet[1])
                self.stretch = Fraction(int(tuplet[2] or _TUPLET_TIME[count]), count)
                self.left_in_tuplet = int(tuplet[3] or count)
                at = tuplet.end()
                continue
            token = _TOKEN.match(text, at)
            if token is None:
                raise DataError(f"not read in ABC notation: {text[at : at + 20]!r}", hint="check the file")
            self._take(token, text[token.end() :])
            at = token.end()
        self._end_measure()
        return Voice(sorted(self.notes), self.measures)

    def _take(self, token: re.Match[str], ahead: str) -> None:
        if token["field"] == "M":
            self._end_measure()
            self.meter = _meter(token["value"])
            self.meters.append(self.meter)
        elif token["field"] == "Q":
            self.tempos.append(token["value"])
        elif token["bar"]:
            self._end_measure()
        elif token["chord"]:
            heads = list(_IN_CHORD.finditer(token["chord"]))
            length = _length(heads[0]["length"]) * _length(token["chord_length"])
            self._strike(heads, length, ahead)
            self.tied |= {key: self.last[key] for key, head in zip(self.last, heads, strict=False) if head["tie"]}
        elif token["letter"]:
            self._strike([token], _length(token["length"]), ahead)
        elif token["rest"]:
            self._strike([], _length(token["rest_length"]), ahead)
        elif token["tie"]:
            self.tied = dict(self.last)

    def _strike(self, heads: list[re.Match[str]], length: Fraction, ahead: str) -> None:
        """Notes that begin together, or a rest, and the time they take."""
        length *= self.unit * self.broken
        self.broken = Fraction(1)
        if swing := re.match(r"\s*([<>]+)", ahead):
            short = Fraction(1, 2 ** len(swing[1]))
            longer, self.broken = (2 - short, short) if swing[1][0] == ">" else (short, 2 - short)
            length *= longer
        if self.left_in_tuplet:
            length *= self.stretch
            self.left_in_tuplet -= 1
        start_tick, end_tick = _tick(self.now), _tick(self.now + length)
        tied, self.tied, self.last = self.tied, {}, {}
        for head in heads:
            key = (head["letter"].upper(), _octave(head))
            if key in tied and not head["accidental"] and self.notes[tied[key]].end_tick == start_tick:
                self.notes[tied[key]] = self.notes[tied[key]]._replace(end_tick=end_tick)
                self.last[key] = tied[key]
            else:
                self.last[key] = len(self.notes)
                self.notes.append(Note(start_tick, self._pitch(head, key), end_tick))
        self.now += length

    def _pitch(self, head: re.Match[str], key: tuple[str, int]) -> int:
        letter, octave = key
        if head["accidental"]:
            self.held[key] = _ACCIDENTALS[head["accidental"]]
        return 12 * (octave + 1) + _SEMITONES[letter] + self.held.get(key, self.signature.get(letter, 0))

    def _end_measure(self) -> None:
        if self.now > self.bar:
            asked = Fraction(self.meter) if self.meter else self.now - self.bar
            self.measures.append((_tick(self.now) - _tick(self.bar), _tick(asked)))
            self.bar = self.now
        self.held = {}


def _octave(head: re.Match[str]) -> int:
    """Of a note's name; C is middle C, the C of octave 4."""
    return 4 + head["letter"].islower() + head["octave"].count("'") - head["octave"].count(",")


def _length(text: str) -> Fraction:
    """A note's length as written: 3/2, 2, / for a half, // for a quarter."""
    numerator, slash, denominator = text.partition("/")
    halves = slash + denominator
    divisor = int(halves.strip("/")) if halves.strip("/") else 2 ** halves.count("/")
    return Fraction(int(numerator or 1), divisor)


def _signature(key: str) -> dict[str, int]:
    """Accidentals of a key signature: of a major key, or a minor one marked m."""
    match = re.match(r"([A-G])([#b]?)\s*(m(?!aj|ix)|min)?", key)
    if match is None:
        raise ValueError(f"key {key!r}")
    fifths = _FIFTHS[match[1]] + 7 * ((match[2] == "#") - (match[2] == "b")) - 3 * bool(match[3])
    if fifths >= 0:
        return dict.fromkeys(_SHARPENED[:fifths], 1)
    return dict.fromkeys(_SHARPENED[fifths:], -1)


def _meter(text: str) -> str:
    """Such as 4/4; empty where there is none."""
    plain = {"C": "4/4", "C|": "2/2"}.get(text.strip(), text.strip())
    return plain if re.fullmatch(r"\d+/\d+", plain) else ""


def _usual_length(meter: str) -> str:
    """The unit of length where a tune names none."""
    return "1/8" if not meter or Fraction(meter) >= Fraction(3, 4) else "1/16"


def _bpm(text: str) -> float | None:
    match = re.search(r"(\d+)/(\d+)\s*=\s*(\d+)", text)
    return float(Fraction(4 * int(match[1]), int(match[2])) * int(match[3])) if match else None


def _tick(whole_notes: Fraction) -> int:
    return round(whole_notes * 4 * PPQ)
