from __future__ import annotations

import json
import signal
from pathlib import Path

import msgspec
import pytest
from support.device import BACKENDS, JackServer, Program, Record, our_port, read_record
from support.melody import BEAT_S, TUNE, WINDOW_BEATS, by_channel, expected_pitches, played, sounded

from accompanist.runtime.log_records import End, Header, MessageRecord
from accompanist.runtime.log_records import Record as LogRecord

pytestmark = pytest.mark.device

both_backends = pytest.mark.parametrize("backend", BACKENDS)
HALF_A_FRAME_S = 0.000011
PERFORMANCE_BEATS = len(TUNE) + WINDOW_BEATS + 2


def to_band(backend: str = "jack") -> list[str]:
    return ["player:out", our_port(backend, "in", "Keyboard")]


def from_band(backend: str = "jack") -> list[str]:
    return [our_port(backend, "out", "DAW"), "player:in_0"]


def serve(server: JackServer, model: Path, *more: str) -> Program:
    return server.serve("--in", "Keyboard", "--out", "DAW", "--model", str(model), "--bpm", "240", *more)


def perform(server: JackServer, backend: str = "jack") -> Record:
    connections = [to_band(backend), from_band(backend)]
    return server.play({"connect": connections, "play": played(), "length_s": PERFORMANCE_BEATS * BEAT_S})


def assert_is_the_tune_a_window_later(record: Record, server: JackServer) -> None:
    first_beat_s = record.sent[0][0]
    heard = by_channel(sounded(record.heard))
    assert {channel: [note.pitch for note in notes] for channel, notes in heard.items()} == expected_pitches()
    for notes in heard.values():
        for beat, note in enumerate(notes):
            due_s = first_beat_s + (WINDOW_BEATS + beat) * BEAT_S
            assert abs(note.start_s - due_s) < server.tolerance_s, f"beat {beat} of {note}: due {due_s}"
            assert abs(note.end_s - due_s - BEAT_S) < server.tolerance_s, f"end of beat {beat} of {note}"


@both_backends
def test_its_ports_are_there_when_it_says_so(jack_server: JackServer, tiny_model: Path, backend: str) -> None:
    program = serve(jack_server, tiny_model, "--clock", "Conductor", "--backend", backend, "--json")
    ready = json.loads(program.said("ready"))
    assert ready["event"] == "ready"
    names = [ready["melody"], ready["clock"], *ready["band"]]
    roles = {"in": "Keyboard", "clock": "Conductor", "out": "DAW"}
    assert names == [our_port(backend, role, name) for role, name in roles.items()]
    assert set(names) <= set(jack_server.ports())


@both_backends
def test_the_band_plays_the_right_notes_on_the_right_beats(
    jack_server: JackServer, tiny_model: Path, backend: str
) -> None:
    program = serve(jack_server, tiny_model, "--json", "--backend", backend)
    record = perform(jack_server, backend)
    program.signal(signal.SIGTERM)
    assert program.ends() == 143
    assert_is_the_tune_a_window_later(record, jack_server)
    programs = [heard.data for heard in record.heard if heard.data[0] & 0xF0 == 0xC0]
    assert programs == [bytes((0xC0, 33)), bytes((0xC1, 0)), bytes((0xC2, 48))]  # once each
    summary = json.loads(program.lines[-1])
    assert (summary["notes_in"], summary["notes_out"], summary["late_answers"]) == (len(TUNE), 3 * len(TUNE), 0)
    assert summary["exceptions"] == summary["failures"] == 0


def test_the_log_tells_what_was_played(jack_server: JackServer, tiny_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    program = serve(jack_server, tiny_model, "--json", "--log", str(path))
    perform(jack_server)
    program.signal(signal.SIGTERM)
    assert program.ends() == 143
    summary = json.loads(program.lines[-1])
    records = [msgspec.json.decode(line, type=LogRecord) for line in path.read_bytes().splitlines()]
    assert isinstance(records[0], Header)
    assert isinstance(records[-1], End)
    assert records[-1].summary == {key: summary[key] for key in records[-1].summary}
    assert 0 < summary["isr"] <= 1
    assert summary["dropped_inputs"] == 0
    begun = [r for r in records if isinstance(r, MessageRecord) and r.data[0] == "9"]
    assert len(begun) == summary["notes_out"] == 3 * len(TUNE)
    assert all(record.at_s > record.due_s - HALF_A_FRAME_S for record in begun)


def test_one_channel_is_heard_and_the_others_are_not(jack_server: JackServer, tiny_model: Path) -> None:
    serve(jack_server, tiny_model, "--channel", "3")
    script = played(channel=2) + played(channel=5, tune=[pitch + 1 for pitch in TUNE])
    record = jack_server.play(
        {"connect": [to_band(), from_band()], "play": script, "length_s": PERFORMANCE_BEATS * BEAT_S}
    )
    assert_is_the_tune_a_window_later(record, jack_server)


def test_a_port_per_track(jack_server: JackServer, tiny_model: Path) -> None:
    serve(jack_server, tiny_model, "--split-ports")
    ports = [f"Accompanist out:DAW {track}" for track in ("bass", "piano", "strings")]
    assert set(ports) <= set(jack_server.ports())
    connections = [to_band(), *([port, f"player:in_{i}"] for i, port in enumerate(ports))]
    record = jack_server.play(
        {"connect": connections, "inputs": 3, "play": played(), "length_s": PERFORMANCE_BEATS * BEAT_S}
    )
    assert_is_the_tune_a_window_later(record, jack_server)
    assert all(note.port == note.channel for note in sounded(record.heard))


@both_backends
def test_the_melody_is_sent_on_beside_the_band(jack_server: JackServer, tiny_model: Path, backend: str) -> None:
    serve(jack_server, tiny_model, "--thru", "--backend", backend)
    record = perform(jack_server, backend)
    heard = by_channel(sounded(record.heard))
    assert [note.pitch for note in heard.pop(3)] == list(
        TUNE
    )  # the player's channel is the bass's: moved to a free one
    assert {channel: [note.pitch for note in notes] for channel, notes in heard.items()} == expected_pitches()


@both_backends
def test_ports_of_other_programs_are_connected_to(jack_server: JackServer, tiny_model: Path, backend: str) -> None:
    # The band plays into another instance of ours, found by part of its name; the player finds the first by its own.
    both = ("--model", str(tiny_model), "--bpm", "240", "--json", "--backend", backend)
    far = jack_server.serve("--in", "Far", "--out", "Farther", *both)
    near = jack_server.serve("--in", "Keyboard", "--out", "far", "--exit-on-lost", *both)
    assert json.loads(near.said("ready"))["band"] == [our_port(backend, "in", "Far")]
    near_in = json.loads(near.said("ready"))["melody"]
    assert near_in in ("Accompanist in-01:Keyboard", "Accompanist in 2:Keyboard")
    jack_server.play({"connect": [["player:out", near_in]], "play": played(), "length_s": 12 * BEAT_S})
    far.signal(signal.SIGTERM)
    assert far.ends() == 143
    assert json.loads(far.lines[-1])["notes_in"] > 0
    assert near.ends() == 3  # the port it was connected to is gone
    assert any(f"'{our_port(backend, 'in', 'Far')}' has gone" in line for line in near.lines)


@pytest.mark.parametrize(
    ("backend", "number", "exit_code"),
    [
        ("jack", signal.SIGTERM, 143),
        ("rtmidi", signal.SIGTERM, 143),
        ("jack", signal.SIGINT, 130),
        ("jack", signal.SIGHUP, 129),
    ],
)
def test_told_to_stop_in_the_middle_of_a_note_it_ends_every_note(
    jack_server: JackServer, tiny_model: Path, backend: str, number: int, exit_code: int
) -> None:
    program = serve(jack_server, tiny_model, "--json", "--backend", backend)
    whole_note = [(0.0, "903c50"), (8 * BEAT_S, "803c00")]  # the band will hold it from beat 8 to 16
    player, record_path = jack_server.player(
        {"connect": [to_band(backend), from_band(backend)], "play": whole_note, "length_s": 18 * BEAT_S}
    )
    player.line_with("heard a note")
    program.signal(number)
    assert program.ends() == exit_code
    assert player.ends() == 0
    record = read_record(record_path)
    notes = sounded(record.heard)
    assert sorted((note.channel, note.pitch) for note in notes) == [(0, 36), (1, 48), (2, 53)]
    assert (
        max(note.end_s for note in notes) < notes[0].start_s + 8 * BEAT_S - jack_server.tolerance_s
    )  # before its time
    ended = {heard.data for heard in record.heard if heard.data[0] & 0xF0 == 0xB0}
    assert ended == {bytes((0xB0 | channel, 123, 0)) for channel in range(3)}
    assert json.loads(program.lines[-1])["exit_code"] == exit_code


@both_backends
@pytest.mark.parametrize("playing", [False, True])
def test_when_the_server_dies_it_says_so_and_does_not_crash(
    jack_server: JackServer, tiny_model: Path, backend: str, *, playing: bool
) -> None:
    program = serve(jack_server, tiny_model, "--backend", backend, "--exit-on-lost")
    if playing:
        connections = [to_band(backend), from_band(backend)]
        player, _ = jack_server.player({"connect": connections, "play": played(), "length_s": 60})
        player.line_with("heard a note")
    jack_server.kill()
    assert program.ends() == 3
    assert program.lines[-2:] == [
        "error: the JACK server has gone, and all ports with it",
        "  try: start JACK again, then serve",
    ]
    assert not [line for line in program.lines if "Traceback" in line or "Jack" in line]


def test_a_name_that_fits_several_ports_is_refused_with_their_names(jack_server: JackServer, tiny_model: Path) -> None:
    serve(jack_server, tiny_model, "--split-ports")
    second = jack_server.accompanist("serve", "--in", "DAW", "--model", str(tiny_model))
    assert second.ends() == 3
    assert "several MIDI ports match 'DAW': Accompanist out:DAW bass, Accompanist out:DAW piano" in second.said("error")
