from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from accompanist.music.note import Note
from accompanist.music.roll import HELD, ONSET, encode
from accompanist.music.spec import BAND, LIVE_BAND
from accompanist.music.time import TICKS_PER_STEP
from training.read import Song, SongTable
from training.windows import cut, folded, song_roll, window_starts

BAR = 1920


def table(
    melody: list[Note], parts: dict[str, list[Note]], bars: list[int] | range, name: str = "a", source: str = "s"
) -> SongTable:
    return SongTable.of(
        Song(name, source, {}, tuple(melody), {key: tuple(notes) for key, notes in parts.items()}, tuple(bars))
    )


def regular(count: int, length: int = BAR) -> range:
    return range(0, (count + 1) * length, length)


def grid_notes(steps: int, low: int, high: int) -> st.SearchStrategy[list[Note]]:
    """Notes on the grid of sixteenths, no pitch sounding twice at once."""

    def build(raw: list[tuple[int, int, int]]) -> list[Note]:
        notes: list[Note] = []
        for start, pitch, length in sorted(raw):
            note = Note(start * 120, pitch, min(start + length, steps) * 120)
            if not any(n.pitch == pitch and n.end_tick > note.start_tick for n in notes):
                notes.append(note)
        return sorted(notes)

    return st.lists(st.tuples(st.integers(0, steps - 1), st.integers(low, high), st.integers(1, 24)), max_size=25).map(
        build
    )


@given(bars=st.integers(1, 6).map(lambda n: 2 * n), data=st.data())
def test_windows_a_window_apart_hold_every_note_once(bars: int, data: st.DataObject) -> None:
    notes = data.draw(grid_notes(16 * bars, BAND[1].lowest, BAND[1].highest))
    song = table(notes, {"piano": notes}, regular(bars))
    roll = np.unpackbits(song_roll(song), axis=-1)
    starts = window_starts(song.bars, hop_bars=2)
    heard: list[tuple[int, int]] = []
    cells = 0
    for start in starts:
        window = roll[start : start + 32]
        for line in (0, 2):  # melody, piano
            found = [
                (int(step + start), int(pitch)) for step, pitch in zip(*np.nonzero(window[:, line, ONSET]), strict=True)
            ]
            heard += found if line == 0 else []
            cells += int(window[:, line, HELD].sum())
    assert sorted(heard) == sorted((note.start_tick // 120, note.pitch) for note in notes)
    assert cells == 2 * sum(note.duration_ticks // 120 for note in notes)


@given(
    st.lists(st.tuples(st.integers(-500, 9000), st.integers(40, 57), st.integers(1, 3000)), max_size=20),
    st.lists(st.tuples(st.integers(-500, 9000), st.integers(0, 127), st.integers(1, 3000)), max_size=20),
)
def test_a_songs_roll_is_what_encode_makes_of_it(
    low: list[tuple[int, int, int]], any_pitch: list[tuple[int, int, int]]
) -> None:
    bass = sorted(Note(start, pitch, start + length) for start, pitch, length in low)
    melody = sorted(Note(start, pitch, start + length) for start, pitch, length in any_pitch)
    roll = np.unpackbits(song_roll(table(melody, {"bass": bass}, regular(4))), axis=-1).view(np.bool_)
    assert np.array_equal(roll[:, 0].transpose(1, 0, 2), encode(melody, 64))
    assert np.array_equal(roll[:, 1].transpose(1, 0, 2), encode(bass, 64))
    assert not roll[:, 2:].any()


def test_windows_begin_on_bars_and_shun_irregular_ones() -> None:
    # Bars 0 and 1 whole, then one with an inserted half bar, then three whole ones.
    bars = np.array([0, 1920, 3840, 6720, 8640, 10560, 12480])
    assert (window_starts(bars) * TICKS_PER_STEP).tolist() == [0, 6720, 8640]
    pickup = np.array([0, 480, 2400, 4320])
    assert (window_starts(pickup) * TICKS_PER_STEP).tolist() == [480]


def test_windows_of_other_meters_stay_within_the_song() -> None:
    three_four = np.array(regular(4, 1440))
    # 32 steps touch three bars of 12, so of four bars two can begin a window.
    assert window_starts(three_four).tolist() == [0, 12]
    assert window_starts(np.array(regular(2, 1440))).tolist() == []
    assert window_starts(np.array([0])).tolist() == []


def test_bars_off_the_grid_of_sixteenths_begin_no_window() -> None:
    five_thirtyseconds = np.array(regular(20, 300))
    starts = window_starts(five_thirtyseconds)
    assert starts.tolist() == []


def full_song(name: str = "a") -> SongTable:
    """Four bars: a different melody note in each, bass throughout, piano in the last."""
    melody = [Note(bar * BAR, 60 + bar, (bar + 1) * BAR) for bar in range(4)]
    bass = [Note(bar * BAR, 40 + bar, (bar + 1) * BAR) for bar in range(4)]
    return table(melody, {"bass": bass, "piano": [Note(3 * BAR, 64, 4 * BAR)]}, regular(4), name)


def test_a_batch_has_the_axes_it_says() -> None:
    windows = cut([full_song("a"), full_song("b")])
    assert windows.songs == ("s/a", "s/b")
    assert len(windows) == 6
    assert windows.song_of.tolist() == [0, 0, 0, 1, 1, 1]
    melody, tracks = windows.batch([1, 5])
    assert melody.shape == (2, 2, 32, 128)
    assert tracks.shape == (2, 3, 2, 32, 128)
    assert melody.dtype == tracks.dtype == np.bool_
    assert np.argwhere(melody[0, ONSET]).tolist() == [[0, 61], [16, 62]]
    assert melody[0, HELD, :16, 61].all()
    assert melody[0, HELD].sum() == 32
    assert np.argwhere(tracks[1, 0, ONSET]).tolist() == [[0, 42], [16, 43]]
    assert np.argwhere(tracks[1, 1, ONSET]).tolist() == [[16, 64]]
    assert not tracks[:, 2].any()


def test_a_note_held_into_a_window_has_no_onset_there() -> None:
    song = table([Note(0, 60, 3 * BAR)], {"bass": [Note(0, 40, 3 * BAR)]}, regular(3))
    melody, _ = cut([song]).batch([1])
    assert not melody[0, ONSET].any()
    assert melody[0, HELD, :, 60].all()


def test_windows_without_melody_or_accompaniment_are_left_out() -> None:
    bars = regular(6)
    quiet_start = table([Note(4 * BAR, 60, 5 * BAR)], {"bass": [Note(0, 40, 6 * BAR)]}, bars)
    alone = table([Note(0, 60, 6 * BAR)], {"bass": [Note(0, 40, BAR)]}, bars)
    nothing = table([], {}, bars)
    windows = cut([quiet_start, alone, nothing])
    assert [(int(song), int(start)) for song, start in zip(windows.song_of, windows.start_of, strict=True)] == [
        (0, 48),
        (0, 64),
        (1, 96),
    ]


def test_no_songs_make_an_empty_set() -> None:
    windows = cut([])
    assert len(windows) == 0
    melody, tracks = windows.batch(np.zeros(0, dtype=np.int64))
    assert melody.shape == (0, 2, 32, 128)
    assert tracks.shape == (0, 3, 2, 32, 128)


def test_some_songs_can_be_taken_out() -> None:
    windows = cut([full_song("a"), full_song("b"), full_song("c")])
    part = windows.of_songs([2, 0])
    assert part.songs == ("s/c", "s/a")
    assert part.song_of.tolist() == [1, 1, 1, 0, 0, 0]
    assert part.rolls is windows.rolls
    for mine, whole in ((0, 0), (5, 8)):
        assert np.array_equal(part.batch([mine])[1], windows.batch([whole])[1])
    assert len(windows.of_songs([])) == 0


@pytest.mark.parametrize("shift", [-30, -1, 0, 1, 12])
def test_transposition_moves_every_line(shift: int) -> None:
    windows = cut([full_song()])
    indices = np.array([0, 2])
    plain = windows.batch(indices)
    moved = windows.batch(indices, semitones=np.array([shift, 0]))
    for before, after in zip(plain, moved, strict=True):
        assert np.array_equal(np.roll(before[0], shift, axis=-1), after[0])
        assert np.array_equal(before[1], after[1])


def test_notes_transposed_off_the_keyboard_are_lost() -> None:
    melody, _ = cut([full_song()]).batch([0], semitones=np.array([67]))
    assert np.argwhere(melody[0, ONSET]).tolist() == [[0, 127]]


def test_drums_are_not_transposed_nor_moved_by_octaves() -> None:
    drums = [Note(0, 36, 120), Note(0, 30, 120), Note(480, 51, 600)]
    windows = cut([table([Note(0, 60, 3840)], {"drums": drums}, regular(2))], tracks=LIVE_BAND)
    melody, tracks = windows.batch([0], semitones=np.array([5]))
    assert np.argwhere(melody[0, ONSET]).tolist() == [[0, 65]]
    assert np.argwhere(tracks[0, 3, ONSET]).tolist() == [[0, 36], [4, 51]]


@given(st.lists(st.integers(0, 127), min_size=1), st.sampled_from(BAND))
def test_folding_keeps_the_pitch_class_and_the_range(pitches: list[int], track: object) -> None:
    before = np.array(pitches, dtype=np.int32)
    after: NDArray[np.int32] = folded(before, track)  # type: ignore[arg-type]
    assert ((after - before) % 12 == 0).all()
    assert (after >= track.lowest).all()  # type: ignore[attr-defined]
    assert (after <= track.highest).all()  # type: ignore[attr-defined]
    inside = (before >= track.lowest) & (before <= track.highest)  # type: ignore[attr-defined]
    assert (after == before)[inside].all()


def test_windows_know_their_lowest_and_highest_pitches() -> None:
    windows = cut([full_song()])
    assert windows.lowest.tolist() == [[60, 40, 128, 128], [61, 41, 128, 128], [62, 42, 64, 128]]
    assert windows.highest.tolist() == [[61, 41, -1, -1], [62, 42, -1, -1], [63, 43, 64, -1]]
