"""The control socket: JSON lines in, one reply to each; docs/control.md describes them.

Threads: `ControlServer` owns one, which sleeps until a client says something. It parses, leaves commands in the inbox
and reads whole values that the engine thread has left in the telemetry; it touches nothing of the engine's. Sockets
never block: what a client does not read is kept up to a bound, then the client is dropped. However much a client says,
it gets a share of the thread's time, and the thread a small share of the interpreter's.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import stat
import threading
from collections.abc import Callable
from importlib import metadata
from typing import Any

from accompanist.engine.controls import COMMANDS, SONG, Refused, worded
from accompanist.engine.protocol import Command
from accompanist.engine.status import Status
from accompanist.errors import ControlError
from accompanist.music.spec import ModelSpec
from accompanist.runtime.clock import Clock
from accompanist.runtime.control_address import Address

LONGEST_LINE = 4096
"""Bytes; no command is near it."""
MOST_UNREAD = 65_536
"""Bytes kept for a client that does not read; one that lets them grow beyond is dropped."""
MOST_CLIENTS = 32
LINES_PER_TURN, PAUSE_S = 16, 0.01
"""What a client may say at once; then the thread rests for a moment, so that a flood costs the engine nothing."""
QUERIES = ("status", "subscribe", "about")
WORDS = ("command", "track", "value", "every_s")
"""What a line may say."""
SHORTEST_EVERY_S, LONGEST_EVERY_S = 0.05, 60.0


class Client:
    """One connection.

    Args:
        connection: Non-blocking.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.heard = b""  # what has come and is no whole line yet, or waits for its turn
        self.unread = b""  # what is to go out
        self.every_s = 0.0  # of a subscription; 0: none
        self.next_s = 0.0
        self.gone = False

    def lines(self) -> list[bytes]:
        """The whole lines that are there, as many as its turn allows."""
        *whole, rest = self.heard.split(b"\n", LINES_PER_TURN)
        self.heard = rest
        return whole

    def receive(self) -> None:
        """Take what has come."""
        if len(self.heard) > LONGEST_LINE * LINES_PER_TURN:  # it has more than its turns to say: let it wait
            return
        try:
            data = self.connection.recv(LONGEST_LINE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.gone = not data
        self.heard += data

    def say(self, reply: dict[str, Any]) -> None:
        """Put a line on its way."""
        self.unread += json.dumps(reply).encode() + b"\n"
        self.gone = self.gone or len(self.unread) > MOST_UNREAD
        self.flush()

    def flush(self) -> None:
        """Send as much as it takes now."""
        while self.unread and not self.gone:
            try:
                sent = self.connection.send(self.unread)
            except BlockingIOError:
                return
            except OSError:
                self.gone = True
                return
            self.unread = self.unread[sent:]


class ControlServer:
    """Listens until it is closed.

    Args:
        address: Where.
        spec: The model's tracks and styles.
        clock: Stamps the commands.
        submit: Takes a command, from the server's thread; must not block.
        status: Where the performance stands; None before it does.
        log: Full path of the performance log; empty: none is written.

    Raises:
        ControlError: the address cannot be listened on, or another program listens there.
    """

    def __init__(
        self,
        address: Address,
        spec: ModelSpec,
        clock: Clock,
        submit: Callable[[Command], None],
        status: Callable[[], Status | None],
        *,
        log: str = "",
    ) -> None:
        self._address = address
        self._spec = spec
        self._clock = clock
        self._submit = submit
        self._status = status
        self._log = log
        self._listener = _listening(address)
        self._wake_in, self._wake_out = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake_out, selectors.EVENT_READ)
        self._clients: dict[socket.socket, Client] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread, and every connection."""
        self._stopping.set()
        self._wake_in.send(b"\0")
        self._thread.join()
        for client in list(self._clients.values()):
            self._drop(client)
        self._selector.close()
        for each in (self._listener, self._wake_in, self._wake_out):
            each.close()
        if self._address.path is not None:
            self._address.path.unlink(missing_ok=True)

    # --- the thread ---

    def _work(self) -> None:
        while not self._stopping.is_set():
            ready = self._selector.select(self._timeout_s())
            if self._stopping.is_set():
                return
            for key, events in ready:
                if key.fileobj is self._listener:
                    self._accept()
                elif (client := self._clients.get(key.fileobj)) is not None:  # type: ignore[call-overload]
                    if events & selectors.EVENT_READ:
                        client.receive()
                    client.flush()
            self._turn()

    def _turn(self) -> None:
        """Hear every client out, up to its share; tell the subscribers; let go of those who have gone."""
        busy = False
        now_s = self._clock.now()
        for client in list(self._clients.values()):
            for line in client.lines():
                busy = True
                if line.strip():
                    client.say(self._answer(client, line))
            if len(client.heard) > LONGEST_LINE and b"\n" not in client.heard[:LONGEST_LINE]:
                client.say({"error": f"a line is longer than {LONGEST_LINE} bytes", "accepted": ["a JSON object"]})
                client.gone = True
            if client.every_s and now_s >= client.next_s:
                client.next_s = now_s + client.every_s
                client.say({"event": "status", "status": self._standing()})
            if client.gone:
                self._drop(client)
            else:
                wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.unread else 0)
                self._selector.modify(client.connection, wanted)
        if busy:
            self._stopping.wait(PAUSE_S)

    def _timeout_s(self) -> float | None:
        if any(b"\n" in client.heard for client in self._clients.values()):
            return 0.0
        due_s = [client.next_s for client in self._clients.values() if client.every_s]
        return max(min(due_s) - self._clock.now(), 0.0) if due_s else None

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:  # it has gone already
            return
        if len(self._clients) >= MOST_CLIENTS:
            connection.close()
            return
        connection.setblocking(False)
        self._clients[connection] = Client(connection)
        self._selector.register(connection, selectors.EVENT_READ)

    def _drop(self, client: Client) -> None:
        del self._clients[client.connection]
        self._selector.unregister(client.connection)
        client.connection.close()

    # --- what is said ---

    def _answer(self, client: Client, line: bytes) -> dict[str, Any]:
        try:
            asked = json.loads(line)
        except (ValueError, RecursionError):
            asked = None
        if not isinstance(asked, dict) or not isinstance(asked.get("command"), str):
            accepted = ['{"command": "mute", "track": "bass", "value": "on"}', '{"command": "status"}']
            return {"error": "that is no JSON object with a command", "accepted": accepted}
        try:
            return self._obey(client, asked)
        except Refused as refused:
            return {"error": refused.message, "accepted": list(refused.accepted)}

    def _obey(self, client: Client, asked: dict[str, Any]) -> dict[str, Any]:
        name = asked["command"]
        if unknown := set(asked) - set(WORDS):
            raise Refused(f"a command has no {min(unknown)!r}", WORDS)
        if name == "status":
            return {"ok": True, "status": self._standing()}
        if name == "about":
            return {"ok": True, "about": self._about()}
        if name == "subscribe":
            every_s = asked.get("every_s", 0.5)
            if isinstance(every_s, bool) or not isinstance(every_s, (int, float)) or not every_s >= 0:
                raise Refused(f"every_s is {every_s!r}", ("seconds; 0 ends the subscription",))
            client.every_s = min(max(every_s, SHORTEST_EVERY_S), LONGEST_EVERY_S) if every_s else 0.0
            client.next_s = self._clock.now()
            return {"ok": True}
        if name not in COMMANDS:
            raise Refused(f"there is no command {name!r}", (*COMMANDS, *QUERIES))
        command = worded(name, asked.get("track"), asked.get("value"), self._spec)
        status = self._status()
        if name in SONG and status is not None and status.lock != "internal":
            raise Refused(f"{name}: the MIDI clock leads", ())
        self._submit(command._replace(at_s=self._clock.now()))
        return {"ok": True}

    def _about(self) -> dict[str, Any]:
        """What does not change while it plays."""
        return {
            "program": metadata.version("accompanist"),
            "pid": os.getpid(),
            "log": self._log,
            "tracks": [track.name for track in self._spec.tracks],
            "drums": [track.name for track in self._spec.tracks if track.is_drums],
            "styles": list(self._spec.styles),
        }

    def _standing(self) -> dict[str, Any] | None:
        status = self._status()
        if status is None:
            return None
        return {**status._asdict(), "figures": _figures(status), "controls": status.controls._asdict()}


def _figures(status: Status) -> dict[str, Any]:
    return {"isr": status.figures.isr, **status.figures._asdict()}


def _listening(address: Address) -> socket.socket:
    listener = address.socket()
    try:
        if address.path is not None:
            address.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _clear_away(address)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address.target)
        if address.path is not None:
            address.path.chmod(0o600)  # whoever may command the band is who started it
        listener.listen()
    except OSError as error:
        listener.close()
        raise ControlError(
            f"cannot listen for commands on {address}: {error.strerror or error}",
            hint="name another with --control-socket PATH, or HOST:PORT",
        ) from error
    listener.setblocking(False)
    return listener


def _clear_away(address: Address) -> None:
    """Remove the socket of a program that ended without doing so itself; nothing else is removed."""
    path = address.path
    if path is None or not path.exists() or not stat.S_ISSOCK(path.stat().st_mode):
        return
    with address.socket() as probe:
        if probe.connect_ex(address.target) != 0:
            path.unlink(missing_ok=True)
