"""Which second a JACK frame falls on: one steady line through cycles that are all told a little late.

JACK counts frames; the rest of the program counts the seconds of its clock. Each cycle gives one pair, its first frame
and the second it began at, and that second is never too early: a server that is put off begins late, by anything from
20 us to some ms. So the line is laid along the earliest pairs, not through their middle, and is then bent by a few
millionths a second, never stepped: its jitter would be the jitter of every note.

Frames fall behind for good where the server loses time (a stalled machine, an xrun); then the line is laid anew.
"""

from __future__ import annotations

import math

JUMP_S = 0.0005
"""A cycle off by more is not merely late, if many more are as well; and a few, where it is off by far more."""
_RUNS = ((JUMP_S, 12), (0.002, 4))
_SETTLE_S = 0.5  # after it was laid anew each earlier pair moves the line at once
_WINDOW_S = 1.0  # afterwards it is bent once a window
_GAIN = 0.2  # of that bending, once it has settled: half of an error is gone after three windows
_MOST_DRIFT = 0.001  # a sound card further off than this is none
_COUNTER = 1 << 32  # JACK's frame counter begins again after a day


class _Run:
    """Cycles in a row that are off by more than something.

    Args:
        above_s: By more than this.
        enough: So many in a row are no accident.
    """

    def __init__(self, above_s: float, enough: int) -> None:
        self._above_s, self._enough = above_s, enough
        self._least_s, self._count = math.inf, 0

    def add(self, late_s: float) -> float:
        """One more; returns by how much all of them are off, once they are enough, else 0."""
        if late_s <= self._above_s:
            self.end()
            return 0.0
        self._least_s, self._count = min(self._least_s, late_s), self._count + 1
        return self._least_s if self._count >= self._enough else 0.0

    def end(self) -> None:
        """The row is over."""
        self._least_s, self._count = math.inf, 0


class FrameLine:
    """Frames to seconds and back.

    Args:
        rate: Frames a second, as JACK says.
    """

    def __init__(self, rate: int) -> None:
        self._nominal_s = 1 / rate
        self._rate = rate
        self._steady_s = self.frame_s = 1 / rate  # seconds a frame: without, and with, the correction under way
        self._counter: int | None = None
        self._frame = 0  # frames since the first cycle
        self._anchor_frame, self._anchor_s = 0, 0.0
        self._runs = tuple(_Run(*run) for run in _RUNS)
        self._settled_frame = self._window_frame = 0
        self._earliest_s = math.inf
        self._windows = 0
        self._now = 0, math.nan, self.frame_s  # counter, second and seconds a frame of the cycle under way, at once
        self.lost_s = 0.0  # how far the frames have fallen behind the seconds so far

    def cycle(self, counter: int, at_s: float | None) -> float:
        """A cycle begins.

        Args:
            counter: JACK's frame counter at its start.
            at_s: When it began, in seconds, or later; None where that could not be measured.

        Returns:
            When it began by the line.
        """
        if self._counter is None:
            if at_s is None:
                return math.nan  # nothing is known yet; a cycle that is none has no events
            self._counter = counter
            self._lay(at_s)
        self._frame += (counter - self._counter) % _COUNTER
        self._counter = counter
        if at_s is not None:
            self._measured(at_s - self.begin_s)
        self._now = counter, self.begin_s, self.frame_s
        return self.begin_s

    def s_of(self, counter: int) -> float:
        """When a frame near the present comes, by the line; from any thread. Not a number before the first cycle.

        Args:
            counter: JACK's frame counter then.
        """
        now_counter, now_s, frame_s = self._now
        frames = (counter - now_counter + _COUNTER // 2) % _COUNTER - _COUNTER // 2
        return now_s + frames * frame_s

    @property
    def begin_s(self) -> float:
        """When the cycle under way began by the line."""
        return self._anchor_s + (self._frame - self._anchor_frame) * self.frame_s

    def _lay(self, at_s: float) -> None:
        self._anchor_frame, self._anchor_s = self._frame, at_s
        self._settled_frame = self._window_frame = self._frame + round(_SETTLE_S * self._rate)
        self._earliest_s = math.inf
        self.frame_s = self._steady_s
        for run in self._runs:
            run.end()
        self._windows = 0

    def _measured(self, late_s: float) -> None:
        if late_s < -JUMP_S:
            self.lost_s += late_s
            self._lay(self.begin_s + late_s)
            return
        behind_s = max(run.add(late_s) for run in self._runs)
        if behind_s > 0:
            self.lost_s += behind_s
            self._lay(self.begin_s + behind_s)
        if late_s > JUMP_S:
            return
        if self._frame < self._settled_frame:
            self._anchor_s += min(late_s, 0.0)
            self.lost_s += min(late_s, 0.0)
            return
        self._earliest_s = min(self._earliest_s, late_s)
        if self._frame >= self._window_frame + _WINDOW_S * self._rate:
            self._bend()

    def _bend(self) -> None:
        """Lead the line, over the coming window, to where the earliest cycle of the last one began."""
        length = self._frame - self._window_frame
        self._anchor_frame, self._anchor_s = self._frame, self.begin_s
        self._windows += 1
        gain = max(2 / (1 + self._windows), _GAIN)
        steady_s = self._steady_s + gain * gain / 2 * self._earliest_s / length
        most_s = _MOST_DRIFT * self._nominal_s
        self._steady_s = min(max(steady_s, self._nominal_s - most_s), self._nominal_s + most_s)
        self.frame_s = self._steady_s + gain * self._earliest_s / length
        self._window_frame, self._earliest_s = self._frame, math.inf
