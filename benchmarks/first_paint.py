"""How soon each page of the console is there, in a real Chromium: from a server just started, and again.

    python benchmarks/first_paint.py --runs runs
    python benchmarks/first_paint.py --runs runs --page models --rounds 5 --json

For each page: the first paint, when what one came for is there (both in seconds from the browser's start of loading),
and the seconds of CPU that the server took for it. Of several rounds the median. The latter says most on a machine that
has much else to do.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PAGES = {
    "train": ".field",
    "runs": "#list a",
    "models": "#facts dd",
    "compose": "main h1",
    "stage": "main h1",
}
"""Each with something that is there once the page is."""
PATIENCE_MS = 120_000
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has taken (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(browser: Browser, address: str, name: str, pid: int) -> dict[str, float]:
    """One page, in a browser that knows nothing of it yet."""
    context = browser.new_context()
    page = context.new_page()
    before_s = cpu_s(pid)
    began_s = time.perf_counter()
    page.goto(f"{address}{name}", wait_until="commit")
    page.locator(PAGES[name]).first.wait_for(timeout=PATIENCE_MS)
    there_s = time.perf_counter() - began_s
    taken_s = cpu_s(pid) - before_s
    page.wait_for_function(f"() => ({PAINT})() !== null", timeout=PATIENCE_MS)
    paint_s = page.evaluate(PAINT) / 1000
    context.close()
    return {"paint_s": paint_s, "there_s": there_s, "server_cpu_s": taken_s}


def measure(browser: Browser, name: str, runs: Path, folder: Path) -> dict[str, dict[str, float]]:
    """A page of a console just started, and once more."""
    (folder / "config.toml").touch()
    console = ["console", "--port", "0", "--runs", str(runs.absolute()), "--json"]
    command = [sys.executable, "-m", "accompanist", "--config", str(folder / "config.toml"), *console]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=folder) as server:  # noqa: S603 (our own)
        try:
            assert server.stdout is not None  # noqa: S101 (for the type checker: it was asked for)
            address = json.loads(server.stdout.readline())["address"]
            return {when: load(browser, address, name, server.pid) for when in ("first", "again")}
        finally:
            server.terminate()


def main() -> None:
    """Measure all pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, required=True, help="Folder with at least one run.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--page", choices=PAGES, action="append", help="Only this one; may be repeated.")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    program = shutil.which("chromium") or shutil.which("google-chrome")
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=sandbox)
        for name in asked.page or PAGES:
            rounds = [measure(browser, name, asked.runs, Path(folder)) for _ in range(asked.rounds)]
            found[name] = {
                when: {figure: statistics.median(each[when][figure] for each in rounds) for figure in rounds[0][when]}
                for when in rounds[0]
            }
            if not asked.json:
                print(
                    f"{name:<8}"
                    + "".join(
                        f"  {when}: paint {told['paint_s']:.2f} s, there {told['there_s']:.2f} s, "
                        f"server {told['server_cpu_s']:.2f} s of CPU"
                        for when, told in found[name].items()
                    ),
                    flush=True,
                )
        browser.close()
    if asked.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
