"""A stage for benchmarks: a private JACK server, `accompanist serve` as users start it, a player that never rests.

Nothing here grows with the length of a performance. Programs are ended clients first, the JACK server last.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

PATIENCE_S = 60.0
"""How long a program may take for what it does at once on an idle machine."""
PLAYER = Path(__file__).with_name("restless_player.py")
RATE = 48_000


class StageError(RuntimeError):
    """A program of the stage did not do what it is there for."""


class Stage:
    """A JACK server of our own and its clients.

    Args:
        period_frames: Of the server, at 48 kHz.
    """

    def __init__(self, *, period_frames: int = 256) -> None:
        self.period_s = period_frames / RATE
        self._folder = tempfile.TemporaryDirectory(prefix="accompanist-stage-")
        self.folder = Path(self._folder.name)
        self._programs: list[Program] = []
        name = f"accompanist-stage-{os.getpid()}"
        self._environment = {
            **os.environ, "JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1", "JACK_NO_AUDIO_RESERVATION": "1"
        }  # fmt: skip
        # A server without real-time priority must wait for its clients (no -S).
        punctual = ["--realtime", "-P", "60", "-S"] if may_be_real_time() else ["--no-realtime"]
        driver = ["-d", "dummy", "-r", str(RATE), "-p", str(period_frames)]
        self._server_command = ["jackd", *punctual, "-n", name, *driver]

    def __enter__(self) -> Self:
        self._server = Program(self._server_command, self._environment, self.folder / "jackd.txt")
        wait = ["jack_wait", "-w", "-t", "20"]
        if subprocess.run(wait, env=self._environment, capture_output=True, check=False).returncode != 0:  # noqa: S603
            self.__exit__()
            raise StageError(f"jackd did not start: {self._server.complaints()}")
        return self

    def __exit__(self, *_: object) -> None:
        for program in (*reversed(self._programs), self._server):
            program.end()
        self._folder.cleanup()

    @property
    def server_pid(self) -> int:
        """Process number of jackd."""
        return self._server.pid

    def serve(self, *arguments: str, settings: str = "") -> Program:
        """Start `accompanist serve --json` on ports called Keyboard and DAW; wait until all its ports are open.

        Args:
            arguments: Further flags.
            settings: Text of its `config.toml`.
        """
        config = self.folder / "config.toml"
        config.write_text(settings, encoding="utf-8")
        command = [sys.executable, "-m", "accompanist", "--config", str(config), "serve", "--json"]
        program = self.start([*command, "--in", "Keyboard", "--out", "DAW", *arguments], "serve.txt")
        program.line_with('"ready"')
        return program

    def player(self, *, bpm: float, seed: int) -> Program:
        """Start the player, connected to the band both ways, and wait until it plays."""
        command = [sys.executable, str(PLAYER), "--bpm", str(bpm), "--seed", str(seed)]
        command += ["--to", "Accompanist in:Keyboard", "--from", "Accompanist out:DAW"]
        program = self.start(command, "player.txt")
        program.line_with("playing")
        return program

    def busy(self, count: int) -> list[Program]:
        """So many programs of ordinary priority that compute without a pause."""
        command = [sys.executable, "-c", "while True: sum(range(10_000))"]
        return [self.start(command, f"busy{i}.txt") for i in range(count)]

    def start(self, command: list[str], complaints: str) -> Program:
        """Start any program; what it complains goes to a file of this name."""
        program = Program(command, self._environment, self.folder / complaints)
        self._programs.append(program)
        return program


class Program:
    """A running program that is asked on stdin and answers on stdout, a line each; what it complains goes to a file."""

    def __init__(self, command: list[str], environment: dict[str, str], complaints: Path) -> None:
        self._complaints = complaints
        with complaints.open("wb") as file:
            self._process = subprocess.Popen(  # noqa: S603  (our own programs, and JACK's)
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, text=True
            )
        assert self._process.stdout is not None  # noqa: S101  (for the type checker)
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def _read(self, stdout: IO[str]) -> None:
        for line in stdout:
            self._lines.put(line)
        self._lines.put(None)

    @property
    def pid(self) -> int:
        """Process number."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """It has not ended."""
        return self._process.poll() is None

    def line_with(self, text: str) -> str:
        """Wait for the next line that holds a text.

        Raises:
            StageError: it ended, or said nothing like it for a minute.
        """
        try:
            while (line := self._lines.get(timeout=PATIENCE_S)) is not None:
                if text in line:
                    return line
        except queue.Empty:
            raise StageError(f"no line with {text!r}: {self.complaints()}") from None
        raise StageError(f"it ended without a line with {text!r}: {self.complaints()}")

    def say(self, word: str) -> None:
        """Say a word."""
        assert self._process.stdin is not None  # noqa: S101  (for the type checker)
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()

    def ends(self) -> None:
        """Wait for its end.

        Raises:
            StageError: it failed.
        """
        if self._process.wait(PATIENCE_S) != 0:
            raise StageError(f"it failed: {self.complaints()}")

    def asked(self, word: str) -> dict[str, Any]:
        """Say a word and wait for the answer, one JSON object."""
        self.say(word)
        answer: dict[str, Any] = json.loads(self.line_with("{"))
        return answer

    def told_to_stop(self) -> dict[str, Any]:
        """SIGTERM, as a service manager does it; what it says last, as JSON."""
        self._process.send_signal(signal.SIGTERM)
        summary: dict[str, Any] = json.loads(self.line_with('"summary"'))
        self._process.wait(PATIENCE_S)
        return summary

    def complaints(self) -> str:
        """The end of what it wrote on stderr."""
        return self._complaints.read_text(encoding="utf-8", errors="replace")[-2000:]

    def end(self) -> None:
        """End it, if it still runs."""
        if self.running:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._reader.join(10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class Usage(NamedTuple):
    """What a process takes.

    Args:
        rss_kib: Memory in RAM.
        anon_kib: Of that, its own: not mapped from files.
        threads: Threads.
        files: Open file descriptors.
        cpu_s: Seconds of computing so far.
    """

    rss_kib: int
    anon_kib: int
    threads: int
    files: int
    cpu_s: float


def usage(pid: int) -> Usage:
    """What a process takes now."""
    folder = Path(f"/proc/{pid}")
    lines = (line.split(":", 1) for line in (folder / "status").read_text(encoding="utf-8").splitlines())
    status = {key: value.split() for key, value in lines}
    fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # proc(5): utime and stime
    sizes = int(status["VmRSS"][0]), int(status["RssAnon"][0]), int(status["Threads"][0])
    return Usage(*sizes, sum(1 for _ in (folder / "fd").iterdir()), cpu_s)


class LogTail:
    """What has been added to a performance log since the last look.

    Args:
        path: The log, being written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0

    def records(self) -> list[dict[str, Any]]:
        """Whole records that are new."""
        with self._path.open("rb") as file:
            file.seek(self._at)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._at += len(whole)
        return [json.loads(line) for line in whole.splitlines()]


def percentiles(values: Sequence[float]) -> dict[str, float | None]:
    """Median, p99 and largest (nearest rank); None of nothing."""
    if not values:
        return {"p50": None, "p99": None, "max": None}
    ordered = sorted(values)
    ranks = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {
        name: round(ordered[max(-(-int(share * 100) * len(ordered) // 100) - 1, 0)], 4) for name, share in ranks.items()
    }


def may_be_real_time() -> bool:
    """Whether programs may have real-time priority here."""
    script = "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(60))"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 0  # noqa: S603
