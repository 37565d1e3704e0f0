"""A real DAW: Ardour sends its clock and its melody, and records the band.

What is judged are Ardour's own regions, read back from its files, so their positions are Ardour's; and where it keeps
none (of a take with a jump in it), the band's notes by Ardour's clock, as a second client heard both.
"""

from __future__ import annotations

import signal
from bisect import bisect_right
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pytest
from support.ardour import CLOCK_OUT, Recorded, Session, runner, wires
from support.device import Heard, HostStalled, JackServer, read_record
from support.melody import TUNE, WINDOW_BEATS
from support.tiny import SEMITONES_DOWN

pytestmark = [
    pytest.mark.device,
    pytest.mark.skipif(runner() is None, reason="no ardour7-lua: scripts/device-tests installs Ardour on Debian"),
]

TRACKS = ("Bass", "Piano", "Strings")
FIRST_BEAT = 4
"""A bar of count-in: a note at the very start of a take is not recorded."""
BPM, OTHER_BPM = 150, 180
USUAL_S = 2 * 1024 / 48000
"""Two JACK periods: more than Ardour moves what it records, to make up for the latency that JACK reports."""

Takes = Mapping[str, list[list[Recorded]]]


class Performance(NamedTuple):
    """What came of it.

    Args:
        takes: What each track recorded.
        heard: What a second client heard: Ardour's clock on input 0, the band on input 1.
    """

    takes: Takes
    heard: list[Heard]


def perform(
    server: JackServer, model: Path, folder: Path, steps: str, *, settings: str = "", loop: range = range(0)
) -> Performance:
    """Let Ardour and the band play together."""
    session = Session(server, folder / "song", tracks=TRACKS, melody=TUNE, first_beat=FIRST_BEAT, loop=loop)
    path = folder / "stage.toml"
    path.write_text(settings, encoding="utf-8")
    band = server.serve(
        *("--config", str(path), "--in", "Melody", "--out", "Band", "--split-ports", "--clock", "Conductor"),
        *("--model", str(model)),
    )
    sources = {track: f"Accompanist out:Band {track.lower()}" for track in TRACKS}
    connections = wires(sources, melody_to="Accompanist in:Melody", clock_to="Accompanist in:Conductor")
    connections += [[CLOCK_OUT, "player:in_0"], *([port, "player:in_1"] for port in sources.values())]
    try:
        ardour = session.open(bpm=BPM, steps=steps)
        # The second client makes the connections, and measures whether the machine stands still.
        listener, record_path = server.player({"connect": connections, "inputs": 2, "length_s": 60})
    except AssertionError as failure:
        if server.garbled:  # Ardour loads a session in several threads, and libjack has no lock for them
            raise HostStalled("Ardour's threads spoke to JACK at once") from failure
        raise
    ardour.go()
    ardour.played()
    listener.signal(signal.SIGTERM)
    assert listener.ends() == 0, listener.lines
    record = read_record(record_path)
    server.stalled_s = max(server.stalled_s, record.stalled_s)
    ardour.ends()
    band.signal(signal.SIGTERM)
    assert band.ends() == 143
    return Performance({track: session.takes(track) for track in TRACKS}, record.heard)


class Stretch:
    """The clocks from a start or continue to the next stop.

    Args:
        first_beat: Where they begin in the song.
    """

    def __init__(self, first_beat: float) -> None:
        self.first_beat = first_beat
        self.clocks_s: list[float] = []

    def beat(self, at_s: float) -> float:
        """Where the song was at a moment."""
        i = min(max(bisect_right(self.clocks_s, at_s) - 1, 0), len(self.clocks_s) - 2)
        before_s, after_s = self.clocks_s[i : i + 2]
        return self.first_beat + (i + (at_s - before_s) / (after_s - before_s)) / 24


def stretches(heard: list[Heard]) -> list[Stretch]:
    """How Ardour went through the song, by its clock."""
    found, place = list[Stretch](), 0.0
    for at_s, port, data in heard:
        if port == 0 and data[0] == 0xF2:
            place = (data[1] | data[2] << 7) / 24  # Ardour 7.3 counts clocks
        elif port == 0 and data[0] in (0xFA, 0xFB):
            found.append(Stretch(0.0 if data[0] == 0xFA else place))
        elif port == 0 and data[0] == 0xF8 and found:
            found[-1].clocks_s.append(at_s)
    return found


def assert_plays_by_the_clock(
    server: JackServer, heard: list[Heard], stretch: Stretch, beats: range, *, lag_beats: int = WINDOW_BEATS
) -> None:
    """On each of some beats of Ardour's clock, each track plays the melody of a window before, lower.

    On the first beat after a jump a note may come first that was told before Ardour told of the jump: it ends at once,
    so of two notes on a beat the second counts.
    """
    begin_s, end_s = stretch.clocks_s[0], stretch.clocks_s[-1]
    notes = [each for each in heard if each.port == 1 and each.data[0] & 0xF0 == 0x90 and each.data[2]]
    at = [(stretch.beat(at_s), data) for at_s, _, data in notes if begin_s - USUAL_S < at_s <= end_s]
    beat_s = (end_s - begin_s) * 24 / (len(stretch.clocks_s) - 1)
    for channel, down in enumerate(SEMITONES_DOWN):
        mine = {round(beat): (beat, data[1]) for beat, data in at if data[0] & 0x0F == channel}
        for beat in beats:
            place, pitch = mine.pop(beat)
            assert pitch == TUNE[beat - lag_beats - FIRST_BEAT] - down, f"channel {channel}, beat {beat}: {at}"
            assert abs(place - beat) * beat_s < server.tolerance_s, f"channel {channel}, beat {beat}: {place}"


def assert_plays_what_it_heard(server: JackServer, takes: Takes, take: int, beats: range, bpm: float) -> None:
    """From the first of some beats on, each track has one note on each: the melody of a window before, lower."""
    errors_s = []
    for track, down in zip(TRACKS, SEMITONES_DOWN, strict=True):
        notes = [note for note in takes[track][take] if round(note.beat) >= beats.start]
        assert [round(note.beat) for note in notes] == list(beats), f"{track}: {notes}"
        for note, beat in zip(notes, beats, strict=True):
            assert note.pitch == TUNE[beat - WINDOW_BEATS - FIRST_BEAT] - down, f"{track}, beat {beat}: {note}"
            errors_s.append((note.beat - beat) * 60 / bpm)
            assert abs(errors_s[-1]) < server.tolerance_s, f"{track}, beat {beat}: {note}"
            assert beat < note.end_beat < beat + 1.25, f"{track}, beat {beat}: {note}"
    assert abs(median(errors_s)) < USUAL_S, f"the band is off as a whole: {sorted(errors_s)}"


def test_ardour_records_the_band_on_the_beat(jack_server: JackServer, tiny_model: Path, tmp_path: Path) -> None:
    takes = perform(jack_server, tiny_model, tmp_path, "record() roll() until_beat(28.5) stop()").takes
    assert {len(takes[track]) for track in TRACKS} == {1}
    assert_plays_what_it_heard(jack_server, takes, 0, range(12, 28), BPM)
    assert all(takes[track][0][0].beat > 11.5 for track in TRACKS)  # it does not play before it has listened


def test_the_band_follows_ardour_through_stop_continue_another_tempo_and_another_place(
    jack_server: JackServer, tiny_model: Path, tmp_path: Path
) -> None:
    steps = [
        "record() roll() until_beat(14.5) stop()",
        "record() roll() until_beat(28.5) stop()",
        f"tempo({OTHER_BPM}) locate(8) record() roll() until_beat(21.5) stop()",
    ]
    takes = perform(jack_server, tiny_model, tmp_path, "\n".join(steps)).takes
    assert {len(takes[track]) for track in TRACKS} == {3}
    # The stop in the middle of a bar ends what sounds.
    assert_plays_what_it_heard(jack_server, takes, 0, range(12, 15), BPM)
    assert all(takes[track][0][-1].end_beat < 14.75 for track in TRACKS)
    # Ardour goes on at beat 15 and says 90: a jump for the band, which listens from its next bar line on, beat 17.
    assert_plays_what_it_heard(jack_server, takes, 1, range(25, 28), BPM)
    assert_plays_what_it_heard(jack_server, takes, 2, range(16, 22), OTHER_BPM)


KNOWS_ARDOUR = '[engine]\nsong_position = "clocks"\n'


def test_the_band_is_on_the_beat_and_plays_on_at_once_after_a_jump_while_it_rolls(
    jack_server: JackServer, tiny_model: Path, tmp_path: Path
) -> None:
    """The band was there before, so it need not listen first."""
    steps = "record() roll() until_beat(15.5) jump(8) until_beat(19.5) stop()"
    performance = perform(jack_server, tiny_model, tmp_path, steps, settings=KNOWS_ARDOUR)
    before, after = stretches(performance.heard)
    assert (before.first_beat, after.first_beat) == (0, 8)
    assert_plays_by_the_clock(jack_server, performance.heard, before, range(12, 16))
    assert_plays_by_the_clock(jack_server, performance.heard, after, range(12, 20))


def test_the_band_is_on_the_beat_in_a_loop_that_is_recorded(
    jack_server: JackServer, tiny_model: Path, tmp_path: Path
) -> None:
    """Two bars round and round: it listens to the first round, and from the second on plays to the same bars."""
    loop = range(FIRST_BEAT, FIRST_BEAT + WINDOW_BEATS)
    steps = f"locate({loop.start}) record() loop() seconds({3.3 * len(loop) * 60 / BPM}) stop()"
    performance = perform(jack_server, tiny_model, tmp_path, steps, settings=KNOWS_ARDOUR, loop=loop)
    first, *others = stretches(performance.heard)
    assert {stretch.first_beat for stretch in (first, *others)} == {loop.start}
    band = [each.at_s for each in performance.heard if each.port == 1 and each.data[0] & 0xF0 == 0x90]
    assert min(band) > first.clocks_s[-1]
    for stretch in others[:2]:
        assert_plays_by_the_clock(jack_server, performance.heard, stretch, loop, lag_beats=0)
    for track, down in zip(TRACKS, SEMITONES_DOWN, strict=True):
        (take,) = performance.takes[track]  # all rounds in a row, on beats of their own
        on_beats = {round(note.beat): note for note in take}  # of two at a seam the second
        assert len(on_beats) >= 2 * len(loop)
        for beat, note in on_beats.items():
            assert note.pitch == TUNE[(beat - loop.start) % len(loop)] - down, f"{track}: {note}"
            assert abs(note.beat - beat) * 60 / BPM < jack_server.tolerance_s, f"{track}: {note}"


def test_a_tempo_that_is_changed_while_it_rolls_is_followed(
    jack_server: JackServer, tiny_model: Path, tmp_path: Path
) -> None:
    steps = f"roll() until_beat(14.5) tempo({OTHER_BPM}) seconds(4) stop()"
    performance = perform(jack_server, tiny_model, tmp_path, steps)
    (stretch,) = stretches(performance.heard)
    beat_s = [stretch.clocks_s[24 * (beat + 1)] - stretch.clocks_s[24 * beat] for beat in (12, 20)]
    assert beat_s[1] < (60 / BPM + 60 / OTHER_BPM) / 2 < beat_s[0], "the tempo did not change"
    assert_plays_by_the_clock(jack_server, performance.heard, stretch, range(12, 14))
    # Ardour stays at its sample, which is another beat now: what it plays from then on is heard from beat 22 on.
    assert_plays_by_the_clock(jack_server, performance.heard, stretch, range(18, 22))
