from __future__ import annotations

import io
import os
from pathlib import Path

import mido
import pytest
from golden.make_golden import chunk, file, meta

from accompanist.errors import BadMidi, DataError, StorageError
from accompanist.music.midifile import MAX_FILE_BYTES, MAX_TICK, MidiSong, MidiTrack, parse, read, render, write
from accompanist.music.note import Note
from accompanist.music.time import TempoMap

SONG = MidiSong(
    (
        MidiTrack("Melody ♪", (Note(0, 60, 480, 99), Note(480, 60, 960, 1)), program=73, channel=0),
        MidiTrack("", (Note(0, 36, 1920, 127),), program=33, channel=15),
        MidiTrack("Silent", (), program=5, channel=4),
    ),
    TempoMap(((0, 600_000), (960, 16_777_215)), ppq=480),
    ((0, 3, 4), (1440, 7, 8)),
)


NAME, TEMPO, METER = 0x03, 0x51, 0x58


def one_track(*events: tuple[int, bytes]) -> MidiSong:
    """A song of one track; each event with the ticks since the one before."""
    return parse(file(chunk(*events)))


def test_a_song_survives_its_file(tmp_path: Path) -> None:
    write(SONG, tmp_path / "song.mid")
    assert read(tmp_path / "song.mid") == SONG


def test_the_same_song_is_the_same_bytes(tmp_path: Path) -> None:
    write(SONG, tmp_path / "a.mid")
    write(SONG, tmp_path / "b.mid")
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes() == render(SONG)


def test_the_bytes_are_those_of_the_standard() -> None:
    song = MidiSong((MidiTrack("A", (Note(0, 60, 96, 64),), program=7, channel=2),), TempoMap(ppq=96))
    assert render(song).hex(" ") == (
        "4d 54 68 64 00 00 00 06 00 01 00 02 00 60 "  # format 1, two tracks, 96 ticks
        "4d 54 72 6b 00 00 00 13 "
        "00 ff 51 03 07 a1 20 "  # 500,000 microseconds
        "00 ff 58 04 04 02 18 08 "  # 4/4, 24 clocks a click, 8 thirty-seconds a quarter
        "00 ff 2f 00 "
        "4d 54 72 6b 00 00 00 14 "
        "00 ff 03 01 41 "
        "00 c2 07 "
        "00 92 3c 40 "
        "60 82 3c 40 "
        "00 ff 2f 00"
    )


def test_notes_end_before_others_begin() -> None:
    song = MidiSong((MidiTrack("", (Note(0, 60, 10), Note(10, 60, 20), Note(10, 55, 11))),))
    messages = mido.MidiFile(file=io.BytesIO(render(song))).tracks[1]
    assert [(message.type, message.time) for message in messages] == [
        ("program_change", 0),
        ("note_on", 0),
        ("note_off", 10),
        ("note_on", 0),
        ("note_on", 0),
        ("note_off", 1),
        ("note_off", 9),
        ("end_of_track", 0),
    ]


def test_tempo_and_meter_default_where_the_file_begins_without() -> None:
    song = one_track(
        (480, meta(TEMPO, (400_000).to_bytes(3, "big"))),
        (480, meta(METER, bytes([3, 2, 24, 8]))),
    )
    assert song.tempo.changes == ((0, 500_000), (480, 400_000))
    assert song.meters == ((0, 4, 4), (960, 3, 4))


def test_of_two_tempos_on_one_tick_the_last_counts() -> None:
    song = one_track(*((0, meta(TEMPO, us.to_bytes(3, "big"))) for us in (400_000, 300_000)))
    assert song.tempo.changes == ((0, 300_000),)


def test_the_first_name_and_the_first_program_count() -> None:
    song = one_track(
        (0, meta(NAME, b"")),
        (0, meta(NAME, b"First")),
        (0, meta(NAME, b"Second")),
        (0, b"\xc3\x05"),
        (0, b"\x93\x3c\x40"),
        (10, b"\xc3\x06"),
        (10, b"\x83\x3c\x40"),
    )
    assert song.tracks == (MidiTrack("First", (Note(0, 60, 20, 64),), program=5, channel=3),)


@pytest.mark.parametrize("text", ["Mélodie", "旋律 ♪"])
def test_a_file_that_was_refused_leaves_the_next_names_alone(text: str) -> None:
    for broken in (render(SONG)[:-30] + b"\xff" * 30, b""):
        with pytest.raises(BadMidi):
            parse(broken)
        song = MidiSong((MidiTrack(text, (Note(0, 60, 480, 80),)),))
        assert parse(render(song)) == song


def test_names_that_are_no_text_do_not_fail_the_file() -> None:
    song = one_track((0, meta(NAME, b"\xff\xfe\x80A")), (0, b"\xc0\x00"))
    assert song.tracks[0].name == "ÿþ A"
    unpaired = MidiSong((MidiTrack("half \ud83d", (), program=1),))
    assert parse(render(unpaired)).tracks[0].name == "half ?"


def test_control_characters_in_names_never_reach_a_terminal() -> None:
    song = one_track((0, meta(NAME, b"\x1b[2JOld\0song\x07")), (0, b"\xc0\x00"))
    assert song.tracks[0].name == "[2JOld song"


def long_meta(kind: int, contents: bytes) -> bytes:
    """A meta event of up to 16,383 bytes."""
    return bytes([0xFF, kind, 0x80 | len(contents) >> 7, len(contents) & 0x7F]) + contents


@pytest.mark.parametrize("payload", [b"", b"\x01", b"\x01\x01"])
def test_a_tempo_that_is_cut_short_is_damage(payload: bytes) -> None:
    with pytest.raises(BadMidi, match=rf"near byte {26 + len(payload)}, track 1: an event says too little"):
        one_track((0, meta(TEMPO, payload)))


@pytest.mark.parametrize("payload", [b"\0\0\0", b"\0" * 5000])
def test_no_tempo_at_all_is_damage(payload: bytes) -> None:
    with pytest.raises(BadMidi, match=r"track 1: a tempo of 0 microseconds a quarter note at tick 5") as caught:
        one_track((5, long_meta(TEMPO, payload)))
    assert len(str(caught.value)) < 200


def test_a_tempo_with_more_behind_it_is_read() -> None:
    assert one_track((0, long_meta(TEMPO, b"\x01" * 5000))).tempo.changes == ((0, 0x010101),)


@pytest.mark.parametrize("payload", [b"", b"\x04"])
def test_a_time_signature_that_is_cut_short_is_damage(payload: bytes) -> None:
    with pytest.raises(BadMidi, match=rf"near byte {26 + len(payload)}, track 1: an event says too little"):
        one_track((0, meta(METER, payload)))


@pytest.mark.parametrize(
    "payload", [b"\0\x02\x18\x08", b"\x04\x08\x18\x08", b"\x04\xff\x18\x08", b"\0" * 5000, b"\xff" * 4000]
)
def test_a_time_signature_that_is_none_is_damage(payload: bytes) -> None:
    with pytest.raises(BadMidi, match=r"track 1: a time signature of \d+ beats over 2 to the \d+ at tick 7") as caught:
        one_track((7, long_meta(METER, payload)))
    assert len(str(caught.value)) < 200


def test_a_missing_file_and_a_folder_are_told_apart_from_damage(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.mid", tmp_path):
        with pytest.raises(DataError, match="there is no such file") as caught:
            read(path)
        assert str(path) in str(caught.value)
        assert not isinstance(caught.value, BadMidi)


def test_a_file_that_may_not_be_read_is_an_error_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "locked.mid"
    path.touch()

    def refuse(_: Path) -> bytes:  # permissions alone would not stop the superuser, who runs tests in containers
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DataError, match=r"locked\.mid: cannot be read: Permission denied"):
        read(path)


def test_an_enormous_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "enormous.mid"
    with path.open("wb") as handle:
        handle.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(DataError, match="bytes are read"):
        read(path)


def test_damage_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "hurt.mid"
    path.write_bytes(render(SONG)[:-1])
    with pytest.raises(
        BadMidi, match=r"hurt\.mid: the MIDI file is damaged at byte \d+, track 4: the track is cut off"
    ):
        read(path)


def test_a_folder_that_is_not_there_cannot_be_written_to(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be written") as caught:
        write(SONG, tmp_path / "absent" / "song.mid")
    assert caught.value.hint


def test_what_is_no_file_is_not_replaced_by_one(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(StorageError, match="it is no file"):
        write(MidiSong(()), pipe)
    assert pipe.is_fifo()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "song.mid"
    path.write_bytes(b"old")

    def full_disk(target: Path, data: bytes) -> int:
        with target.open("wb") as handle:
            handle.write(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(StorageError, match="No space left on device"):
        write(SONG, path)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["song.mid"]


def test_the_file_is_never_open_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    really = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", lambda path, data: written.append(path.name) or really(path, data))
    write(SONG, tmp_path / "song.mid")
    assert len(written) == 1
    assert written[0] != "song.mid"
    assert [entry.name for entry in tmp_path.iterdir()] == ["song.mid"]


def test_writing_over_a_folder_is_refused_without_a_trace(tmp_path: Path) -> None:
    (tmp_path / "song.mid").mkdir()
    with pytest.raises(StorageError):
        write(SONG, tmp_path / "song.mid")
    assert [entry.name for entry in tmp_path.iterdir()] == ["song.mid"]


@pytest.mark.parametrize(
    "song",
    [
        MidiSong((MidiTrack("", (Note(0, 128, 1),)),)),
        MidiSong((MidiTrack("", (Note(0, -1, 1),)),)),
        MidiSong((MidiTrack("", (Note(5, 60, 5),)),)),
        MidiSong((MidiTrack("", (Note(-1, 60, 5),)),)),
        MidiSong((MidiTrack("", (Note(0, 60, 5, 0),)),)),
        MidiSong((MidiTrack("", (Note(0, 60, 5, 128),)),)),
        MidiSong((MidiTrack("", (Note(0, 60, MAX_TICK + 1),)),)),
        MidiSong((MidiTrack("", (), program=128),)),
        MidiSong((MidiTrack("", (), channel=16),)),
        MidiSong((), meters=((MAX_TICK + 1, 4, 4),)),
        MidiSong((MidiTrack("", ()),) * 0x7FFF),
        MidiSong((), TempoMap(((0, 1 << 24),))),
        MidiSong((), TempoMap(ppq=1 << 15)),
        MidiSong((), meters=((0, 4, 3),)),
        MidiSong((), meters=((0, 4, 0),)),
        MidiSong((), meters=((0, 0, 4),)),
        MidiSong((), meters=((0, 4, 256),)),
    ],
)
def test_what_no_midi_file_can_hold_is_not_written(song: MidiSong, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"fits|fit|range|holds"):
        write(song, tmp_path / "song.mid")
    assert not list(tmp_path.iterdir())
