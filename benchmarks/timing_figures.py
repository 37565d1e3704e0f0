"""What `timing.py` makes of what was heard: frames to seconds, messages to those they were due as, percentiles."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

STALL_S = 0.002
"""Frames that fall behind the seconds by more at once: the machine, or the server, stood still."""
_WINDOW_S = 0.5
_AFTER_STALL_S = 0.3
"""So long before and after a stall nothing is told about whoever plays: it was not he who was late."""


class Line:
    """Which second each frame fell on, found afterwards from all cycles; neither player nor listener decides it.

    A cycle is never told too early, so the earliest of those that follow within half a second give its second.

    Args:
        cycles: A row [frame, second] per cycle.
        rate: Frames a second.
    """

    def __init__(self, cycles: Sequence[Sequence[float]], rate: int) -> None:
        rows = np.asarray(cycles, dtype=np.float64)
        self._frames, offset_s = rows[:, 0], rows[:, 1] - rows[:, 0] / rate
        self._rate = rate
        window = max(int(_WINDOW_S * len(rows) / max(rows[-1, 1] - rows[0, 1], _WINDOW_S)), 1)
        padded = np.concatenate([offset_s, np.full(window - 1, np.inf)])
        self._offset_s = np.lib.stride_tricks.sliding_window_view(padded, window).min(axis=1)
        steps_s = np.diff(self._offset_s)
        self.stalls_s: NDArray[np.float64] = rows[1:, 1][steps_s > STALL_S]
        self.stood_still_s = float(steps_s[steps_s > STALL_S].sum())
        self.longest_still_s = float(steps_s.max(initial=0.0))

    def s_at(self, frame: float) -> float:
        """The second of a frame."""
        i = max(int(np.searchsorted(self._frames, frame, side="right")) - 1, 0)
        return float(frame / self._rate + self._offset_s[i])

    def still_near(self, at_s: float) -> bool:
        """Whether the machine stood still around a second."""
        return bool((abs(self.stalls_s - at_s) < _AFTER_STALL_S).any())


class Note(NamedTuple):
    """A note-on that was due, and heard.

    Args:
        key: Its channel and pitch.
        due_s: When it should have left.
        said_s: When it left, says the player; None where it does not know.
        frame: Where it was heard.
    """

    key: str
    due_s: float
    said_s: float | None
    frame: int


def matched(due: Sequence[Sequence[Any]], heard: Sequence[Sequence[Any]]) -> tuple[list[Note], int]:
    """Each note-on that was due with the one heard of its channel and pitch, in turn; and how many are missing.

    Args:
        due: Rows [second, hex bytes, second it left or None].
        heard: Rows [frame, hex bytes].
    """
    frames: dict[str, deque[int]] = defaultdict(deque)
    for frame, data in heard:
        if data[0] == "9" and data[4:] != "00":
            frames[data[:4]].append(frame)
    notes, missing = [], 0
    for due_s, data, said_s in sorted(due, key=lambda row: row[0]):
        if frames[data[:4]]:
            notes.append(Note(data[:4], due_s, said_s, frames[data[:4]].popleft()))
        else:
            missing += 1
    return notes, missing


def spread(values: Sequence[float], digits: int = 3) -> dict[str, float] | None:
    """Median, p95, p99 and largest; None of nothing."""
    if not values:
        return None
    p50, p95, p99 = np.percentile(values, [50, 95, 99], method="higher")
    shares = {"p50": p50, "p95": p95, "p99": p99, "max": max(values)}
    return {name: round(float(value), digits) for name, value in shares.items()}


def intervals_off(notes: Sequence[Note], line: Line, rate: int) -> list[float]:
    """Frames by which the way from each note to the next of its pitch differs from what was due, by JACK alone."""
    last: dict[str, Note] = {}
    off = []
    for note in notes:
        before = last.get(note.key)
        if before is not None and not line.still_near(note.due_s):
            off.append(abs(note.frame - before.frame - (note.due_s - before.due_s) * rate))
        last[note.key] = note
    return off


def of_notes(notes: Sequence[Note], line: Line, rate: int) -> dict[str, Any]:
    """Lateness, jitter and evenness of those notes around which the machine did not stand still."""
    awake = [note for note in notes if not line.still_near(note.due_s)]
    late_ms = [1000 * (line.s_at(note.frame) - note.due_s) for note in awake]
    middle_ms = float(np.median(late_ms)) if late_ms else 0.0
    figures: dict[str, Any] = {
        "notes": len(notes),
        "judged": len(awake),
        "lateness_ms": spread(late_ms),
        "jitter_ms": spread([abs(ms - middle_ms) for ms in late_ms]),
        "interval_off_frames": spread(intervals_off(notes, line, rate), 1),
    }
    return figures


def of_frames(notes: Sequence[Note], line: Line, rate: int) -> dict[str, Any]:
    """For a player that keeps exact time: by how many frames each note missed its own, and whether that is true."""
    awake = [note for note in notes if not line.still_near(note.due_s)]
    said = [(note, note.said_s) for note in awake if note.said_s is not None]
    return {
        "frames_off": spread([abs(round((said_s - note.due_s) * rate)) for note, said_s in said], 0),
        "frames_off_with_stalls": spread([abs(round(((n.said_s or 0) - n.due_s) * rate)) for n in notes], 0),
        "listener_differs_frames": spread([abs(said_s - line.s_at(note.frame)) * rate for note, said_s in said], 2),
    }


def of_thru(
    played: Sequence[Sequence[Any]], heard: Sequence[Sequence[Any]], channel: int, line: Line, rate: int
) -> Any:
    """From the frame a melody's note was played at to the frame it came back at."""
    back: dict[str, deque[int]] = defaultdict(deque)
    for frame, data in heard:
        if data[:2] == f"{0x90 | channel:x}":
            back[data[2:4]].append(frame)
    late_ms, lost, notes = [], 0, 0
    for frame, data in played:
        if data[0] != "9":
            continue
        notes += 1
        if not back[data[2:4]]:
            lost += 1
            continue
        frames = back[data[2:4]].popleft() - frame
        if not line.still_near(line.s_at(frame)):
            late_ms.append(1000 * frames / rate)
    middle_ms = float(np.median(late_ms)) if late_ms else 0.0
    jitter_ms = spread([abs(ms - middle_ms) for ms in late_ms])
    return {"notes": notes, "lost": lost, "judged": len(late_ms), "latency_ms": spread(late_ms), "jitter_ms": jitter_ms}
