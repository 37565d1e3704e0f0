"""What a stage page is told of a performance."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.performance import HEADER

from accompanist.console.stage.picture import MOST_METERED, MOST_STROKES, StagePicture
from accompanist.runtime.log_records import (
    AheadRecord,
    BeatRecord,
    EventRecord,
    HeardRecord,
    MessageRecord,
    PlanRecord,
    Record,
)

BAR = 1920


def message(tick: int, data: str, track: int = 0, at_s: float = 1.0, late_s: float = 0.0) -> MessageRecord:
    return MessageRecord(at_s + late_s, at_s, tick, track, data)


def ahead(from_tick: int, *notes: tuple[int, int, int, int], silent: tuple[int, ...] = ()) -> AheadRecord:
    return AheadRecord(2.0, from_tick, tuple(value for note in notes for value in note), silent)


def chord(track: int, start: int, *pitches: int) -> list[tuple[int, int, int, int]]:
    return [(track, pitch, start, start + BAR) for pitch in pitches]


def told(picture: StagePicture, kind: str) -> list[list[Any]]:
    return [item for item in picture.since(-1)[0] if item[0] == kind]


def shown(*records: Record, drums: tuple[str, ...] = ()) -> StagePicture:
    picture = StagePicture(drums)
    for record in records:
        picture.take(record)
    return picture


def test_notes_begin_and_end_the_players_own_among_them() -> None:
    picture = shown(
        HEADER, HeardRecord(1.0, 470, "904850"), message(480, "902440"), message(960, "802440"),
        message(960, "992440", track=-3), HeardRecord(2.0, 970, "904800"), message(1000, "b07b00"),
    )  # fmt: skip
    items = picture.since(-1)[0]
    assert items[0][:1] == ["performance"]
    assert [item for item in items if item[0] in ("on", "off")] == [
        ["on", -1, 72, 470, 80], ["on", 0, 36, 480, 64], ["off", 0, 36, 960], ["off", -1, 72, 970],
    ]  # fmt: skip


def test_all_notes_off_ends_a_tracks_notes() -> None:
    picture = shown(HEADER, message(0, "902440"), message(0, "913c40", track=1), message(100, "b07b00"))
    assert told(picture, "off") == [["off", 0, 36, 100]]


def test_a_newer_plan_stands_in_place_of_the_older_from_its_tick_on() -> None:
    picture = shown(
        HEADER,
        ahead(0, *chord(0, 0, 48, 52, 55), *chord(0, BAR, 53, 57, 60)),
        ahead(BAR, *chord(0, BAR, 55, 59, 62)),
        PlanRecord(2.0, 1, BAR, BAR, 1.9, 0.012, "dropped_answer", ()),
    )
    ((_, from_tick, notes, chords, chords_from),) = told(picture, "plan")
    assert (from_tick, chords_from) == (BAR, 0)
    assert sorted(notes) == sorted([*chord(0, 0, 48, 52, 55), *chord(0, BAR, 55, 59, 62)])
    assert [name for _, _, name in chords][-1] == "G"
    assert told(picture, "inference") == [["inference", 2.0, 12.0, "dropped_answer"]]


def test_a_muted_track_is_not_about_to_sound_and_is_harmony_all_the_same() -> None:
    band = [*chord(0, 0, 36), *chord(1, 0, 60, 63, 67)]
    picture = shown(replace(HEADER, tracks=("bass", "piano")), ahead(0, *band, silent=(1,)))
    ((_, _, notes, chords, _),) = told(picture, "plan")
    assert notes == chord(0, 0, 36)
    assert [name for _, _, name in chords] == ["Cm"]


def test_chords_are_named_of_what_was_played_and_then_of_the_plan_without_drums() -> None:
    played = [message(0, f"90{pitch:02x}40") for pitch in (48, 52, 55)]
    ended = [message(BAR, f"80{pitch:02x}40") for pitch in (48, 52, 55)]
    kick = [message(0, "992640", track=1), message(BAR, "892640", track=1)]
    both = [*chord(0, BAR, 53, 57, 60), *chord(1, BAR, 38, 42)]
    header = replace(HEADER, tracks=("piano", "kit"))
    picture = shown(header, *played, *kick, *ended, ahead(BAR, *both), drums=("kit",))
    assert told(picture, "plan")[0][3] == [(0, BAR, "C"), (BAR, 2 * BAR, "F")]


def test_lateness_is_the_latest_of_each_second() -> None:
    late = [(1.0, 0.001), (1.4, 0.004), (1.9, 0.002), (2.1, 0.0), (3.0, 0.0)]
    picture = shown(HEADER, *(message(0, "902440", at_s=at_s, late_s=late_s) for at_s, late_s in late))
    assert told(picture, "lateness") == [["lateness", 1, 4.0], ["lateness", 2, 0.0]]


def test_a_jump_voids_what_was_drawn_and_quiet_events_are_not_told() -> None:
    picture = shown(
        HEADER, message(0, "902440"), ahead(0, *chord(0, 0, 48)), EventRecord(1.0, "job", "3 for 2.1"),
        EventRecord(1.0, "position", "9.1"), EventRecord(1.1, "control", "mute bass on"),
    )  # fmt: skip
    assert told(picture, "on") == told(picture, "plan") == []
    assert [item[2] for item in told(picture, "event")] == ["position", "control"]
    assert told(picture, "jump") == [["jump"]]


def test_a_page_gets_what_it_has_not_seen_and_all_when_it_was_away_too_long() -> None:
    picture = shown(HEADER, message(0, "902440"))
    items, whole = picture.since(-1)
    assert whole
    assert len(items) == 2
    seen = picture.number
    assert picture.since(seen) == ([], False)
    picture.take(message(480, "802440"))
    assert picture.since(seen) == ([["off", 0, 36, 480]], False)
    for i in range(MOST_STROKES):
        picture.take(message(480 * i, "902440"))
    assert picture.since(seen)[1]
    assert picture.since(picture.number + 1)[1]  # a number of another console's


records = st.one_of(
    st.builds(message, st.integers(-(10**12), 10**12), st.binary(max_size=4).map(bytes.hex), st.integers(-3, 5)),
    st.builds(HeardRecord, st.just(1.0), st.integers(-500, 10**6), st.text(max_size=6)),
    st.builds(
        lambda start, notes: ahead(start, *notes),
        st.integers(-500, 10**9),
        st.lists(st.tuples(st.integers(-1, 9), st.integers(0, 127), st.integers(0, 10**12), st.integers(0, 10**12))),
    ),
    st.integers(0, 10**6).map(lambda tick: BeatRecord(1.0, tick, 1, "plan", None, 1, None, 0)),
    st.builds(EventRecord, st.just(1.0), st.sampled_from(["start", "position", "job", "control"]), st.text(max_size=3)),
    st.just(HEADER),
)  # fmt: skip


@given(st.lists(records, max_size=40), st.integers(0, 40))
def test_whatever_a_log_says_a_page_that_follows_has_what_one_has_that_comes_new(log: list[Record], at: int) -> None:
    picture = StagePicture()
    for record in log[:at]:
        picture.take(record)
    first, _ = picture.since(-1)
    seen = picture.number
    for record in log[at:]:
        picture.take(record)
    more, whole = picture.since(seen)
    assert _drawn([*([] if whole else first), *more]) == _drawn(picture.since(-1)[0])


def test_it_stays_small_however_long_it_lasts() -> None:
    picture = shown(HEADER)
    most = 0
    for beat in range(20_000):
        tick, at_s = 480 * beat, beat / 2
        for pitch in (36, 60, 64, 67):
            picture.take(message(tick, f"90{pitch:02x}40", at_s=at_s))
            picture.take(message(tick + 400, f"80{pitch:02x}40", at_s=at_s))
        picture.take(BeatRecord(at_s, tick, 1, "plan", 4.0, 4, 1.0, 0))
        if beat % 100 == 0:
            picture.take(ahead(tick, *(note for i in range(8) for note in chord(0, tick + 480 * i, 36, 60, 64, 67))))
            most = max(most, len(picture))
    assert most < 2 * MOST_STROKES + 4 * MOST_METERED


def _drawn(items: list[list[Any]]) -> list[list[Any]]:
    """What is left of items on a page: a performance or a jump voids notes, a plan the one before."""
    kept: list[list[Any]] = []
    for item in items:
        if item[0] == "performance":
            kept = []
        elif item[0] == "jump":
            kept = [each for each in kept if each[0] not in ("on", "off", "plan")]
        elif item[0] == "plan":
            kept = [each for each in kept if each[0] != "plan"]
        kept.append(item)
    return [item for item in kept if item[0] != "jump"]
