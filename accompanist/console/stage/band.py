"""A `serve` that the stage page starts. It plays on where the console dies; one that comes back finds it again.

So it is in a session of its own, writes what it says into a file and not into a pipe, and where it is stands in a file
as well. A console that ends as it should ends it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from accompanist.console.stage.daemon import Sleep
from accompanist.errors import ConsoleError, ControlError, StorageError
from accompanist.runtime.control_address import Address, usual_address
from accompanist.runtime.control_client import ask

END_S = 8.0
"""How long it may take to end once it is told to."""
LOOK_S = 0.05
KEPT_LOGS = 20
"""Performance logs of earlier evenings that are kept."""
_SAID_BYTES = 4096

PortName = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f-][^\x00-\x1f]*$|^$")]
"""As the list of ports has it, so no flag; empty: one of our own."""


class Start(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How to play.

    Args:
        melody: Port the player is heard on.
        band: Port the band plays to.
        leader: What leads: the page's own tempo, the MIDI clock on the player's port, on another, or Ableton Link.
        clock: That other port.
        bpm: Where nothing leads.
        beats_per_bar: Of the song.
        count_in_bars: Clicks before the song; 0: the first note is beat one.
        thru: Send the melody on.
        split: Keys below it say the harmony; empty: none.
    """

    melody: PortName = ""
    band: PortName = ""
    leader: Annotated[str, Meta(pattern=r"^(own|sync|clock|link)$")] = "own"
    clock: PortName = ""
    bpm: Annotated[float, Meta(ge=30, le=300)] = 120.0
    beats_per_bar: Annotated[int, Meta(ge=2, le=12)] = 4
    count_in_bars: Annotated[int, Meta(ge=0, le=8)] = 0
    thru: bool = False
    split: Annotated[str, Meta(pattern=r"^([A-Ga-g][#b]?-?\d)?$")] = ""

    def flags(self) -> list[str]:
        """For `accompanist serve`."""
        flags = [f"--bpm={self.bpm:g}", f"--beats-per-bar={self.beats_per_bar}"]
        flags += [f"--in={self.melody}"] if self.melody else []
        flags += [f"--out={self.band}"] if self.band else []
        flags += {"sync": ["--sync"], "link": ["--link"], "clock": [f"--clock={self.clock}"]}.get(self.leader, [])
        flags += [f"--count-in={self.count_in_bars}"] if self.count_in_bars and self.leader == "own" else []
        flags += [f"--split={self.split}"] if self.split else []
        return [*flags, "--thru" if self.thru else "--no-thru"]


class _Known(msgspec.Struct):
    """What is written down of the one that runs."""

    pid: int
    socket: str


class Band:
    """The one `serve` of this console.

    Args:
        folder: Where its logs, and what it says, are kept.
        today: The date, for the logs' names.
        sleep: Lets so many seconds go by.
        config_path: Settings file to hand on; None: the usual place.
        program: What to run, before its arguments.
    """

    def __init__(
        self,
        folder: Path,
        today: Callable[[], datetime],
        sleep: Sleep,
        config_path: Path | None,
        program: Sequence[str],
    ) -> None:
        self._folder = folder
        self._today = today
        self._sleep = sleep
        self._program = [*program, *(["--config", str(config_path)] if config_path else [])]
        self._process: subprocess.Popen[bytes] | None = None
        self._known = self._remembered()

    @property
    def address(self) -> Address:
        """Where its control socket is, whether it runs or not."""
        usual = usual_address()
        if usual.path is None:
            return usual._replace(port=usual.port + 1)
        # Not in the folder itself: the path of a socket may have a hundred characters.
        folder = hashlib.sha256(str(self._folder.absolute()).encode()).hexdigest()[:8]
        return usual._replace(path=usual.path.with_name(f"accompanist-stage-{folder}.sock"))

    def is_ours(self, pid: int | None) -> bool:
        """Whether the daemon of that process was started here."""
        return self._known is not None and self._known.pid == pid

    def standing(self) -> dict[str, Any]:
        """Whether one was started and runs, and if it ended by itself what it said."""
        code = self._process.poll() if self._process is not None else None
        return {
            "started": self._process is not None or self._known is not None,
            "exit_code": code,
            "said": self._said() if code is not None else "",
        }

    def start(self, wish: Start, model: Path) -> None:
        """Start one.

        Raises:
            ConsoleError: one runs already, or none can be started.
            StorageError: its log has no place.
        """
        if self._process is not None and self._process.poll() is None:
            raise ConsoleError("the band of this page plays already", hint="stop it first")
        try:
            (self._folder / "logs").mkdir(parents=True, exist_ok=True)
            self._forget_old_logs()
            log = self._folder / "logs" / f"{self._today():%Y-%m-%d-%H%M%S}.jsonl"
            said = (self._folder / "said.txt").open("wb")
        except OSError as error:
            raise StorageError(
                f"the band's log has no place in {self._folder}: {error.strerror}", hint="free space there"
            ) from error
        call = [*self._program, "serve", *wish.flags(), f"--model={model}", f"--control-socket={self.address}"]
        try:
            with said:
                self._process = subprocess.Popen(  # noqa: S603 (our own program, its arguments checked above)
                    [*call, f"--log={log}"],
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            raise ConsoleError(f"the band cannot be started: {error.strerror}") from error
        self._known = _Known(self._process.pid, str(self.address))
        self._note.write_bytes(msgspec.json.encode(self._known))

    async def stop(self) -> None:
        """End the one that was started here, also by a console before this one; where there is none nothing happens."""
        known, self._known = self._known, None
        if known is not None and (self._process is not None or self._plays(known)):
            self._send(known.pid, signal.SIGTERM)
            for _ in range(round(END_S / LOOK_S)):
                if not self._lives(known.pid):
                    break
                await self._sleep(LOOK_S)
            else:
                self._send(known.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
                if self._process is not None:
                    self._process.wait()
        self._process = None
        self._note.unlink(missing_ok=True)

    @property
    def _note(self) -> Path:
        return self._folder / "band.json"

    def _remembered(self) -> _Known | None:
        """What a console before this one wrote down, if that still plays."""
        try:
            known = msgspec.json.decode(self._note.read_bytes(), type=_Known)
        except (OSError, msgspec.MsgspecError):
            return None
        return known if self._plays(known) else None

    def _plays(self, known: _Known) -> bool:
        """The process that answers on the socket is the one that is meant: numbers of processes are used again."""
        try:
            return bool(ask(self.address, {"command": "about"}).get("about", {}).get("pid") == known.pid)
        except ControlError:
            return False

    def _lives(self, pid: int) -> bool:
        if self._process is not None:
            return self._process.poll() is None
        try:
            os.kill(pid, 0)
        except OSError:
            return False
        return True

    @staticmethod
    def _send(pid: int, number: int) -> None:
        with contextlib.suppress(OSError):
            os.kill(pid, number)

    def _said(self) -> str:
        """The last error it told, or its last line."""
        try:
            text = (self._folder / "said.txt").read_bytes()[-_SAID_BYTES:].decode("utf-8", "replace")
        except OSError:
            return ""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        wrong = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        return (wrong or lines or [""])[-1]

    def _forget_old_logs(self) -> None:
        for old in sorted((self._folder / "logs").glob("*.jsonl"))[: 1 - KEPT_LOGS]:
            old.unlink(missing_ok=True)
