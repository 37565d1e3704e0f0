"""Whatever a model says, what comes out can be played."""

from __future__ import annotations

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from accompanist.music.note import without_doubles
from accompanist.music.playable import playable_notes, playable_roll
from accompanist.music.roll import HELD, ONSET, FloatRoll, decode, encode
from accompanist.music.spec import TrackSpec
from accompanist.music.time import TICKS_PER_STEP

STEPS = 12
values_of_a_model = st.one_of(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 2), st.just(STEPS), st.just(128)),
        elements=st.floats(-1, 1, width=32),
        fill=st.floats(-1, 1, width=32),
    ),
    st.builds(
        lambda seed, planes: np.random.default_rng(seed).uniform(-1, 1, (planes, STEPS, 128)).astype(np.float32),
        st.integers(0, 2**32 - 1),
        st.integers(1, 2),
    ),
    st.just(np.full((2, STEPS, 128), np.nan, dtype=np.float32)),
    st.just(np.full((2, STEPS, 128), np.inf, dtype=np.float32)),
)


@st.composite
def tracks(draw: st.DrawFn, *, longest: int = 5, drums: bool = False) -> TrackSpec:
    lowest, highest = sorted((draw(st.integers(0, 127)), draw(st.integers(0, 127))))
    return TrackSpec(
        name="any",
        program=0,
        channel=draw(st.sampled_from([0, 0, 9])) if drums else 0,
        lowest=lowest,
        highest=highest,
        polyphony=draw(st.integers(1, 6)),
        shortest_steps=draw(st.integers(1, longest)),
    )


@given(values_of_a_model, tracks(), st.floats(-0.5, 0.5))
def test_range_polyphony_and_shortest_note_are_kept(values: FloatRoll, track: TrackSpec, threshold: float) -> None:
    roll = playable_roll(values, track, threshold=threshold)
    assert roll.shape == (2, STEPS, 128)
    assert roll.dtype == np.bool_
    assert not roll[:, :, : track.lowest].any()
    assert not roll[:, :, track.highest + 1 :].any()
    assert roll[HELD].sum(axis=1).max() <= track.polyphony
    assert all(note.duration_ticks >= track.shortest_steps for note in decode(roll, ticks_per_step=1))


@given(values_of_a_model, tracks(drums=True))
def test_every_sound_begins_with_an_onset_and_every_onset_sounds(values: FloatRoll, track: TrackSpec) -> None:
    roll = playable_roll(values, track)
    before = np.zeros_like(roll[HELD])
    before[1:] = roll[HELD][:-1]
    assert not (roll[HELD] & ~before & ~roll[ONSET]).any()
    assert not (roll[ONSET] & ~roll[HELD]).any()


@given(values_of_a_model, tracks(longest=1))
def test_a_step_with_room_loses_nothing_and_a_full_one_stays_full(values: FloatRoll, track: TrackSpec) -> None:
    asked = np.nan_to_num(values[-1], nan=-1.0) > 0
    asked[:, : track.lowest] = asked[:, track.highest + 1 :] = False
    held = playable_roll(values, track)[HELD]
    assert not (held & ~asked).any()
    assert np.array_equal(held.sum(axis=1), np.minimum(asked.sum(axis=1), track.polyphony))


@given(values_of_a_model, tracks(drums=True))
def test_what_is_playable_stays_as_it_is(values: FloatRoll, track: TrackSpec) -> None:
    roll = playable_roll(values, track)
    again = playable_roll(np.where(roll, np.float32(1), np.float32(-1)), track)
    assert np.array_equal(again, roll)


@given(values_of_a_model, tracks(drums=True), st.integers(0, 50))
def test_the_notes_are_the_roll(values: FloatRoll, track: TrackSpec, bar: int) -> None:
    start_tick = bar * 16 * TICKS_PER_STEP
    notes = playable_notes(values, track, start_tick=start_tick)
    assert notes == sorted(notes) == without_doubles(notes)
    assert np.array_equal(encode(notes, STEPS, start_tick=start_tick), playable_roll(values, track))


@given(values_of_a_model, tracks())
def test_every_hit_lasts_a_step_and_what_is_struck_is_kept_as_far_as_there_is_room(
    values: FloatRoll, track: TrackSpec
) -> None:
    drums = msgspec.structs.replace(track, channel=9)
    roll = playable_roll(values, drums)
    assert np.array_equal(roll[ONSET], roll[HELD])
    assert roll[HELD].sum(axis=1).max() <= drums.polyphony
    asked = np.nan_to_num(values, nan=-1.0) > 0
    struck = asked.all(axis=0)
    struck[1:] &= True if values.shape[0] > 1 else ~asked[-1][:-1]
    struck[:, : drums.lowest] = struck[:, drums.highest + 1 :] = False
    full = roll[HELD].sum(axis=1) == drums.polyphony
    assert not (struck & ~roll[HELD])[~full].any()
