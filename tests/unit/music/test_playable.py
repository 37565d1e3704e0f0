from __future__ import annotations

import numpy as np

from accompanist.music.note import Note
from accompanist.music.playable import STAYING_POWER, playable_notes, playable_roll, split_tracks
from accompanist.music.roll import HELD, ONSET, BoolRoll, FloatRoll, decode
from accompanist.music.spec import BAND, ModelSpec, TrackSpec

DRUMS = TrackSpec(name="drums", program=0, channel=9, lowest=35, highest=81, polyphony=2, shortest_steps=3, velocity=96)


def track(polyphony: int = 4, shortest_steps: int = 1, lowest: int = 48, highest: int = 72) -> TrackSpec:
    return TrackSpec(
        name="piano",
        program=0,
        channel=0,
        lowest=lowest,
        highest=highest,
        polyphony=polyphony,
        shortest_steps=shortest_steps,
        velocity=70,
    )


def silent(planes: int = 1, steps: int = 8) -> FloatRoll:
    return np.full((planes, steps, 128), -1.0, dtype=np.float32)


def sounding(*notes: tuple[int, int, int], value: float = 0.9) -> FloatRoll:
    """Notes of (first step, pitch, steps) on both planes."""
    values = silent(planes=2)
    for at, pitch, length in notes:
        values[ONSET, at, pitch] = value
        values[HELD, at : at + length, pitch] = value
    return values


def played(roll: BoolRoll) -> list[tuple[int, int, int]]:
    return [(note.start_tick, note.pitch, note.duration_ticks) for note in decode(roll, ticks_per_step=1)]


def test_only_what_is_above_the_threshold_sounds() -> None:
    values = silent()
    values[0, 0, 60], values[0, 1, 60], values[0, 2, 60] = 0.1, 0.0, -0.1
    assert played(playable_roll(values, track())) == [(0, 60, 1)]
    assert played(playable_roll(values, track(), threshold=-0.5)) == [(0, 60, 3)]
    assert not playable_roll(values, track(), threshold=0.5).any()


def test_the_range_is_kept_whatever_the_values_are() -> None:
    values = np.ones((1, 2, 128), dtype=np.float32)
    assert [pitch for _, pitch, _ in played(playable_roll(values, track(polyphony=99)))] == list(range(48, 73))


def test_the_range_is_kept_of_boolean_values_too() -> None:
    values = np.zeros((2, 4, 128), dtype=np.bool_)
    values[:, 0, [30, 60, 100]] = True
    assert played(playable_roll(values, track())) == [(0, 60, 1)]


def test_the_strongest_stay_where_there_are_too_many() -> None:
    values = silent()
    values[0, 0, [60, 62, 64, 65]] = 0.2, 0.8, 0.6, 0.4
    assert [pitch for _, pitch, _ in played(playable_roll(values, track(polyphony=2)))] == [62, 64]


def test_a_sounding_note_gives_its_place_up_only_to_a_much_stronger_one() -> None:
    values = sounding((0, 60, 3), value=0.5)
    values[HELD, 1, 64] = 0.5 + STAYING_POWER - 0.01
    values[HELD, 2, 64] = 0.5 + STAYING_POWER + 0.01
    assert played(playable_roll(values, track(polyphony=1))) == [(0, 60, 2), (2, 64, 1)]


def test_a_note_that_has_ended_holds_no_place() -> None:
    """A pitch that sounded a step ago and lies just below the threshold must not displace one above it."""
    values = silent()
    values[0, 0, 60] = 0.9
    values[0, 1, [60, 62, 64]] = -0.05, 0.1, 0.15
    assert played(playable_roll(values, track(polyphony=1))) == [(0, 60, 1), (1, 64, 1)]


def test_every_note_has_an_onset_and_no_onset_stands_alone() -> None:
    values = silent(planes=2)
    values[HELD, 2:5, 60] = 0.9
    values[ONSET, 4, 60] = 0.9
    values[ONSET, 6, 60] = 0.9  # nothing held there
    roll = playable_roll(values, track())
    assert np.argwhere(roll[ONSET]).tolist() == [[2, 60], [4, 60]]
    assert played(roll) == [(2, 60, 2), (4, 60, 1)]


def test_a_short_note_grows_into_silence() -> None:
    assert played(playable_roll(sounding((1, 60, 1)), track(shortest_steps=3))) == [(1, 60, 3)]


def test_a_short_note_before_its_own_repetition_is_dropped() -> None:
    assert played(playable_roll(sounding((1, 60, 1), (2, 60, 3)), track(shortest_steps=2))) == [(2, 60, 3)]


def test_a_short_note_never_takes_the_place_of_the_next_one() -> None:
    values = sounding((0, 60, 1), (1, 62, 4))
    assert played(playable_roll(values, track(polyphony=1, shortest_steps=2))) == [(1, 62, 4)]
    assert played(playable_roll(values, track(polyphony=2, shortest_steps=2))) == [(0, 60, 2), (1, 62, 4)]


def test_a_short_note_at_the_window_s_end_is_dropped() -> None:
    assert played(playable_roll(sounding((7, 60, 1)), track(shortest_steps=2))) == []
    assert played(playable_roll(sounding((6, 60, 2)), track(shortest_steps=2))) == [(6, 60, 2)]


def test_two_short_notes_do_not_grow_into_one_place() -> None:
    values = sounding((0, 60, 1), (0, 64, 1))
    assert played(playable_roll(values, track(polyphony=2, shortest_steps=2))) == [(0, 60, 2), (0, 64, 2)]
    values = sounding((0, 60, 2), (0, 64, 1), (1, 67, 1), (3, 62, 2))
    assert played(playable_roll(values, track(polyphony=2, shortest_steps=2))) == [(0, 60, 2), (1, 67, 2), (3, 62, 2)]


def test_the_values_given_are_left_alone() -> None:
    values = sounding((0, 20, 2), (0, 60, 1))
    before = values.copy()
    playable_roll(values, track(shortest_steps=2))
    assert np.array_equal(values, before)


def test_notes_come_with_ticks_and_the_track_s_velocity() -> None:
    assert playable_notes(sounding((1, 60, 2)), track(), start_tick=1920) == [Note(2040, 60, 2280, 70)]


def test_split_tracks_has_tracks_outside_planes() -> None:
    spec = ModelSpec(
        kind="musegan", tracks=BAND, planes=2, context_steps=4, plan_steps=4, lag_steps=4, noise_shape=(1,)
    )
    output = np.arange(6 * 4 * 128, dtype=np.float32).reshape(6, 4, 128)
    split = split_tracks(output, spec)
    assert split.shape == (3, 2, 4, 128)
    assert np.array_equal(split[1, ONSET], output[2])
    assert np.array_equal(split[1, HELD], output[3])
    assert np.shares_memory(split, output)


def test_a_drum_is_struck_and_not_held() -> None:
    values = sounding((1, 36, 4), (2, 42, 1), (3, 42, 1))
    values[ONSET, 3, 36] = 0.9  # struck again while it sounds
    assert played(playable_roll(values, DRUMS)) == [(1, 36, 1), (2, 42, 1), (3, 36, 1), (3, 42, 1)]
    assert played(playable_roll(values[1:], DRUMS)) == [(1, 36, 1), (2, 42, 1)]  # one plane alone says no more


def test_of_too_many_drums_the_strongest_are_struck_whatever_sounded_before() -> None:
    values = sounding((0, 36, 8), (1, 38, 1), (1, 42, 1), (1, 46, 1), value=0.5)
    values[HELD, 1, [42, 46]] = 0.6
    assert played(playable_roll(values, DRUMS)) == [(0, 36, 1), (1, 42, 1), (1, 46, 1)]


def test_what_a_drum_plan_holds_from_its_first_step_on_was_struck_before() -> None:
    values = sounding((0, 36, 1), (0, 49, 6))
    values[ONSET, 0, 49] = -1
    assert played(playable_roll(values, DRUMS)) == [(0, 36, 1)]
    values[HELD, 0] = -1  # later it can only have begun
    assert played(playable_roll(values, DRUMS)) == [(1, 49, 1)]


def test_drums_keep_their_range() -> None:
    assert played(playable_roll(sounding((0, 34, 1), (0, 35, 1), (1, 81, 1), (1, 82, 1)), DRUMS)) == [
        (0, 35, 1),
        (1, 81, 1),
    ]


def test_a_note_is_as_loud_as_the_model_says_where_it_does() -> None:
    loud = np.zeros((8, 128), np.float32)
    loud[1, 60], loud[2, 62], loud[3, 64], loud[4, 65], loud[5, 67] = 100 / 127, 2.0, 1e-9, -1.0, 0.0
    values = sounding((1, 60, 1), (2, 62, 1), (3, 64, 1), (4, 65, 1), (5, 67, 2))
    loud[6, 67] = 0.5  # within a note: no note begins there
    notes = playable_notes(values, track(), start_tick=480, velocities=loud)
    assert [note.velocity for note in notes] == [100, 127, 1, 70, 70]
    assert [note.start_tick for note in notes] == [600, 720, 840, 960, 1080]
