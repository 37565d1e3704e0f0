"""The engine told to look ahead: everything is told so much earlier, and nothing else changes."""

from __future__ import annotations

from typing import Any

import pytest
from support.band import chords, clocks, note, play
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.engine.engine import Engine
from accompanist.engine.protocol import Input, Message, PortChange, Received, Step, Stop

BAR = 4 * 480
AHEAD_S = 0.08


def engine(ahead_s: float = AHEAD_S, **options: Any) -> Engine:
    return Engine(TINY_SPEC, EngineConfig(), ahead_s=ahead_s, **options)


def told(band: Engine, until_s: float, inputs: list[Input] = []) -> list[tuple[float, Message]]:  # noqa: B006 (only read)
    """What is told, and when."""
    step_of, heard = band.step, list[tuple[float, Message]]()

    def step(now_s: float, arrived: Any) -> Step:
        done = step_of(now_s, arrived)
        heard.extend((now_s, message) for message in done.messages)
        return done

    band.step = step  # type: ignore[method-assign]
    play(band, inputs, until_s)
    return heard


def test_the_same_is_played_and_told_that_much_earlier() -> None:
    melody = [item for i in range(40) for item in note(i / 4, i / 4 + 0.2, 60 + i % 12)]
    late, early = told(engine(0.0, wait_for_player=False), 10.0, melody), told(
        engine(wait_for_player=False), 10.0, melody
    )  # fmt: skip
    assert [message for _, message in early][: len(late)] == [message for _, message in late]
    assert all(now_s == message.due_s for now_s, message in late)
    assert {round(message.due_s - now_s, 6) for now_s, message in early} == {AHEAD_S}


def test_a_question_is_asked_earlier_and_its_deadline_is_when_the_beat_is_committed() -> None:
    band = engine(wait_for_player=False)
    show = play(band, [], 8.0)
    assert [event.at_s for event in show.events if event.name == "job"] == pytest.approx([3.795, 7.795])
    assert show.jobs[0].deadline_s == pytest.approx(4.0 - 20 / 960 - AHEAD_S)
    assert show.jobs[0].heard_tick == 3643  # 3.795 s: what the player can have played by then


@pytest.mark.parametrize(("took_s", "misses"), [(0.10, 0), (0.11, 1)])
def test_an_answer_is_late_when_its_beat_was_told_without_it(took_s: float, misses: int) -> None:
    band = engine(wait_for_player=False)
    show = play(band, [], 4.5, lambda job: (took_s, chords(job)))
    assert band.status(4.5).figures.deadline_misses == misses
    assert ("late_answer" in show.names()) is bool(misses)


def test_the_song_begins_at_the_players_first_note_even_if_it_is_handed_over_late() -> None:
    band = engine(wait_for_player=True)
    band.step(100.0, [])
    show = play(band, note(99.9, 100.3), 100.5, from_s=100.0)
    assert [(event.name, event.detail) for event in show.events] == [("start", "1.1")]
    assert band.status(100.5).tick == 576
    (job,) = play(band, [], 103.8, from_s=100.5).jobs
    assert job.plan_tick == 2 * BAR  # the first bar began with the note


def test_the_players_own_messages_never_wait_behind_the_bands() -> None:
    band = engine(wait_for_player=False, thru=True)
    heard = told(band, 4.5, [*note(3.93, 3.95), *note(4.3, 4.4)])
    thru = [(now_s, message.due_s) for now_s, message in heard if message.track == -1]
    assert thru == [(at_s, at_s) for at_s in (3.93, 3.95, 4.3, 4.4)]
    assert [message.track for _, message in heard][:3] == [0, 1, 1]  # those of 4.0 had been told at 3.92


def test_within_one_call_messages_ascend() -> None:
    band = engine(wait_for_player=False, thru=True)
    play(band, [], 3.9)
    step = band.step(3.99, [Received(3.98, b"\x90\x48\x50")])
    assert [message.track for message in step.messages] == [-1, 0, 1, 1, 1]


def test_a_stop_ends_a_note_that_was_told_ahead_right_after_its_beginning() -> None:
    band = engine(wait_for_player=False)
    play(band, [], 3.95)  # the beat of 4.0 is told
    messages = band.step(3.96, [Stop(3.96)]).messages
    assert [message.data[0] & 0xF0 for message in messages] == [0x80] * 4
    assert {message.due_s for message in messages} == {4.0}


def test_it_follows_a_clock_and_knows_its_end_no_earlier() -> None:
    show = play(engine(follow_clock=True), [Received(0.0, b"\xfa"), *clocks(0.0, 24 * 9)], 20.0)
    last_s = (24 * 9 - 1) / 48
    assert [(event.name, event.at_s) for event in show.events[-2:]] == [
        ("clock_lost", pytest.approx(last_s + 0.25)),
        ("stopped", pytest.approx(last_s + 2.0 - 1 / 96)),
    ]
    begun = [message for message in show.messages if message.track == 0 and message.data[0] & 0xF0 == 0x90]
    assert [message.tick for message in begun] == [2 * BAR + beat * 480 for beat in range(5)]
    assert [message.due_s for message in begun] == pytest.approx([4.0, 4.5, 5.0, 5.5, 6.0], abs=1e-3)


def test_it_never_asks_to_be_called_at_the_present_again() -> None:
    band = engine(0.1, wait_for_player=False)
    now_s = 0.1 + 0.2  # no whole number of anything in binary
    for _ in range(200):
        wake_at_s = band.step(now_s, []).wake_at_s
        assert wake_at_s is not None
        assert wake_at_s > now_s
        now_s = wake_at_s


@pytest.mark.parametrize(("asked_s", "then_s"), [(0.2, 0.2), (0.03, AHEAD_S), (0.0, AHEAD_S)])
def test_a_port_that_comes_back_may_ask_for_more_and_never_gets_less(asked_s: float, then_s: float) -> None:
    """As where JACK is started again with longer periods; what was told stays told."""
    back = PortChange(6.0, "out", "Synth", there=True, ahead_s=asked_s)
    melody = [item for i in range(40) for item in note(i / 4, i / 4 + 0.2, 60 + i % 12)]
    plain = told(engine(wait_for_player=False, clock_out=True), 10.0, melody)
    changed = told(engine(wait_for_player=False, clock_out=True), 10.0, [*melody, back])
    assert [message for _, message in changed][: len(plain)] == [message for _, message in plain]
    early = {round(message.due_s - now_s, 6) for now_s, message in changed if message.due_s > 6.0 + then_s}
    assert early == {then_s}
