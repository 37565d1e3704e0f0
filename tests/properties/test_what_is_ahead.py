"""What the engine says is about to sound is what then leaves at the port, however the controls stand."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from support.band import Show, at_once, play
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.engine.engine import Engine
from accompanist.engine.part import Part
from accompanist.engine.protocol import AheadReport, Command, Input, Message, Received, Report, Step
from accompanist.engine.schedule import COMMIT_LEAD_TICKS
from accompanist.music.time import PPQ

BPM, UNTIL_S = 120.0, 14.0
TICKS_PER_S = PPQ * BPM / 60
PLAIN = EngineConfig(bpm=BPM, rest_bars=0, follow_density=False)
TRACKS = range(len(TINY_SPEC.tracks))

at_s = st.floats(0, UNTIL_S - 1).map(lambda seconds: round(seconds, 2))
commands = st.one_of(
    st.builds(Command, at_s, st.sampled_from(["mute", "solo"]), st.sampled_from([0.0, 1.0]), st.sampled_from(TRACKS)),
    st.builds(Command, at_s, st.sampled_from(["hold", "listen"]), st.sampled_from([0.0, 1.0])),
    st.builds(Command, at_s, st.just("density"), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])),
    st.builds(Command, at_s, st.just("fill")),
)
transpositions = st.lists(st.integers(-14, 14), min_size=len(TRACKS), max_size=len(TRACKS))
left_hands = st.sets(st.integers(36, 47), max_size=4)
"""Keys held from the beginning on: a chord that stays."""


def parts(transposed: Sequence[int]) -> tuple[Part, ...]:
    return tuple(Part(track.channel, transpose=by) for track, by in zip(TINY_SPEC.tracks, transposed, strict=True))


def performed(inputs: Sequence[Input], transposed: Sequence[int]) -> tuple[Show, list[Report]]:
    engine = Engine(TINY_SPEC, PLAIN, wait_for_player=False, split=48, parts=parts(transposed))
    reports: list[Report] = []
    step_of = engine.step

    def kept(now_s: float, inputs: Sequence[Input]) -> Step:
        step = step_of(now_s, inputs)
        reports.extend(step.reports)
        return step

    engine.step = kept  # type: ignore[method-assign]
    return play(engine, inputs, UNTIL_S, at_once), reports


def struck(messages: Sequence[Message], begin_tick: int) -> set[tuple[int, int, int]]:
    """Track, pitch and tick of what is struck in a beat."""
    ons = (m for m in messages if m.track >= 0 and m.data[0] & 0xF0 == 0x90)
    return {(m.track, m.data[1], m.tick) for m in ons if begin_tick <= m.tick < begin_tick + PPQ}


def sounding(messages: Sequence[Message], tick: int) -> set[tuple[int, int]]:
    """Track and pitch of what sounds right behind a tick."""
    found: set[tuple[int, int]] = set()
    for m in (m for m in messages if m.track >= 0 and m.tick <= tick and m.data[0] & 0xF0 in (0x80, 0x90)):
        (found.add if m.data[0] & 0xF0 == 0x90 else found.discard)((m.track, m.data[1]))
    return found


@given(st.lists(commands, max_size=4), transpositions, left_hands)
@settings(deadline=None, max_examples=150)
def test_what_is_said_to_be_ahead_is_what_leaves(
    turned: list[Command], transposed: list[int], left_hand: set[int]
) -> None:
    keys = [Received(0.0, bytes((0x90, pitch, 64))) for pitch in sorted(left_hand)]
    show, reports = performed([*keys, *turned], transposed)
    told = [report for report in reports if isinstance(report, AheadReport)]
    assert told
    checked = 0
    for begin_tick in range(0, int((UNTIL_S - 1) * TICKS_PER_S), PPQ):
        before = [report for report in told if report.from_tick <= begin_tick]
        settled_s, over_s = (begin_tick - COMMIT_LEAD_TICKS) / TICKS_PER_S, (begin_tick + PPQ) / TICKS_PER_S
        if not before or any(settled_s - 0.001 <= its.at_s <= over_s for its in turned):
            continue  # nothing is planned yet; or a hand at the controls changed what was settled
        last = before[-1]
        said = {
            (track, pitch, start)
            for track, pitch, start, _ in last.notes
            if begin_tick <= start < begin_tick + PPQ and track not in last.silent
        }
        heard = struck(show.messages, begin_tick)
        assert heard <= said
        goes_on = {(track, pitch) for track, pitch, start in said - heard if start == last.from_tick}
        assert {start for _, _, start in said - heard} <= {last.from_tick}
        assert goes_on <= sounding(show.messages, last.from_tick)
        checked += 1
    assert checked >= 6
