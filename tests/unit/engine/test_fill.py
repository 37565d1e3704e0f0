from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.tiny import TINY_SPEC

from accompanist.engine.fill import filled, striking
from accompanist.engine.protocol import Committed
from accompanist.music.note import Note

BEAT, BAR = 480, 1920
BASS, PIANO, STRINGS = range(3)
DRUMS = replace(TINY_SPEC, tracks=(*TINY_SPEC.tracks[:2], replace(TINY_SPEC.tracks[2], channel=9, program=0)))


def held(track: int, *pitches: int, start: int = 0, end: int = BAR) -> list[Committed]:
    return [Committed(track, Note(start, pitch, end, 80)) for pitch in pitches]


def strokes(beat: list[Committed], track: int) -> list[tuple[int, int, int]]:
    return [(c.note.start_tick, c.note.pitch, c.note.end_tick) for c in beat if c.track == track]


def test_the_bass_leaps_by_octaves_and_the_piano_breaks_its_chord() -> None:
    going_on = held(BASS, 36) + held(PIANO, 60, 64, 67)
    beat = filled([], going_on, 2 * BEAT, BAR, TINY_SPEC)
    assert strokes(beat, BASS) == [(960, 36, 1200), (1200, 48, 1440)]
    assert strokes(beat, PIANO) == [(960, 64, 1200), (1200, 67, 1440)]
    last = filled([], going_on, 3 * BEAT, BAR, TINY_SPEC)
    assert [pitch for _, pitch, _ in strokes(last, BASS)] == [36, 48, 36, 48]
    assert [pitch for _, pitch, _ in strokes(last, PIANO)] == [60, 64, 67, 60]
    assert [start for start, *_ in strokes(last, PIANO)] == [1440, 1560, 1680, 1800]


def test_a_bass_without_room_above_repeats_its_note() -> None:
    assert {pitch for _, pitch, _ in strokes(filled([], held(BASS, 50), 0, BAR, TINY_SPEC), BASS)} == {50}


def test_strings_keep_what_they_have() -> None:
    begins = held(STRINGS, 72, start=3 * BEAT, end=5 * BEAT)
    beat = filled(begins, held(STRINGS, 60), 3 * BEAT, BAR, TINY_SPEC)
    assert strokes(beat, STRINGS) == [(1440, 72, 2400)]
    assert striking(TINY_SPEC) == {BASS, PIANO}


def test_drums_keep_what_they_have() -> None:
    assert striking(DRUMS) == {BASS, PIANO}
    beat = filled(held(STRINGS, 38), [], 0, BAR, DRUMS)
    assert strokes(beat, STRINGS) == [(0, 38, BAR)]


def test_it_grows_louder_towards_the_bar_line() -> None:
    going_on = held(BASS, 36)
    loudness = [c.note.velocity for beat in range(4) for c in filled([], going_on, beat * BEAT, BAR, TINY_SPEC)]
    assert loudness == sorted(loudness)
    assert (loudness[0], loudness[-1]) == (80, 102)


def test_silence_stays_silent() -> None:
    assert filled([], [], 0, BAR, TINY_SPEC) == []


notes = st.builds(
    lambda track, pitch, start, length, velocity: Committed(track, Note(start, pitch, start + length, velocity)),
    st.integers(0, 2), st.integers(0, 127), st.integers(1440, 1919), st.integers(1, 4000), st.integers(1, 127),
)  # fmt: skip


@given(st.lists(notes, max_size=20), st.lists(notes, max_size=20), st.integers(2, 12))
def test_a_fill_stays_in_its_beat_and_in_midi(begins: list[Committed], before: list[Committed], beats: int) -> None:
    going_on = [Committed(c.track, c.note.shifted(-1440)) for c in before]
    beat = filled(begins, going_on, 1440, beats * BEAT, TINY_SPEC)
    assert {c.track for c in beat} == {c.track for c in begins} | ({c.track for c in before} & striking(TINY_SPEC))
    for track, note in beat:
        assert 1440 <= note.start_tick < 1920
        assert 1 <= note.velocity <= 127
        assert 0 <= note.pitch <= 127
        assert note.start_tick < note.end_tick
        if track in striking(TINY_SPEC):
            assert note.end_tick <= 1920
