"""Our clock for others: counted, in time, and understood by our own follower."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.band import note, play
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.engine.clock_out import CLOCK_TRACK, ClockOut
from accompanist.engine.engine import Engine
from accompanist.engine.follower import ClockFollower
from accompanist.engine.outbox import Outbox
from accompanist.engine.protocol import Command, Input, Message, PortChange, Stop, TempoChange
from accompanist.engine.transport import InternalTransport

CLOCK, START, CONTINUE, STOP = b"\xf8", b"\xfa", b"\xfb", b"\xfc"


def led(inputs: list[Input], until_s: float, *, ahead_s: float = 0.0) -> list[Message]:
    """What those who follow us get."""
    show = play(Engine(TINY_SPEC, EngineConfig(), clock_out=True, ahead_s=ahead_s), inputs, until_s)
    return [message for message in show.messages if message.track == CLOCK_TRACK]


def test_it_starts_with_the_players_first_note_and_sends_24_clocks_to_a_beat() -> None:
    messages = led(note(1.0, 1.5), 2.0)
    assert [(m.due_s, m.data) for m in messages[:2]] == [(1.0, START), (1.0, CLOCK)]
    clocks = [m.due_s for m in messages if m.data == CLOCK]
    assert clocks == pytest.approx([1.0 + i * 0.5 / 24 for i in range(49)])
    assert {m.data for m in messages} == {START, CLOCK}


def test_without_being_asked_for_there_is_none() -> None:
    show = play(Engine(TINY_SPEC, EngineConfig()), note(1.0, 1.5), 2.0)
    assert not [message for message in show.messages if message.track == CLOCK_TRACK]


def test_a_new_tempo_is_in_the_next_clock() -> None:
    messages = led([*note(0.0, 0.5), TempoChange(1.0, 1_000_000)], 3.0)
    late = [m.due_s for m in messages if m.due_s > 1.001]
    assert late == pytest.approx([1.0 + (i + 1) / 24 for i in range(48)], abs=0.002)


@pytest.mark.parametrize("ahead_s", [0.0, 0.03])
def test_stop_and_continue_lose_no_clock(ahead_s: float) -> None:
    inputs = [*note(0.0, 0.5), Command(1.01, "stop"), Command(3.0, "continue"), Stop(5.0)]
    messages = led(inputs, 5.0, ahead_s=ahead_s)
    words = [m.data for m in messages if m.data != CLOCK and m.data[0] != 0xF2]
    assert words == [START, STOP, CONTINUE, STOP]
    clocks = [m for m in messages if m.data == CLOCK]
    assert [m.tick for m in clocks] == [20 * i for i in range(len(clocks))]
    stopped_s, continued_s = (next(m.due_s for m in messages if m.data == word) for word in (STOP, CONTINUE))
    assert stopped_s <= 1.01 + ahead_s
    assert continued_s == 3.0
    assert not [m for m in clocks if stopped_s < m.due_s < continued_s]


def test_starting_again_starts_the_others_again() -> None:
    messages = led([*note(0.0, 0.5), Command(2.0, "start")], 3.0)
    assert [m.due_s for m in messages if m.data == START] == [0.0, 2.0]
    again = [m for m in messages if m.data == CLOCK and m.due_s >= 2.0]
    assert again[-1].tick == 960


waits = st.floats(0.05, 2.0)
courses = st.lists(
    st.tuples(waits, st.one_of(st.sampled_from(["stop", "continue", "start"]), st.floats(30, 300))), max_size=12
)


@given(courses, st.sampled_from([0.0, 0.025]))
@settings(max_examples=60, deadline=None)
def test_our_own_follower_is_where_we_are(course: list[tuple[float, str | float]], ahead_s: float) -> None:
    inputs, now_s = note(0.1, 0.5), 0.1
    for wait_s, what in course:
        now_s += wait_s
        value = None if isinstance(what, str) else what
        inputs.append(Command(now_s, what if isinstance(what, str) else "bpm", value))
    inputs.append(Command(now_s + 1, "continue"))
    band = Engine(TINY_SPEC, EngineConfig(), clock_out=True, ahead_s=ahead_s)
    until_s = now_s + 12.0
    show = play(band, inputs, until_s)
    follower = ClockFollower(bpm=120, lost_clock_beats=64)
    for message in show.messages:
        if message.track == CLOCK_TRACK and message.due_s <= until_s:
            follower.settle(message.due_s)
            follower.receive(message.data, message.due_s)
    status = band.status(until_s)
    assert follower.running
    assert follower.tick_at(until_s) == pytest.approx(status.tick, abs=12)
    assert follower.bpm == pytest.approx(status.bpm, rel=0.01)


def back(at_s: float, *tracks: int) -> PortChange:
    return PortChange(at_s, "clock out", "Drums", there=True, tracks=tracks)


@pytest.mark.parametrize("ahead_s", [0.0, 0.03])
def test_who_comes_back_in_mid_song_is_told_where_it_goes_on_and_goes_on_there(ahead_s: float) -> None:
    messages = led([*note(0.0, 0.5), back(2.03, CLOCK_TRACK)], 4.0, ahead_s=ahead_s)
    words = [(m.due_s, m.data) for m in messages if m.data != CLOCK]
    (_, start), (stop_s, stop), (place_s, place), (go_s, go) = words
    assert (start, stop, place[0], go) == (START, STOP, 0xF2, CONTINUE)
    assert 2.03 <= stop_s <= place_s < 2.03 + ahead_s + 0.03
    sixteenth = place[1] | place[2] << 7
    assert go_s == pytest.approx(sixteenth * 0.125)
    assert 0.125 <= go_s - place_s <= 0.25 + 0.02  # time to go there, and no more than that
    clocks = [m for m in messages if m.data == CLOCK]
    assert [m.tick for m in clocks] == [20 * i for i in range(len(clocks))]  # they never pause
    (first,) = [m for m in clocks if m.due_s == go_s]
    assert first.tick == sixteenth * 120
    assert messages.index(first) == [m.data for m in messages].index(CONTINUE) + 1


def test_a_port_that_does_not_carry_the_clock_may_come_back_without_a_word() -> None:
    assert {m.data for m in led([*note(0.0, 0.5), back(2.0, 0, 1)], 3.0)} == {START, CLOCK}


def test_who_comes_back_while_the_song_rests_goes_on_with_it_at_a_sixteenth() -> None:
    inputs = [*note(0.0, 0.5), Command(1.01, "stop"), back(2.0, CLOCK_TRACK), Command(3.0, "continue"), Stop(5.0)]
    messages = led(inputs, 5.0)
    (go,) = [m for m in messages if m.data == CONTINUE]
    (place,) = [m for m in messages if m.data[0] == 0xF2]
    assert go.tick == (place.data[1] | place.data[2] << 7) * 120
    assert place.due_s == 3.0
    assert [m.data for m in messages if 1.01 < m.due_s < 3.0] == [STOP]  # it may have missed it


def test_beyond_the_last_song_position_the_clocks_go_on() -> None:
    """1024 bars, 34 minutes at 120 BPM: further MIDI cannot count."""
    transport, outbox = InternalTransport(120), Outbox(4)
    clock = ClockOut(outbox, ahead_s=0.0)
    for turn in transport.player_began(0.0):
        clock.turn(turn, transport)
    clock.play(transport, 2100.0)
    for turn in transport.stop(2100.0):
        clock.turn(turn, transport)
    outbox.begin()
    for turn in transport.go_on(2101.0):
        clock.turn(turn, transport)
    clock.play(transport, 2102.0)
    told = [message.data for message in outbox.step(None, ended=False).messages]
    assert told == [CONTINUE] + [CLOCK] * 48


absences = st.lists(st.tuples(st.floats(0.1, 3.0), st.floats(0.1, 3.0), st.booleans()), max_size=4)


@given(courses, absences, st.sampled_from([0.0, 0.025]))
@settings(max_examples=60, deadline=None)
@example(course=[(1.0, "stop")], away=[(1.0, 1.0, False)], ahead_s=0.0)  # it misses the stop
def test_a_follower_that_is_away_now_and_then_is_where_we_are(
    course: list[tuple[float, str | float]], away: list[tuple[float, float, bool]], ahead_s: float
) -> None:
    """Its cable is out for a while, or it is switched off and on: then it knows nothing."""
    inputs, now_s = note(0.1, 0.5), 0.1
    for wait_s, what in course:
        now_s += wait_s
        value = None if isinstance(what, str) else what
        inputs.append(Command(now_s, what if isinstance(what, str) else "bpm", value))
    gaps, begin_s = list[tuple[float, float, bool]](), 0.1
    for there_s, gone_s, anew in away:
        gaps.append((begin_s + there_s, begin_s + there_s + gone_s, anew))
        begin_s += there_s + gone_s
    inputs += [back(end_s, CLOCK_TRACK) for _, end_s, _ in gaps]
    last_s = max(now_s, begin_s)
    inputs.append(Command(last_s + 1, "continue"))
    band = Engine(TINY_SPEC, EngineConfig(), clock_out=True, ahead_s=ahead_s)
    until_s = last_s + 12.0
    show = play(band, sorted(inputs, key=lambda item: item.at_s), until_s)
    follower = ClockFollower(bpm=120, lost_clock_beats=64)
    for message in show.messages:
        if message.track != CLOCK_TRACK or message.due_s > until_s:
            continue
        while gaps and message.due_s >= gaps[0][1]:
            if gaps.pop(0)[2]:
                follower = ClockFollower(bpm=120, lost_clock_beats=64)
        if gaps and gaps[0][0] <= message.due_s:
            continue
        follower.settle(message.due_s)
        follower.receive(message.data, message.due_s)
    status = band.status(until_s)
    assert follower.running
    assert follower.tick_at(until_s) == pytest.approx(status.tick, abs=12)
