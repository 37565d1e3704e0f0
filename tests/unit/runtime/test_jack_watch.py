from __future__ import annotations

import ctypes
import threading
from types import SimpleNamespace

import pytest

from accompanist.runtime import jack_watch
from accompanist.runtime.jack_watch import JackWatch, ServerEnd


class Library:
    """libjack, which calls what it was given when the server ends."""

    def __init__(self) -> None:
        self.registered: list[tuple[int | None, int, ctypes.Array[ctypes.c_char]]] = []

    def jack_on_shutdown(
        self, client: ctypes.c_void_p, call: ctypes.c_void_p, argument: ctypes.Array[ctypes.c_char]
    ) -> None:
        assert call.value is not None
        self.registered.append((client.value, call.value, argument))


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    library = Library()
    monkeypatch.setattr(jack_watch, "loaded_library", lambda: library)
    return library


def test_the_servers_end_is_told_once_however_many_clients_hear_of_it(library: Library) -> None:
    told: list[str] = []
    heard = threading.Event()

    def lost() -> None:
        told.append(threading.current_thread().name)
        heard.set()

    end = ServerEnd(lost)
    for client in (1, 2):
        end.watch(client)
    assert [client for client, _, _ in library.registered] == [1, 2]
    for _, call, argument in library.registered:  # what JACK does in its own threads
        ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(call)(ctypes.addressof(argument))
    assert heard.wait(10)
    end.close()
    assert told == ["JACK's end"]


def test_who_leaves_a_living_server_is_told_nothing(library: Library) -> None:  # noqa: ARG001 (stands in)
    told: list[bool] = []
    end = ServerEnd(lambda: told.append(True))
    end.watch(1)
    end.close()
    assert not told


def patchbay(connections: dict[bytes, list[bytes]]) -> SimpleNamespace:
    """libjack's part that says who is connected to whom; as with ctypes, its functions take a `restype`."""
    names = list(connections)

    def by_name(client: ctypes.c_void_p, name: bytes) -> int | None:
        assert client.value == 77
        return names.index(name) + 1 if name in names else None

    def all_connections(_client: object, port: ctypes.c_void_p) -> object:
        assert port.value is not None
        found = connections[names[port.value - 1]]
        return (ctypes.c_char_p * (len(found) + 1))(*found, None) if found else None

    library = SimpleNamespace(freed=0, jack_port_by_name=by_name, jack_port_get_all_connections=all_connections)

    def free(_names: object) -> None:
        library.freed += 1

    library.jack_free = free
    library.jack_client_open = lambda *_: 77
    library.jack_on_shutdown = library.jack_activate = lambda *_: None
    return library


def test_who_is_connected_to_whom_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    library = patchbay({b"Accompanist in:keys out": [b"pad:out", b"keys:out"], b"Accompanist out:synth in": []})
    monkeypatch.setattr(jack_watch, "loaded_library", lambda: library)
    watch = JackWatch(lambda: None)
    assert watch.connected_to("Accompanist in:keys out") == {"pad:out", "keys:out"}
    assert library.freed == 1
    assert watch.connected_to("Accompanist out:synth in") == frozenset()
    assert watch.connected_to("Accompanist in:a name that JACK cut off") is None  # nobody can tell


def test_without_jack_nobody_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jack_watch, "loaded_library", lambda: None)
    assert JackWatch(lambda: None).connected_to("a") is None
