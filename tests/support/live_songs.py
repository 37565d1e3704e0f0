"""Small songs for the live model whose every note is known, as files are read and as the network sees them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from accompanist.music.spec import LIVE_BAND
from accompanist.music.time import PPQ
from training.live.beats import Beats, beats_of
from training.live.codes import CodedSong, Layout, coded, learn_books
from training.live.figures import FigureBook
from training.live.network import LiveNetwork, Shape
from training.read import MELODY, SongTable

PARTS = (MELODY, "bass", "piano", "strings", "drums")
SHAPE = Shape(width=24, layers=2, heads=2, melody_width=8, dropout=0.0)
CADENCE = (0, 5, 7, 0)
"""Roots of its major chords above the key, a bar each."""


def tune(
    name: str = "tune", *, key: int = 0, bars: int = 8, meter: int = 4, parts: Sequence[str] = PARTS, seed: int = 0
) -> SongTable:
    """I IV V I: the bass strikes each root in quarters, the piano breaks the triad, strings hold it, a drummer taps.

    Args:
        name: Its name.
        key: Tonic of its major key.
        bars: How many.
        meter: Quarters of a bar.
        parts: Those that play.
        seed: Of its melody, a chord tone on each beat.
    """
    draws = np.random.default_rng(seed)
    rows = []
    for beat in range(bars * meter):
        root = (key + CADENCE[beat // meter % 4]) % 12
        triad = [root, root + 4, root + 7]
        at = beat * PPQ
        notes = {
            MELODY: [(at, 60 + triad[int(draws.integers(3))], at + PPQ, 80)],
            "bass": [(at, 36 + root, at + PPQ, 90 if beat % meter == 0 else 76)],
            "piano": [(at + i * PPQ // 4, 60 + tone, at + PPQ, 70) for i, tone in enumerate(triad)],
            "strings": [(at, 72 + tone, at + meter * PPQ, 60) for tone in triad] if beat % meter == 0 else [],
            "drums": [(at, 36 if beat % 2 == 0 else 38, at + 120, 100), (at, 42, at + 120, 60)],
        }
        rows += [(PARTS.index(part), *note) for part in parts for note in notes[part]]
    ends = np.arange(bars + 1, dtype=np.int32) * meter * PPQ
    return SongTable(
        name,
        "test",
        {"meter": f"{meter}/4", "style": "folk"},
        PARTS,
        np.array(sorted(rows), dtype=np.int32),
        ends,
    )


def beats(table: SongTable) -> Beats:
    """A song as beats."""
    found = beats_of(table, LIVE_BAND)
    assert found is not None
    return found


@cache
def books() -> dict[str, FigureBook]:
    """The figures of the tune in four keys, in four and in three."""
    songs = [beats(tune(key=key, meter=meter)) for key in (0, 2, 7, 9) for meter in (4, 3)]
    return learn_books(songs, LIVE_BAND)


def layout() -> Layout:
    """Just as large as these books."""
    return Layout(tuple(books()), tuple(len(book) for book in books().values()))


def coded_tune(name: str = "tune", *, key: int = 0, bars: int = 8, meter: int = 4, seed: int = 0) -> CodedSong:
    """The tune in numbers."""
    return in_numbers(tune(name, key=key, bars=bars, meter=meter, seed=seed))


def in_numbers(table: SongTable) -> CodedSong:
    """A song in numbers."""
    (song,) = coded([beats(table)], books())
    return song


def network(seed: int = 0) -> LiveNetwork:
    """A small network that has learnt nothing but says something different everywhere."""
    import torch  # noqa: PLC0415 (what needs no network needs no torch)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = LiveNetwork(layout(), SHAPE)
        for parameter in made.parameters():
            if parameter.ndim == 1:
                torch.nn.init.normal_(parameter, std=0.3)
        for table in made.codes:
            torch.nn.init.normal_(table.weight, std=0.5)
    return made.eval()
