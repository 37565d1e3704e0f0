"""Where a performance stands, for whoever shows it."""

from __future__ import annotations

from typing import NamedTuple

from accompanist.engine.controls import Setting
from accompanist.engine.figures import Figures


class Status(NamedTuple):
    """Where the performance stands.

    Args:
        running: The song moves.
        bar: From 1.
        beat: From 1.
        tick: Position in the song.
        bpm: Tempo.
        lock: "internal", or of a MIDI clock "waiting", "locked", "lost".
        listening: Still in the first window: nothing can be planned yet.
        notes_in: Note-ons from the player.
        notes_out: Note-ons sent, thru not counted.
        late_answers: Answers that came when their first beats were gone.
        dropped_answers: Answers of which nothing was left to play.
        failures: Failures of the model, and answers that were none.
        figures: How well it was planned.
        inference_s: How long the model took for its last answer; 0 before the first.
        controls: Where the player's controls stand.
    """

    running: bool
    bar: int
    beat: int
    tick: int
    bpm: float
    lock: str
    listening: bool
    notes_in: int
    notes_out: int
    late_answers: int
    dropped_answers: int
    failures: int
    figures: Figures
    inference_s: float
    controls: Setting = Setting()
