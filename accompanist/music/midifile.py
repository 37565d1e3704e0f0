"""Songs in MIDI files: read with care, written whole or not at all.

The one module of the musical core that touches files; what a song is stands in `song`. mido reads and writes the events
of a track; around it stands only what it leaves open: where a track ends, and what no song may say.

Source: Standard MIDI Files 1.0 (MIDI Manufacturers Association, RP-001).
"""

from __future__ import annotations

import io
import os
import re
import struct
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import mido
from mido.midifiles.meta import MetaSpec_sequencer_specific, add_meta_spec, build_meta_message

from accompanist.errors import BadMidi, DataError, StorageError
from accompanist.music.note import Note
from accompanist.music.song import MidiSong, MidiTrack, melody_track, rescaled
from accompanist.music.time import DEFAULT_US_PER_BEAT, TempoMap

__all__ = ["MidiSong", "MidiTrack", "melody_track", "parse", "read", "render", "rescaled", "write"]

MAX_FILE_BYTES = 8 * 1024 * 1024
"""Larger files are refused unread; an opera of three hours takes about 2 MB."""
MAX_TICK = 0x0FFF_FFFF
"""The latest tick that one delta time can reach."""
MAX_BEATS = 100_000
"""Quarter notes, fourteen hours at 120 BPM. A damaged delta time easily says more, and every roll would be as long."""
_CHARSET = "latin-1"
"""What mido takes text for, in reading and in writing: any bytes are valid and come back the same."""
_ENDLESS_NUMBER = re.compile(rb"(?<![\x80-\xff])[\x80-\xff]{4096}")
"""mido reads a number however long it is, in time that grows with the square of its bytes; four are allowed. Nothing
else has so many bytes of this kind in a row but a text or a dump that hardly any song carries."""
_BEAT_UNITS = (1, 2, 4, 8, 16, 32, 64, 128)
"""Lower figures of time signatures that are read and written."""

# mido 1.3 forgets the time before a meta event of a kind it has no name for, and every note behind it would move.
for _kind in range(256):
    if isinstance(build_meta_message(_kind, bytes(5)), mido.UnknownMetaMessage):
        add_meta_spec(type(f"MetaSpec_unknown_{_kind:02x}", (MetaSpec_sequencer_specific,), {"type_byte": _kind}))


def read(path: Path) -> MidiSong:
    """Read a MIDI file of format 0 or 1.

    A part is one channel of one track, so a file of format 0 is split by channel; tracks without a note or a program
    (tempo, lyrics) are no parts. Overlapping notes of one pitch end in the order in which they began. A note without an
    end lasts to the end of its track, and none is shorter than one tick.

    Raises:
        BadMidi: the file is damaged, or of a kind that is not read; the message says where.
        DataError: it cannot be opened, or is too large to be a song.
    """
    try:
        if not path.is_file():
            raise DataError(f"{path}: there is no such file", hint="give the path of a MIDI file")
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise DataError(f"{path}: {size} bytes, MIDI files of up to {MAX_FILE_BYTES} bytes are read")
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}", hint="check the file's permissions") from error
    try:
        return parse(data)
    except BadMidi as error:
        raise BadMidi(f"{path}: {error.message}", hint=error.hint) from error


def parse(data: bytes) -> MidiSong:
    """The song in a MIDI file's bytes; see `read`.

    Raises:
        BadMidi: the file is damaged, or of a kind that is not read; the message says where.
    """
    ppq, chunks = _chunks(data)
    tempos: dict[int, int] = {0: DEFAULT_US_PER_BEAT}
    meters: dict[int, tuple[int, int]] = {0: (4, 4)}
    tracks: list[MidiTrack] = []
    for number, (start, end) in enumerate(chunks, 1):
        timed = _timed(data[start:end], start, number, min(MAX_TICK, MAX_BEATS * ppq))
        tracks += _parts(timed, tempos, meters)
    return MidiSong(
        tracks=tuple(tracks),
        tempo=TempoMap(tuple(sorted(tempos.items())), ppq),
        meters=tuple((tick, *meter) for tick, meter in sorted(meters.items())),
    )


def _damage(what: str, where: str) -> BadMidi:
    return BadMidi(f"the MIDI file is damaged {where}: {what}", hint="export it again from where it came from")


def _chunks(data: bytes) -> tuple[int, list[tuple[int, int]]]:
    """Ticks per quarter note, and where the events of each track begin and end.

    Walked here because mido stops at chunks that are no tracks, and goes on behind the end of those that are.
    """
    if data[:4] != b"MThd":
        begins = f"begins with {data[:4]!r}" if data else "is empty"
        says = f"this is no MIDI file: it {begins}, a MIDI file begins with b'MThd'"
        raise BadMidi(says, hint="give a Standard MIDI File (.mid)")
    if len(data) < 14:
        raise _damage(f"the header is cut off, {len(data)} of 14 bytes are there", f"at byte {len(data)}")
    length, kind, count, division = struct.unpack(">IHHH", data[4:14])
    if kind > 1:
        raise BadMidi(f"the MIDI file is of format {kind}; formats 0 and 1 are read", hint="save it as format 1")
    if division & 0x8000:
        seen = f"film frames (SMPTE, {256 - (division >> 8)} frames a second)"
        raise BadMidi(f"the MIDI file counts time in {seen}, not in beats", hint="save it with ticks per quarter note")
    if length < 6 or division == 0:
        raise _damage(f"a header of {length} bytes, {division} ticks per quarter note", "at byte 4")
    at = 8 + length
    chunks: list[tuple[int, int]] = []
    while len(chunks) < count:
        if len(data) - at < 8:
            raise _damage(f"the file ends after {len(chunks)} of {count} tracks", f"at byte {min(at, len(data))}")
        name, size = struct.unpack(">4sI", data[at : at + 8])
        start, at = at + 8, at + 8 + size
        if name == b"MTrk":
            chunks.append((start, at))
            if at > len(data):
                where = f"at byte {len(data)}, track {len(chunks)}"
                raise _damage(f"the track is cut off, {len(data) - start} of {size} bytes are there", where)
    return division, chunks


def _timed(events: bytes, start: int, number: int, last_tick: int) -> Iterator[tuple[int, Any]]:
    """The messages of track `number` (from 1), whose chunk's contents begin at byte `start`, each with its tick."""
    if endless := _ENDLESS_NUMBER.search(events):
        raise _damage("a number without end", f"near byte {start + endless.start()}, track {number}")
    head = struct.pack(">4sIHHH4sI", b"MThd", 6, 1, 1, 480, b"MTrk", len(events))
    file = io.BytesIO(head + events)
    try:
        messages = mido.MidiFile(file=file, charset=_CHARSET).tracks[0]
    except Exception as error:  # over damaged bytes mido raises whatever Python happens to raise
        match error:
            case EOFError():
                what = "the track ends inside an event"
            case LookupError():
                what = "an event says too little, or nothing that is known"
            case _:
                what = str(error)[:60]
        at = file.tell() - len(head)
        seen = events[max(at - 4, 0) : at].hex(" ")
        raise _damage(f"{what}, behind the bytes {seen!r}", f"near byte {start + at}, track {number}") from error
    where = f"in bytes {start} to {start + len(events)}, track {number}"
    tick = 0
    for message in messages:
        tick += message.time
        if tick > last_tick:
            raise _damage(f"an event behind tick {last_tick}, the last that is read", where)
        if fault := _fault(message):
            raise _damage(f"{fault} at tick {tick}", where)
        yield tick, message
        if message.type == "end_of_track":
            break


def _fault(message: Any) -> str:
    """What is wrong with a message that mido has read; empty if nothing is."""
    if message.type == "set_tempo" and message.tempo == 0:
        return "a tempo of 0 microseconds a quarter note"
    if message.type == "time_signature" and (message.numerator == 0 or message.denominator not in _BEAT_UNITS):
        return f"a time signature of {message.numerator} beats over 2 to the {message.denominator.bit_length() - 1}"
    belongs = message.is_meta or message.type == "sysex" or hasattr(message, "channel")
    return "" if belongs else f"the message {message.type!r}, which only a cable may carry,"


def _parts(
    timed: Iterable[tuple[int, Any]], tempos: dict[int, int], meters: dict[int, tuple[int, int]]
) -> list[MidiTrack]:
    """One track's parts; its tempo changes and time signatures go into the song's."""
    name = ""
    notes: defaultdict[int, list[Note]] = defaultdict(list)
    programs: dict[int, int] = {}
    sounding: defaultdict[tuple[int, int], deque[tuple[int, int]]] = defaultdict(deque)
    tick = 0
    for tick, message in timed:
        match message.type:
            case "note_on" if message.velocity:
                sounding[message.channel, message.note].append((tick, message.velocity))
            case "note_on" | "note_off":
                if begun := sounding[message.channel, message.note]:
                    start, velocity = begun.popleft()
                    notes[message.channel].append(Note(start, message.note, max(tick, start + 1), velocity))
            case "program_change":
                programs.setdefault(message.channel, message.program)
            case "track_name":
                name = name or _text(message.name.encode(_CHARSET))
            case "set_tempo":
                tempos[tick] = message.tempo
            case "time_signature":
                meters[tick] = message.numerator, message.denominator
    for (channel, pitch), begun in sounding.items():
        notes[channel] += [Note(start, pitch, max(tick, start + 1), velocity) for start, velocity in begun]
    channels = sorted(channel for channel, played in notes.items() if played) or list(programs)[:1]
    return [
        MidiTrack(
            name=name if len(channels) == 1 else f"{name} channel {channel + 1}".strip(),
            notes=tuple(sorted(notes[channel])),
            program=programs.get(channel, 0),
            channel=channel,
        )
        for channel in channels
    ]


def _text(raw: bytes) -> str:
    """Text of a file that does not say how it is encoded: UTF-8 where it is valid, else Latin-1, which always is."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    # Names are shown in terminals, where a control character would act.
    return "".join(character if character.isprintable() else " " for character in text).strip()


def write(song: MidiSong, path: Path) -> None:
    """Write a MIDI file of format 1: tempo and meters in a track of their own, then a track for each part.

    The file appears whole or not at all. Of two overlapping notes of one pitch that end in the other order than they
    began, a MIDI file cannot say which ends first: readers give the first end to the first.

    Raises:
        StorageError: it cannot be written.
        ValueError: a number is outside what MIDI can hold, or a note does not end after it begins.
    """
    data = render(song)
    scratch = path.parent / f".{path.name}.{os.getpid()}.tmp"
    try:
        if path.exists() and not path.is_file():  # /dev/null, say: a file would take its place
            raise StorageError(f"{path}: cannot be written: it is no file", hint="name a .mid file")
        scratch.write_bytes(data)
        scratch.replace(path)
    except OSError as error:
        raise StorageError(
            f"{path}: cannot be written: {error.strerror}", hint="check that the folder is there, writable and not full"
        ) from error
    finally:
        with suppress(OSError):  # gone when it became the file; what else is wrong has been reported
            scratch.unlink()


def render(song: MidiSong) -> bytes:
    """The bytes of a MIDI file of format 1; see `write`.

    Raises:
        ValueError: a number is outside what MIDI can hold, or a note does not end after it begins.
    """
    if not 1 <= song.ppq <= 0x7FFF or len(song.tracks) >= 0x7FFF:
        parts = len(song.tracks)
        raise ValueError(f"{song.ppq} ticks per quarter note, {parts} parts; a file holds 1 to 32767, and 32766 parts")
    conductor = [(tick, mido.MetaMessage("set_tempo", tempo=us)) for tick, us in song.tempo.changes]
    for tick, beats, unit in song.meters:
        if unit not in _BEAT_UNITS or beats == 0:
            raise ValueError(f"a time signature of {beats}/{unit}; 1 to 255 over 1, 2, 4, ... 128 fits a MIDI file")
        clocks = max(96 // unit, 1)  # a metronome clicks once a beat
        meter = mido.MetaMessage("time_signature", numerator=beats, denominator=unit, clocks_per_click=clocks)
        conductor.append((tick, meter))
    tracks = [_in_deltas(conductor), *(_in_deltas(_events(track)) for track in song.tracks)]
    out = io.BytesIO()
    mido.MidiFile(type=1, ticks_per_beat=song.ppq, charset=_CHARSET, tracks=tracks).save(file=out)
    return out.getvalue()


def _events(track: MidiTrack) -> list[tuple[int, Any]]:
    """The part's messages, each with its tick; at one tick the ends of earlier notes come before the beginnings."""
    events = [(0, mido.Message("program_change", channel=track.channel, program=track.program))]
    if track.name:
        name = track.name.encode("utf-8", "replace").decode(_CHARSET)
        events.insert(0, (0, mido.MetaMessage("track_name", name=name)))
    for note in sorted(track.notes):
        if not 0 <= note.start_tick < note.end_tick or note.velocity == 0:
            raise ValueError(f"{note} fits no MIDI file")
        key = {"channel": track.channel, "note": note.pitch}
        events.append((note.start_tick, mido.Message("note_on", velocity=note.velocity, **key)))
        events.append((note.end_tick, mido.Message("note_off", **key)))
    return events


def _in_deltas(events: list[tuple[int, Any]]) -> list[Any]:
    """Messages by their ticks, those of one tick as they came; each gets the ticks since the one before."""
    events.sort(key=lambda event: event[0])
    now = 0
    for tick, message in events:
        if tick > MAX_TICK:
            raise ValueError(f"tick {tick} does not fit a MIDI file: up to {MAX_TICK}")
        message.time = tick - now
        now = tick
    return [message for _, message in events]
