from __future__ import annotations

from itertools import pairwise

import pytest

from accompanist.errors import DataError
from accompanist.melodies import MELODIES, ODE_TO_JOY, Melody, parse
from accompanist.music.note import Note
from accompanist.music.theory import pitch_name
from accompanist.music.time import Meter


@pytest.mark.parametrize("melody", MELODIES.values(), ids=list(MELODIES))
def test_a_melody_is_one_line_in_a_singable_range_and_fills_its_bars(melody: Melody) -> None:
    notes = melody.notes()
    assert all(before.end_tick <= after.start_tick for before, after in pairwise(notes))
    assert all(55 <= note.pitch <= 81 for note in notes)
    assert notes[-1].end_tick == melody.bars * melody.meter.ticks_per_bar


def test_ode_to_joy_is_the_tune_everybody_knows() -> None:
    notes = ODE_TO_JOY.notes()
    assert ODE_TO_JOY.bars == 16
    assert (
        " ".join(pitch_name(note.pitch) for note in notes[:15]) == "F#4 F#4 G4 A4 A4 G4 F#4 E4 D4 D4 E4 F#4 F#4 E4 E4"
    )
    # Bar 12 ends with a note tied over the bar line, a beat early.
    tied = next(note for note in notes if note.start_tick == 11 * 1920 + 3 * 480)
    assert tied.end_tick == 12 * 1920 + 480


def test_repeats_follow_without_a_gap() -> None:
    once, twice = ODE_TO_JOY.notes(), ODE_TO_JOY.notes(repeats=2)
    assert twice == once + [note.shifted(16 * 1920) for note in once]


def test_the_notation_reads_lengths_rests_and_ties() -> None:
    assert parse("C4:2 r:2 D4 E4:8 | -:4 r:12") == [
        Note(0, 60, 240, 96), Note(480, 62, 960, 96), Note(960, 64, 1920 + 480, 96),
    ]  # fmt: skip
    assert parse("C4:12", meter=Meter(3, 4))[0].end_tick == 3 * 480


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("C4 D4 E4", "bar 1 lasts 12 sixteenths, a bar of 4/4 has 16"),
        ("C4:16 | H4:16", "bar 2: 'H4:16'"),
        ("C4:x D4 E4 F4", "bar 1: 'C4:x'"),
        ("-:16", "bar 1: '-:16'"),
    ],
)
def test_a_slip_in_the_notation_is_named_with_its_bar(text: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        parse(text)
