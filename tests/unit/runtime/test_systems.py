"""A MIDI system that is not there yet, with JACK-Client's and rtmidi's parts played by fakes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.fake_midi import FakeMidiSystem

from accompanist.errors import NoMidiSystem, PortLost
from accompanist.runtime import systems
from accompanist.runtime.clock import ManualClock
from accompanist.runtime.ports import PortChoice
from accompanist.runtime.systems import AbsentSystem, await_system


def test_a_system_that_is_there_needs_no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    there, lines = FakeMidiSystem(), list[str]()
    monkeypatch.setattr(systems, "open_system", lambda *_, **__: there)
    assert await_system("auto", ManualClock(), lines.append) is there
    assert lines == []


def test_one_that_is_not_is_stood_for_and_is_the_real_one_when_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked, lines = FakeMidiSystem(), list[tuple[object, ...]](), list[str]()

    def answer(*arguments: object, waits: bool) -> FakeMidiSystem:
        asked.append((*arguments, waits))
        if len(asked) < 3:
            raise NoMidiSystem("no JACK server answers")
        return real

    monkeypatch.setattr(systems, "open_system", answer)
    clock = ManualClock()
    system = await_system("jack", clock, lines.append)
    assert lines == ["waiting for MIDI: no JACK server answers"]
    assert system.lost
    with pytest.raises(NoMidiSystem):
        system.again()
    assert system.again() is real
    assert asked == [("jack", clock, True)] * 3


def test_nothing_can_be_opened_before() -> None:
    system = AbsentSystem("auto", ManualClock())
    choice = PortChoice("Keys", exists=True)
    with pytest.raises(PortLost):
        system.ports()
    with pytest.raises(PortLost):
        system.open_input(choice, lambda _data, _at_s=None: None, role="in")
    with pytest.raises(PortLost):
        system.open_output(choice, role="out")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="JACK's own back end is for Linux")
@pytest.mark.parametrize(("sequencer", "loaded"), [(False, False), (True, True)])
def test_who_waits_for_jack_does_not_load_rtmidi_beside_it(tmp_path: Path, *, sequencer: bool, loaded: bool) -> None:
    """In a process of its own, because which of the two is loaded cannot be undone; no server has that name."""
    if sequencer:
        (tmp_path / "seq").touch()
    script = f"""
import os, sys
from pathlib import Path
os.environ["JACK_DEFAULT_SERVER"] = "nobody-has-this-name"
from accompanist.errors import NoMidiSystem
from accompanist.runtime import systems
from accompanist.runtime.clock import ManualClock
systems._SEQUENCER = Path({str(tmp_path / "seq")!r})
try:
    systems.open_system("auto", ManualClock(), waits=True)
except NoMidiSystem:
    pass
assert ("accompanist.runtime.rtmidi_ports" in sys.modules) is {loaded}
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
