"""What one call of the engine says to the world, in the order in which it may be said."""

from __future__ import annotations

import math
from collections.abc import Iterable

from accompanist.engine.player import begins_note
from accompanist.engine.protocol import Event, Job, Message, Report, Step
from accompanist.music.time import PPQ


class Outbox:
    """Collects messages, events, reports and the question of the running call.

    Args:
        beats_per_bar: For places in the song as musicians say them.
    """

    def __init__(self, beats_per_bar: int) -> None:
        self._beats_per_bar = beats_per_bar
        # The last due times told: no message of the same kind goes before it.
        self._band_s = self._thru_s = self._clock_s = -math.inf
        self.notes_out = 0  # the band's note-ons so far
        self.begin()

    def begin(self) -> None:
        """A call begins: nothing has been said in it."""
        self._messages: list[Message] = []
        self._events: list[Event] = []
        self._reports: list[Report] = []
        self.job: Job | None = None

    def play(self, messages: Iterable[Message]) -> None:
        """Messages of the band."""
        for message in messages:
            self._band_s = max(self._band_s, message.due_s)
            self._messages.append(message._replace(due_s=self._band_s))
            self.notes_out += begins_note(message.data)

    def pass_on(self, messages: Iterable[Message]) -> None:
        """Messages of the player's own: they never wait behind the band's, which may have been told ahead."""
        for message in messages:
            self._thru_s = max(self._thru_s, message.due_s)
            self._messages.append(message._replace(due_s=self._thru_s))

    def lead(self, message: Message) -> None:
        """A message to those who follow our clock."""
        self._clock_s = max(self._clock_s, message.due_s)
        self._messages.append(message._replace(due_s=self._clock_s))

    def tell(self, at_s: float, name: str, detail: str = "") -> None:
        """An event."""
        self._events.append(Event(at_s, name, detail))

    def report(self, report: Report) -> None:
        """The same in numbers and notes."""
        self._reports.append(report)

    def place(self, tick: int) -> str:
        """A position as musicians say it: bar.beat, both from 1."""
        bar, beat = divmod(tick // PPQ, self._beats_per_bar)
        return f"{bar + 1}.{beat + 1}"

    def step(self, wake_at_s: float | None, *, ended: bool) -> Step:
        """All that was said since `begin`."""
        messages = sorted(self._messages, key=lambda message: message.due_s)  # stable: an off stays before its on
        return Step(tuple(messages), None if ended else self.job, wake_at_s, tuple(self._events), tuple(self._reports))
