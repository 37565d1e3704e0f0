"""An Ableton Link session: who is in it agrees on tempo, place in the bar, start and stop.

Threads: one of its own, asks the session every 20 ms and leaves what it says in
the engine's inbox; Link's own threads speak with the network. Nothing of the session is ever waited for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from accompanist.engine.protocol import LinkState
from accompanist.errors import MissingExtra
from accompanist.runtime.clock import Clock

EVERY_S = 0.02


def session(bpm: float) -> Any:
    """A Link session, found by its peers from now on.

    Args:
        bpm: Tempo, where no peer has one.

    Raises:
        MissingExtra: the package is not installed.
    """
    try:
        from link import Link  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise MissingExtra(
            f"Ableton Link's package does not load: {error}", hint="in the clone: pip install -e '.[link]'"
        ) from error
    link = Link(bpm)
    link.startStopSyncEnabled = True
    link.enabled = True
    return link


class LinkListener:
    """Tells the engine where the session is.

    Args:
        link: The session.
        clock: The one clock.
        receive: Takes each state; from the listener's thread.
        beats_per_bar: Link's quantum.
    """

    def __init__(self, link: Any, clock: Clock, receive: Callable[[LinkState], None], *, beats_per_bar: int) -> None:
        self._link = link
        self._clock = clock
        self._receive = receive
        self._quantum = float(beats_per_bar)
        self._playing = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)
        self._thread.start()

    @property
    def peers(self) -> int:
        """Others in the session."""
        return int(self._link.numPeers())

    def close(self) -> None:
        """Leave the session."""
        self._over.set()
        self._thread.join()
        self._link.enabled = False

    def _run(self) -> None:
        while not self._over.wait(EVERY_S):
            self._receive(self.look())

    def look(self) -> LinkState:
        """Where the session is now."""
        state = self._link.captureAppSessionState()
        playing = bool(state.isPlaying())
        if playing and not self._playing:
            # Beat 0 is at the next bar of the session from when it was started on.
            state.requestBeatAtStartPlayingTime(0, self._quantum)
            self._link.commitAppSessionState(state)
        self._playing = playing
        before_s, micros = self._clock.now(), self._link.clock().micros()
        at_s = (before_s + self._clock.now()) / 2
        return LinkState(at_s, state.beatAtTime(micros, self._quantum), state.tempo(), playing)
