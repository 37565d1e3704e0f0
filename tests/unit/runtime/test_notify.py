from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.fake_midi import FakeMidiSystem

from accompanist.config import Config, ServeConfig
from accompanist.errors import PortLost
from accompanist.runtime.clock import MonotonicClock
from accompanist.runtime.daemon import Daemon, Ready
from accompanist.runtime.notify import READY, notify
from accompanist.runtime.telemetry import Telemetry

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets, no systemd")


class Manager:
    """A service manager's end of the socket."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)

    def told(self) -> list[str]:
        """All datagrams so far."""
        found = []
        while True:
            try:
                found.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    """One that waits for us."""
    path = tmp_path / "notify"
    manager = Manager(str(path))
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    yield manager
    manager.close()


class Display:
    """Ends the performance when it has gone on for some refreshes."""

    def __init__(self, manager: Manager, system: FakeMidiSystem) -> None:
        self._manager, self._system = manager, system
        self._refreshes = 0
        self.before_ready: list[str] = []

    def ready(self, _ready: Ready) -> None:
        self.before_ready = self._manager.told()

    def status(self, _telemetry: Telemetry) -> None:
        self._refreshes += 1
        if self._refreshes == 5:
            signal.raise_signal(signal.SIGTERM)

    def port(self, change: object) -> None:
        raise AssertionError(change)

    def line(self, text: str) -> None:
        pass


def daemon(model: Path, system: FakeMidiSystem, display: Display) -> Daemon:
    serve = ServeConfig(model=str(model), provider="cpu", melody="Keyboard", band="DAW")
    return Daemon(Config(serve=serve), system, MonotonicClock(), display)


def test_a_service_manager_is_told_when_all_is_open_how_it_goes_and_that_it_stops(
    manager: Manager, tiny_model: Path
) -> None:
    system = FakeMidiSystem()
    display = Display(manager, system)
    assert daemon(tiny_model, system, display).run().exit_code == 143
    assert display.before_ready == []
    assert set(system.opened) == {"DAW", "Keyboard"}
    assert manager.told() == [
        "READY=1\nSTATUS=ready", "STATUS=waiting for your first note | 120.0 BPM internal", "STOPPING=1",
    ]  # fmt: skip


def test_a_service_that_waits_for_its_keyboard_is_ready_and_says_what_it_waits_for(
    manager: Manager, tiny_model: Path
) -> None:
    system = FakeMidiSystem(outputs=("DAW",))
    display = Display(manager, system)
    serve = ServeConfig(model=str(tiny_model), provider="cpu", melody="Keyboard", band="DAW", wait=True)
    assert Daemon(Config(serve=serve), system, MonotonicClock(), display).run().exit_code == 143
    assert set(system.opened) == {"DAW"}
    assert manager.told() == [
        "READY=1\nSTATUS=ready",
        "STATUS=waiting for Keyboard | waiting for your first note | 120.0 BPM internal",
        "STOPPING=1",
    ]


def test_what_never_was_ready_never_says_so(manager: Manager, tiny_model: Path) -> None:
    system = FakeMidiSystem()
    system.refuses = {"Keyboard"}
    with pytest.raises(PortLost):
        daemon(tiny_model, system, Display(manager, system)).run()
    assert READY not in "\n".join(manager.told())


@pytest.mark.skipif(not Path("/proc/net/unix").exists(), reason="abstract sockets are Linux's")
def test_an_abstract_socket_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name = f"accompanist-test-{tmp_path.name}-{id(tmp_path)}"
    manager = Manager(f"\0{name}")
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
    notify(READY, "STATUS=two\nlines")
    assert manager.told() == ["READY=1\nSTATUS=two lines"]
    manager.close()


@pytest.mark.parametrize("where", ["", "relative", "/nobody/listens/here"])
def test_where_nobody_listens_nothing_happens(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", where)
    notify(READY)
