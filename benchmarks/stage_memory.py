"""Memory of the console and of its stage page, while a performance goes by much faster than any band plays.

python benchmarks/stage_memory.py [--minutes 4] [--faster 20] [--json]

A made-up daemon writes a real log and answers a real control socket: four tracks, an eighth note each, a plan of eight
beats on every beat, at 120 BPM times `--faster`. A console of our own shows it in Chromium. Every 15 s the resident
memory of the console and the script heap of the page, after a collection, are taken.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from playwright.sync_api import Browser, sync_playwright

from accompanist.config import EngineConfig
from accompanist.engine.engine import Engine
from accompanist.engine.status import Status
from accompanist.music.spec import LIVE_BAND, ModelSpec
from accompanist.music.time import PPQ
from accompanist.runtime.clock import MonotonicClock
from accompanist.runtime.control import ControlServer
from accompanist.runtime.control_address import usual_address
from accompanist.runtime.log_records import (
    AheadRecord,
    BeatRecord,
    Header,
    HeardRecord,
    MessageRecord,
    PlanRecord,
)

SPEC = ModelSpec(
    kind="musegan", tracks=LIVE_BAND, planes=2, context_steps=32, plan_steps=32, lag_steps=32, noise_shape=(2, 1, 1)
)
BPM = 120.0
LOOK_S = 15.0
PITCHES = (36, 60, 67, 38)
MIB = 1 << 20


class Made:
    """A daemon that plays nothing and tells of much.

    Args:
        log: Its log.
        faster: Than 120 BPM.
    """

    def __init__(self, log: Path, faster: float) -> None:
        self._log = log
        self._bpm = BPM * faster
        self._standing = Engine(SPEC, EngineConfig()).status(0.0)
        self._began_s = time.monotonic()
        self._over = threading.Event()
        self.beats = 0

    def status(self) -> Status:
        """Where it would be."""
        tick = int((time.monotonic() - self._began_s) * self._bpm / 60 * PPQ)
        beat = tick // PPQ
        return self._standing._replace(running=True, tick=tick, bar=beat // 4 + 1, beat=beat % 4 + 1, bpm=self._bpm)

    def write(self) -> None:
        """The log, until it is over."""
        encode = msgspec.json.encode
        with self._log.open("ab") as file:
            file.write(encode(_header(self._bpm)) + b"\n")
            while not self._over.wait(0.37):
                until = self.status().tick // PPQ
                lines = [encode(record) for beat in range(self.beats, until) for record in _beat(beat, self._bpm)]
                self.beats = until
                file.write(b"\n".join([*lines, b""]))
                file.flush()

    def stop(self) -> None:
        """End it."""
        self._over.set()


def _header(bpm: float) -> Header:
    return Header(
        program="0", started="2026-01-01T00:00:00+00:00", model="none", kind="live", trained="", provider="cpu",
        tracks=tuple(track.name for track in LIVE_BAND), inference_s=0.02, system="none", melody_port="none",
        clock_port=None, band_ports=("none",), follows_clock=False, bpm=bpm, beats_per_bar=4, ticks_per_beat=PPQ,
        seed=0,
    )  # fmt: skip


def _beat(beat: int, bpm: float) -> list[msgspec.Struct]:
    tick, at_s = beat * PPQ, beat * 60 / bpm
    records: list[msgspec.Struct] = [
        HeardRecord(at_s, tick, f"90{72 + beat % 12:02x}50"),
        HeardRecord(at_s, tick + 400, f"80{72 + beat % 12:02x}00"),
        BeatRecord(at_s, tick, 1, "plan", 4.0, 8, 1.0, 0),
    ]  # fmt: skip
    for half in (0, PPQ // 2):
        for track, pitch in enumerate(PITCHES):
            its = pitch + beat % 5
            records.append(MessageRecord(at_s, at_s, tick + half, track, f"{0x90 + track:02x}{its:02x}50"))
            records.append(MessageRecord(at_s, at_s, tick + half + 200, track, f"{0x80 + track:02x}{its:02x}40"))
    notes = [
        (track, pitch + ahead % 5, tick + ahead * PPQ, tick + ahead * PPQ + 400)
        for ahead in range(1, 9)
        for track, pitch in enumerate(PITCHES)
    ]
    flat = tuple(value for note in notes for value in note)
    plan = PlanRecord(at_s, beat, tick + PPQ, tick, at_s, 0.02, "answer", (8,) * 4, tick + PPQ)
    return [*records, plan, AheadRecord(at_s, tick + PPQ, flat)]


def _resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


@contextmanager
def on_stage(faster: float, folder: Path) -> Iterator[tuple[Made, int, str, Browser]]:
    """The made-up daemon, the console's process number and address, and a browser."""
    os.environ.update({"XDG_RUNTIME_DIR": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CACHE_HOME": str(folder)})
    made = Made(folder / "log.jsonl", faster)
    server = ControlServer(
        usual_address(), SPEC, MonotonicClock(), lambda _: None, made.status, log=str(folder / "log.jsonl")
    )
    writer = threading.Thread(target=made.write)
    writer.start()
    run = [sys.executable, "-m", "accompanist", "console", "--port", "0", "--json"]
    console = subprocess.Popen(run, stdout=subprocess.PIPE, text=True, cwd=folder)  # noqa: S603 (our own)
    try:
        address = json.loads(console.stdout.readline() if console.stdout else "")["address"]
        with sync_playwright() as playwright:
            sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=sandbox)
            yield made, console.pid, address, browser
            browser.close()
    finally:
        console.terminate()
        console.wait()
        made.stop()
        writer.join()
        server.close()


def measure(minutes: float, faster: float, folder: Path) -> list[dict[str, float]]:
    """Beats so far, and both memories in MiB, every 15 s."""
    found = []
    with on_stage(faster, folder) as (made, console, address, browser):
        page = browser.new_page()
        inside = page.context.new_cdp_session(page)
        page.goto(f"{address}stage")
        page.wait_for_selector("#show:not([hidden])")
        for _ in range(round(minutes * 60 / LOOK_S) + 1):
            page.wait_for_timeout(1000 * LOOK_S)
            inside.send("HeapProfiler.collectGarbage")
            heap = inside.send("Runtime.getHeapUsage")["usedSize"] / MIB
            found.append({"beats": made.beats, "console_mib": _resident_mib(console), "page_mib": heap})
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--faster", type=float, default=20.0, help="than 120 BPM")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(asked.minutes, asked.faster, Path(folder))
    if asked.json:
        print(json.dumps(found))
        return
    print(f"{'beats':>8}{'console, MiB':>16}{'page, MiB':>14}")
    for its in found:
        print(f"{its['beats']:8.0f}{its['console_mib']:16.1f}{its['page_mib']:14.2f}")


if __name__ == "__main__":
    main()
