"""A song as the browser's roll is told it."""

from __future__ import annotations

import msgspec

from accompanist.console.songs import told
from accompanist.music.note import Note
from accompanist.music.song import MidiSong, MidiTrack
from accompanist.music.time import TempoMap


def test_a_song_at_any_resolution_is_told_in_480ths_with_its_chords() -> None:
    beat = 96
    melody = MidiTrack("Tune", tuple(Note(i * beat, 72 + i, (i + 1) * beat) for i in range(6)))
    piano = MidiTrack("piano", tuple(Note(0, pitch, 3 * beat) for pitch in (48, 64, 67)), channel=1)
    bass = MidiTrack("bass", (Note(3 * beat, 43, 6 * beat), Note(3 * beat, 59, 6 * beat), Note(3 * beat, 62, 6 * beat)))
    drums = MidiTrack("drums", (Note(0, 36, 24),), channel=9)
    song = told(MidiSong((melody, piano, bass, drums), TempoMap(((0, 600_000),), beat), ((0, 3, 4),)))
    assert song.bars == (0, 1440, 2880)
    assert song.tempo == ((0, 600_000),)
    assert [(track.name, track.drums, len(track.notes)) for track in song.tracks] == [
        ("Tune", False, 6), ("piano", False, 3), ("bass", False, 3), ("drums", True, 1),
    ]  # fmt: skip
    assert song.tracks[0].notes[1] == (480, 73, 960, 80)
    assert [chord[2] for chord in song.chords] == ["C", "G"]
    assert msgspec.json.decode(msgspec.json.encode(song))["tracks"][3]["notes"] == [[0, 36, 120, 80]]


def test_an_empty_song_has_a_bar_and_no_chord() -> None:
    song = told(MidiSong(()))
    assert (song.tracks, song.bars, song.chords) == ((), (0, 1920), ())
