"""How thick the band plays: which places of a bar it may strike on, and how many the player leaves it.

A bar's sixteenths are ranked by metrical weight. A density of 0.5 keeps the heavier half of the places: the off-beats
go first, the downbeat last.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from accompanist.engine.protocol import Committed
from accompanist.music.time import PPQ, STEPS_PER_BEAT, TICKS_PER_STEP

_LIGHTNESS = (0, 3, 1, 2)
"""Of a beat's sixteenths: the beat is heaviest, then its half, then the pick-up to the next beat."""
FULL_NOTES_PER_BEAT = 1.0
"""From so many notes of the player's on the band plays all of its plan."""
SPARSE_NOTES_PER_BEAT = 0.25
"""At a note a bar, or fewer, it plays as little as it ever does for that reason."""
THINNEST = 0.5
"""The least that the player's own density leaves: beats and half beats."""
FADE = (0.5, 0.25)
"""How much is left in each bar after the player has rested long enough: half beats, beats; then silence."""


@lru_cache(maxsize=16)
def weights(beats_per_bar: int) -> tuple[int, ...]:
    """The rank of each sixteenth of a bar, 0 the heaviest.

    Beats come before half beats, half beats before sixteenths; of the beats the first, then the one that halves the bar
    where one does, then the others in their order.
    """
    half = beats_per_bar // 2 if beats_per_bar % 2 == 0 else -1

    def order(step: int) -> tuple[int, int, int]:
        beat, part = divmod(step, STEPS_PER_BEAT)
        return _LIGHTNESS[part], 0 if beat == 0 else 1 if beat == half else 2, beat

    steps = sorted(range(beats_per_bar * STEPS_PER_BEAT), key=order)
    return tuple(steps.index(step) for step in range(len(steps)))


def thinned(notes: Iterable[Committed], density: float, beats_per_bar: int) -> list[Committed]:
    """The notes that begin on the heavier places of their bar.

    Args:
        notes: Ticks of the song.
        density: Share of a bar's sixteenths on which notes may begin: 1 all, 0 none.
        beats_per_bar: Of the song.
    """
    if density >= 1:
        return list(notes)
    ranks = weights(beats_per_bar)
    return [c for c in notes if ranks[c.note.start_tick // TICKS_PER_STEP % len(ranks)] < density * len(ranks)]


def followed(notes_per_beat: float) -> float:
    """How much of its plan the band plays beside a player who plays so much: THINNEST to 1."""
    share = (notes_per_beat - SPARSE_NOTES_PER_BEAT) / (FULL_NOTES_PER_BEAT - SPARSE_NOTES_PER_BEAT)
    return THINNEST + (1 - THINNEST) * min(max(share, 0.0), 1.0)


def left_after_rest(rested_ticks: int, rest_bars: int, beats_per_bar: int) -> float:
    """How much of its plan the band plays when the player has been silent for so long: 1 to 0.

    Args:
        rested_ticks: Since the player's last note ended.
        rest_bars: A rest up to so many bars changes nothing; 0: no rest ever does.
        beats_per_bar: Of the song.
    """
    over_ticks = rested_ticks - rest_bars * beats_per_bar * PPQ
    if rest_bars == 0 or over_ticks <= 0:
        return 1.0
    bar = over_ticks // (beats_per_bar * PPQ)
    return FADE[bar] if bar < len(FADE) else 0.0
