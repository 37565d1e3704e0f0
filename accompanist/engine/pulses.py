"""The straight line through MIDI clocks whose times are late, early, in clumps, or shifted for good.

What is known of a clock's error is not its spread but its bound: read through JACK it falls anywhere within a period,
and so it does where a DAW sends its clocks once per audio buffer. So the line is the middle of the narrowest strip that
holds all clocks of the last beats: its error falls with their number, that of least squares only with the square root,
and a clock period near a buffer's (120 BPM and 1024 frames) does not fool it. Where no strip as wide as the jitter
holds them, the tempo has changed, time was lost, or some came late; the next few clocks tell which.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from accompanist.music.time import CLOCKS_PER_BEAT

Floats = NDArray[np.float64]

MOST_CLOCKS = 5 * CLOCKS_PER_BEAT
"""The line goes through this many clocks at most."""
LEAST_CLOCKS = 6
"""With fewer the tempo is what it was, and the position waits for each clock."""
SHORTEST_PERIOD_S, LONGEST_PERIOD_S = 60 / 360 / CLOCKS_PER_BEAT, 60 / 25 / CLOCKS_PER_BEAT
"""25 to 360 BPM: the range served, 30 to 300, with room for the noise of an estimate."""
LEAST_JITTER_S, USUAL_JITTER_S, MOST_JITTER_S = 0.001, 0.0065, 0.025
"""How far the clocks' errors may lie apart. Usually: a period of 256 frames and a little; at most: one of 1024."""
FIRST_JITTER_S, FIRST_CLOCKS = 0.0223, 2 * CLOCKS_PER_BEAT
"""For so many clocks they may be as wrong as by a period of 1024 frames; then the strip they lay in tells how wrong."""
ROOM = 1.5
"""Times that strip's width: it has not shown all its jitter, where the clocks' period is near a buffer's."""
COARSE_JITTER_S = 0.01
"""With more jitter than this it takes twice the clocks to be sure of something."""
FEWEST_CLOCKS = 12
"""A clock for whose sake the line would have to forget all but fewer is no part of it, until others say the same."""
WITNESSES, MOST_WITNESSES = 4, 12
"""So many clocks in a row off the line can say what has happened; where so many do not agree, it is jitter."""
CLEAR = 4
"""So many times narrower a strip of their own says that clocks have another tempo, and are not merely late."""
CALM, ALARM = 0.994, 1.1
"""What the jitter allowed is multiplied by: per clock of a narrow line; when clocks err on this side and on that."""
MOST_COUNTED = 2**16
"""Counted further, seconds would lose their last digits in the line's slope."""
_EXACT_S = 1e-9  # no clock is known better


class Strip(NamedTuple):
    """All between two parallel lines.

    Args:
        middle_s: Its middle at clock 0.
        period_s: Its slope: seconds from one clock to the next.
        width_s: How far its edges lie apart.
    """

    middle_s: float
    period_s: float
    width_s: float

    def at(self, index: float) -> float:
        """The moment its middle gives to a clock."""
        return self.middle_s + index * self.period_s


def narrowest_strip(indices: Floats, times: Floats) -> Strip:
    """The narrowest strip that holds all points, of those whose slope is a tempo.

    Its width is a convex function of its slope, made of straight pieces: the highest point less the lowest. Where the
    piece from the left meets that from the right it is at its least, or another piece lies there, which takes the
    place of one of them (cutting planes); a few such steps reach the very slope.

    Args:
        indices: (n,) numbers of the clocks, ascending.
        times: (n,) their seconds.
    """
    last, last_s = float(indices[-1]), float(times[-1])
    across, up = indices - last, times - last_s  # small numbers, for the sake of the last digits

    def strip(slope: float) -> tuple[Strip, float]:
        above = up - slope * across
        high, low = above.argmax(), above.argmin()
        top, bottom = float(above[high]), float(above[low])
        middle_s = last_s + (top + bottom) / 2 - slope * last
        return Strip(middle_s, slope, top - bottom), float(across[low] - across[high])

    (left, falls), (right, rises) = strip(SHORTEST_PERIOD_S), strip(LONGEST_PERIOD_S)
    if falls >= 0 or rises <= 0:
        return left if left.width_s < right.width_s else right
    while True:
        run = (left.width_s - right.width_s + rises * (right.period_s - left.period_s)) / (rises - falls)
        least_s = left.width_s + falls * run
        middle, change = strip(left.period_s + run)
        if middle.width_s <= least_s + _EXACT_S or not left.period_s < middle.period_s < right.period_s:
            return middle
        if change < 0:
            left, falls = middle, change
        else:
            right, rises = middle, change


class PulseLine:
    """When each clock was due, as the clocks around it tell.

    Args:
        period_s: Distance of two clocks until enough of them were heard.
    """

    def __init__(self, period_s: float) -> None:
        self._jitter_s = FIRST_JITTER_S
        self._new = True  # the jitter is not known yet
        self._strip = Strip(0.0, period_s, 0.0)
        self._next = 0  # index of the next clock
        self._indices, self._times = np.empty(0), np.empty(0)  # the clocks the line goes through
        self._odd: list[tuple[int, float]] = []  # the last clocks, where they do not fit it
        self._side = 0  # on which side of the line the last such clock was: 1 late, -1 early
        self._moved: tuple[float, float] = (-math.inf, 0.0)  # where the line was last moved, and how far

    def __len__(self) -> int:
        return len(self._times) + len(self._odd)

    @property
    def usable(self) -> bool:
        """Enough clocks were heard to tell their distance."""
        return len(self._times) >= LEAST_CLOCKS

    @property
    def period_s(self) -> float:
        """Distance of two clocks."""
        return self._strip.period_s

    @property
    def last_s(self) -> float:
        """When the last clock was due."""
        return self._strip.at(self._next - 1)

    def clear(self) -> None:
        """Forget the clocks, keep their distance."""
        self._indices, self._times, self._odd, self._next = np.empty(0), np.empty(0), [], 0
        self._moved = (-math.inf, 0.0)

    def begin(self, at_s: float) -> None:
        """The next clock begins something: where it is not in step with those before, the line moves to it at once.

        Args:
            at_s: When it came.
        """
        late_s = at_s - self._strip.at(self._next)
        if self.usable and abs(late_s) > self._jitter_s:
            self._odd.clear()
            self._move(late_s)

    def add(self, at_s: float) -> None:
        """Take a clock.

        Args:
            at_s: When it came.
        """
        if self._next >= MOST_COUNTED:
            self._count_anew()
        index = self._next
        self._next += 1
        if not self._fitted(index, at_s):
            self._odd.append((index, at_s))
            self._judge()

    def _count_anew(self) -> None:
        base = self._next - MOST_CLOCKS - MOST_WITNESSES
        self._indices = self._indices - base
        self._odd = [(index - base, s) for index, s in self._odd]
        self._strip = self._strip._replace(middle_s=self._strip.at(base))
        self._moved = (self._moved[0] - base, self._moved[1])
        self._next -= base

    def _fitted(self, index: int, at_s: float) -> bool:
        """Let a clock into the line if a strip holds it and enough of the clocks before it."""
        indices = np.append(self._indices, float(index))[-MOST_CLOCKS:]
        times = np.append(self._times, at_s)[-MOST_CLOCKS:]
        if len(times) < LEAST_CLOCKS:  # too few to tell a tempo: it stays, and the clock is believed
            self._indices, self._times = indices, times
            self._strip = self._strip._replace(middle_s=at_s - index * self.period_s)
            return True
        strip, first = narrowest_strip(indices, times), 0
        if strip.width_s > self._jitter_s:
            first = self._first_that_fits(indices, times)
            if self._odd or len(times) - first < FEWEST_CLOCKS * self._care:
                return False
            strip = narrowest_strip(indices[first:], times[first:])
        if self._odd or first:
            self._notice(*(self._odd[-1] if self._odd else (index, at_s)))
        elif len(times) == MOST_CLOCKS and strip.width_s < self._jitter_s / 2:
            self._jitter_s = max(CALM * self._jitter_s, LEAST_JITTER_S)
        self._odd.clear()
        self._indices, self._times, self._strip = indices[first:], times[first:], strip
        if self._new and len(self._times) >= FIRST_CLOCKS:
            self._new = False
            self._jitter_s = min(max(ROOM * strip.width_s, USUAL_JITTER_S), self._jitter_s)
        return True

    @property
    def _care(self) -> int:
        return 1 if self._jitter_s <= COARSE_JITTER_S else 2

    def _notice(self, index: int, at_s: float) -> None:
        """A clock was off the line. Once on this side and once on that: no tempo does so, the jitter is larger."""
        side = 1 if at_s > self._strip.at(index) else -1
        if side == -self._side:
            self._allow(ALARM * self._jitter_s)
        self._side = side

    def _judge(self) -> None:
        """What the last clocks mean that do not fit the line, where they agree."""
        if len(self._odd) < WITNESSES:
            return
        odd = self._odd[-WITNESSES * self._care :]
        indices, times = np.array([float(index) for index, _ in odd]), np.array([s for _, s in odd])
        late = times - (self._strip.middle_s + indices * self.period_s)
        spread_s, own_s = float(late.max() - late.min()), narrowest_strip(indices, times).width_s
        if spread_s <= self._jitter_s:
            if len(odd) < WITNESSES * self._care:
                return
            if self._jitter_s > COARSE_JITTER_S and spread_s > max(self._jitter_s / 2, CLEAR * own_s):
                self._indices, self._times = np.empty(0), np.empty(0)  # nearer to another line than to this one, moved
                self._take_odd()
            else:
                self._offset(float(indices[0]), float(late.max() + late.min()) / 2)
        elif late.min() > 0 and late[-1] < late[0]:
            pass  # a clump: held up, each by less than the one before; its end will tell
        elif own_s <= self._jitter_s:
            self._take_odd()  # another tempo, from somewhere before them on
        elif len(self._odd) >= MOST_WITNESSES:
            self._allow(1.5 * self._jitter_s)
            self._take_odd()

    def _offset(self, index: float, late_s: float) -> None:
        """The clocks go on at their tempo, but later: time was lost.

        Lost time comes one at a time and makes nothing earlier; else what looks like it is jitter, as where clocks go
        by a coarse grid.
        """
        before_index, before_s = self._moved
        again = index - before_index <= MOST_CLOCKS and max(late_s, before_s) <= MOST_JITTER_S
        if late_s >= 0 and not again:
            self._move(late_s)
            self._moved = (index, late_s)
        elif late_s >= -MOST_JITTER_S:
            self._times = np.where(self._indices < before_index, self._times - before_s, self._times)
            self._moved = (-math.inf, 0.0)
            self._allow(max(abs(late_s), before_s) + LEAST_JITTER_S)
        self._take_odd()

    def _move(self, by_s: float) -> None:
        self._times = self._times + by_s
        self._strip = self._strip._replace(middle_s=self._strip.middle_s + by_s)

    def _take_odd(self) -> None:
        """Draw the line through as many of the last clocks as a strip holds, those off the old line among them."""
        indices = np.append(self._indices, [float(index) for index, _ in self._odd])[-MOST_CLOCKS:]
        times = np.append(self._times, [s for _, s in self._odd])[-MOST_CLOCKS:]
        self._odd.clear()
        first = self._first_that_fits(indices, times)
        self._indices, self._times = indices[first:], times[first:]
        self._strip = narrowest_strip(self._indices, self._times)

    def _first_that_fits(self, indices: Floats, times: Floats) -> int:
        """From where on the clocks lie in a strip as wide as the jitter: with fewer clocks it is never wider."""
        low, high = 0, len(times) - 2
        while low < high:
            middle = (low + high) // 2
            if narrowest_strip(indices[middle:], times[middle:]).width_s > self._jitter_s:
                low = middle + 1
            else:
                high = middle
        return low

    def _allow(self, jitter_s: float) -> None:
        self._jitter_s = min(max(jitter_s, self._jitter_s), MOST_JITTER_S)
