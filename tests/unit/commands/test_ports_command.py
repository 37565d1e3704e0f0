from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.fake_midi import FakeMidiSystem

from accompanist.cli import cli, main
from accompanist.errors import NoMidiSystem


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> FakeMidiSystem:
    """The MIDI system the commands find, with a keyboard and two synthesisers."""
    fake = FakeMidiSystem(inputs=("Keys:out",), outputs=("Synth A:in", "Synth B:in"))
    monkeypatch.setattr("accompanist.commands.ports.open_system", lambda *_: fake)
    monkeypatch.setattr("accompanist.commands.ports._PAUSE_S", 0)
    return fake


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


SETTINGS = """
[serve]
in = "keys"
out = "Synth"
clock = "Drums"
"""


@pytest.mark.usefixtures("system")
def test_ports_are_listed_by_direction() -> None:
    assert run("ports").splitlines() == [
        "in (--in, --clock), Fake MIDI by fake:",
        "  Keys:out",
        "out (--out, --clock-out), Fake MIDI by fake:",
        "  Synth A:in",
        "  Synth B:in",
        "serve would take:",
        "  --in 'Accompanist In': a virtual port 'Accompanist In', to be made",
        "  --out 'Accompanist Out': a virtual port 'Accompanist Out', to be made",
    ]


def test_ports_are_real_or_virtual_and_those_that_the_settings_take_are_marked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = FakeMidiSystem(
        inputs=("Drums", "Keys:out"), outputs=("Synth A:in", "Synth B:in"), devices=frozenset({"Keys:out"})
    )
    monkeypatch.setattr("accompanist.commands.ports.open_system", lambda *_: fake)
    (tmp_path / "stage.toml").write_text(SETTINGS, encoding="utf-8")
    assert run("--config", str(tmp_path / "stage.toml"), "ports").splitlines() == [
        "in (--in, --clock), Fake MIDI by fake:",
        "  Drums  virtual  <- --clock",
        "  Keys:out  real  <- --in",
        "out (--out, --clock-out), Fake MIDI by fake:",
        "  Synth A:in  virtual",
        "  Synth B:in  virtual",
        "serve would take:",
        "  --in 'keys': Keys:out",
        "  --out 'Synth': no port: several MIDI ports match 'Synth': Synth A:in, Synth B:in; name one of them in full",
        "  --clock 'Drums': Drums",
    ]
    assert fake.closed


@pytest.mark.usefixtures("system")
def test_where_serve_waits_a_name_that_nobody_has_is_waited_for(tmp_path: Path) -> None:
    settings = '[serve]\nin = "Pad"\nclock_out = "Synth B"\nwait = true\n[serve.tracks.bass]\nport = "Rack"\n'
    (tmp_path / "stage.toml").write_text(settings, encoding="utf-8")
    lines = run("--config", str(tmp_path / "stage.toml"), "ports").splitlines()
    assert "  Synth B:in  <- --clock-out" in lines
    assert lines[lines.index("serve would take:") + 1 :] == [
        "  --in 'Pad': not there, to be waited for",
        "  --out 'Accompanist Out': a virtual port 'Accompanist Out', to be made",
        "  --clock-out 'Synth B': Synth B:in",
        "  serve.tracks.bass.port 'Rack': not there, to be waited for",
    ]


@pytest.mark.parametrize("command", ["ports", "panic"])
def test_they_speak_through_what_serve_would(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str) -> None:
    asked = list[str]()

    def opened(backend: str, _clock: object) -> FakeMidiSystem:
        asked.append(backend)
        return FakeMidiSystem(outputs=("Synth",))

    monkeypatch.setattr("accompanist.commands.ports.open_system", opened)
    monkeypatch.setattr("accompanist.commands.ports._PAUSE_S", 0)
    (tmp_path / "stage.toml").write_text('[serve]\nbackend = "jack"\n', encoding="utf-8")
    run("--config", str(tmp_path / "stage.toml"), command)
    run("--config", str(tmp_path / "stage.toml"), command, "--backend", "rtmidi")
    assert asked == ["jack", "rtmidi"]


def test_without_any_port_both_directions_say_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accompanist.commands.ports.open_system", lambda *_: FakeMidiSystem())
    assert run("ports").splitlines().count("  none") == 2


def test_ports_for_scripts(system: FakeMidiSystem, tmp_path: Path) -> None:
    (tmp_path / "stage.toml").write_text(SETTINGS, encoding="utf-8")
    told = json.loads(run("--config", str(tmp_path / "stage.toml"), "ports", "--json"))
    serve = told.pop("serve")
    assert told == {
        "system": "Fake MIDI", "backend": "fake", "real": None, "inputs": ["Keys:out"],
        "outputs": ["Synth A:in", "Synth B:in"],
    }  # fmt: skip
    assert list(serve) == ["in", "out", "clock"]
    assert serve["in"] == {
        "flag": "--in", "asked": "keys", "direction": "in", "port": "Keys:out", "virtual": False, "problem": "",
        "waits": False,
    }  # fmt: skip
    assert serve["out"]["port"] is None
    assert "several MIDI ports" in serve["out"]["problem"]
    assert (serve["clock"]["port"], serve["clock"]["virtual"]) == ("Drums", True)
    assert system.closed


def test_without_a_midi_system_the_error_is_plain(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none(*_: object) -> None:
        raise NoMidiSystem("there is no MIDI system here", hint="start JACK")

    monkeypatch.setattr("accompanist.commands.ports.open_system", none)
    with pytest.raises(SystemExit) as caught:
        main(["ports"])
    assert caught.value.code == 3
    assert capsys.readouterr().err == "error: there is no MIDI system here\n  try: start JACK\n"


def test_panic_silences_all_ports_on_all_channels(system: FakeMidiSystem) -> None:
    assert run("panic").splitlines() == ["silenced Synth A:in", "silenced Synth B:in"]
    for port in system.opened.values():
        assert port.closed
        assert len(port.sent) == 16 * (3 + 128)
        for channel in range(16):
            for controller in (64, 120, 123):
                assert bytes((0xB0 | channel, controller, 0)) in port.sent
            assert {data[1] for data in port.sent if data[0] == 0x80 | channel} == set(range(128))
        assert {data[0] & 0xF0 for data in port.sent[:48]} == {0xB0}  # the quick way first


def test_panic_on_one_port_leaves_the_others_alone(system: FakeMidiSystem) -> None:
    assert run("panic", "--out", "synth b").splitlines() == ["silenced Synth B:in"]
    assert list(system.opened) == ["Synth B:in"]


def test_panic_never_makes_a_port(system: FakeMidiSystem, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["panic", "--out", "Organ"])
    assert caught.value.code == 3
    assert "no MIDI port 'Organ' to silence; there are: Synth A:in, Synth B:in" in capsys.readouterr().err
    assert system.opened == {}


@pytest.mark.parametrize("command", ["ports", "panic", "serve"])
def test_where_python_rtmidi_does_not_load_the_error_says_what_to_install(command: str) -> None:
    # None in sys.modules makes the import fail, as it does where the ALSA library is missing.
    script = f"import sys; sys.modules['rtmidi'] = None; from accompanist.cli import main; main(['{command}'])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith("error: python-rtmidi, which speaks to the MIDI system, does not load")
    assert "apt-get install libasound2" in done.stderr
