from __future__ import annotations

import pytest

from accompanist.engine.bars import MOST_NOTES, BarBuffer
from accompanist.music.roll import HELD, ONSET

BAR = 4 * 480


@pytest.fixture
def bars() -> BarBuffer:
    return BarBuffer(context_steps=16)


def played(
    bars: BarBuffer, pitch: int, start_tick: int, end_tick: int, *, velocity: int = 80, channel: int = 0
) -> None:
    bars.note_on(channel, pitch, velocity, start_tick)
    bars.note_off(channel, pitch, end_tick)


def heard(bars: BarBuffer, end_tick: int = BAR) -> list[tuple[int, int, bool]]:
    """Every sounding cell: (step, pitch, whether a note begins there)."""
    roll = bars.melody(end_tick)
    return [
        (step, pitch, bool(roll[ONSET, step, pitch]))
        for step in range(roll.shape[1])
        for pitch in range(128)
        if roll[HELD, step, pitch]
    ]


def test_a_note_stands_on_its_nearest_steps(bars: BarBuffer) -> None:
    played(bars, 60, 59, 301)  # from step 0.49 to 2.51
    assert heard(bars) == [(0, 60, True), (1, 60, False), (2, 60, False)]


def test_a_note_shorter_than_half_a_step_lasts_one(bars: BarBuffer) -> None:
    played(bars, 60, 470, 480)
    assert heard(bars) == [(4, 60, True)]


def test_a_held_key_is_taken_to_go_on_to_the_end_of_the_window(bars: BarBuffer) -> None:
    bars.note_on(0, 60, 80, 1680)
    assert heard(bars) == [(14, 60, True), (15, 60, False)]


def test_a_note_from_before_the_window_has_no_onset_in_it(bars: BarBuffer) -> None:
    played(bars, 60, 1800, BAR + 120)
    assert heard(bars, 2 * BAR) == [(0, 60, False)]


def test_an_early_note_belongs_to_the_beat_it_was_meant_for(bars: BarBuffer) -> None:
    played(bars, 60, BAR - 20, BAR + 100)
    assert heard(bars, BAR) == []
    assert heard(bars, 2 * BAR) == [(0, 60, True)]


def test_a_chord_is_heard_as_its_top_note(bars: BarBuffer) -> None:
    for pitch in (64, 60, 67):
        bars.note_on(0, pitch, 80, 3)
    for pitch in (64, 60, 67):
        bars.note_off(0, pitch, 120)
    assert heard(bars) == [(0, 67, True)]


@pytest.mark.parametrize("second", [67, 72, 77])
def test_legato_loses_no_note_up_or_down_or_repeated(bars: BarBuffer, second: int) -> None:
    bars.note_on(0, 72, 80, 0)
    bars.note_on(1, second, 80, 240)
    bars.note_off(0, 72, 320)
    bars.note_off(1, second, 480)
    assert heard(bars) == [(0, 72, True), (1, 72, False), (2, second, True), (3, second, False)]


def test_a_melody_over_held_notes_is_the_top_line(bars: BarBuffer) -> None:
    played(bars, 48, 0, 960)
    played(bars, 72, 240, 480)
    assert [pitch for _, pitch, _ in heard(bars)] == [48, 48, 72, 72]


def test_a_key_struck_again_begins_a_new_note(bars: BarBuffer) -> None:
    bars.note_on(0, 60, 80, 0)
    bars.note_on(0, 60, 80, 240)
    bars.note_off(0, 60, 360)
    assert heard(bars) == [(0, 60, True), (1, 60, False), (2, 60, True)]


def test_one_pitch_on_two_channels_is_two_keys(bars: BarBuffer) -> None:
    bars.note_on(0, 60, 80, 0)
    bars.note_on(1, 60, 80, 0)
    bars.note_off(0, 60, 120)
    bars.all_off(1, 240)
    assert [step for step, _, _ in heard(bars)] == [0, 1]


def test_a_tap_while_the_song_stands_still_leaves_no_trace(bars: BarBuffer) -> None:
    played(bars, 60, 480, 480)
    assert heard(bars) == []


def test_a_note_off_without_its_note_on_is_passed_over(bars: BarBuffer) -> None:
    bars.note_off(3, 60, 10)
    assert len(bars) == 0


def test_a_key_whose_note_off_was_lost_does_not_hide_the_melody_for_ever(bars: BarBuffer) -> None:
    bars.note_on(0, 100, 80, 0)
    played(bars, 60, 4 * BAR, 4 * BAR + 120)
    assert heard(bars, 5 * BAR) == [(0, 60, True)]


def test_a_restart_forgets_all_but_what_is_held(bars: BarBuffer) -> None:
    played(bars, 60, 0, 480)
    bars.note_on(0, 64, 80, 480)
    bars.restart(2 * BAR, BAR)
    bars.note_off(0, 64, 2 * BAR + 120)
    assert heard(bars, 3 * BAR) == [(0, 64, True)]


def test_what_no_window_reaches_is_dropped(bars: BarBuffer) -> None:
    for i in range(50):
        played(bars, 60, i * BAR, i * BAR + 480)
        bars.forget_before(i * BAR)
        assert len(bars) <= 3


def test_a_long_piece_that_nobody_asked_about_is_known_as_a_whole() -> None:
    bars = BarBuffer(1024)
    for step in range(1024):
        for pitch in (60, 64 + step % 3):
            played(bars, pitch, step * 120, step * 120 + 100)
    assert [pitch for _, pitch, _ in heard(bars, 1024 * 120)] == [64 + step % 3 for step in range(1024)]


def test_a_flood_is_bounded(bars: BarBuffer) -> None:
    for i in range(3 * MOST_NOTES):
        played(bars, i % 128, 0, 1)
    assert len(bars) == MOST_NOTES


def test_loudness_is_the_mean_velocity(bars: BarBuffer) -> None:
    assert bars.mean_velocity() is None
    played(bars, 60, 0, 100, velocity=40)
    bars.note_on(0, 62, 100, 200)
    assert bars.mean_velocity() == 70
