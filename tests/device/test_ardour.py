"""A real DAW: Ardour sends its clock and its melody, and records the band.

What is judged are Ardour's own regions, read back from its files, so their positions are Ardour's.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from statistics import median

import pytest
from support.ardour import CLOCK_OUT, Recorded, Session, runner, wires
from support.device import HostStalled, JackServer, read_record
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


def perform(server: JackServer, model: Path, folder: Path, steps: str) -> Takes:
    """Let Ardour and the band play together; returns what each track recorded."""
    session = Session(server, folder / "song", tracks=TRACKS, melody=TUNE, first_beat=FIRST_BEAT)
    band = server.serve(
        "--in", "Melody", "--out", "Band", "--split-ports", "--clock", "Conductor", "--model", str(model)
    )
    sources = {track: f"Accompanist out:Band {track.lower()}" for track in TRACKS}
    connections = wires(sources, melody_to="Accompanist in:Melody", clock_to="Accompanist in:Conductor")
    try:
        ardour = session.open(bpm=BPM, steps=steps)
        # The second client makes the connections, and measures whether the machine stands still.
        listener, record_path = server.player({"connect": [*connections, [CLOCK_OUT, "player:in_0"]], "length_s": 60})
    except AssertionError as failure:
        if server.garbled:  # Ardour loads a session in several threads, and libjack has no lock for them
            raise HostStalled("Ardour's threads spoke to JACK at once") from failure
        raise
    ardour.go()
    ardour.played()
    listener.signal(signal.SIGTERM)
    assert listener.ends() == 0, listener.lines
    server.stalled_s = max(server.stalled_s, read_record(record_path).stalled_s)
    ardour.ends()
    band.signal(signal.SIGTERM)
    assert band.ends() == 143
    return {track: session.takes(track) for track in TRACKS}


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
    takes = perform(jack_server, tiny_model, tmp_path, "record() roll() until_beat(28.5) stop()")
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
    takes = perform(jack_server, tiny_model, tmp_path, "\n".join(steps))
    assert {len(takes[track]) for track in TRACKS} == {3}
    # The stop in the middle of a bar ends what sounds.
    assert_plays_what_it_heard(jack_server, takes, 0, range(12, 15), BPM)
    assert all(takes[track][0][-1].end_beat < 14.75 for track in TRACKS)
    # Ardour goes on at beat 15 and says 90: a jump for the band, which listens from its next bar line on, beat 17.
    assert_plays_what_it_heard(jack_server, takes, 1, range(25, 28), BPM)
    assert_plays_what_it_heard(jack_server, takes, 2, range(16, 22), OTHER_BPM)
