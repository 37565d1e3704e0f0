"""The stage page over an hour of real music.

A JACK server of our own, `accompanist serve`, a player that never rests, the console, and Chromium with the page open.

python benchmarks/stage_page_hour.py [--minutes 60] [--bpm 120] [--seed 0] [--json] [-- flags of serve]

Every minute: the page's script heap after a collection, its DOM nodes and the resident memory of its process; that of
console and daemon; frames a second and the page's own work in each; lateness of that minute's messages. At the end how
fast each kind of memory grows over the second half. `stage_memory.py` asks the same at many times the pace.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright
from soak import slope
from stage import LogTail, Stage, percentiles, usage

MIB = 1 << 20
COUNT_FRAMES = "window.frames_seen = 0; (function on() { window.frames_seen++; requestAnimationFrame(on); })()"
WORK = ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration")
"""What of a page's time is its own doing, as Chromium's Performance.getMetrics counts it, in seconds."""
MEMORIES = ("heap_mib", "page_mib", "console_mib", "serve_mib")


class Sample(NamedTuple):
    """A minute of the page.

    Args:
        minutes: Since the page was opened.
        beats: Settled so far.
        heap_mib: Script heap, after a collection.
        nodes: DOM nodes.
        page_mib: Resident memory of the page's process.
        console_mib: Of the console.
        serve_mib: Of the daemon.
        frames_a_second: Seen in that minute.
        work_ms: Script, layout and style for a frame, on average.
        messages: The band sent.
        lateness_ms: p50, p99, max of them.
        load: Of the machine, over a minute.
    """

    minutes: float
    beats: int
    heap_mib: float
    nodes: int
    page_mib: float
    console_mib: float
    serve_mib: float
    frames_a_second: float
    work_ms: float
    messages: int
    lateness_ms: dict[str, float | None]
    load: float


class Observed:
    """Page, console and daemon under observation.

    Args:
        page: The stage page.
        console: Process number of the console.
        serve: Of the daemon.
        log: The daemon's performance log.
    """

    def __init__(self, page: Page, console: int, serve: int, log: Path) -> None:
        self._page, self._console, self._serve, self._tail = page, console, serve, LogTail(log)
        self._inside: CDPSession = page.context.new_cdp_session(page)
        self._inside.send("Performance.enable")
        self._renderer = _renderer(page.context.browser)
        page.evaluate(COUNT_FRAMES)
        self._beats = 0
        self._frames, self._work_s, self._at_s = 0, 0.0, 0.0
        self._began_s = time.monotonic()
        self._count()

    def sample(self) -> Sample:
        """Look at all of it now."""
        frames, work_s, took_s = self._count()
        self._inside.send("HeapProfiler.collectGarbage")
        heap = self._inside.send("Runtime.getHeapUsage")["usedSize"] / MIB
        nodes = self._inside.send("Memory.getDOMCounters")["nodes"]
        lateness_ms = []
        for record in self._tail.records():
            if record["record"] == "message":
                lateness_ms.append(max(1000 * (record["at_s"] - record["due_s"]), 0.0))
            self._beats += record["record"] == "beat"
        memories = [round(usage(pid).rss_kib / 1024, 2) for pid in (self._renderer, self._console, self._serve)]
        pace = round(frames / took_s, 1), round(1000 * work_s / max(frames, 1), 3)
        minutes = round((self._at_s - self._began_s) / 60, 2)
        late = len(lateness_ms), percentiles(lateness_ms)
        return Sample(
            minutes, self._beats, round(heap, 3), nodes, *memories, *pace, *late, round(os.getloadavg()[0], 1)
        )

    def _count(self) -> tuple[int, float, float]:
        """Frames, seconds of the page's work and seconds that went by, since the last count."""
        frames = self._page.evaluate("window.frames_seen")
        metrics = {its["name"]: its["value"] for its in self._inside.send("Performance.getMetrics")["metrics"]}
        work_s, at_s = sum(metrics[name] for name in WORK), time.monotonic()
        since = frames - self._frames, work_s - self._work_s, at_s - self._at_s
        self._frames, self._work_s, self._at_s = frames, work_s, at_s
        return since


def _renderer(browser: Browser | None) -> int:
    """Process number of the one page's renderer: the largest of them, Chromium keeps a spare one."""
    assert browser is not None  # noqa: S101  (launched here: it has one)
    told = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    return max((its["id"] for its in told if its["type"] == "renderer"), key=lambda pid: usage(pid).rss_kib)


def observe(asked: argparse.Namespace, folder: Path) -> list[Sample]:
    """Play, look on, and measure."""
    os.environ.update({"XDG_RUNTIME_DIR": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CACHE_HOME": str(folder)})
    samples: list[Sample] = []
    with Stage() as stage, sync_playwright() as playwright:
        log = stage.folder / "performance.jsonl"
        serve = stage.serve("--bpm", str(asked.bpm), "--log", str(log), "--control-socket", *asked.serve_flags)
        run = [sys.executable, "-m", "accompanist", "--config", str(stage.folder / "config.toml")]
        run += ["console", "--port", "0", "--json", "--runs", str(folder / "runs")]
        console = stage.start(run, "console.txt")
        address = json.loads(console.line_with('"ready"'))["address"]
        stage.player(bpm=asked.bpm, seed=asked.seed)
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=sandbox)
        page = browser.new_page()
        page.goto(f"{address}stage")
        page.wait_for_selector("#show:not([hidden])")
        observed = Observed(page, console.pid, serve.pid, log)
        began_s = time.monotonic()
        for number in range(1, round(asked.minutes) + 1):
            page.wait_for_timeout(1000 * max(began_s + 60 * number - time.monotonic(), 0.0))
            samples.append(observed.sample())
            if asked.json:
                print(json.dumps(samples[-1]._asdict()), file=sys.stderr, flush=True)
            else:
                print(_line(samples[-1]), flush=True)
        browser.close()
    return samples


def growth(samples: list[Sample]) -> dict[str, float | None]:
    """MiB an hour of each memory, and nodes an hour, over the second half; None of less than four samples."""
    half = samples[len(samples) // 2 :]
    names = (*MEMORIES, "nodes")
    if len(half) < 4:
        return dict.fromkeys(names)
    return {name: slope([(each.minutes / 60, getattr(each, name)) for each in half]) for name in names}


def _line(its: Sample) -> str:
    memories = "".join(f"{getattr(its, name):9.2f}" for name in MEMORIES)
    late = its.lateness_ms["p99"]
    return (
        f"{its.minutes:7.1f}{its.beats:7}{its.nodes:7}{memories}{its.frames_a_second:7.1f}{its.work_ms:9.3f}"
        f"{its.messages:9}{'-' if late is None else f'{late:.2f}':>9}{its.load:7.1f}"
    )


HEADS = f"{'minutes':>7}{'beats':>7}{'nodes':>7}{'heap':>9}{'page':>9}{'console':>9}{'serve':>9}{'fps':>7}{'ms/frame':>9}{'messages':>9}{'late p99':>9}{'load':>7}"  # noqa: E501


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--bpm", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="at the end; each minute's line on stderr")
    parser.add_argument("serve_flags", nargs="*", metavar="-- flags of serve")
    asked = parser.parse_args()
    if not asked.json:
        print(HEADS)
    with tempfile.TemporaryDirectory(prefix="accompanist-hour-") as folder:
        samples = observe(asked, Path(folder))
    grown = growth(samples)
    if asked.json:
        print(json.dumps({"samples": [its._asdict() for its in samples], "growth_an_hour": grown}))
        return
    print("an hour, over the second half: " + ", ".join(f"{name} {value}" for name, value in grown.items()))


if __name__ == "__main__":
    main()
