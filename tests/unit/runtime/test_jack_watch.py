from __future__ import annotations

import ctypes
import threading

import pytest

from accompanist.runtime import jack_watch
from accompanist.runtime.jack_watch import ServerEnd


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
