"""Our clock for others: counted, in time, and understood by our own follower."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.band import note, play
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.engine.clock_out import CLOCK_TRACK
from accompanist.engine.engine import Engine
from accompanist.engine.follower import ClockFollower
from accompanist.engine.protocol import Command, Input, Message, Stop, TempoChange

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
