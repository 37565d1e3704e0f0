"""The drum kit that training knows: thirteen pieces of General MIDI percussion, whatever a source's own drums are.

Fewer pieces than General MIDI names, because its many toms, cymbals and snares stand for the same strokes of a pattern.
Cowbells, congas, shakers and the like are left out: they belong to no kit and too few songs have them.

Source: the mapping published with the Groove MIDI Dataset (magenta.tensorflow.org/datasets/groove, "Paper Mapping"),
which makes nine pieces of the notes that a Roland TD-11 sends. Kept apart here, because they sound apart, are side
stick, pedal hi-hat and ride bell, which it takes for snare, closed hi-hat and ride. The rest are the like-named notes
of General MIDI Level 1 percussion.
"""

from __future__ import annotations

from collections.abc import Iterable

from accompanist.music.note import Note
from accompanist.music.time import TICKS_PER_STEP

DRUMS = "drums"
"""Name of the drums among a song's parts."""
KIT = {
    36: "kick",
    37: "side stick",
    38: "snare",
    39: "clap",
    42: "closed hi-hat",
    43: "low tom",
    44: "pedal hi-hat",
    46: "open hi-hat",
    47: "mid tom",
    49: "crash",
    50: "high tom",
    51: "ride",
    53: "ride bell",
}
"""General MIDI percussion notes of the pieces."""
_ALSO = {
    36: (35,),  # acoustic bass drum
    38: (40,),  # electric snare; the TD-11's rim
    42: (22,),  # the TD-11's closed hi-hat, edge
    43: (41, 58),  # low floor tom; the TD-11's third tom, rim
    46: (26,),  # the TD-11's open hi-hat, edge
    47: (45,),  # low tom
    49: (52, 55, 57),  # Chinese, splash, second crash; the TD-11's crashes, edge
    50: (48,),  # hi-mid tom
    51: (59,),  # second ride; the TD-11's ride, edge
}
PIECE_OF = {note: piece for piece in KIT for note in (piece, *_ALSO.get(piece, ()))}
"""The piece that stands for a note; notes without one are left out."""


def on_kit(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Strokes on the kit, sorted: a sixteenth long each, or up to the next stroke on the same piece.

    How long a drum's key was down says nothing of its sound. Of strokes that fall together the loudest stays.
    """
    strokes = {
        (note.start_tick, PIECE_OF[note.pitch]): note.velocity
        for note in sorted(notes, key=lambda note: note.velocity)
        if note.pitch in PIECE_OF
    }
    found: list[Note] = []
    following: dict[int, int] = {}
    for (start_tick, piece), velocity in sorted(strokes.items(), reverse=True):
        end_tick = min(start_tick + TICKS_PER_STEP, following.get(piece, start_tick + TICKS_PER_STEP))
        found.append(Note(start_tick, piece, end_tick, velocity))
        following[piece] = start_tick
    return tuple(reversed(found))
