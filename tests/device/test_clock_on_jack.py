from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import NamedTuple

import pytest
from support.device import BACKENDS, JackServer, Program, Record, our_port
from support.melody import TUNE, WINDOW_BEATS, Sounded, by_channel, expected_pitches, played, sounded

pytestmark = pytest.mark.device

BPM = 200
BEAT_S = 60 / BPM
HEARD_BEATS = TUNE[:WINDOW_BEATS]
"""What is played in: one window; the band answers it in the next."""
START_S = 0.5
CLOCK, START, CONTINUE, STOP = 0xF8, 0xFA, 0xFB, 0xFC


class Led(NamedTuple):
    """A performance under a real clock master.

    Args:
        clocks_s: When each clock of the song came, from its first.
        real_time: Start, continue and stop: (second, status byte).
        notes: What the band played.
    """

    clocks_s: list[float]
    real_time: list[tuple[float, int]]
    notes: list[Sounded]

    def beat_s(self, beat: int) -> float:
        """When a beat of the song came: its clock is the master's word on it."""
        return self.clocks_s[24 * beat]


def led(record: Record) -> Led:
    from_master = [(heard.at_s, heard.data[0]) for heard in record.heard if heard.port == 1]
    return Led(
        [at_s for at_s, status in from_master if status == CLOCK],
        [(at_s, status) for at_s, status in from_master if status in (START, CONTINUE, STOP)],
        sounded(heard for heard in record.heard if heard.port == 0),
    )


def perform(
    server: JackServer,
    model: Path,
    *,
    transport: list[tuple[float, str | float]],
    length_s: float,
    bpm: int = 0,
    backend: str = "jack",
) -> tuple[Led, Program]:
    """`serve` with a clock port under jack_midi_clock; `bpm` above 0: the player is the timebase master as well."""
    wiring = ("--in", "Keyboard", "--out", "DAW", "--clock", "Conductor", "--backend", backend)
    program = server.serve(*wiring, "--model", str(model), "--json")
    server.start(["jack_midi_clock", "-d", "0", *([] if bpm else ["-b", str(BPM)])])
    script = {
        "connect": [
            ["player:out", our_port(backend, "in", "Keyboard")],
            [our_port(backend, "out", "DAW"), "player:in_0"],
            ["jack_midi_clock:mclk_out", our_port(backend, "clock", "Conductor")],
            ["jack_midi_clock:mclk_out", "player:in_1"],
        ],
        "inputs": 2,
        "bpm": bpm,
        "play": played(beat_s=BEAT_S, tune=HEARD_BEATS),
        "with_clock": True,
        "transport": transport,
        "length_s": length_s,
    }
    return led(server.play(script)), program


def assert_on_the_clock(performance: Led, beats: range, server: JackServer) -> None:
    """The band's notes of some beats, each where the master's clock had that beat."""
    for channel, pitches in expected_pitches(HEARD_BEATS).items():
        notes = by_channel(performance.notes)[channel]
        assert [note.pitch for note in notes] == pitches
        for beat in beats:
            note, due_s = notes[beat - WINDOW_BEATS], performance.beat_s(beat)
            assert abs(note.start_s - due_s) < server.tolerance_s, (
                f"beat {beat}, channel {channel}: {note}, due {due_s}"
            )


@pytest.mark.parametrize("backend", BACKENDS)
def test_it_starts_with_the_master_and_stays_with_it(jack_server: JackServer, tiny_model: Path, backend: str) -> None:
    end_s = START_S + 17 * BEAT_S
    transport: list[tuple[float, str | float]] = [(0.1, "locate 0"), (START_S, "start"), (end_s, "stop")]
    performance, program = perform(jack_server, tiny_model, transport=transport, length_s=end_s + 0.5, backend=backend)
    assert [status for _, status in performance.real_time] == [START, STOP]
    assert_on_the_clock(performance, range(WINDOW_BEATS, 2 * WINDOW_BEATS), jack_server)
    program.signal(signal.SIGTERM)
    assert program.ends() == 143
    assert json.loads(program.lines[-1])["late_answers"] == 0


def test_a_stop_ends_what_sounds_and_continue_goes_on_from_there(jack_server: JackServer, tiny_model: Path) -> None:
    stop_s, again_s, end_s = START_S + 11.5 * BEAT_S, START_S + 14 * BEAT_S, START_S + 20 * BEAT_S
    performance, _ = perform(
        jack_server,
        tiny_model,
        transport=[(0.1, "locate 0"), (START_S, "start"), (stop_s, "stop"), (again_s, "start"), (end_s, "stop")],
        length_s=end_s + 0.5,
    )
    words = [status for _, status in performance.real_time]
    assert words in ([START, STOP, CONTINUE, STOP], [START, STOP, STOP, CONTINUE, STOP])  # it may say stop again first
    stopped_s = performance.real_time[words.index(STOP)][0]
    continued_s = performance.real_time[words.index(CONTINUE)][0]
    before = [note for note in performance.notes if note.start_s < stopped_s]
    assert {note.start_s < continued_s for note in performance.notes} == {True, False}
    assert all(note.end_s < stopped_s + jack_server.tolerance_s for note in before)
    assert not [note for note in performance.notes if stopped_s + jack_server.tolerance_s < note.start_s < continued_s]
    assert_on_the_clock(performance, range(WINDOW_BEATS, 2 * WINDOW_BEATS), jack_server)


def test_it_follows_a_change_of_tempo(jack_server: JackServer, tiny_model: Path) -> None:
    change_s = START_S + 9.5 * BEAT_S
    end_s = change_s + 8 * 60 / 150
    performance, _ = perform(
        jack_server,
        tiny_model,
        transport=[(0.1, "locate 0"), (START_S, "start"), (change_s, 150), (end_s, "stop")],
        length_s=end_s + 0.5,
        bpm=BPM,
    )
    gaps_s = [performance.beat_s(beat + 1) - performance.beat_s(beat) for beat in range(14)]
    # The master counts JACK's frames, which fall behind the seconds wherever the server misses a cycle.
    between_s = (BEAT_S + 60 / 150) / 2
    assert gaps_s[5] < between_s < gaps_s[13], "the master does not play what the test is about"
    # Nobody can know a new tempo before its first clocks: the beats around the change may be off, the later ones not.
    assert_on_the_clock(performance, range(13, 2 * WINDOW_BEATS), jack_server)


@pytest.mark.parametrize("backend", ["jack", "rtmidi"])
def test_others_follow_our_clock(jack_server: JackServer, tiny_model: Path, backend: str) -> None:
    wiring = ("--in", "Keyboard", "--out", "DAW", "--clock-out", "Drums", "--bpm", str(BPM), "--backend", backend)
    jack_server.serve(*wiring, "--model", str(tiny_model))
    script = {
        "connect": [
            ["player:out", our_port(backend, "in", "Keyboard")],
            [our_port(backend, "clock out", "Drums"), "player:in_0"],
        ],
        "play": played(beat_s=BEAT_S, tune=HEARD_BEATS),
        "length_s": 9 * BEAT_S,
    }
    record = jack_server.play(script)
    statuses = [heard.data[0] for heard in record.heard]
    assert statuses[:2] == [START, CLOCK]
    assert set(statuses[1:]) == {CLOCK}
    clocks_s = [heard.at_s for heard in record.heard if heard.data[0] == CLOCK]
    for beat in range(8):
        due_s = record.sent[0][0] + beat * BEAT_S
        assert abs(clocks_s[24 * beat] - due_s) < jack_server.tolerance_s


@pytest.mark.parametrize("backend", ["jack", "rtmidi"])
def test_a_drum_machine_that_is_connected_in_mid_song_is_told_where_to_go_on(
    jack_server: JackServer, tiny_model: Path, backend: str
) -> None:
    wiring = ("--in", "Keyboard", "--out", "DAW", "--clock-out", "Drums", "--bpm", str(BPM), "--backend", backend)
    jack_server.serve(*wiring, "--model", str(tiny_model))
    keys = {"name": "keys", "connect": [["keys:out", our_port(backend, "in", "Keyboard")]], "length_s": 60}
    jack_server.player({**keys, "play": played(beat_s=BEAT_S, tune=HEARD_BEATS)})
    script = {"connect": [[our_port(backend, "clock out", "Drums"), "player:in_0"]], "length_s": 3.0}
    record = jack_server.play(script)
    words = [heard.data for heard in record.heard if heard.data[0] != CLOCK]
    assert [data[0] for data in words] == [STOP, 0xF2, CONTINUE]
    clocks_s = [heard.at_s for heard in record.heard if heard.data[0] == CLOCK]
    (go_s,) = [heard.at_s for heard in record.heard if heard.data[0] == CONTINUE]
    first = next(i for i, at_s in enumerate(clocks_s) if at_s >= go_s)
    assert first >= 6  # the clocks of the sixteenth before are there already: the tempo is known by then
    assert abs(clocks_s[first] - go_s) < jack_server.tolerance_s
