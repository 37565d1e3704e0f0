"""What a frame of the stage page costs the page itself, by Chromium's own trace.

python benchmarks/stage_frames.py [--seconds 10] [--turns 2] [--beside OTHER_CHECKOUT] [--phone] [--json]

A made-up daemon (`stage_memory.py`) plays four tracks at 120 BPM with a full plan ahead. Traced is the page's main
thread: the script of each animation frame, style and layout for a frame, and all it does for one. Times are the
processor's, so that other programs do not count. With `--beside` scripts and styles of another checkout are measured in
the same run, turn by turn.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route
from stage import percentiles
from stage_memory import on_stage

STATIC = Path("accompanist/console/static")
FRAME_MS = 1000 / 60
WARM_MS = 4000
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
STYLING = ("UpdateLayoutTree", "Layout", "ParseAuthorStyleSheet")


def traced(browser: Browser, page: Page, seconds: float) -> list[dict[str, Any]]:
    """Events of the page's main thread."""
    browser.start_tracing(page=page, categories=["-*", "toplevel", "devtools.timeline"])
    page.wait_for_timeout(1000 * seconds)
    events: list[dict[str, Any]] = json.loads(browser.stop_tracing())["traceEvents"]
    frames = [(its["pid"], its["tid"]) for its in events if its["name"] == "FireAnimationFrame"]
    thread = max(set(frames), key=frames.count)
    return [its for its in events if (its["pid"], its["tid"]) == thread and "tdur" in its]


def told(events: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """What the trace says, in ms of the processor."""
    frames = [its["tdur"] / 1000 for its in events if its["name"] == "FireAnimationFrame"]
    styling = [its["tdur"] / 1000 for its in events if its["name"] in STYLING]
    thread = sum(its["tdur"] / 1000 for its in events if its["name"].endswith("RunTask"))
    script = percentiles(frames)
    return {
        "frames_a_second": round(len(frames) / seconds, 1),
        "script_ms": script,
        "share_of_a_frame": {name: value and round(value / FRAME_MS, 3) for name, value in script.items()},
        "styling_ms_a_frame": round(sum(styling) / max(len(frames), 1), 4),
        "thread_ms_a_frame": round(thread / max(len(frames), 1), 3),
    }


def from_checkout(page: Page, checkout: Path) -> None:
    """Have scripts and styles come from another checkout."""

    def answer(route: Route) -> None:
        path = checkout / STATIC / route.request.url.partition("/static/")[2]
        kind = {".js": "text/javascript", ".css": "text/css"}.get(path.suffix, "image/svg+xml")
        route.fulfill(body=path.read_bytes(), content_type=kind)

    page.route("**/static/**", answer)


def measure(asked: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Turn by turn, this page and the other."""
    checkouts = {"this": None, **({"beside": asked.beside} if asked.beside else {})}
    events: dict[str, list[dict[str, Any]]] = {name: [] for name in checkouts}
    with on_stage(1.0, folder) as (_, _, address, browser):
        for _ in range(asked.turns):
            for name, checkout in checkouts.items():
                page = browser.new_page(viewport=PHONE if asked.phone else DESKTOP)
                if checkout:
                    from_checkout(page, checkout)
                page.goto(f"{address}stage")
                page.wait_for_selector("#show:not([hidden])")
                page.wait_for_timeout(WARM_MS)
                events[name] += traced(browser, page, asked.seconds)
                page.close()
    found: dict[str, Any] = {name: told(its, asked.seconds * asked.turns) for name, its in events.items()}
    if asked.beside:
        this, beside = found["this"], found["beside"]
        found["ratio"] = {
            "script_p50": round(this["script_ms"]["p50"] / beside["script_ms"]["p50"], 3),
            "script_p99": round(this["script_ms"]["p99"] / beside["script_ms"]["p99"], 3),
            "thread": round(this["thread_ms_a_frame"] / beside["thread_ms_a_frame"], 3),
        }
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each turn")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--beside", type=lambda text: Path(text).resolve(), help="another checkout")
    parser.add_argument("--phone", action="store_true", help="390 by 844 pixels, instead of 1280 by 800")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(asked, Path(folder))
    if asked.json:
        print(json.dumps(found))
        return
    for name, its in found.items():
        print(f"{name}: {json.dumps(its)}")


if __name__ == "__main__":
    main()
