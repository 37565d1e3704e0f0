"""Songs survive their files; no bytes, however damaged, do more than raise BadMidi; and mido alone sees the same."""

from __future__ import annotations

import io
import struct
from collections import defaultdict

import mido
import pytest
from golden.make_golden import FILES
from hypothesis import given
from hypothesis import strategies as st

from accompanist.errors import BadMidi
from accompanist.music.midifile import MidiSong, MidiTrack, parse, render, rescaled
from accompanist.music.note import Note
from accompanist.music.time import TempoMap

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).map(
    lambda text: "".join(character if character.isprintable() else " " for character in text).strip()
)


def in_order(notes: list[Note]) -> tuple[Note, ...]:
    """Of each pitch, ends in the order of the beginnings: all that a MIDI file can say of overlapping notes."""
    by_pitch = defaultdict(list)
    for note in notes:
        by_pitch[note.pitch].append(note)
    kept = []
    for copies in by_pitch.values():
        copies.sort()
        ends = sorted(note.end_tick for note in copies)
        kept += [note._replace(end_tick=end) for note, end in zip(copies, ends, strict=True)]
    return tuple(sorted(note for note in kept if note.end_tick > note.start_tick))


notes = st.lists(
    st.builds(
        lambda start, pitch, length, velocity: Note(start, pitch, start + length, velocity),
        st.integers(0, 100_000),
        st.sampled_from([0, 59, 60, 127]),
        st.integers(1, 50_000),
        st.integers(1, 127),
    ),
    max_size=15,
).map(in_order)
tracks = st.builds(MidiTrack, names, notes, st.integers(0, 127), st.integers(0, 15))


@st.composite
def songs(draw: st.DrawFn) -> MidiSong:
    changes = draw(st.dictionaries(st.integers(1, 100_000), st.integers(1, 0xFF_FFFF), max_size=5))
    meters = draw(
        st.dictionaries(
            st.integers(1, 100_000), st.tuples(st.integers(1, 255), st.sampled_from([1, 2, 4, 8, 128])), max_size=3
        )
    )
    first = draw(st.integers(1, 0xFF_FFFF))
    return MidiSong(
        tuple(draw(st.lists(tracks, max_size=4))),
        TempoMap(((0, first), *sorted(changes.items())), draw(st.sampled_from([2, 96, 480, 32767]))),
        ((0, 4, 4), *((tick, *meter) for tick, meter in sorted(meters.items()))),
    )


@given(songs())
def test_a_song_survives_its_file(song: MidiSong) -> None:
    assert parse(render(song)) == song


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    """A good file, cut short, with bytes overwritten, put in and taken out."""
    data = bytearray(draw(st.one_of(st.sampled_from(sorted(FILES.values())), songs().map(render))))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        what = draw(st.sampled_from(["overwrite", "insert", "delete", "cut"]))
        if what == "overwrite":
            data[at : at + 1] = bytes([draw(st.integers(0, 255))])
        elif what == "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=5))
        elif what == "delete":
            del data[at : at + draw(st.integers(1, 4))]
        else:
            del data[at:]
    return bytes(data)


@st.composite
def files_around(draw: st.DrawFn) -> bytes:
    """A good header and chunk head around anything at all, which reaches deeper than damage does."""
    body = draw(st.one_of(st.binary(max_size=60), event_soup))
    return (
        b"MThd"
        + struct.pack(">IHHH", 6, draw(st.integers(0, 1)), 1, 480)
        + b"MTrk"
        + struct.pack(">I", len(body))
        + body
    )


event_soup = st.lists(
    st.tuples(
        st.sampled_from([b"\x00", b"\x10", b"\x81\x00"]),
        st.sampled_from([b"", b"\x80", b"\x90", b"\x99", b"\xb0", b"\xc0", b"\xe0", b"\xff\x03\x02", b"\xf0\x01"])
        | st.integers(0, 0x7F).map(lambda kind: bytes([0xFF, kind, 2])),
        st.sampled_from([b"\x3c\x40", b"\x3c\x00", b"\x3d\x40", b"\x00\x00", b"\x05"]),
    ).map(b"".join),
    max_size=30,
).map(b"".join)


@given(st.one_of(damaged_files(), files_around(), st.binary(max_size=80)))
def test_any_bytes_are_read_or_refused_and_what_is_read_can_be_written(data: bytes) -> None:
    refusal = None
    try:
        song = parse(data)
    except BadMidi as error:
        refusal = error
    if refusal is not None:
        assert refusal.hint
        assert len(str(refusal)) < 200
        return
    assert all(
        0 <= note.start_tick < note.end_tick and 0 <= note.pitch <= 127 and 1 <= note.velocity <= 127
        for track in song.tracks
        for note in track.notes
    )
    assert parse(render(song)) == song


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_anywhere_is_refused(name: str) -> None:
    data = FILES[name]
    for length in range(len(data)):
        with pytest.raises(BadMidi):
            parse(data[:length])


@given(songs(), st.sampled_from([96, 480, 960]), st.integers(1, 8))
def test_a_finer_grid_and_back_is_the_same_song(song: MidiSong, ppq: int, finer: int) -> None:
    song = MidiSong(song.tracks, TempoMap(song.tempo.changes, ppq), song.meters)
    assert rescaled(rescaled(song, ppq * finer), ppq) == song


@given(songs(), st.sampled_from([1, 24, 480, 1000]))
def test_any_grid_keeps_every_note_and_its_moment(song: MidiSong, ppq: int) -> None:
    moved = rescaled(song, ppq)
    assert moved.ppq == ppq
    for before, after in zip(song.tracks, moved.tracks, strict=True):
        assert len(before.notes) == len(after.notes)
        assert all(note.end_tick > note.start_tick for note in after.notes)
        starts = zip(
            sorted(note.start_tick for note in before.notes),
            sorted(note.start_tick for note in after.notes),
            strict=True,
        )
        assert all(abs(new - old * ppq / song.ppq) <= 0.5 for old, new in starts)


def as_mido_reads(data: bytes) -> list[list[tuple[object, ...]]]:
    """Every event of a file, with its tick, as mido sees it without us."""
    seen = []
    for track in mido.MidiFile(file=io.BytesIO(data), charset="utf-8").tracks:
        tick = 0
        events: list[tuple[object, ...]] = []
        for message in track:
            tick += message.time
            if message.type in {"note_on", "note_off"}:
                on = message.type == "note_on"
                events.append((tick, message.type, message.channel, message.note, message.velocity if on else 0))
            elif message.type == "program_change":
                events.append((tick, message.type, message.channel, message.program))
            elif message.type == "set_tempo":
                events.append((tick, message.type, message.tempo))
            elif message.type == "time_signature":
                events.append((tick, message.type, message.numerator, message.denominator))
            elif message.type == "track_name":
                events.append((tick, message.type, message.name))
        seen.append(events)
    return seen


@given(songs())
def test_mido_reads_what_we_write(song: MidiSong) -> None:
    conductor, *parts = as_mido_reads(render(song))
    assert sorted(conductor, key=repr) == sorted(
        [(tick, "set_tempo", us) for tick, us in song.tempo.changes]
        + [(tick, "time_signature", beats, unit) for tick, beats, unit in song.meters],
        key=repr,
    )
    for track, events in zip(song.tracks, parts, strict=True):
        expected: list[tuple[object, ...]] = [(0, "program_change", track.channel, track.program)]
        expected += [(0, "track_name", track.name)] if track.name else []
        for note in track.notes:
            expected.append((note.start_tick, "note_on", track.channel, note.pitch, note.velocity))
            expected.append((note.end_tick, "note_off", track.channel, note.pitch, 0))
        assert sorted(events, key=repr) == sorted(expected, key=repr)


@given(songs())
def test_we_read_what_mido_writes(song: MidiSong) -> None:
    file = mido.MidiFile(type=1, ticks_per_beat=song.ppq, charset="utf-8")
    absolute: list[list[tuple[int, mido.Message | mido.MetaMessage]]] = [
        [(tick, mido.MetaMessage("set_tempo", tempo=us)) for tick, us in song.tempo.changes]
        + [
            (tick, mido.MetaMessage("time_signature", numerator=beats, denominator=unit))
            for tick, beats, unit in song.meters
        ]
    ]
    for track in song.tracks:
        events = [(0, mido.Message("program_change", channel=track.channel, program=track.program))]
        events += [(0, mido.MetaMessage("track_name", name=track.name))]
        for note in track.notes:
            key = {"channel": track.channel, "note": note.pitch}
            events.append((note.start_tick, mido.Message("note_on", velocity=note.velocity, **key)))
            events.append((note.end_tick, mido.Message("note_on", velocity=0, **key)))  # the other way to end a note
        absolute.append(events)
    for events in absolute:
        lane = mido.MidiTrack()
        now = 0
        for tick, message in sorted(events, key=lambda event: (event[0], getattr(event[1], "velocity", -1) > 0)):
            lane.append(message.copy(time=tick - now))
            now = tick
        file.tracks.append(lane)
    out = io.BytesIO()
    file.save(file=out)
    assert parse(out.getvalue()) == song
