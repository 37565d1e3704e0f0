from __future__ import annotations

import io
from itertools import pairwise

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.music_files import TrackText, midi_bytes

from accompanist.errors import BadMidi
from accompanist.music.note import Note
from training.read import (
    Song,
    SongTable,
    estimated_mode,
    mean_bpm,
    notes_of,
    one_at_a_time,
    parse_midi,
    tempo_class,
)


def notes_by_mido(data: bytes) -> dict[str, list[tuple[int, int, int]]]:
    """(start, pitch, end) of each named track, as mido's messages say; no pitch overlaps itself in these files."""
    found: dict[str, list[tuple[int, int, int]]] = {}
    for track in mido.MidiFile(file=io.BytesIO(data)).tracks:
        now, sounding = 0, {}
        for message in track:
            now += message.time
            if message.type == "note_on" and message.velocity > 0:
                sounding[message.note] = now
            elif message.type in {"note_on", "note_off"}:
                found.setdefault(track.name, []).append((sounding.pop(message.note), message.note, now))
    return {name: sorted(notes) for name, notes in found.items()}


lines = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 400), st.integers(0, 127)), min_size=1, max_size=12).map(
    # Gap, length and pitch of each note, end to end, so that no pitch sounds twice at once.
    lambda raw: [
        (sum(g + n for g, n, _ in raw[:i]) + gap, pitch, sum(g + n for g, n, _ in raw[:i]) + gap + length)
        for i, (gap, length, pitch) in enumerate(raw)
    ]
)


@given(melody=lines, chords=lines, ppq=st.sampled_from([96, 220, 480, 960]), running=st.booleans())
def test_symusic_reads_the_notes_that_mido_reads(
    melody: list[tuple[int, int, int]], chords: list[tuple[int, int, int]], ppq: int, running: bool
) -> None:
    data = midi_bytes([TrackText("tune", melody), TrackText("keys", chords, 5, 1)], ppq=ppq, running_status=running)
    by_mido = notes_by_mido(data)
    assert by_mido == {"tune": sorted(melody), "keys": sorted(chords)}
    score = parse_midi(data)
    by_symusic = {
        track.name: sorted((note.start, note.pitch, note.end) for note in track.notes) for track in score.tracks
    }
    assert by_symusic == by_mido
    assert score.ticks_per_quarter == ppq


@given(
    changes=st.lists(st.tuples(st.integers(1, 2000), st.integers(30, 300)), max_size=6),
    first=st.integers(30, 300),
)
def test_symusic_reads_the_tempos_that_mido_reads(changes: list[tuple[int, int]], first: int) -> None:
    ticks = np.cumsum([gap for gap, _ in changes]).tolist()
    tempos = [(0, float(first)), *((tick, float(bpm)) for tick, (_, bpm) in zip(ticks, changes, strict=True))]
    end = 20_000
    data = midi_bytes([TrackText("tune", [(0, 60, end)])], tempos=tempos)
    file = mido.MidiFile(file=io.BytesIO(data))
    now, by_mido = 0, []
    for message in file.tracks[0]:
        now += message.time
        if message.type == "set_tempo":
            by_mido.append((now, message.tempo))
    score = parse_midi(data)
    by_symusic = [(tempo.time, round(60e6 / tempo.qpm)) for tempo in score.tempos]
    edges = [tick for tick, _ in by_mido] + [end]
    seconds = sum((b - a) * us / 480e6 for (a, b), (_, us) in zip(pairwise(edges), by_mido, strict=True))
    assert by_symusic == by_mido
    assert mean_bpm(score) == pytest.approx(end / 480 / seconds * 60, rel=1e-4)


def test_running_status_is_shorter_and_means_the_same() -> None:
    tracks = [TrackText("tune", [(0, 60, 100), (100, 62, 200), (200, 64, 300)])]
    plain, running = midi_bytes(tracks, running_status=False), midi_bytes(tracks)
    assert len(running) == len(plain) - 5  # of six note messages only the first needs its status byte
    for data in (plain, running):
        assert parse_midi(data).tracks[0].notes.numpy()["time"].tolist() == [0, 100, 200]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a MIDI file"),
        (b"RIFFxxxx", "not a MIDI file"),
        (b"MThd\0\0", "damaged"),
        (midi_bytes([TrackText("a", [(0, 60, 9)])])[:-7], "damaged"),
    ],
)
def test_damage_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(BadMidi, match=reason) as caught:
        parse_midi(data)
    assert "iostream" not in caught.value.message


def test_no_division_is_damage_too() -> None:
    data = bytearray(midi_bytes([TrackText("a", [(0, 60, 9)])]))
    data[12:14] = b"\0\0"
    with pytest.raises(BadMidi, match="0 ticks per quarter"):
        parse_midi(bytes(data))


def test_notes_come_on_the_projects_ticks() -> None:
    score = parse_midi(midi_bytes([TrackText("a", [(110, 60, 165), (220, 100, 221)])], ppq=220))
    notes = notes_of(score.tracks[0], ticks_per_quarter=220, origin=10.0, shift_ticks=1000, pitch_shift=30)
    # (110 - 10) x 480 / 220 = 218.2, (165 - 10) x 480 / 220 = 338.2; 100 + 30 is no MIDI pitch.
    assert notes == [Note(1218, 90, 1338, 90)]


def test_a_table_gives_the_song_back() -> None:
    song = Song(
        "a b",
        "mine",
        {"mode": "minor"},
        (Note(0, 60, 480, 7), Note(480, 62, 481)),
        {"bass": (Note(0, 30, 1920),), "strings": ()},
        (0, 1920),
    )
    table = SongTable.of(song)
    assert table.song() == song
    assert table.label == "mine/a b"


def test_a_silent_song_has_a_table() -> None:
    song = Song("x", "mine", {}, (), {}, (0, 1920))
    assert SongTable.of(song).song() == song


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 127), st.integers(1, 50)), max_size=20))
def test_one_at_a_time_is_one_at_a_time_and_keeps_the_lowest(raw: list[tuple[int, int, int]]) -> None:
    notes = [Note(start, pitch, start + length) for start, pitch, length in raw]
    line = one_at_a_time(notes)
    assert all(before.end_tick <= after.start_tick for before, after in pairwise(line))
    assert all(note.end_tick > note.start_tick for note in line)
    assert {note.start_tick for note in line} == {note.start_tick for note in notes}
    for note in line:
        assert note.pitch == min(other.pitch for other in notes if other.start_tick == note.start_tick)


@pytest.mark.parametrize(
    ("bpm", "name"), [(42, "slow"), (75.9, "slow"), (76, "medium"), (119.9, "medium"), (120, "fast"), (197, "fast")]
)
def test_tempo_classes(bpm: float, name: str) -> None:
    assert tempo_class(bpm) == name


def test_mode_is_estimated_from_sounding_time() -> None:
    c_major = [Note(0, 60, 960), Note(0, 64, 960), Note(0, 67, 960), Note(0, 65, 240), Note(0, 69, 240)]
    a_minor = [Note(0, 57, 960), Note(0, 60, 960), Note(0, 64, 960), Note(0, 62, 240), Note(0, 56, 480)]
    assert estimated_mode([c_major, []]) == "major"
    assert estimated_mode([a_minor]) == "minor"
