from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accompanist.errors import DataError
from training.sources.abc_notation import AbcScore, parse_abc


def tune(music: str, *, key: str = "C", meter: str = "4/4", length: str = "1/4") -> AbcScore:
    return parse_abc(f"X:1\nT:A tune\nM:{meter}\nL:{length}\nK:{key}\n{music}")


def line(music: str, *, key: str = "C", meter: str = "4/4") -> list[tuple[int, int, int]]:
    """Start tick, pitch and end tick of the notes of one voice."""
    notes = tune(f"[V: a] {music}", key=key, meter=meter).voices["a"].notes
    return [(note.start_tick, note.pitch, note.end_tick) for note in notes]


def pitches(music: str, *, key: str = "C") -> list[int]:
    return [pitch for _, pitch, _ in line(music, key=key)]


def test_letters_and_marks_make_octaves() -> None:
    assert pitches("C,, C, C c c'") == [36, 48, 60, 72, 84]
    assert pitches("C D E F | G A B c") == [60, 62, 64, 65, 67, 69, 71, 72]


@pytest.mark.parametrize(
    ("key", "letters", "heard"),
    [
        ("G", "F B", [66, 71]),
        ("F % one flat", "F B", [65, 70]),
        ("Eb", "E A B C", [63, 68, 70, 60]),
        ("Db", "D E G A B", [61, 63, 66, 68, 70]),
        ("F#", "E B", [65, 71]),
        ("Am", "F C", [65, 60]),
        ("Dmin", "B", [70]),
        ("Cmaj", "B", [71]),
    ],
)
def test_a_key_signature_holds_throughout(key: str, letters: str, heard: list[int]) -> None:
    assert pitches(letters, key=key) == heard


def test_an_accidental_holds_in_its_octave_to_the_end_of_its_measure() -> None:
    assert pitches("^F F f =F | F", key="C") == [66, 66, 77, 65, 65]
    assert pitches("=B B | B", key="F") == [71, 71, 70]
    assert pitches("^^C __D") == [62, 60]


def test_a_tied_note_keeps_its_accidental_over_the_bar_line() -> None:
    assert line("^F4- | F2 F2") == [(0, 66, 2880), (2880, 65, 3840)]
    assert line("C4- | D4") == [(0, 60, 1920), (1920, 62, 3840)]


@given(st.integers(1, 12), st.sampled_from([1, 2, 4, 8]))
def test_lengths_are_fractions_of_the_unit(numerator: int, denominator: int) -> None:
    assert line(f"C{numerator}/{denominator}") == [(0, 60, 480 * numerator // denominator)]


def test_shorthand_lengths() -> None:
    assert line("C C/ C// C3/2 C2") == [
        (0, 60, 480),
        (480, 60, 720),
        (720, 60, 840),
        (840, 60, 1560),
        (1560, 60, 2520),
    ]


def test_broken_rhythm_and_tuplets() -> None:
    assert line("C> D") == [(0, 60, 720), (720, 62, 960)]
    assert line("C<D") == [(0, 60, 240), (240, 62, 960)]
    assert line("(3C D E F") == [(0, 60, 320), (320, 62, 640), (640, 64, 960), (960, 65, 1440)]
    assert line("(3::2 C2 D E") == [(0, 60, 640), (640, 62, 960), (960, 64, 1440)]


def test_chords_and_rests() -> None:
    assert line("[CE]2 z [^FA] x C") == [
        (0, 60, 960),
        (0, 64, 960),
        (1440, 66, 1920),
        (1440, 69, 1920),
        (2400, 60, 2880),
    ]
    assert line("[C2E2]- [CF]2") == [(0, 60, 1920), (0, 64, 960), (960, 65, 1920)]
    assert line("[C-E]2 [CE]2") == [(0, 60, 1920), (0, 64, 960), (960, 64, 1920)]


def test_what_is_only_for_the_eye_is_passed_over() -> None:
    assert pitches('"Am" !fermata!(C .D) {e} y E- % a remark') == [60, 62, 64]


def test_voices_run_on_over_lines_and_words_do_not() -> None:
    score = tune(
        "%%MIDI program 1 0\n[V: a] [Q:1/4=90] C D E\n[V: b] C, D, E,\nw: Ky-rie E-lei-son\n"
        "[V: a] F | G4 |]\n[V: b] F, | G,4 |]\nW: C D E\nmore words\n%%begintext\nA B C\n%%endtext\n"
    )
    assert {name: [note.pitch for note in voice.notes] for name, voice in score.voices.items()} == {
        "a": [60, 62, 64, 65, 67],
        "b": [48, 50, 52, 53, 55],
    }
    assert score.voices["a"].measures == [(1920, 1920), (1920, 1920)]
    assert score.bpm == 90


def test_measures_tell_what_their_meter_asks_for() -> None:
    score = tune("[V: a] C | D E F |: G2 :| [M:4/4] A4 |]", meter="3/4")
    assert score.voices["a"].measures == [(480, 1440), (1440, 1440), (960, 1440), (1920, 1920)]
    assert score.meters == ["3/4", "4/4"]
    assert tune("[V: a] C4", meter="C|").meters == ["2/2"]
    free = tune("[V: a] C5 | D3", meter="none")
    assert free.meters == [""]
    assert free.voices["a"].measures == [(2400, 2400), (1440, 1440)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("X:1\nT:no key\n", "nothing ends its head"),
        ("X:1\nK:H\n[V: a] C\n", "malformed"),
        ("X:1\nK:C\n[V: a] C & E\n", "not read in ABC notation: '& E'"),
        ("X:1\nK:C\n[V: a] (9C D\n", "malformed"),
        ("X:1\nL:1/0\nK:C\n[V: a] C\n", "malformed"),
    ],
)
def test_what_cannot_be_read_is_a_data_error(text: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        parse_abc(text)
