"""The player's left hand: keys below the split point, which say what harmony the band plays.

A model that is given a melody alone knows nothing of chords, so its plan is bent to them: each note goes to the nearest
pitch of the chord in its track's range, and the lowest track takes the left hand's lowest note. One key alone is a bass
note and no chord: only the lowest track follows it. What is struck stays the harmony until something else is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from accompanist.engine.protocol import Committed
from accompanist.music.spec import ModelSpec, TrackSpec
from accompanist.music.time import PPQ

MOST_STRUCK = 64
"""Keys remembered as struck of late."""
BROKEN_TICKS = 2 * PPQ + PPQ // 4
"""A broken chord, or a bass note with its chord behind it, takes two beats; a hand may be a sixteenth early."""
FULL_CHORD = 3
"""So many pitch classes that are down need no others to be a chord."""
LONGEST_HELD_TICKS = 32 * PPQ
"""A key that is down for longer no longer counts: most likely its note-off was lost."""


class LeftHand:
    """The keys below the split point.

    Args:
        split: The lowest pitch of the melody; 0: there is no left hand.
    """

    def __init__(self, split: int) -> None:
        self._split = split
        self._held: dict[tuple[int, int], int] = {}  # (channel, pitch): when it went down
        self._struck: deque[tuple[int, int]] = deque(maxlen=MOST_STRUCK)  # (tick, pitch)
        self._harmony: tuple[int, ...] = ()
        self._last_tick = 0

    def owns(self, pitch: int) -> bool:
        """A key is the left hand's."""
        return pitch < self._split

    def note_on(self, channel: int, pitch: int, tick: int) -> None:
        """A key goes down."""
        self._held[channel, pitch] = tick
        self._struck.append((tick, pitch))
        self._last_tick = tick

    def note_off(self, channel: int, pitch: int, tick: int) -> None:
        """A key goes up."""
        if self._held.pop((channel, pitch), None) is not None:
            self._last_tick = tick

    def all_off(self, channel: int, tick: int) -> None:
        """Every key of a channel goes up."""
        for held_channel, pitch in list(self._held):
            if held_channel == channel:
                self.note_off(channel, pitch, tick)

    def restart(self, tick: int) -> None:
        """The song goes on from another place: only what is still held counts."""
        self._held = dict.fromkeys(self._held, tick)
        self._struck.clear()
        self._harmony = ()
        self._last_tick = tick

    def harmony(self, tick: int) -> tuple[int, ...]:
        """The pitches to follow at a tick, ascending; none where nothing was played yet.

        A full chord that is down; else what is down and what was struck within two beats, so that a broken chord is
        one; without any the last harmony.
        """
        self._harmony = self.outlook(tick)
        return self._harmony

    def outlook(self, tick: int) -> tuple[int, ...]:
        """What `harmony` would say, and nothing comes of it."""
        keys = {pitch for (_, pitch), at in self._held.items() if tick - LONGEST_HELD_TICKS <= at}
        if len({pitch % 12 for pitch in keys}) < FULL_CHORD:
            keys |= {pitch for at, pitch in self._struck if tick - BROKEN_TICKS <= at}
        return tuple(sorted(keys)) if keys else self._harmony

    def sounded_until(self, tick: int) -> int:
        """The last tick up to this one at which a key was down."""
        held = any(tick - LONGEST_HELD_TICKS <= at for at in self._held.values())
        return tick if held else min(self._last_tick, tick)

    def __len__(self) -> int:
        return len(self._held) + len(self._struck)


def bending(harmony: Sequence[int], spec: ModelSpec) -> frozenset[int]:
    """The tracks that follow a harmony: all that play pitches, but the lowest alone where it is no chord."""
    pitched = [i for i, track in enumerate(spec.tracks) if not track.is_drums]
    if not harmony or not pitched:
        return frozenset()
    return frozenset(pitched if len({pitch % 12 for pitch in harmony}) > 1 else [_lowest(pitched, spec)])


def bent(notes: Iterable[Committed], harmony: Sequence[int], spec: ModelSpec) -> list[Committed]:
    """Notes bent to a harmony.

    Rhythm, loudness and track stay. A track never sounds one pitch twice: of two notes that would meet the second takes
    the next free place of the chord, and is left out where there is none. The percussion channel plays no pitches and
    stays as it is.

    Args:
        notes: Of one beat, ordered by start.
        harmony: The left hand's pitches, ascending; none: nothing is bent.
        spec: The model's tracks.
    """
    following = bending(harmony, spec)
    lowest = _lowest(following, spec) if following else -1
    until: dict[tuple[int, int], int] = {}  # (track, pitch): first tick at which it is free again
    beat = []
    for track, note in notes:
        if track not in following:
            beat.append(Committed(track, note))
            continue
        classes = {pitch % 12 for pitch in (harmony[:1] if track == lowest else harmony)}
        places = [
            place for place in _places(classes, spec.tracks[track]) if until.get((track, place), 0) <= note.start_tick
        ]
        if places:
            pitch = min(places, key=lambda place: (abs(place - note.pitch), place))
            until[track, pitch] = note.end_tick
            beat.append(Committed(track, note._replace(pitch=pitch)))
    return beat


def _lowest(tracks: Iterable[int], spec: ModelSpec) -> int:
    """The track that plays the bass: the one that reaches lowest."""
    return min(tracks, key=lambda i: (spec.tracks[i].lowest, spec.tracks[i].highest, i))


def _places(classes: set[int], track: TrackSpec) -> list[int]:
    return [pitch for pitch in range(track.lowest, track.highest + 1) if pitch % 12 in classes]
