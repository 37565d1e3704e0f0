"""What of the plan plays: the player's controls, dynamics and left hand, applied to each beat as it is committed.

plan -> harmony held -> fill -> bent to the left hand -> thinned -> tracks muted -> loudness

Each is a rule on notes. What was committed before may be told to end at the beat, or where a newer plan ends it.
"""

from __future__ import annotations

import copy
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
from accompanist.engine.planner import in_order, scaled
from accompanist.engine.protocol import Committed
from accompanist.music.note import DEFAULT_VELOCITY
from accompanist.music.spec import ModelSpec
from accompanist.music.time import PPQ, STEPS_PER_BEAT

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


class _Stand(NamedTuple):
    """By what it was decided what plays: where one of these changes, so does what is ahead."""

    chord: tuple[int, ...] = ()
    places: int = 0  # sixteenths of a bar that may be struck on
    silent: frozenset[int] = frozenset()
    hold: bool = False


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
        self._told = self._stood = _Stand()  # by the last `ahead`, and by the last beat
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
        chord, bending_now = self._chord(begin_tick)
        self._stood = self._stand(chord, share)
        playing = self._all - self._stood.silent
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
            notes = self._filled(notes, () if held is not None else before, begin_tick)
            ends |= striking(self._spec)
            self._anew = striking(self._spec)
            share = 1.0
        notes = self._lighter(notes, chord, share)
        as_planned = bool(playing) and held is None
        return Arranged(self._loud([c for c in notes if c.track in playing]), ends, changed, as_planned)

    @property
    def ahead_changed(self) -> bool:
        """By what the last beat was decided it no longer is what `ahead` said."""
        return self._stood != self._told

    def ahead(self, begin_tick: int, planned: Sequence[Committed]) -> tuple[list[Committed], frozenset[int]]:
        """What plays of the beats to come as everything stands; nothing is committed.

        Args:
            begin_tick: First tick of the first of them.
            planned: All that the plans sound from there on, in any order; what began before goes on.

        Returns:
            The notes, and the tracks whose notes do not sound.
        """
        share, chord = self._share(begin_tick), self._left_hand.outlook(begin_tick)
        self._told = self._stand(chord, share)
        anew = (self._all - self._told.silent - self._playing) | self._anew
        if _classes(chord) != self._followed:
            anew |= bending(chord, self._spec)
        fill_end_tick = self._bar_end(begin_tick) if self._fill_asked else self._fill_end_tick
        if chord or anew or self.desk.hold or fill_end_tick > begin_tick:
            found = self._ahead_by_beats(begin_tick, fill_end_tick, in_order(planned), anew)
        else:
            found = thinned(planned, share or 1.0, self._settings.beats_per_bar)
        return found, self._told.silent

    def _ahead_by_beats(
        self, begin_tick: int, fill_end_tick: int, planned: Sequence[Committed], anew: frozenset[int]
    ) -> list[Committed]:
        """The same, where more plays in a beat than what the plan begins in it; `anew`: tracks that come in first."""
        share, chord = self._share(begin_tick) or 1.0, self._told.chord
        held, holding = copy.copy(self._held) if self.desk.hold else None, self._holding
        strikers = striking(self._spec)
        found: list[Committed] = []
        for tick in range(begin_tick, max((c.note.end_tick for c in planned), default=begin_tick), PPQ):
            filling, first = tick < fill_end_tick, tick == begin_tick
            notes = [c for c in planned if tick <= c.note.start_tick < tick + PPQ]
            before = [c for c in planned if c.note.start_tick < tick < c.note.end_tick]
            if held is not None:
                strikes = first or filling or not holding or tick % self._bar_ticks == 0
                going_on = held.take_on(tick, self._bar_ticks, self._all if strikes else frozenset[int]())
                holding = going_on is not None
                if going_on is None:  # there is no harmony yet: that of this beat will be the one
                    held.planned(tick, [*before, *notes])
                else:
                    notes, before = self._with_drums(going_on, notes), []
            # Who goes on was bent and thinned where it began.
            goes_on = (self._all - anew if first else frozenset[int]()) - (strikers if filling else frozenset[int]())
            found += self._lighter([c for c in before if c.track in goes_on], chord, share)
            comes_in = anew if first else strikers if tick == fill_end_tick else frozenset[int]()
            if filling:
                notes, comes_in, share_here = self._filled(notes, before, tick), comes_in - strikers, 1.0
            else:
                share_here = share
            entering = [c._replace(note=c.note._replace(start_tick=tick)) for c in before if c.track in comes_in]
            found += self._lighter([*entering, *notes], chord, share_here)
        return found

    def _lighter(self, notes: Sequence[Committed], chord: Sequence[int], share: float) -> list[Committed]:
        return thinned(bent(notes, chord, self._spec), share, self._settings.beats_per_bar)

    def _filled(self, notes: Sequence[Committed], before: Sequence[Committed], tick: int) -> list[Committed]:
        return filled(notes, before, tick, self._bar_ticks, self._spec)

    def _stand(self, chord: tuple[int, ...], share: float) -> _Stand:
        places = math.ceil(share * self._settings.beats_per_bar * STEPS_PER_BEAT)
        return _Stand(chord, places, self.desk.closed if share > 0 else self._all, self.desk.hold)

    def _bar_end(self, tick: int) -> int:
        return tick - tick % self._bar_ticks + self._bar_ticks

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
        return in_order(notes)

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
        followed_now = _classes(chord)
        changed, self._followed = followed_now != self._followed, followed_now
        return chord, bending(chord, self._spec) if changed else frozenset()

    def _fills(self, tick: int) -> bool:
        if self._fill_asked:
            self._fill_asked = False
            self._fill_end_tick = self._bar_end(tick)
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


def _classes(chord: Sequence[int]) -> frozenset[int]:
    """What of a left hand's pitches matters: their classes, and the bass's below 0."""
    return frozenset({-1 - chord[0] % 12, *(pitch % 12 for pitch in chord)}) if chord else frozenset()
