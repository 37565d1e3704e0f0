from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.tiny import TINY_SPEC

from accompanist.engine.left_hand import LONGEST_HELD_TICKS, LeftHand, bending, bent
from accompanist.engine.protocol import Committed
from accompanist.music.note import Note

BASS, PIANO, STRINGS = range(3)
BEAT = 480


def left_hand(*keys: tuple[int, int]) -> LeftHand:
    """A left hand below C3 that pressed keys: (tick, pitch)."""
    hand = LeftHand(48)
    for tick, pitch in keys:
        hand.note_on(0, pitch, tick)
    return hand


def planned(track: int, *pitches: int) -> list[Committed]:
    return [Committed(track, Note(0, pitch, BEAT, 80)) for pitch in pitches]


def pitches(notes: list[Committed], track: int) -> list[int]:
    return [c.note.pitch for c in notes if c.track == track]


def test_the_split_note_itself_is_melody() -> None:
    assert [LeftHand(48).owns(pitch) for pitch in (47, 48)] == [True, False]
    assert not LeftHand(0).owns(0)


def test_keys_held_are_the_harmony_and_it_stays_when_they_are_let_go() -> None:
    hand = left_hand((0, 36), (5, 40))
    assert hand.harmony(4 * BEAT) == (36, 40)
    hand.note_off(0, 36, 4 * BEAT)
    assert hand.harmony(5 * BEAT) == (40,)
    hand.note_off(0, 40, 5 * BEAT)
    assert hand.harmony(9 * BEAT) == (40,)


def test_a_bass_note_and_the_chord_behind_it_are_one_harmony() -> None:
    hand = left_hand((-10, 36))
    hand.note_off(0, 36, 200)
    for pitch in (43, 40):
        hand.note_on(0, pitch, BEAT)
        hand.note_off(0, pitch, BEAT + 200)
    assert hand.harmony(2 * BEAT) == (36, 40, 43)


def test_a_broken_chord_is_a_chord() -> None:
    hand = left_hand()
    for at, pitch in enumerate((36, 43, 40, 43)):
        hand.note_on(0, pitch, 120 * at)
        hand.note_off(0, pitch, 120 * at + 110)
    assert hand.harmony(480) == (36, 40, 43)
    assert hand.harmony(5000) == (36, 40, 43)


def test_a_new_chord_takes_the_place_of_the_old_one() -> None:
    hand = left_hand((0, 36), (0, 40), (0, 43))
    hand.all_off(0, BEAT - 5)
    for pitch in (38, 41, 45):
        hand.note_on(0, pitch, BEAT)
    assert hand.harmony(2 * BEAT) == (38, 41, 45), "the old one was struck a beat before, but a full chord is down"


def test_a_key_whose_note_off_was_lost_ends_by_itself() -> None:
    hand = left_hand((0, 37))
    hand.note_on(0, 36, LONGEST_HELD_TICKS)
    assert hand.harmony(LONGEST_HELD_TICKS + 1) == (36,)
    assert hand.sounded_until(LONGEST_HELD_TICKS + 1) == LONGEST_HELD_TICKS + 1


def test_after_a_jump_only_what_is_held_counts() -> None:
    hand = left_hand((0, 36), (0, 40))
    hand.note_off(0, 40, 10)
    hand.restart(7680)
    assert hand.harmony(7680) == (36,)
    hand.note_off(0, 36, 7700)
    hand.restart(0)
    assert hand.harmony(0) == ()


def test_each_note_goes_to_the_nearest_of_the_chord_and_the_bass_to_the_lowest() -> None:
    plan = planned(BASS, 35) + planned(PIANO, 60, 64, 67) + planned(STRINGS, 72)
    notes = bent(plan, (41, 45, 48), TINY_SPEC)  # F major
    assert pitches(notes, BASS) == [29], "an F, of the two as near the lower"
    assert pitches(notes, PIANO) == [60, 65, 69]
    assert pitches(notes, STRINGS) == [72]


def test_one_key_moves_the_bass_alone() -> None:
    plan = planned(BASS, 36) + planned(PIANO, 60)
    notes = bent(plan, (38,), TINY_SPEC)
    assert (pitches(notes, BASS), pitches(notes, PIANO)) == ([38], [60])
    assert bending((38, 50), TINY_SPEC) == {BASS}


def test_drums_are_no_pitches() -> None:
    spec = replace(TINY_SPEC, tracks=(replace(TINY_SPEC.tracks[0], channel=9), *TINY_SPEC.tracks[1:]))
    notes = bent(planned(0, 35) + planned(1, 60), (38, 41, 45), spec)
    assert (pitches(notes, 0), pitches(notes, 1)) == ([35], [62])
    assert bending((38, 41), spec) == {1, 2}


plans = st.lists(
    st.builds(
        lambda track, pitch, start, length: Committed(track, Note(start, pitch, start + length, 80)),
        st.integers(0, 2), st.integers(28, 91), st.integers(0, 479), st.integers(1, 2000),
    ),
    max_size=20,
).map(lambda notes: sorted(notes, key=lambda c: c.note))  # fmt: skip
chords = st.sets(st.integers(0, 59), max_size=6).map(lambda keys: tuple(sorted(keys)))


@given(plans, chords)
def test_what_is_bent_fits_the_chord_its_range_and_itself(plan: list[Committed], chord: tuple[int, ...]) -> None:
    notes = bent(plan, chord, TINY_SPEC)
    follow = bending(chord, TINY_SPEC)
    assert [c for c in notes if c.track not in follow] == [c for c in plan if c.track not in follow]
    places = [(c.track, c.note.start_tick, c.note.end_tick, c.note.velocity) for c in plan]
    for c in notes:
        places.remove((c.track, c.note.start_tick, c.note.end_tick, c.note.velocity))
    for track in follow:
        its, spec = [c.note for c in notes if c.track == track], TINY_SPEC.tracks[track]
        classes = {pitch % 12 for pitch in (chord[:1] if track == BASS else chord)}
        assert {note.pitch % 12 for note in its} <= classes
        assert all(spec.lowest <= note.pitch <= spec.highest for note in its)
        for at, note in enumerate(its):
            assert not any(o.pitch == note.pitch and o.end_tick > note.start_tick for o in its[:at])
    assert bent(notes, chord, TINY_SPEC) == notes, "what fits already stays"


moves = st.lists(st.tuples(st.booleans(), st.integers(0, 60), st.integers(0, 2000)), max_size=40)


@given(moves, st.integers(0, 60))
def test_the_harmony_is_made_of_keys_that_were_struck(given_moves: list[tuple[bool, int, int]], split: int) -> None:
    hand, tick, struck = LeftHand(split), 0, set()
    for down, pitch, later in given_moves:
        tick += later
        if down and hand.owns(pitch):
            hand.note_on(0, pitch, tick)
            struck.add(pitch)
        elif hand.owns(pitch):
            hand.note_off(0, pitch, tick)
        harmony = hand.harmony(tick)
        assert set(harmony) <= struck
        assert harmony or not struck
        assert 0 <= hand.sounded_until(tick) <= tick
