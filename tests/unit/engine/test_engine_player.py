"""The player: what counts as melody, what is sent on, how loud the band is."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from support.band import note, play, tiny_band
from support.tiny import TINY_SPEC

from accompanist.engine.protocol import (
    HeardReport,
    Received,
    Step,
    Stop,
)
from accompanist.music.roll import HELD, ONSET

BAR = 4 * 480


def test_the_model_is_given_what_was_heard_up_to_the_question() -> None:
    band = tiny_band(wait_for_player=False)
    show = play(band, [*note(0.5, 1.0, 72), *note(3.75, 9.0, 74), *note(3.9, 4.2, 79)], 4.5)
    roll = show.jobs[0].melody
    assert (np.flatnonzero(roll[HELD, :, 72]).tolist(), np.flatnonzero(roll[ONSET, :, 72]).tolist()) == (
        [4, 5, 6, 7],
        [4],
    )
    assert np.flatnonzero(roll[HELD, :, 74]).tolist() == [30, 31]  # still held: taken to go on
    assert not roll[:, :, 79].any()  # played after the question


def test_close_sends_the_note_offs_and_then_nothing() -> None:
    band = tiny_band(wait_for_player=False, thru=True)
    play(band, [Received(4.1, b"\x92\x48\x50")], 4.2)
    messages = band.close(4.3).messages
    assert sorted((m.track, m.data[0] & 0xF0) for m in messages) == [
        (-1, 0x80),
        (0, 0x80),
        (1, 0x80),
        (1, 0x80),
        (1, 0x80),
    ]
    assert band.close(4.4).messages == ()


def test_thru_sends_the_players_channel_messages_on_unchanged_at_once() -> None:
    band = tiny_band(thru=True)
    data = [b"\x93\x40\x50", b"\xb3\x40\x7f", b"\xe3\x00\x41", b"\xc3\x05", b"\x93\x40\x00"]
    show = play(band, [Received(i / 10, item) for i, item in enumerate(data)], 1.0)
    assert [(m.due_s, m.track, m.data) for m in show.messages] == [(i / 10, -1, item) for i, item in enumerate(data)]
    assert [m.data for m in band.close(1.0).messages] == [b"\xb3\x40\x00"]  # the pedal, which was left down
    assert (band.status(1.0).notes_in, band.status(1.0).notes_out) == (1, 0)


@pytest.mark.parametrize(
    "data",
    [b"", b"\x40\x40", b"\x90", b"\x90\x40", b"\x90\x40\xff", b"\x90\x40\x50\x50", b"\xf0\x01\xf7", b"\xc0\x01\x02"],
)
def test_broken_and_system_messages_are_not_the_players(data: bytes) -> None:
    band = tiny_band(thru=True)
    assert band.step(0.0, [Received(0.0, data)]).messages == ()
    assert band.status(0.0).notes_in == 0


def test_only_the_chosen_channel_is_heard() -> None:
    band = tiny_band(channel=3, thru=True)
    step = band.step(0.0, [Received(0.0, b"\x91\x40\x50"), Received(0.0, b"\x92\x41\x50")])
    assert [m.data for m in step.messages] == [b"\x92\x41\x50"]


def test_a_port_that_only_carries_the_clock_has_no_player() -> None:
    band = tiny_band(thru=True)
    assert band.step(0.0, [Received(0.0, b"\x90\x40\x50", from_clock=True)]) == Step()


def test_all_notes_off_ends_what_the_player_holds() -> None:
    band = tiny_band(wait_for_player=False, thru=True)
    play(band, [Received(1.0, b"\x90\x40\x50"), Received(2.0, b"\xb0\x7b\x00")], 2.5)
    assert band.close(2.5).messages == ()


@pytest.mark.parametrize(("velocity", "loudness"), [(80, 1.0), (20, 0.6), (45, 0.75), (127, 1.25)])
def test_the_band_follows_the_players_loudness_softly(velocity: int, loudness: float) -> None:
    show = play(tiny_band(wait_for_player=False), note(2.0, 3.0, velocity=velocity), 4.2)
    played = {m.track: m.data[2] for m in show.messages}
    assert played == {i: round(TINY_SPEC.tracks[i].velocity * loudness) for i in (0, 1)}


def test_a_stamp_from_before_the_last_message_turns_no_track_back() -> None:
    band = tiny_band(wait_for_player=False, thru=True)
    play(band, [], 4.2)
    thru = band.step(4.3, [Received(3.9, b"\x90\x40\x50")]).messages
    thru += band.step(4.3, [Received(3.8, b"\x90\x41\x50")]).messages
    assert [message.due_s for message in thru] == [3.9, 3.9]  # the player's own do not wait for the band's of 4.0
    assert band.step(4.3, [Stop(3.95)]).messages[0].due_s >= 4.0


def test_what_arrives_together_is_taken_in_the_order_of_its_stamps() -> None:
    melody = [item for i in range(16) for item in note(i / 4, i / 4 + 0.2, 60 + i)]
    (one_by_one,) = play(tiny_band(wait_for_player=False), melody, 3.9).jobs
    assert one_by_one.melody.any()
    band = tiny_band(wait_for_player=False)
    band.step(0.0, [])
    for from_s, until_s in pairwise((-1.0, 1.0, 2.0, 2.9, 3.8)):
        band.step(until_s, [item for item in reversed(melody) if from_s < item.at_s <= until_s])
    job = band.step(3.875, []).job
    assert job is not None
    assert np.array_equal(job.melody, one_by_one.melody)


def test_the_players_notes_are_told_and_no_wheel_or_pedal() -> None:
    band = tiny_band()
    played = [b"\x90\x3c\x50", b"\xe0\x00\x41", b"\xb0\x40\x7f", b"\xd0\x20", b"\x80\x3c\x00", b"\xb0\x7b\x00"]
    step = band.step(1.0, [Received(1.0, data) for data in played])
    told = [report.data for report in step.reports if isinstance(report, HeardReport)]
    assert told == [b"\x90\x3c\x50", b"\x80\x3c\x00", b"\xb0\x7b\x00"]
