from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.engine.controls import COMMANDS, Refused, worded
from accompanist.engine.engine import Engine
from accompanist.engine.protocol import Command
from accompanist.engine.status import Status
from accompanist.errors import ControlError
from accompanist.runtime.clock import Clock, ManualClock, MonotonicClock
from accompanist.runtime.control import LONGEST_LINE, MOST_CLIENTS, MOST_UNREAD, ControlServer
from accompanist.runtime.control_address import AUTO, Address, usual_address

PATIENCE_S = 30.0
STYLED = replace(TINY_SPEC, styles=("ballad", "swing"))


class Told:
    """What a server hands on, as it comes."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.came = threading.Semaphore(0)

    def submit(self, command: Command) -> None:
        self.commands.append(command)
        self.came.release()


def status() -> Status:
    return Engine(STYLED, EngineConfig()).status(0.0)


@contextmanager
def server(
    tmp_path: Path, told: Told, clock: Clock | None = None, standing: Callable[[], Status | None] = status
) -> Iterator[Address]:
    address = Address(tmp_path / "control.sock")
    listening = ControlServer(address, STYLED, clock or ManualClock(7.0), told.submit, standing)
    try:
        yield address
    finally:
        listening.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "control"]


class Caller:
    """A client that waits for its answers."""

    def __init__(self, address: Address) -> None:
        self._socket = address.socket()
        self._socket.settimeout(PATIENCE_S)
        self._socket.connect(address.target)
        self._file = self._socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def hear(self) -> Any:
        line = self._file.readline()
        return json.loads(line) if line else None

    def ask(self, **asked: Any) -> Any:
        self.send(json.dumps(asked).encode() + b"\n")
        return self.hear()

    def close(self) -> None:
        self._file.close()
        self._socket.close()


@contextmanager
def caller(address: Address) -> Iterator[Caller]:
    client = Caller(address)
    try:
        yield client
    finally:
        client.close()


def test_a_line_is_a_command_and_gets_one_reply(tmp_path: Path) -> None:
    told = Told()
    with server(tmp_path, told) as address, caller(address) as client:
        assert client.ask(command="mute", track="piano") == {"ok": True}
        assert client.ask(command="mute", track="piano", value=False) == {"ok": True}
        assert client.ask(command="hold", value="toggle") == {"ok": True}
        assert client.ask(command="density", value=0.5) == {"ok": True}
        assert client.ask(command="style", value="swing") == {"ok": True}
        assert client.ask(command="panic") == {"ok": True}
    assert told.commands == [
        Command(7.0, "mute", 1.0, 1),
        Command(7.0, "mute", 0.0, 1),
        Command(7.0, "hold", None),
        Command(7.0, "density", 0.5),
        Command(7.0, "style", 1.0),
        Command(7.0, "panic"),
    ]


@pytest.mark.parametrize(
    ("asked", "error", "accepted"),
    [
        ({"command": "dance"}, "there is no command 'dance'", "panic"),
        ({"command": "mute", "track": "tuba"}, "mute needs a track, and 'tuba' is none", "bass"),
        ({"command": "mute"}, "mute needs a track", "bass"),
        ({"command": "hold", "value": "perhaps"}, "hold is 'perhaps'", "toggle"),
        ({"command": "hold", "value": [1]}, "hold is [1]", "on"),
        ({"command": "density", "value": 3}, "density is 3.0", "0 to 1"),
        ({"command": "density", "value": True}, "density is True", "0 to 1"),
        ({"command": "density", "value": 0.5, "track": "bass"}, "density is not a track's own", "mute"),
        ({"command": "style", "value": "polka"}, "style is 'polka'", "ballad"),
        ({"command": "panic", "volume": 3}, "a command has no 'volume'", "value"),
        ({"command": "subscribe", "every_s": "often"}, "every_s is 'often'", "seconds"),
        ({"volume": 3}, "no JSON object with a command", "mute"),
        ([], "no JSON object with a command", "status"),
    ],
)
def test_what_is_wrong_is_answered_with_what_is_accepted(tmp_path: Path, asked: Any, error: str, accepted: str) -> None:
    told = Told()
    with server(tmp_path, told) as address, caller(address) as client:
        client.send(json.dumps(asked).encode() + b"\n")
        reply = client.hear()
        assert error in reply["error"]
        assert any(accepted in each for each in reply["accepted"])
        assert client.ask(command="panic") == {"ok": True}
    assert [command.name for command in told.commands] == ["panic"]


@pytest.mark.parametrize(
    "line", [b"", b"   ", b"\r", b"{", b"\xff\xfe", b"[" * 3000, b"nul", b"9" * 4000, b'"\\ud800"']
)
def test_no_line_hurts(tmp_path: Path, line: bytes) -> None:
    told = Told()
    with server(tmp_path, told) as address, caller(address) as client:
        client.send(line + b"\n")
        if line.strip():
            assert "error" in client.hear()
        assert client.ask(command="fill") == {"ok": True}


def test_a_line_without_an_end_is_cut_off_and_others_go_on(tmp_path: Path) -> None:
    told = Told()
    with server(tmp_path, told) as address, caller(address) as other, caller(address) as client:
        client.send(b"x" * (LONGEST_LINE + 1))
        assert "longer than" in client.hear()["error"]
        assert client.hear() is None
        assert other.ask(command="fill") == {"ok": True}


def test_a_line_may_come_in_pieces_and_many_at_once(tmp_path: Path) -> None:
    told = Told()
    with server(tmp_path, told) as address, caller(address) as client:
        client.send(b'{"command": ')
        client.send(b'"fill"}\n' + b'{"command": "panic"}\n' * 100 + b'{"command": "sta')
        assert [client.hear() for _ in range(101)] == [{"ok": True}] * 101
        client.send(b'tus"}\n')
        assert client.hear()["status"]["tick"] == 0
    assert [command.name for command in told.commands] == ["fill", *["panic"] * 100]


def test_a_client_that_does_not_read_is_dropped_and_blocks_nobody(tmp_path: Path) -> None:
    told = Told()
    with server(tmp_path, told) as address, caller(address) as stalled, caller(address) as other:
        stalled._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        try:
            for _ in range(100):  # each answer is above 500 bytes: more than it and the system keep
                stalled.send(b'{"command": "status"}\n' * (MOST_UNREAD // 1000))
                assert other.ask(command="fill") == {"ok": True}
        except OSError:
            pass  # it was dropped while it spoke
        assert other.ask(command="panic") == {"ok": True}
        while stalled.hear() is not None:
            pass  # what was kept for it ends before long


def test_too_many_clients_are_turned_away(tmp_path: Path) -> None:
    told = Told()
    with server(tmp_path, told) as address:
        clients = [Caller(address) for _ in range(MOST_CLIENTS)]
        assert [client.ask(command="fill") for client in clients] == [{"ok": True}] * MOST_CLIENTS
        with caller(address) as late:
            assert late.hear() is None
        clients.pop().close()
        assert clients[0].ask(command="fill") == {"ok": True}
        for client in clients:
            client.close()


def test_the_status_is_all_there_is_to_know(tmp_path: Path) -> None:
    with server(tmp_path, Told()) as address, caller(address) as client:
        standing = client.ask(command="status")["status"]
    assert standing["controls"]["density"] == 1.0
    assert standing["controls"]["style"] == "ballad"
    assert standing["figures"]["isr"] is None
    assert (standing["bar"], standing["lock"]) == (1, "internal")


def test_before_the_first_step_there_is_no_status(tmp_path: Path) -> None:
    with server(tmp_path, Told(), standing=lambda: None) as address, caller(address) as client:
        assert client.ask(command="status") == {"ok": True, "status": None}


def test_a_subscriber_is_told_again_and_again_until_it_has_enough(tmp_path: Path) -> None:
    with server(tmp_path, Told(), clock=MonotonicClock()) as address, caller(address) as client:
        assert client.ask(command="subscribe", every_s=0.05) == {"ok": True}
        assert [client.hear()["event"] for _ in range(3)] == ["status"] * 3
        client.send(b'{"command": "subscribe", "every_s": 0}\n')
        while "event" in (reply := client.hear()):
            pass
        assert reply == {"ok": True}
        assert client.ask(command="fill") == {"ok": True}


def test_where_a_clock_leads_it_has_the_tempo(tmp_path: Path) -> None:
    led = Engine(STYLED, EngineConfig(), follow_clock=True).status(0.0)
    with server(tmp_path, Told(), standing=lambda: led) as address, caller(address) as client:
        assert client.ask(command="bpm", value=90) == {"error": "bpm: the MIDI clock leads", "accepted": []}


def test_a_socket_left_behind_is_taken_over_and_a_living_one_is_not(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    left.bind(str(tmp_path / "control.sock"))
    left.close()
    with server(tmp_path, Told()) as address:
        assert address.path is not None
        assert address.path.stat().st_mode & 0o777 == 0o600
        with pytest.raises(ControlError, match="cannot listen"):
            ControlServer(address, STYLED, ManualClock(), Told().submit, status)
        with caller(address) as client:
            assert client.ask(command="fill") == {"ok": True}
    assert not address.path.exists()


def test_who_asks_is_told_where_the_log_is(tmp_path: Path) -> None:
    address, told = Address(tmp_path / "control.sock"), Told()
    listening = ControlServer(address, STYLED, ManualClock(), told.submit, status, log="/logs/tonight.jsonl")
    try:
        with caller(address) as client:
            about = client.ask(command="about")["about"]
    finally:
        listening.close()
    assert about["pid"] == os.getpid()
    assert (about["log"], about["styles"]) == ("/logs/tonight.jsonl", ["ballad", "swing"])
    assert about["tracks"] == [track.name for track in STYLED.tracks]


def test_a_file_is_never_removed(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.write_text("precious", encoding="utf-8")
    with pytest.raises(ControlError, match="cannot listen"):
        ControlServer(Address(path), STYLED, ManualClock(), Told().submit, status)
    assert path.read_text(encoding="utf-8") == "precious"


def test_a_port_of_this_machine_does_as_well(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address, told = Address(None, "127.0.0.1", port), Told()
    listening = ControlServer(address, STYLED, ManualClock(), told.submit, status)
    try:
        with caller(address) as client:
            assert client.ask(command="fill") == {"ok": True}
    finally:
        listening.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("localhost:7642", Address(None, "localhost", 7642)),
        ("[::1]:80", Address(None, "::1", 80)),
        ("/run/band.sock", Address(Path("/run/band.sock"))),
        ("band", Address(Path("band"))),
    ],
)
def test_an_address_is_a_path_or_a_port_of_this_machine(text: str, address: Address) -> None:
    assert Address.parse(text) == address
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize("text", ["example.org:80", "0.0.0.0:80", "localhost:0", "localhost:65536"])
def test_other_machines_are_refused(text: str) -> None:
    with pytest.raises(ControlError, match="not on this machine"):
        Address.parse(text)


@pytest.mark.parametrize("text", ["localhost:0x", "127.0.0.1:", "[::1]:port"])
def test_a_host_without_a_port_is_no_path(text: str) -> None:
    with pytest.raises(ControlError, match="has no port"):
        Address.parse(text)


def test_the_usual_address_is_in_the_users_runtime_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    assert str(Address.parse(AUTO)) == "/run/user/1000/accompanist.sock"
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert str(usual_address()).endswith("control.sock")


def test_without_unix_sockets_it_is_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")
    assert str(Address.parse(AUTO)) == "127.0.0.1:7642"
    with pytest.raises(ControlError, match="no Unix sockets"):
        Address.parse("/run/band.sock")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["on", "swing"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.sampled_from(COMMANDS), json_values, json_values)
def test_whatever_words_come_it_is_a_command_or_it_is_refused(name: str, track: Any, value: Any) -> None:
    try:
        command = worded(name, track, value, STYLED)
    except Refused:
        return
    assert command.name == name
    assert -1 <= command.track < 3
