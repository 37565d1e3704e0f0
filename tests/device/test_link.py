"""Ableton Link between two programs, in a network of their own."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.device

MEETING = Path(__file__).parents[1] / "support" / "link_meeting.py"
NETWORK = "ip link set lo up multicast on && ip route add 224.0.0.0/4 dev lo"
"""Link finds its peers by multicast: a loopback with a route for it."""


def why_not() -> str:
    """Why two peers cannot meet here; empty where they can."""
    if importlib.util.find_spec("link") is None:
        return "Link is not installed: pip install -e '.[link]'"
    if absent := [program for program in ("unshare", "ip") if shutil.which(program) is None]:
        return f"not installed: {', '.join(absent)}"
    tried = subprocess.run(["unshare", "-n", "sh", "-c", NETWORK], capture_output=True, text=True, check=False)
    return f"no network of its own here: {tried.stderr.strip()}" if tried.returncode else ""


def test_two_peers_agree_on_tempo_start_stop_and_phase() -> None:
    if reason := why_not():
        pytest.skip(reason)
    command = ["unshare", "-n", "sh", "-c", f'{NETWORK} && exec "$0" "$1"', sys.executable, str(MEETING)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    found = json.loads(told.stdout)
    assert found["peers"] == 1
    assert found["tempo"] == pytest.approx(97)
    assert (found["started"], found["stopped"]) == (True, True)
    apart_ms = [abs(ms) for ms in found["phases_ms"]]
    assert max(apart_ms) < 2  # on one machine; Link's own promise over a network is some ms
    # What the listener tells the engine is one straight line at the session's tempo.
    (first_s, first_beat), (last_s, last_beat) = found["beats"][0], found["beats"][-1]
    assert (last_beat - first_beat) / (last_s - first_s) == pytest.approx(97 / 60, rel=0.01)
