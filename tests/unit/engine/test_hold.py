from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from accompanist.engine.hold import Hold
from accompanist.engine.protocol import Committed
from accompanist.music.note import Note

BEAT = 480


def committed(start: int, end: int, pitch: int = 60, track: int = 0) -> Committed:
    return Committed(track, Note(start, pitch, end, 80))


def spans(notes: list[Committed] | None) -> list[tuple[int, int, int, int]]:
    return [(track, note.pitch, note.start_tick, note.end_tick) for track, note in notes or ()]


def test_nothing_was_planned_so_nothing_is_held() -> None:
    assert Hold(4).take_beat(0) is None


def test_the_last_beat_comes_again_in_its_own_rhythm() -> None:
    hold = Hold(4)
    hold.planned(BEAT, [committed(BEAT, BEAT + 120, 36), committed(BEAT + 240, BEAT + 480, 43)])
    assert spans(hold.take_beat(2 * BEAT)) == [(0, 36, 960, 1080), (0, 43, 1200, 1440)]
    assert spans(hold.take_beat(3 * BEAT)) == [(0, 36, 1440, 1560), (0, 43, 1680, 1920)]


def test_what_sounded_on_from_an_earlier_beat_is_struck_at_the_beginning() -> None:
    hold = Hold(4)
    hold.planned(0, [committed(0, 4 * BEAT, 60, 1), committed(0, BEAT, 36)])
    hold.planned(BEAT, [committed(0, 4 * BEAT, 60, 1), committed(BEAT, 2 * BEAT, 38)])
    assert spans(hold.take_beat(4 * BEAT)) == [(1, 60, 1920, 2400), (0, 38, 1920, 2400)]


def test_a_rest_is_no_harmony() -> None:
    hold = Hold(4)
    hold.planned(0, [committed(0, BEAT)])
    hold.planned(BEAT, [])
    assert hold.take_beat(2 * BEAT) is None


def test_it_is_held_so_many_beats_and_again_after_a_new_plan() -> None:
    hold = Hold(2)
    for begin in (0, 10 * BEAT):
        hold.planned(begin, [committed(begin, begin + BEAT)])
        taken = [hold.take_beat(begin + i * BEAT) for i in range(1, 5)]
        assert [notes is not None for notes in taken] == [True, True, False, False]


def test_beats_passed_over_count_and_a_jump_forgets() -> None:
    hold = Hold(3)
    hold.planned(0, [committed(0, BEAT)])
    hold.pass_over(2)
    assert hold.take_beat(3 * BEAT) is not None
    assert hold.take_beat(4 * BEAT) is None
    hold.planned(0, [committed(0, BEAT)])
    hold.clear()
    assert hold.take_beat(BEAT) is None


notes = st.builds(
    lambda start, length, pitch, track: committed(start, start + length, pitch, track),
    st.integers(0, BEAT - 1), st.integers(1, 8 * BEAT), st.integers(0, 127), st.integers(0, 2),
)  # fmt: skip


@given(st.lists(st.lists(notes, max_size=6), min_size=1, max_size=6), st.integers(0, 8), st.integers(0, 12))
def test_a_held_beat_has_the_pitches_that_sounded_and_stays_within_its_beat(
    beats: list[list[Committed]], most_beats: int, gap: int
) -> None:
    hold, planned = Hold(most_beats), []
    for i, beat in enumerate(beats):
        shifted = [committed(n.start_tick + i * BEAT, n.end_tick + i * BEAT, n.pitch, track) for track, n in beat]
        planned += shifted
        hold.planned(i * BEAT, [c for c in planned if c.note.end_tick > i * BEAT])
    last_tick = (len(beats) - 1) * BEAT
    sounded = {(track, n.pitch) for track, n in planned if n.start_tick < last_tick + BEAT and n.end_tick > last_tick}
    held = 0
    for i in range(10):
        begin = last_tick + (gap + i + 1) * BEAT
        taken = hold.take_beat(begin)
        if taken is None:
            break
        held += 1
        assert {(track, n.pitch) for track, n in taken} == sounded
        assert all(begin <= n.start_tick < n.end_tick <= begin + BEAT for _, n in taken)
    assert held == (most_beats if sounded else 0)
