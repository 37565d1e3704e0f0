from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.live import LIVE_SPEC
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.engine.arranger import Arranged, Arranger
from accompanist.engine.bars import BarBuffer
from accompanist.engine.left_hand import LeftHand, bending
from accompanist.engine.protocol import Command, Committed
from accompanist.music.note import Note
from accompanist.music.spec import ModelSpec

BASS, PIANO, STRINGS = range(3)
BEAT, BAR = 480, 1920
PLAIN = EngineConfig(rest_bars=0, follow_density=False)


class Stage:
    """An arranger with a player's two hands beside it."""

    def __init__(self, settings: EngineConfig = PLAIN, spec: ModelSpec = TINY_SPEC) -> None:
        self.bars = BarBuffer(32)
        self.left = LeftHand(48)
        self.arranger = Arranger(spec, settings, self.bars, self.left)

    def turn(self, name: str, value: float | None = None, track: int = -1) -> None:
        self.arranger.desk.take(Command(0.0, name, value, track))

    def beat(self, number: int, *planned: Committed, before: tuple[Committed, ...] = ()) -> Arranged:
        return self.arranger.beat(number * BEAT, planned, before)


def note(track: int, pitch: int, start: int, end: int, velocity: int = 80) -> Committed:
    return Committed(track, Note(start * BEAT, pitch, end * BEAT, velocity))


def test_left_alone_it_plays_the_plan() -> None:
    planned = [note(BASS, 36, 0, 1), note(PIANO, 60, 0, 4)]
    assert Stage().beat(0, *planned) == Arranged(planned, changed=[])


def test_a_track_that_comes_in_plays_what_it_would_be_sounding() -> None:
    stage, pad = Stage(), note(PIANO, 60, 0, 4)
    stage.turn("mute", 1, PIANO)
    assert stage.beat(0, note(BASS, 36, 0, 1), pad).notes == [note(BASS, 36, 0, 1)]
    assert stage.beat(1, before=(pad,)).notes == []
    stage.turn("mute", 0, PIANO)
    assert stage.beat(2, before=(pad,)).notes == [note(PIANO, 60, 2, 4)]
    assert stage.beat(3, before=(pad,)).notes == []


def test_where_the_band_rests_what_sounds_ends_on_the_beat() -> None:
    stage = Stage()
    stage.beat(0, note(PIANO, 60, 0, 4))
    stage.turn("listen", 0)
    assert stage.beat(1, note(BASS, 36, 1, 2)) == Arranged([], frozenset({BASS, PIANO, STRINGS}), [], as_planned=False)
    assert stage.beat(2) == Arranged([], changed=[], as_planned=False)


def test_the_harmony_held_is_that_of_the_last_beat_and_afterwards_the_plan_comes_in() -> None:
    stage, pad = Stage(), note(PIANO, 67, 1, 8)
    stage.beat(0, note(PIANO, 60, 0, 4), note(BASS, 36, 0, 1))
    stage.turn("hold", 1)
    held = [stage.beat(1, pad), *(stage.beat(number, note(BASS, 43, number, number + 1)) for number in range(2, 6))]
    assert [beat.notes for beat in held] == [
        [note(PIANO, 60, 1, 4), note(BASS, 36, 1, 2)],
        [note(BASS, 36, 2, 3)],
        [note(BASS, 36, 3, 4)],
        [note(PIANO, 60, 4, 8), note(BASS, 36, 4, 5)],
        [note(BASS, 36, 5, 6)],
    ]
    stage.turn("hold", 0)
    assert stage.beat(6, before=(pad,)) == Arranged([note(PIANO, 67, 6, 8)], frozenset({BASS, PIANO, STRINGS}), [])


def test_a_track_that_comes_in_while_the_harmony_is_held_strikes_it() -> None:
    stage = Stage()
    stage.beat(0, note(PIANO, 60, 0, 4))
    stage.turn("hold", 1)
    stage.beat(1)
    stage.turn("mute", 1, PIANO)
    assert stage.beat(2) == Arranged([], frozenset({PIANO}), [], as_planned=False)
    stage.turn("mute", 0, PIANO)
    assert stage.beat(3).notes == [note(PIANO, 60, 3, 4)]


def test_a_fill_on_a_held_harmony_strikes_it_and_it_stays() -> None:
    stage = Stage()
    stage.beat(0, note(PIANO, 60, 0, 4))
    stage.turn("hold", 1)
    stage.beat(1)
    stage.arranger.fill()
    assert [len(stage.beat(number).notes) for number in (2, 3)] == [2, 4]
    assert stage.beat(4).notes == [note(PIANO, 60, 4, 8)]


def test_before_there_is_a_harmony_to_hold_the_plan_plays() -> None:
    stage = Stage()
    stage.turn("hold", 1)
    assert stage.beat(0, note(BASS, 36, 0, 1)).notes == [note(BASS, 36, 0, 1)]
    assert stage.beat(1, note(BASS, 43, 1, 2)).notes == [note(BASS, 36, 1, 2)]


def test_a_fill_lasts_to_the_bar_line_and_then_the_plan_comes_in() -> None:
    stage, pad = Stage(), note(PIANO, 60, 0, 6)
    stage.beat(0, pad, note(BASS, 36, 0, 8))
    stage.arranger.fill()
    before = pad, note(BASS, 36, 0, 8)
    struck = [len(stage.beat(number, before=before).notes) for number in (1, 2, 3)]
    assert struck == [4, 4, 8]
    assert stage.beat(4, before=before).notes == [note(PIANO, 60, 4, 6), note(BASS, 36, 4, 8)]


def test_a_fill_asked_for_in_the_last_beat_fills_the_next_bar() -> None:
    stage = Stage()
    stage.arranger.fill()
    assert [len(stage.beat(number, note(BASS, 36, number, number + 1)).notes) for number in range(4, 9)] == [
        *(2, 2, 2, 4),
        1,
    ]


def test_a_new_harmony_is_struck_anew_and_ends_the_old_one() -> None:
    stage, pad = Stage(), note(PIANO, 60, 0, 4)
    stage.beat(0, pad, note(STRINGS, 72, 0, 4))
    for pitch in (41, 45, 38):
        stage.left.note_on(0, pitch, 1)
    changed = stage.beat(1, before=(pad, note(STRINGS, 72, 0, 4)))
    assert changed == Arranged([note(PIANO, 62, 1, 4), note(STRINGS, 74, 1, 4)], frozenset({BASS, PIANO, STRINGS}), [])
    assert stage.beat(2, before=(pad,)) == Arranged([], changed=[])


def test_the_band_is_as_loud_as_the_player_within_bounds() -> None:
    loudness = []
    for velocity in (1, 20, 80, 127):
        stage = Stage()
        stage.bars.note_on(0, 72, velocity, 0)
        loudness.append(stage.beat(0, note(BASS, 36, 0, 1)).notes[0].note.velocity)
    assert loudness == [48, 48, 80, 100]


def test_sparse_playing_thins_the_band() -> None:
    stage = Stage(EngineConfig(rest_bars=0))
    stage.bars.restart(0, left_tick=0)
    sixteenths = [Committed(PIANO, Note(8 * BEAT + 120 * step, 60, 8 * BEAT + 120 * step + 60)) for step in range(4)]
    stage.bars.note_on(0, 72, 80, 0)
    assert [c.note.start_tick % BEAT for c in stage.beat(8, *sixteenths).notes] == [0, 240]
    for number in range(1, 8):
        stage.bars.note_on(0, 72, 80, number * BEAT)
    assert len(stage.beat(8, *sixteenths).notes) == 4


def test_after_a_rest_the_next_note_brings_the_band_in_again() -> None:
    stage = Stage(EngineConfig(rest_bars=1, follow_density=False))
    pads = note(PIANO, 60, 0, 64), note(STRINGS, 72, 0, 64)
    stage.bars.note_on(0, 72, 80, 0)
    stage.bars.note_off(0, 72, BEAT)
    played = [stage.beat(number, note(BASS, 36, number, number + 1), before=pads) for number in range(20)]
    assert [number for number, beat in enumerate(played) if beat.notes] == list(range(13))
    assert played[13].ends == {BASS, PIANO, STRINGS}
    stage.bars.note_on(0, 72, 80, 20 * BEAT - 100)
    assert {c.track for c in stage.beat(20, note(BASS, 36, 20, 21), before=pads).notes} == {BASS, PIANO, STRINGS}


moves = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["mute", "solo"]), st.sampled_from([None, 0.0, 1.0]), st.integers(0, 2)),
        st.tuples(st.sampled_from(["hold", "listen"]), st.sampled_from([None, 0.0, 1.0]), st.just(-1)),
        st.tuples(st.just("density"), st.floats(0, 1), st.just(-1)),
        st.tuples(st.just("fill"), st.none(), st.just(-1)),
        st.tuples(st.just("key"), st.none(), st.integers(24, 60)),
        st.tuples(st.just("let go"), st.none(), st.integers(24, 60)),
    ),
    max_size=4,
)
plans = st.lists(st.tuples(st.integers(0, 2), st.integers(40, 57), st.integers(0, 3), st.integers(1, 16)), max_size=6)


@given(st.lists(st.tuples(moves, plans), max_size=12), st.integers(0, 2), st.booleans())
def test_whatever_the_player_does_a_beat_is_sound(
    script: list[tuple[list[tuple[str, float | None, int]], list[tuple[int, int, int, int]]]],
    rest_bars: int,
    follow: bool,
) -> None:
    stage = Stage(EngineConfig(rest_bars=rest_bars, follow_density=follow))
    running: list[Committed] = []
    for number, (turned, plan) in enumerate(script):
        begin = number * BEAT
        for name, value, track in turned:
            if name == "fill":
                stage.arranger.fill()
            elif name in ("key", "let go"):
                hand = stage.left if stage.left.owns(track) else stage.bars
                if name == "let go":
                    hand.note_off(0, track, begin)
                elif hand is stage.left:
                    stage.left.note_on(0, track, begin)
                else:
                    stage.bars.note_on(0, track, 80, begin)
            else:
                stage.turn(name, value, track)
        planned = [
            Committed(track, Note(begin + 120 * step, pitch, begin + 120 * (step + length), 80))
            for track, pitch, step, length in sorted(plan, key=lambda each: each[2])
        ]
        before = tuple(c for c in running if c.note.end_tick > begin)
        arranged = stage.beat(number, *planned, before=before)
        running = [*before, *planned]
        desk, chord = stage.arranger.desk, stage.left.harmony(begin)
        assert not {c.track for c in arranged.notes} & desk.closed
        assert desk.listening or not arranged.notes
        for track, its in arranged.notes:
            spec = TINY_SPEC.tracks[track]
            assert begin <= its.start_tick < begin + BEAT
            assert its.start_tick < its.end_tick
            assert 1 <= its.velocity <= 127
            if track in bending(chord, TINY_SPEC):
                assert spec.lowest <= its.pitch <= spec.highest
                assert its.pitch % 12 in {key % 12 for key in (chord[:1] if track == BASS else chord)}


def test_drums_follow_no_harmony_and_go_on_while_one_is_held() -> None:
    stage = Stage(spec=LIVE_SPEC)
    kick, snare = (Committed(3, Note(0, pitch, 120)) for pitch in (36, 38))
    stage.beat(0, note(PIANO, 60, 0, 1), kick)
    stage.turn("hold", 1)
    later = [Committed(track, its.shifted(BEAT)) for track, its in (note(PIANO, 72, 0, 1), snare)]
    assert stage.beat(1, *later).notes == [note(PIANO, 60, 1, 2), later[1]]
    assert stage.beat(2).notes == [note(PIANO, 60, 2, 3)]
    stage.turn("hold", 0)
    for pitch in (50, 54, 57):  # the left hand says D major in first inversion
        stage.left.note_on(0, pitch, 3 * BEAT)
    third = Committed(3, Note(3 * BEAT, 36, 3 * BEAT + 120))
    assert stage.beat(3, note(PIANO, 60, 3, 4), third).notes == [note(PIANO, 62, 3, 4), third]


def test_a_left_hand_that_moves_changes_what_is_ahead() -> None:
    stage = Stage()
    stage.beat(0, note(PIANO, 60, 0, 1))
    assert stage.arranger.ahead(BEAT, [note(PIANO, 60, 1, 2)]) == ([note(PIANO, 60, 1, 2)], frozenset())
    assert not stage.arranger.ahead_changed
    for pitch in (38, 42, 45):
        stage.left.note_on(0, pitch, BEAT - 10)
    bent = stage.beat(1, note(PIANO, 60, 1, 2)).notes
    assert [c.note.pitch % 12 for c in bent] == [2]  # of D major the D lies nearest to C
    assert stage.arranger.ahead_changed
    ahead, _ = stage.arranger.ahead(2 * BEAT, [note(PIANO, 60, 2, 3)])
    assert ahead == stage.beat(2, note(PIANO, 60, 2, 3)).notes
    assert not stage.arranger.ahead_changed
