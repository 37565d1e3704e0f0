from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from support.device import JackServer, read_record

pytestmark = pytest.mark.device


@pytest.mark.parametrize(("flags", "backend"), [((), "jack"), (("--backend", "rtmidi"), "rtmidi")])
def test_ports_lists_what_other_programs_offer(
    jack_server: JackServer, tiny_model: Path, flags: tuple[str, ...], backend: str
) -> None:
    jack_server.serve("--in", "Keyboard", "--out", "DAW", "--model", str(tiny_model))
    listing = jack_server.accompanist("ports", "--json", *flags)
    assert listing.ends() == 0
    told = json.loads("".join(listing.lines))
    assert (told["system"], told["backend"], told["real"]) == ("JACK", backend, [])
    assert told["inputs"] == ["Accompanist out:DAW"]
    assert told["outputs"] == ["Accompanist in:Keyboard"]
    assert told["serve"]["in"]["virtual"]


def test_ports_of_a_driver_are_real(jack_server: JackServer) -> None:
    jack_server.player({"connect": [], "length_s": 60, "physical": True})
    listing = jack_server.accompanist("ports", "--json")
    assert listing.ends() == 0
    assert json.loads("".join(listing.lines))["real"] == ["player:out"]


@pytest.mark.parametrize("arguments", [(), ("--out", "player"), ("--out", "player", "--backend", "rtmidi")])
def test_panic_silences_every_channel_of_a_port(jack_server: JackServer, arguments: tuple[str, ...]) -> None:
    player, record_path = jack_server.player({"connect": [], "length_s": 60, "quiet_s": 1.0})
    panic = jack_server.accompanist("panic", *arguments)
    assert panic.ends() == 0
    assert panic.lines == ["silenced player:in_0"]
    assert player.ends() == 0
    heard = [message.data for message in read_record(record_path).heard]
    for channel in range(16):
        assert heard.count(bytes((0xB0 | channel, 64, 0))) == 1
        assert heard.count(bytes((0xB0 | channel, 120, 0))) == 1
        assert heard.count(bytes((0xB0 | channel, 123, 0))) == 1
        assert {data[1] for data in heard if data[0] == 0x80 | channel} == set(range(128))


def test_panic_does_not_make_the_port_it_is_to_silence(jack_server: JackServer) -> None:
    panic = jack_server.accompanist("panic", "--out", "Nowhere")
    assert panic.ends() == 3
    assert panic.lines[0] == "error: there is no MIDI port 'Nowhere' to silence; there are: none"


def test_doctor_finds_the_midi_system(jack_server: JackServer) -> None:
    doctor = jack_server.accompanist("doctor", "--json")
    doctor.ends()  # its code speaks of the shipped model as well
    # What it is busy with comes first, on stderr.
    answer = itertools.dropwhile(lambda line: not line.startswith("{"), doctor.lines)
    findings = {finding["what"]: finding for finding in json.loads("".join(answer))["findings"]}
    assert findings["MIDI system"]["state"] == "ok"
    assert findings["MIDI system"]["seen"] == "JACK by jack, 0 ports in, 0 out"
