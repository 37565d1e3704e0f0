from __future__ import annotations

import pytest
from support.music_files import mxl, xml_harmony, xml_measure, xml_note

from accompanist.errors import DataError
from accompanist.music.note import Note
from training.sources.lead_sheet import KINDS, parse_lead_sheet


def test_a_sheet_is_a_melody_over_chords() -> None:
    sheet = parse_lead_sheet(
        mxl(
            xml_measure(xml_harmony("C"), xml_note("E4", 4), xml_note("", 4), xml_note("G4", 8), meter="4/4"),
            xml_measure(xml_harmony("G", "dominant"), xml_note("F4", 16)),
        )
    )
    assert sheet.melody == [Note(0, 64, 480), Note(960, 67, 1920), Note(1920, 65, 3840)]
    assert sheet.chords == [
        *(Note(0, pitch, 1920) for pitch in (48, 55, 60, 64)),
        *(Note(1920, pitch, 3840) for pitch in (43, 55, 59, 62, 65)),
    ]
    assert sheet.bars == [0, 1920, 3840]
    assert sheet.meters == ["4/4", "4/4"]
    assert sheet.bpm is None


def test_a_pickup_ends_a_whole_bar() -> None:
    sheet = parse_lead_sheet(
        mxl(
            xml_measure(xml_note("G4", 4), meter="3/4"),
            xml_measure(xml_harmony("C"), xml_note("C5", 12)),
        )
    )
    assert sheet.bars == [0, 1440, 2880]
    assert sheet.melody == [Note(960, 67, 1440), Note(1440, 72, 2880)]
    assert {note.start_tick for note in sheet.chords} == {1440}


def test_ties_join_and_grace_notes_are_left_out() -> None:
    sheet = parse_lead_sheet(
        mxl(
            xml_measure(xml_note("A4", 16, tie="start"), meter="4/4"),
            xml_measure(xml_note("A4", 8, tie="stop"), xml_note("B4", 0), xml_note("A4", 8)),
        )
    )
    assert sheet.melody == [Note(0, 69, 2880), Note(2880, 69, 3840)]


def test_of_several_voices_the_top_line_is_the_melody() -> None:
    backup = "<backup><duration>16</duration></backup>"
    sheet = parse_lead_sheet(
        mxl(
            xml_measure(
                xml_note("E5", 8),
                xml_note("C5", 8, chord=True),
                xml_note("D5", 8),
                backup,
                xml_note("G4", 16),
                meter="4/4",
            )
        )
    )
    assert sheet.melody == [Note(0, 76, 960), Note(960, 74, 1920)]
    assert sheet.bars == [0, 1920]


def test_a_symbol_holds_until_the_next_also_within_a_measure() -> None:
    sheet = parse_lead_sheet(
        mxl(
            xml_measure(
                xml_harmony("A", "minor", bass="G"),
                xml_note("E4", 8),
                xml_harmony("F", alter=1, kind="half-diminished"),
                xml_note("E4", 8),
                meter="4/4",
            ),
            xml_measure(xml_harmony("N", ""), xml_note("C4", 16)),
        )
    )
    assert sheet.chords == [
        *(Note(0, pitch, 960) for pitch in (43, 57, 60, 64)),
        *(Note(960, pitch, 1920) for pitch in (42, 57, 60, 64, 66)),
    ]


@pytest.mark.parametrize(
    ("kind", "degrees", "classes"),
    [
        ("major", [], {0, 4, 7}),
        ("dominant", [(9, -1, "add")], {0, 4, 7, 10}),  # tensions are the player's
        ("dominant", [(5, 1, "alter")], {0, 4, 8, 10}),
        ("suspended-fourth", [(7, 0, "add")], {0, 5, 7, 10}),
        ("major", [(3, 0, "subtract")], {0, 7}),
        ("dominant-13th", [], {0, 4, 7, 10}),
        ("minor-major", [], {0, 3, 7, 11}),
    ],
)
def test_degrees_change_what_a_chord_is(kind: str, degrees: list[tuple[int, int, str]], classes: set[int]) -> None:
    sheet = parse_lead_sheet(mxl(xml_measure(xml_harmony("C", kind, degrees=degrees), xml_note("C4", 16), meter="4/4")))
    assert {note.pitch % 12 for note in sheet.chords} == classes


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_chord_lies_close_over_its_bass(kind: str) -> None:
    for root in "CDEFGAB":
        sheet = parse_lead_sheet(mxl(xml_measure(xml_harmony(root, kind), xml_note("C4", 16), meter="4/4")))
        bass, *tones = [note.pitch for note in sheet.chords]
        assert 40 <= bass < 52
        assert all(55 <= tone < 67 for tone in tones)
        assert len(tones) == len(set(tones)) >= 2


def test_the_tempo_is_the_first_that_is_set() -> None:
    tempo = '<direction><sound tempo="132"/></direction>'
    assert parse_lead_sheet(mxl(xml_measure(tempo, xml_note("C4", 16), meter="4/4"))).bpm == 132


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"no zip", "damaged MusicXML"),
        (mxl(xml_measure(xml_note("C4", 16)))[:-30], "damaged MusicXML"),
        (mxl(xml_measure("<note><pitch>")), "damaged MusicXML"),
        (mxl(xml_measure(xml_note("H4", 16))), "malformed MusicXML"),
        (mxl(xml_measure(xml_note("C4", 16)), root="score-timewise"), "not a score in parts"),
    ],
)
def test_what_cannot_be_read_is_a_data_error(data: bytes, says: str) -> None:
    with pytest.raises(DataError, match=says):
        parse_lead_sheet(data)
