from __future__ import annotations

import math

from accompanist.engine.part import Part
from accompanist.engine.protocol import Committed
from accompanist.engine.schedule import Schedule
from accompanist.music.note import Note


def s_at(tick: int) -> float:
    return tick / 960


def on_channels(*channels: int) -> Schedule:
    return Schedule(Part(channel) for channel in channels)


def sent(schedule: Schedule, now_s: float) -> list[tuple[int, str, int]]:
    """What is due: (tick, "on" or "off", pitch)."""
    messages = schedule.due(s_at, now_s)
    assert all(message.due_s == s_at(message.tick) for message in messages)
    return [(m.tick, "on" if m.data[0] & 0xF0 == 0x90 else "off", m.data[1]) for m in messages]


def test_a_note_is_sent_when_due_on_its_tracks_channel() -> None:
    schedule = on_channels(3, 9)
    schedule.commit([Committed(1, Note(480, 60, 960, 77))])
    assert schedule.due(s_at, 0.4999) == []
    (on,) = schedule.due(s_at, 0.5)
    assert (on.due_s, on.track, on.data, on.tick) == (0.5, 1, bytes((0x99, 60, 77)), 480)
    (off,) = schedule.due(s_at, 5.0)
    assert (off.due_s, off.track, off.data, off.tick) == (1.0, 1, bytes((0x89, 60, 64)), 960)
    assert schedule.next_tick is None


def test_offs_stand_before_ons_at_one_tick() -> None:
    schedule = on_channels(0)
    schedule.commit(
        [Committed(0, Note(0, 60, 480)), Committed(0, Note(480, 55, 960)), Committed(0, Note(480, 60, 960))]
    )
    assert sent(schedule, 0.6) == [(0, "on", 60), (480, "off", 60), (480, "on", 55), (480, "on", 60)]


def test_a_new_onset_ends_the_sounding_copy_before_any_note_begins() -> None:
    schedule = on_channels(0)
    schedule.commit([Committed(0, Note(0, 60, 2000))])
    schedule.commit([Committed(0, Note(480, 40, 960)), Committed(0, Note(480, 60, 960))])
    assert sent(schedule, 3) == [
        (0, "on", 60),
        (480, "off", 60),
        (480, "on", 40),
        (480, "on", 60),
        (960, "off", 40),
        (960, "off", 60),
    ]


def test_two_copies_that_begin_together_are_one_the_longer() -> None:
    schedule = on_channels(0, 0)
    schedule.commit([Committed(0, Note(0, 60, 480)), Committed(1, Note(0, 60, 960))])
    assert sent(schedule, 3) == [(0, "on", 60), (960, "off", 60)]


def test_one_pitch_on_two_channels_sounds_twice() -> None:
    schedule = on_channels(0, 1)
    schedule.commit([Committed(0, Note(0, 60, 480)), Committed(1, Note(0, 60, 480))])
    assert [what for _, what, _ in sent(schedule, 3)] == ["on", "on", "off", "off"]


def test_what_comes_late_comes_whole_and_in_order() -> None:
    schedule = on_channels(0)
    schedule.commit([Committed(0, Note(tick, 60, tick + 100)) for tick in (0, 100, 200)])
    assert [what for _, what, _ in sent(schedule, 60)] == ["on", "off", "on", "off", "on", "off"]


def test_silence_ends_what_sounds_and_keeps_what_waits() -> None:
    schedule = on_channels(0)
    schedule.commit([Committed(0, Note(0, 60, 480)), Committed(0, Note(480, 62, 960))])
    schedule.due(s_at, 0.1)
    (off,) = schedule.silence(0.2, 192)
    assert (off.due_s, off.data, off.tick) == (0.2, bytes((0x80, 60, 64)), 192)
    assert schedule.silence(0.2, 192) == []
    assert sent(schedule, 0.5) == [(480, "on", 62)]


def test_dropping_leaves_the_sounding_notes_their_offs() -> None:
    schedule = on_channels(0)
    schedule.commit([Committed(0, Note(0, 60, 480)), Committed(0, Note(480, 62, 960))])
    schedule.due(s_at, 0.1)
    schedule.drop_waiting()
    assert sent(schedule, 9) == [(480, "off", 60)]
    assert len(schedule) == 0


def test_nothing_is_due_while_no_moment_can_be_told() -> None:
    schedule = on_channels(0)
    schedule.commit([Committed(0, Note(0, 60, 480))])
    assert schedule.due(lambda _: math.inf, 1e9) == []


def test_a_changed_note_ends_where_it_is_told_whether_it_sounds_or_waits() -> None:
    schedule = on_channels(0)
    schedule.commit([Committed(0, Note(0, 60, 480)), Committed(0, Note(240, 62, 480))])
    assert sent(schedule, 0.1) == [(0, "on", 60)]
    schedule.change([Committed(0, Note(0, 60, 960)), Committed(0, Note(240, 62, 300))])
    assert sent(schedule, 9) == [(240, "on", 62), (300, "off", 62), (960, "off", 60)]


def test_a_change_reaches_no_other_note_of_its_pitch() -> None:
    schedule = on_channels(0, 0)
    schedule.commit([Committed(0, Note(0, 60, 240)), Committed(0, Note(240, 60, 480))])
    schedule.change([Committed(0, Note(240, 60, 960))])
    assert sent(schedule, 0.3) == [(0, "on", 60), (240, "off", 60), (240, "on", 60)]
    schedule.change([Committed(0, Note(480, 60, 600)), Committed(1, Note(240, 60, 600))])
    assert sent(schedule, 9) == [(960, "off", 60)]


def test_one_pitch_on_one_channel_of_two_ports_sounds_twice() -> None:
    schedule = Schedule([Part(0, "Rack"), Part(0, "Laptop")])
    schedule.commit([Committed(0, Note(0, 60, 480)), Committed(1, Note(0, 60, 480))])
    assert [what for _, what, _ in sent(schedule, 3)] == ["on", "on", "off", "off"]


def test_a_note_sounds_and_ends_where_its_part_puts_it() -> None:
    schedule = Schedule([Part(0, transpose=-12), Part(1, lowest=48, highest=59)])
    schedule.commit([Committed(0, Note(0, 60, 480)), Committed(1, Note(0, 72, 480)), Committed(1, Note(480, 36, 960))])
    assert [message.data.hex() for message in schedule.due(s_at, 3)] == [
        "903050", "913050", "803040", "813040", "913050", "813040",
    ]  # fmt: skip


def test_two_notes_folded_onto_one_pitch_are_one() -> None:
    schedule = Schedule([Part(0, lowest=48, highest=59)])
    schedule.commit([Committed(0, Note(0, 36, 480)), Committed(0, Note(0, 60, 960)), Committed(0, Note(480, 72, 960))])
    assert sent(schedule, 3) == [(0, "on", 48), (480, "off", 48), (480, "on", 48), (960, "off", 48)]
