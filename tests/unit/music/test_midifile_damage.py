"""What a MIDI file may get wrong, and what is said of it; whole songs are in test_midifile.py."""

from __future__ import annotations

import struct
import tracemalloc

import pytest
from golden.make_golden import file

from accompanist.errors import BadMidi
from accompanist.music.midifile import MAX_BEATS, parse
from accompanist.music.note import Note


def chunk(body: bytes) -> bytes:
    return b"MTrk" + struct.pack(">I", len(body)) + body


def one_track(hexed: str) -> bytes:
    """The events of one track, which begin at byte 22."""
    return file(chunk(bytes.fromhex(hexed)))


def notes(data: bytes) -> tuple[Note, ...]:
    return parse(data).tracks[0].notes


# Deltas of the standard's own table of numbers of variable length, at the coarsest grid that reads them.
@pytest.mark.parametrize(
    ("tick", "hexed"),
    [
        (0, "00"),
        (0x40, "40"),
        (0x7F, "7f"),
        (0x80, "8100"),
        (0x2000, "c000"),
        (0x3FFF, "ff7f"),
        (0x4000, "818000"),
        (0x100000, "c08000"),
        (0x1FFFFF, "ffff7f"),
        (0x200000, "81808000"),
        (0x8000000, "c0808000"),
        (0xFFFFFFF, "ffffff7f"),
    ],
)
def test_numbers_of_variable_length(tick: int, hexed: str) -> None:
    data = file(chunk(bytes.fromhex(hexed + "90 3c 40")), division=32767)
    assert notes(data) == (Note(tick, 60, tick + 1, 64),)


def test_the_end_of_a_track_may_be_missing_and_what_is_behind_it_is_nothing() -> None:
    assert parse(one_track("")).tracks == ()
    assert notes(one_track("00 90 3c 40  10 b0 07 40")) == (Note(0, 60, 16, 64),)
    assert notes(one_track("00 90 3c 40  10 ff2f00  10 90 3d 40")) == (Note(0, 60, 16, 64),)


# 0x08 and 0x60 are kinds mido has no name for; 0x7f, 0x01 and sequence numbers it knows.
@pytest.mark.parametrize("event", ["ff 08 02 41 42", "ff 60 00", "ff 7f 02 ff ff", "ff 01 01 e9", "f0 03 7e 09 f7"])
def test_the_time_before_events_that_say_nothing_of_the_music_counts(event: str) -> None:
    assert notes(one_track(f"10 {event}  10 90 3c 40  10 80 3c 40")) == (Note(32, 60, 48, 64),)


@pytest.mark.parametrize(
    ("hexed", "says"),
    [
        ("00", "near byte 23, track 1: the track ends inside an event, behind the bytes '00'"),
        ("00 90 3c", "near byte 25, track 1: the track ends inside an event"),
        ("00 3c 40", "near byte 24, track 1: running status without last_status"),
        ("00 90 3c 80", "near byte 26, track 1: data byte .* behind the bytes '00 90 3c 80'"),
        ("00 f4 00", "near byte 24, track 1: undefined status byte 0xf4"),
        (
            "00 f1 00",
            "in bytes 22 to 25, track 1: the message 'quarter_frame', which only a cable may carry, at tick 0",
        ),
        ("10 fe", "in bytes 22 to 24, track 1: the message 'active_sensing', which only a cable may carry, at tick 16"),
        (
            "ff ff ff ff 00",
            "in bytes 22 to 27, track 1: an event behind tick 48000000|near byte 27, track 1: the track ends",
        ),
        ("00 ff 03 05 41", "near byte 27, track 1: the track ends inside an event"),
        ("00 f0 ff ff ff 7f 00", "near byte 28, track 1: Message length 268435455"),
        ("ff ff ff 7f 90 3c 40", "in bytes 22 to 29, track 1: an event behind tick 48000000, the last"),
        ("00 ff 59 02 00 09", "near byte 28, track 1: Could not decode key"),
        ("00 ff 54 01 00", "near byte 27, track 1: an event says too little"),
        ("00 ff 54 05 ff 00 00 00 00", "near byte 31, track 1: an event says too little, or nothing that is known"),
        ("00 ff 20 00", "near byte 26, track 1: an event says too little"),
    ],
)
def test_damage_is_found_near_where_it_is(hexed: str, says: str) -> None:
    with pytest.raises(BadMidi, match=f"damaged ({says})"):
        parse(one_track(hexed))


def test_the_second_track_is_called_the_second_and_takes_nothing_from_the_third() -> None:
    data = file(chunk(b""), chunk(b"\x00\x90\x3c"), chunk(b"\x00\x90\x3c\x40"))
    with pytest.raises(BadMidi, match=r"near byte 33, track 2: the track ends inside an event"):
        parse(data)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "it is empty"),
        (b"MThd", "the header is cut off, 4 of 14 bytes"),
        (b"MThd" + struct.pack(">IHHH", 5, 1, 0, 480), "at byte 4: a header of 5 bytes"),
        (file(division=0), "at byte 4: a header of 6 bytes, 0 ticks per quarter note"),
        (file(kind=9), "format 9"),
        (b"MThd" + struct.pack(">IHHH", 6, 1, 3, 480), "at byte 14: the file ends after 0 of 3 tracks"),
        (b"MThd" + struct.pack(">IHHH", 6, 1, 65535, 480), "at byte 14: the file ends after 0 of 65535 tracks"),
        (b"MThd" + struct.pack(">IHHH", 0xFFFFFFFF, 1, 1, 480), "at byte 14: the file ends after 0 of 1 tracks"),
    ],
)
def test_broken_headers_are_refused(data: bytes, says: str) -> None:
    with pytest.raises(BadMidi, match=says):
        parse(data)


def test_a_longer_header_is_read_past() -> None:
    data = b"MThd" + struct.pack(">IHHH", 8, 1, 1, 96) + b"??" + chunk(b"")
    assert parse(data).ppq == 96


@pytest.mark.parametrize(
    "data",
    [
        one_track("00 ff 7f ff ff ff 7f"),
        b"MThd" + struct.pack(">IHHH", 6, 1, 65535, 480) + b"MTrk" + struct.pack(">I", 0xFFFFFFFF),
        b"MThd" + struct.pack(">IHHH", 6, 1, 65535, 480) + b"Junk" + struct.pack(">I", 0xFFFFFFFF),
    ],
)
def test_a_claim_of_size_takes_no_memory(data: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(BadMidi):
            parse(data)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("before", ["", "00 90 3c 40", "00 ff 03"])
def test_a_number_without_end_is_not_even_begun(before: str) -> None:
    start = 22 + len(bytes.fromhex(before))
    with pytest.raises(BadMidi, match=f"near byte {start}, track 1: a number without end"):
        parse(file(chunk(bytes.fromhex(before) + b"\xff" * 1_000_000)))


@pytest.mark.parametrize("length", [5, 9, 1000, 4095])
def test_a_number_too_long_is_damage_however_long_it_is(length: int) -> None:
    number = b"\xff" * length + b"\x00"
    for body in (number + b"\x90\x3c\x40", b"\x00\xff\x03" + number, b"\x00\xf0" + number):
        with pytest.raises(BadMidi) as caught:
            parse(file(chunk(body)))
        assert len(str(caught.value)) < 200


def test_the_latest_tick_is_some_beats_away_at_any_resolution() -> None:
    far = b"\x86\x8d\x20"  # 100,000
    assert notes(file(chunk(far + b"\x90\x3c\x40"), division=1))[0].start_tick == MAX_BEATS
    with pytest.raises(BadMidi, match="behind tick 100000"):
        parse(file(chunk(b"\x01\xff\x01\x00" + far + b"\x90\x3c\x40"), division=1))
