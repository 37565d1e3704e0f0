"""What of the plan plays: the player's controls, dynamics and left hand, applied to each beat as it is committed.

plan -> harmony held -> fill -> bent to the left hand -> thinned -> tracks muted -> loudness

Each is a rule on notes. What was committed before may be told to end at the beat, or where a newer plan ends it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from accompanist.config import EngineConfig
from accompanist.engine.bars import BarBuffer
from accompanist.engine.controls import Desk
from accompanist.engine.density import followed, left_after_rest, thinned
from accompanist.engine.fill import filled, striking
from accompanist.engine.hold import Hold
from accompanist.engine.left_hand import LeftHand, bending, bent
from accompanist.engine.planner import scaled
from accompanist.engine.protocol import Committed
from accompanist.music.note import DEFAULT_VELOCITY
from accompanist.music.spec import ModelSpec
from accompanist.music.time import PPQ

SOFTEST, LOUDEST = 0.6, 1.25
"""How far the player's loudness may carry the band's: times its own velocity."""
FOREVER = 2**31
"""Beats a harmony is held at most where the player asks for it: longer than any concert."""


class Arranged(NamedTuple):
    """A beat as it plays.

    Args:
        notes: Those that begin in it.
        ends: Tracks of which everything that sounds ends at the beat's first tick.
        changed: Notes of earlier beats that end elsewhere than they said.
        as_planned: It is the plan that plays: not silence, and no harmony held.
    """

    notes: list[Committed]
    ends: frozenset[int] = frozenset()
    changed: Sequence[Committed] = ()
    as_planned: bool = True


class Arranger:
    """Takes the plan's beats and makes of them what the player wants.

    Args:
        spec: The model's tracks.
        settings: Meter, and how far the band follows the player's dynamics.
        bars: What the player has played.
        left_hand: The keys that say the harmony.
    """

    def __init__(self, spec: ModelSpec, settings: EngineConfig, bars: BarBuffer, left_hand: LeftHand) -> None:
        self._spec = spec
        self._settings = settings
        self._bar_ticks = settings.beats_per_bar * PPQ
        self._bars = bars
        self._left_hand = left_hand
        self.desk = Desk(spec)
        self._all = frozenset(range(len(spec.tracks)))
        self._drums = frozenset(i for i, track in enumerate(spec.tracks) if track.is_drums)
        self._held = Hold(FOREVER)
        self._loudness = 1.0
        self.restart()

    def restart(self) -> None:
        """The song goes on from another place."""
        self._held.clear()
        self._playing: frozenset[int] = frozenset()  # tracks that played in the last beat
        self._anew: frozenset[int] = frozenset()  # tracks that filled in it, and so sound nothing of the plan's
        self._followed: frozenset[int] = frozenset()  # pitch classes, and the bass's below 0, that it was bent to
        self._holding = False  # the last beat was the held one
        self._fill_asked = False
        self._fill_end_tick = 0

    def fill(self) -> None:
        """Fill from the next beat on, up to the bar line after its beginning."""
        self._fill_asked = True

    def silenced(self, tracks: frozenset[int]) -> None:
        """Tracks were ended between two beats: where they play again they come in anew."""
        self._playing -= tracks

    def beat(
        self,
        begin_tick: int,
        planned: Sequence[Committed],
        before: Sequence[Committed] = (),
        changed: Sequence[Committed] = (),
    ) -> Arranged:
        """What plays of a beat, which is thereby committed.

        Args:
            begin_tick: Its first tick.
            planned: What the plan, or the fallback for it, begins in it.
            before: What the plan sounds on from earlier beats.
            changed: Notes of earlier beats that a newer plan ends elsewhere.
        """
        share = self._share(begin_tick)
        playing = self._all - self.desk.closed if share > 0 else frozenset[int]()
        chord, bending_now = self._chord(begin_tick)
        # Which pitch a note was bent to depends on its neighbours: where one changes, all of them are struck anew.
        bending_now |= bending(chord, self._spec) & {c.track for c in changed}

        filling = self._fills(begin_tick)
        # Who comes in plays what it would be sounding by now; and so do all whose harmony changes.
        anew = (playing - self._playing) | self._anew | bending_now
        ends = (self._playing - playing) | bending_now | self._anew
        held = self._hold(begin_tick, self._all if filling else anew)
        if held is None:
            if self._holding:  # of what was held nothing is the plan's
                anew, ends = self._all, self._all
            self._held.planned(begin_tick, [*before, *planned])
            changed = [c for c in changed if c.track not in anew]
            going_on = [Committed(c.track, c.note._replace(start_tick=begin_tick)) for c in before if c.track in anew]
            notes = [*going_on, *planned]
        else:
            notes = self._with_drums(held, planned)
            changed = [c for c in changed if c.track in self._drums]
        self._holding, self._anew, self._playing = held is not None, frozenset(), playing

        if filling:
            notes = filled(notes, () if held is not None else before, begin_tick, self._bar_ticks, self._spec)
            ends |= striking(self._spec)
            self._anew = striking(self._spec)
            share = 1.0
        notes = thinned(bent(notes, chord, self._spec), share, self._settings.beats_per_bar)
        as_planned = bool(playing) and held is None
        return Arranged(self._loud([c for c in notes if c.track in playing]), ends, changed, as_planned)

    def _hold(self, begin_tick: int, anew: frozenset[int]) -> list[Committed] | None:
        """The harmony held, where the player wants it to be and there is one; it is struck on every bar line."""
        if not self.desk.hold:
            return None
        struck = anew if self._holding and begin_tick % self._bar_ticks else self._all
        return self._held.take_on(begin_tick, self._bar_ticks, struck)

    def _with_drums(self, held: list[Committed], planned: Sequence[Committed]) -> list[Committed]:
        """Drums have no harmony to hold: they go on as planned."""
        if not self._drums:
            return held
        notes = [c for c in held if c.track not in self._drums] + [c for c in planned if c.track in self._drums]
        return sorted(notes, key=lambda c: (c.note.start_tick, c.track, c.note.pitch))

    def _share(self, tick: int) -> float:
        """How much of the plan plays, 0 to 1: what the desk says, thinned as the player plays less."""
        if not self.desk.listening:
            return 0.0
        share = self.desk.density
        if self._settings.follow_density:
            share *= followed(self._bars.notes_per_beat(tick))
        rested_ticks = tick - max(self._bars.sounded_until(tick), self._left_hand.sounded_until(tick))
        return share * left_after_rest(rested_ticks, self._settings.rest_bars, self._settings.beats_per_bar)

    def _chord(self, tick: int) -> tuple[tuple[int, ...], frozenset[int]]:
        """The left hand's pitches, and the tracks that have to change for them now."""
        chord = self._left_hand.harmony(tick)
        followed_now = frozenset({-1 - chord[0] % 12, *(pitch % 12 for pitch in chord)}) if chord else frozenset[int]()
        changed, self._followed = followed_now != self._followed, followed_now
        return chord, bending(chord, self._spec) if changed else frozenset()

    def _fills(self, tick: int) -> bool:
        if self._fill_asked:
            self._fill_asked = False
            self._fill_end_tick = tick - tick % self._bar_ticks + self._bar_ticks
        return tick < self._fill_end_tick

    def _loud(self, notes: list[Committed]) -> list[Committed]:
        """As loud as the player plays; with no note of the player's to go by, as loud as before."""
        mean_velocity = self._bars.mean_velocity()
        if mean_velocity is not None:
            # The square root: the band follows half of the player's change, in decibels.
            self._loudness = min(max(math.sqrt(mean_velocity / DEFAULT_VELOCITY), SOFTEST), LOUDEST)
        return scaled(notes, self._loudness)

    def __len__(self) -> int:
        return len(self._held)
