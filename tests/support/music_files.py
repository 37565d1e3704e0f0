"""MIDI files and archives of songs, made for a test."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import mido


class TrackText(NamedTuple):
    """A track to write: notes as (start, pitch, end) in the file's own ticks."""

    name: str
    notes: Sequence[tuple[int, int, int]]
    program: int = 0
    channel: int = 0


def midi_bytes(
    tracks: Sequence[TrackText],
    *,
    ppq: int = 480,
    tempos: Sequence[tuple[int, float]] = ((0, 120.0),),
    meters: Sequence[tuple[int, int, int]] = (),
    running_status: bool = True,
) -> bytes:
    """A format 1 file; note-offs are note-ons of velocity 0, so that with running status they need no status byte."""
    file = mido.MidiFile(type=1, ticks_per_beat=ppq)
    events: list[tuple[int, int, Any]] = [
        (tick, 0, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm))) for tick, bpm in tempos
    ]
    events += [
        (tick, 0, mido.MetaMessage("time_signature", numerator=beats, denominator=unit)) for tick, beats, unit in meters
    ]
    file.tracks.append(_track(events))
    for track in tracks:
        events = [(0, 0, mido.MetaMessage("track_name", name=track.name))]
        events.append((0, 0, mido.Message("program_change", program=track.program, channel=track.channel)))
        for start, pitch, end in track.notes:
            events.append((start, 2, mido.Message("note_on", note=pitch, velocity=90, channel=track.channel)))
            events.append((end, 1, mido.Message("note_on", note=pitch, velocity=0, channel=track.channel)))
        file.tracks.append(_track(events))
    out = io.BytesIO()
    file.save(file=out)
    data = out.getvalue()
    return data if running_status else _with_every_status(file, data)


def _track(events: list[tuple[int, int, Any]]) -> mido.MidiTrack:
    track = mido.MidiTrack()
    now = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    return track


def _variable_length(number: int) -> bytes:
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.insert(0, 0x80 | (number & 0x7F))
    return bytes(digits)


def _with_every_status(file: mido.MidiFile, whole: bytes) -> bytes:
    """The same file with every status byte written out; mido itself leaves out those that repeat the last one."""
    out = whole[:14]
    for track in file.tracks:
        body = b"".join(_variable_length(message.time) + bytes(message.bytes()) for message in track)
        if track[-1].type != "end_of_track":
            body += b"\x00\xff\x2f\x00"
        out += b"MTrk" + len(body).to_bytes(4, "big") + body
    return out


PHASE_TICKS = 40
"""How far the grid of the songs below lies behind the file's own."""


def write_tunes(folder: Path, songs: int = 30, bars: int = 12) -> Path:
    """A folder of songs as somebody may have them: a tune, a bass that changes with the bar, chords in halves."""
    folder.mkdir()
    beats = range(0, bars * 1920, 480)
    for i in range(songs):
        tune = TrackText("Melody", [(at, 72 + (at // 480 + i) % 5, at + 480) for at in beats])
        bass = TrackText("Bass", [(at, 40 + at // 1920 % 5, at + 480) for at in beats], 33, 1)
        chords = [(at, pitch + at // 1920 % 5, at + 960) for at in beats[::2] for pitch in (52, 56, 59)]
        file = midi_bytes([tune, bass, TrackText("Piano", chords, 0, 2)], tempos=((0, 100.0),))
        (folder / f"{i}.mid").write_bytes(file)
    return folder


def pop909_song(*, bars: int = 4, ppq: int = 480, bpm: float = 70.0) -> bytes:
    """A song in POP909's layout: melody in quarters, bridge in halves, broken chords for piano."""
    quarter, phase = ppq, PHASE_TICKS * ppq // 480
    melody, bridge, piano = [], [], []
    for beat in range(4 * bars):
        at = phase + beat * quarter
        melody.append((at, 72 + beat % 5, at + quarter))
        piano += [(at, 60 + beat % 3, at + quarter // 2), (at + quarter // 2, 64, at + quarter)]
        if beat % 4 == 0:
            piano.append((at, 40, at + 4 * quarter))
        if beat % 2 == 0:
            bridge.append((at, 67, at + 2 * quarter))
    tracks = [TrackText("MELODY", melody), TrackText("BRIDGE", bridge, 0, 1), TrackText("PIANO", piano, 0, 2)]
    return midi_bytes(tracks, ppq=ppq, tempos=((0, bpm),), meters=((0, 1, 4),))


def pop909_grid(*, bars: int = 4, ppq: int = 480, quality: str = "ok", half_bar_after: int = 0) -> dict[str, Any]:
    """Its entry in derived_bars.json; with an inserted half bar where asked."""
    phase, sixteenth = PHASE_TICKS * ppq / 480 + 0.04, ppq / 4
    starts = [phase + 16 * sixteenth * bar for bar in range(bars)]
    if half_bar_after:
        starts = [start + (8 * sixteenth if bar >= half_bar_after else 0) for bar, start in enumerate(starts)]
    return {
        "quality": quality,
        "time_signature": "4/4",
        "tpq": ppq,
        "ticks_per_16th": sixteenth,
        "tick_of_step0": phase,
        "bar_start_ticks": starts,
    }


def write_pop909(folder: Path, songs: Mapping[str, bytes], grids: Mapping[str, Any]) -> Path:
    """A pop909.zip in a folder."""
    path = folder / "pop909.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("POP909/derived_bars.json", json.dumps(grids))
        for number, data in songs.items():
            archive.writestr(f"POP909/{number}/{number}.mid", data)
            archive.writestr(f"POP909/{number}/key_audio.txt", "0.0\t10.0\tA:min\n10.0\t12.5\tC:maj\n")
    return path


GROOVE_COLUMNS = ("id", "session", "style", "bpm", "beat_type", "time_signature", "midi_filename")
"""What of Groove's table is read."""


def groove_row(
    name: str, *, style: str = "rock", bpm: int = 120, take: str = "beat", meter: str = "4-4"
) -> dict[str, str]:
    """A row of Groove's table."""
    values = (name, name.rpartition("/")[0], style, str(bpm), take, meter, f"{name}.mid")
    return dict(zip(GROOVE_COLUMNS, values, strict=True))


def write_groove(
    folder: Path, takes: Sequence[tuple[Mapping[str, str], bytes | None]], columns: Sequence[str] = GROOVE_COLUMNS
) -> Path:
    """A groove.zip in a folder; a take may lack its file, and without columns there is no table."""
    path = folder / "groove.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        if columns:
            table = io.StringIO()
            writer = csv.DictWriter(table, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(row for row, _ in takes)
            archive.writestr("groove/info.csv", table.getvalue())
        for row, data in takes:
            if data is not None:
                archive.writestr(f"groove/{row['midi_filename']}", data)
    return path


def mxl(*measures: str, root: str = "score-partwise") -> bytes:
    """A compressed MusicXML file of one part."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as container:
        container.writestr("META-INF/container.xml", "<container/>")
        container.writestr("score.xml", f"<{root}><part>{''.join(measures)}</part></{root}>")
    return out.getvalue()


def xml_measure(*items: str, meter: str = "") -> str:
    """A measure; a time signature where one is given. Durations are in sixteenths."""
    beats, _, unit = meter.partition("/")
    time = f"<time><beats>{beats}</beats><beat-type>{unit}</beat-type></time>" if meter else ""
    return f"<measure><attributes><divisions>4</divisions>{time}</attributes>{''.join(items)}</measure>"


def xml_note(name: str, sixteenths: int, *, tie: str = "", chord: bool = False) -> str:
    """A note such as E4, or a rest where it has no name; a grace note where it has no length."""
    what = f"<pitch><step>{name[0]}</step><octave>{name[1:]}</octave></pitch>" if name else "<rest/>"
    length = f"<duration>{sixteenths}</duration>" if sixteenths else "<grace/>"
    return f"<note>{'<chord/>' * chord}{what}{length}{f'<tie type={tie!r}/>' if tie else ''}</note>"


def xml_harmony(
    root: str, kind: str = "major", *, alter: int = 0, bass: str = "", degrees: Sequence[tuple[int, int, str]] = ()
) -> str:
    """A chord symbol; degrees are (number, semitones, what is done)."""
    low = f"<bass><bass-step>{bass}</bass-step></bass>" if bass else ""
    changes = "".join(
        f"<degree><degree-value>{number}</degree-value><degree-alter>{semitones}</degree-alter>"
        f"<degree-type>{done}</degree-type></degree>"
        for number, semitones, done in degrees
    )
    return (
        f"<harmony><root><root-step>{root}</root-step><root-alter>{alter}</root-alter></root>"
        f"<kind>{kind}</kind>{low}{changes}</harmony>"
    )
