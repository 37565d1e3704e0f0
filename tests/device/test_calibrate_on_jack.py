from __future__ import annotations

import json

import pytest
from support.device import BACKENDS, JackServer, our_port

pytestmark = pytest.mark.device

PERIOD_MS = 1000 * 1024 / 48_000
FRAME_MS = 1000 / 48_000


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_loop_through_a_cable_takes_no_time_on_jack_and_up_to_a_cycle_on_rtmidi(
    jack_server: JackServer, backend: str
) -> None:
    names = ("--out", "DAW", "--in", "From DAW", "--backend", backend)
    program = jack_server.accompanist("calibrate", *names, "--notes", "20", "--json")
    program.line_with("Ctrl-C ends it")
    cable = [our_port(backend, "out", "DAW"), our_port(backend, "in", "From DAW")]
    jack_server.play({"connect": [cable], "length_s": 6})
    assert program.ends() == 0, program.lines
    found = json.loads(program.lines[-1])
    assert found["lost"] <= 10
    if backend == "jack":
        assert abs(found["median_ms"]) < 2 * FRAME_MS
        assert found["advance_ms"] == 0
    else:
        assert 0 < found["median_ms"] < 2 * PERIOD_MS
