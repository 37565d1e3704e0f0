from __future__ import annotations

from accompanist.music.note import Note, top_line, without_doubles

C, E, G = 60, 64, 67


def test_notes_sort_by_start_then_pitch() -> None:
    assert sorted([Note(10, C, 20), Note(0, G, 5), Note(0, E, 90)]) == [
        Note(0, E, 90),
        Note(0, G, 5),
        Note(10, C, 20),
    ]


def test_moving_a_note_keeps_its_length_and_loudness() -> None:
    note = Note(10, C, 25, 99)
    assert note.duration_ticks == 15
    assert note.shifted(-10) == Note(0, C, 15, 99)
    assert note.transposed(7) == Note(10, G, 25, 99)


def test_the_earlier_copy_of_a_pitch_ends_where_the_later_begins() -> None:
    assert without_doubles([Note(0, C, 100), Note(40, C, 60), Note(50, E, 70)]) == [
        Note(0, C, 40),
        Note(40, C, 60),
        Note(50, E, 70),
    ]


def test_of_copies_that_begin_together_the_longer_stays() -> None:
    assert without_doubles([Note(0, C, 100, 1), Note(0, C, 200, 2), Note(0, C, 50, 3)]) == [Note(0, C, 200, 2)]


def test_a_third_copy_meets_the_longer_of_the_first_two() -> None:
    assert without_doubles([Note(0, C, 10), Note(0, C, 50), Note(30, C, 40)]) == [Note(0, C, 30), Note(30, C, 40)]


def test_notes_that_touch_are_no_doubles() -> None:
    line = [Note(0, C, 10), Note(10, C, 20)]
    assert without_doubles(line) == line


def test_the_top_line_of_chords_is_their_highest_notes() -> None:
    chords = [Note(start, pitch, start + 10) for start in (0, 10) for pitch in (C, E, G)]
    assert top_line(chords) == [Note(0, G, 10), Note(10, G, 20)]


def test_a_higher_note_cuts_the_line_and_a_lower_one_does_not() -> None:
    assert top_line([Note(0, E, 100), Note(40, G, 60), Note(50, C, 200)]) == [Note(0, E, 40), Note(40, G, 60)]


def test_a_pitch_struck_again_while_it_sounds_begins_again() -> None:
    assert top_line([Note(0, E, 100), Note(40, E, 80)]) == [Note(0, E, 40), Note(40, E, 80)]


def test_of_one_pitch_struck_twice_at_once_the_longer_is_the_line() -> None:
    assert top_line([Note(0, E, 10), Note(0, E, 30)]) == [Note(0, E, 30)]
