"""What must be read from each golden file, by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from golden.make_golden import FILES

from accompanist.errors import BadMidi
from accompanist.music.midifile import MidiSong, MidiTrack, melody_track, read
from accompanist.music.note import Note
from accompanist.music.time import TempoMap

HERE = Path(__file__).parent
AT_120 = TempoMap(((0, 500_000),))

SONGS = {
    "repeated_notes.mid": MidiSong(
        (MidiTrack("Melody", (Note(0, 60, 120, 80), Note(120, 60, 240, 80), Note(240, 60, 360, 80))),), AT_120
    ),
    "overlaps.mid": MidiSong(
        (
            MidiTrack(
                "Melody", (Note(0, 60, 240, 70), Note(120, 60, 480, 90), Note(240, 62, 241, 80), Note(240, 64, 960, 80))
            ),
        ),
        AT_120,
    ),
    "tempo_changes.mid": MidiSong(
        (MidiTrack("Melody", (Note(0, 60, 96, 80), Note(96, 62, 288, 80), Note(288, 64, 384, 80))),),
        TempoMap(((0, 500_000), (96, 1_000_000), (288, 666_666)), ppq=96),
    ),
    "three_four.mid": MidiSong(
        (MidiTrack("Melody", (Note(0, 60, 1440, 80), Note(1440, 62, 2880, 80), Note(2880, 64, 4320, 80))),),
        AT_120,
        ((0, 3, 4), (2880, 6, 8)),
    ),
    "pickup.mid": MidiSong(
        (MidiTrack("Melody", (Note(1440, 67, 1920, 80), Note(1920, 72, 2880, 80))),), TempoMap(((0, 600_000),))
    ),
    "drums.mid": MidiSong(
        (
            MidiTrack("Drums", (Note(0, 36, 60, 100), Note(120, 38, 180, 100)), channel=9),
            MidiTrack("Bass", (Note(0, 36, 240, 80),), program=33, channel=1),
        ),
        AT_120,
    ),
    "empty.mid": MidiSong((), TempoMap(((0, 428_571),))),
    "name_latin1.mid": MidiSong((MidiTrack("Mélodie", (Note(0, 60, 480, 80),)),), AT_120),
    "name_utf8.mid": MidiSong((MidiTrack("旋律 ♪", (Note(0, 60, 480, 80),)),), AT_120),
    "running_status.mid": MidiSong(
        (MidiTrack("Melody", (Note(0, 60, 120, 80), Note(120, 62, 240, 80), Note(240, 64, 360, 80))),), AT_120
    ),
    "format_0.mid": MidiSong(
        (
            MidiTrack("Song channel 1", (Note(0, 40, 480, 80),), program=33, channel=0),
            MidiTrack("Song channel 3", (Note(0, 72, 240, 80),), program=0, channel=2),
            MidiTrack("Song channel 10", (Note(0, 36, 240, 80),), channel=9),
        ),
        TempoMap(((0, 666_666),)),
    ),
    "strange_chunk.mid": MidiSong((MidiTrack("Melody", (Note(0, 60, 480, 80),)),), AT_120),
}

REFUSED = {
    # Header 14, first track 8 + 19, head of the second 8, its 33 bytes (name 10, notes 19, end 4) less 9: 73.
    "damaged_truncated.mid": "damaged at byte 73, track 2: the track is cut off, 24 of 33 bytes are there",
    "damaged_lost_track.mid": "damaged at byte 41: the file ends after 1 of 2 tracks",
    "damaged_header.mid": "this is no MIDI file: it begins with b'RIFF'",
    # Header 14, track head 8, name 10: the first note begins at byte 32 with its delta time.
    "damaged_event.mid": "damaged near byte 36, track 1: data byte .* 0..127, behind the bytes '00 90 3c d0'",
    "smpte.mid": r"film frames \(SMPTE, 25 frames a second\)",
    "format_2.mid": "format 2; formats 0 and 1 are read",
}


@pytest.mark.parametrize("name", SONGS)
def test_reads_what_is_there(name: str) -> None:
    assert read(HERE / name) == SONGS[name]


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_and_says_where(name: str) -> None:
    with pytest.raises(BadMidi, match=REFUSED[name]) as caught:
        read(HERE / name)
    assert str(HERE / name) in str(caught.value)
    assert caught.value.hint


def test_every_golden_file_is_expected_and_as_its_script_writes_it() -> None:
    assert {path.name for path in HERE.glob("*.mid")} == set(FILES) == SONGS.keys() | REFUSED.keys()
    for name, contents in FILES.items():
        assert (HERE / name).read_bytes() == contents


def test_the_melody_of_the_drum_file_is_the_bass() -> None:
    assert melody_track(read(HERE / "drums.mid")) == 1


def test_seconds_follow_the_tempo_changes() -> None:
    tempo = read(HERE / "tempo_changes.mid").tempo
    assert tempo.s_at(96) == 0.5
    assert tempo.s_at(288) == 2.5
    assert tempo.s_at(384) == pytest.approx(2.5 + 2 / 3)
