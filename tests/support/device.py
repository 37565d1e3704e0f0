"""Real programs for the device tests: a private JACK server, `accompanist serve`, a second client, a clock master."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

PATIENCE_S = 30.0
"""How long a program may take for what it does at once on an idle machine."""


class HostStalled(AssertionError):
    """A test failed for what says nothing about the program, such as a machine that stood still. It is run again."""


class Program:
    """A running program whose output lines are read as they come."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        # stderr goes with stdout: what JACK's library prints belongs to what a user would see.
        self._process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines: list[str] = []
        self._fresh: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))
            self._fresh.put(line)
        self._fresh.put(None)

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    def line_with(self, text: str, patience_s: float = PATIENCE_S) -> str:
        """Wait for a line that holds a text."""
        deadline_s = time.monotonic() + patience_s
        try:
            while (line := self._fresh.get(timeout=max(deadline_s - time.monotonic(), 0.01))) is not None:
                if text in line:
                    return line
        except queue.Empty:
            raise AssertionError(f"no line with {text!r} in {patience_s} s: {self.lines}") from None
        raise AssertionError(f"it ended without a line with {text!r}: {self.lines}")

    def said(self, text: str) -> str:
        """The first line so far that holds a text."""
        return next(line for line in self.lines if text in line)

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def ends(self, patience_s: float = PATIENCE_S) -> int:
        """Wait for its end; returns its exit code."""
        code = self._process.wait(patience_s)
        self._reader.join(patience_s)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code

    def stop(self) -> None:
        """End it if it still runs."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self.ends()
            except subprocess.TimeoutExpired:
                self._process.kill()
                self.ends()
        elif self._process.stdout is not None:
            self._process.stdout.close()


class Heard(NamedTuple):
    """One MIDI message that came back.

    Args:
        at_s: When.
        port: Which of the player's inputs.
        data: The bytes.
    """

    at_s: float
    port: int
    data: bytes


class Record(NamedTuple):
    """What the second client did and heard.

    Args:
        sent: (second, bytes).
        heard: What came back.
        moved: What the transport was told: (second, word).
        stalled_s: How long the machine stood still: so much JACK's frames fell behind the seconds.
    """

    sent: list[tuple[float, bytes]]
    heard: list[Heard]
    moved: list[tuple[float, str]]
    stalled_s: float


BACKENDS = ("jack", "rtmidi")


def our_port(backend: str, role: str, name: str) -> str:
    """Full name of a port of ours: rtmidi makes a client of each, the jack back end one for all in, one for all out."""
    if backend == "jack" and role not in ("in", "out"):
        role = "in" if role == "clock" else "out"
    return f"Accompanist {role}:{name}"


class JackServer:
    """A private JACK server with the dummy driver, and the programs that are its clients."""

    def __init__(self, name: str, folder: Path) -> None:
        self._folder = folder
        self._programs: list[Program] = []
        self._players = 0
        self._killed = False
        self.stalled_s = 0.0  # the longest that the machine stood still while someone played
        self.environment = {
            **os.environ,
            "JACK_DEFAULT_SERVER": name,
            "JACK_NO_START_SERVER": "1",
            "JACK_NO_AUDIO_RESERVATION": "1",
            "COLUMNS": "200",
        }
        # A server without real-time priority must wait for its clients (no -S).
        punctual = ["--realtime", "-P", "60", "-S"] if _may_be_real_time() else ["--no-realtime"]
        # What is off by more is on another beat, so wrong and not late: no beat of these tests is shorter than 250 ms.
        # How late a note may be on a given machine is a benchmark's question.
        self.tolerance_s = 0.1
        # Long periods: where a virtual machine stands still for less than one, JACK's frames lose nothing by it.
        driver = ["-d", "dummy", "-r", "48000", "-p", "1024"]
        self._command = ["jackd", *punctual, "-n", name, *driver]
        self._server = self._started()

    def _started(self) -> Program:
        server = Program(self._command, self.environment)
        waited = subprocess.run(["jack_wait", "-w", "-t", "10"], env=self.environment, capture_output=True, check=False)
        if waited.returncode != 0:
            server.stop()
            raise AssertionError(f"jackd did not start: {server.lines}")
        return server

    def start(self, command: list[str]) -> Program:
        """Start a client; it is ended before the server is."""
        program = Program(command, self.environment)
        self._programs.append(program)
        return program

    def serve(self, *arguments: str) -> Program:
        """Start `accompanist serve` and wait for the hand-shake.

        The model is asked an eighth ahead, not a sixteenth: at these tempos a machine's hiccup outlasts a sixteenth.
        """
        program = self.accompanist("serve", "--lead-steps", "2", *arguments)
        program.line_with("ready")
        return program

    def accompanist(self, *arguments: str) -> Program:
        """Start any of our commands."""
        return self.start([sys.executable, "-m", "accompanist", *arguments])

    def ports(self) -> list[str]:
        """What `jack_lsp` lists. Only when no client is about to open: it races with that."""
        listed = subprocess.run(
            ["jack_lsp"], env=self.environment, capture_output=True, text=True, check=True, timeout=PATIENCE_S
        )
        return listed.stdout.split("\n")

    def player(self, script: dict[str, Any]) -> tuple[Program, Path]:
        """Start the second client; returns when it plays."""
        self._players += 1
        script_path, record_path = (self._folder / f"{kind}{self._players}.json" for kind in ("script", "record"))
        script_path.write_text(json.dumps(script), encoding="utf-8")
        program = Path(__file__).with_name("jack_player.py")
        player = self.start([sys.executable, str(program), str(script_path), str(record_path)])
        player.line_with("playing")
        return player, record_path

    def play(self, script: dict[str, Any]) -> Record:
        """Let the second client play a script to its end."""
        player, record_path = self.player(script)
        assert player.ends() == 0, player.lines
        record = read_record(record_path)
        self.stalled_s = max(self.stalled_s, record.stalled_s)
        return record

    @property
    def garbled(self) -> bool:
        """A client's threads spoke to the server at once, and it no longer understands that client."""
        return any("Unknown request" in line for line in self._server.lines)

    def kill(self) -> None:
        """The server dies under its clients."""
        self._server.signal(signal.SIGKILL)
        self._server.ends()
        self._killed = True

    def restart(self) -> None:
        """After its death: another server of that name."""
        self._server = self._started()
        self._killed = False

    def stop(self) -> None:
        """Clients first, the server last: it does not outlive them well the other way round."""
        for program in reversed(self._programs):
            program.stop()
        if self._killed:
            # JACK keeps the names of at most eight servers; only a new one of its name gives a dead one's place back.
            self._server = self._started()
        self._server.stop()


def read_record(path: Path) -> Record:
    """What a second client wrote at its end."""
    values = json.loads(path.read_text(encoding="utf-8"))
    return Record(
        [(at_s, bytes.fromhex(data)) for at_s, data in values["sent"]],
        [Heard(at_s, port, bytes.fromhex(data)) for at_s, port, data in values["received"]],
        [(at_s, word) for at_s, word in values["moved"]],
        values["stalled_s"],
    )


def _may_be_real_time() -> bool:
    script = "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(60))"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 0


def why_no_jack() -> str:
    """Why the device tests cannot run here; empty where they can."""
    programs = ("jackd", "jack_wait", "jack_lsp", "jack_midi_clock", "fluidsynth")
    absent = [program for program in programs if shutil.which(program) is None]
    if absent:
        return f"not installed: {', '.join(absent)} (scripts/device-tests installs them on Debian)"
    try:
        import jack  # noqa: F401, PLC0415 (it raises OSError where libjack is missing)
    except (ImportError, OSError) as error:
        return f"no JACK-Client: {error}"
    return ""
