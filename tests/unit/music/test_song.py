from __future__ import annotations

import pytest

from accompanist.errors import DataError
from accompanist.music.note import Note
from accompanist.music.song import DRUM_CHANNEL, MidiSong, MidiTrack, melody_track, rescaled
from accompanist.music.time import TempoMap


def line(name: str, pitch: int, *, notes: int = 8, length: int = 480, channel: int = 0) -> MidiTrack:
    """One note after the other, each a quarter apart."""
    return MidiTrack(name, tuple(Note(480 * i, pitch, 480 * i + length) for i in range(notes)), channel=channel)


def chords(name: str, pitch: int) -> MidiTrack:
    return MidiTrack(name, tuple(Note(480 * i, pitch + up, 480 * i + 480) for i in range(8) for up in (0, 4, 7)))


def song(*tracks: MidiTrack) -> MidiSong:
    return MidiSong(tracks)


def test_the_exact_name_wins_over_part_of_a_name() -> None:
    assert melody_track(song(line("Flute 2", 80), line("Flute", 60)), "Flute") == 1


def test_part_of_a_name_is_enough_in_any_case() -> None:
    assert melody_track(song(line("Bass", 40), line("Große Flöte", 60)), "FLÖTE") == 1
    assert melody_track(song(line("Bass", 40), line("Große Flöte", 60)), "grosse") == 1


def test_of_two_tracks_of_one_name_the_first_with_notes_is_taken() -> None:
    assert melody_track(song(MidiTrack("Flute", ()), line("Flute", 60), line("Flute", 80)), "Flute") == 1


def test_a_drum_track_can_be_named_but_is_never_guessed() -> None:
    both = song(line("Melody drums", 90, channel=DRUM_CHANNEL), line("Bass", 40))
    assert melody_track(both, "drums") == 0
    assert melody_track(both, None) == 1


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("tuba", "no track is named 'tuba'; the tracks with notes are 'Flute 1', 'Flute 2'"),
        ("flute", "more than one track is named 'flute'; the tracks with notes are 'Flute 1', 'Flute 2'"),
        ("Silent", "no track with notes is named 'Silent'"),
    ],
)
def test_a_name_that_does_not_tell_is_refused_with_the_names_there_are(name: str, says: str) -> None:
    tracks = song(line("Flute 1", 60), line("Flute 2", 62), MidiTrack("Silent", ()))
    with pytest.raises(DataError, match=says) as caught:
        melody_track(tracks, name)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["MELODY", "Vocals", "LeadVox", "Voice Oohs", "Soprano 1", "my melody"])
def test_usual_names_are_known(name: str) -> None:
    assert melody_track(song(line("Piccolo", 90), line(name, 60))) == 1


def test_the_surest_usual_name_comes_first() -> None:
    assert melody_track(song(line("Lead guitar", 80), line("Vocals", 70), line("Melody", 60))) == 2


def test_a_usual_name_inside_a_word_is_none() -> None:
    assert melody_track(song(line("Misleading", 60), line("Flute", 80))) == 1


def test_a_usual_name_on_an_empty_track_is_passed_over() -> None:
    assert melody_track(song(MidiTrack("Melody", ()), line("Flute", 80))) == 1


def test_without_a_usual_name_the_highest_single_line_is_taken() -> None:
    assert melody_track(song(line("Bass", 40), line("Flute", 74), chords("Strings", 90), line("Oboe", 70))) == 1


def test_a_line_with_legato_overlaps_is_still_a_line() -> None:
    assert melody_track(song(line("Bass", 40), line("Slurred", 74, length=560))) == 1


def test_a_few_high_notes_are_no_melody() -> None:
    assert melody_track(song(line("Bells", 100, notes=1), line("Flute", 74))) == 1


def test_where_all_is_chords_the_highest_are_taken() -> None:
    assert melody_track(song(chords("Left", 48), chords("Right", 72))) == 1


@pytest.mark.parametrize("tracks", [(), (MidiTrack("Melody", ()),), (line("Kit", 36, channel=DRUM_CHANNEL),)])
def test_no_notes_no_melody(tracks: tuple[MidiTrack, ...]) -> None:
    with pytest.raises(DataError, match="no notes outside the drums"):
        melody_track(song(*tracks))


def test_rescaling_moves_notes_tempo_and_meters() -> None:
    fine = MidiSong(
        (MidiTrack("A", (Note(960, 60, 1440, 99),), 5, 3),),
        TempoMap(((0, 1), (480, 2)), 480),
        ((0, 3, 4), (1440, 4, 4)),
    )
    coarse = MidiSong(
        (MidiTrack("A", (Note(192, 60, 288, 99),), 5, 3),), TempoMap(((0, 1), (96, 2)), 96), ((0, 3, 4), (288, 4, 4))
    )
    assert rescaled(fine, 96) == coarse
    assert rescaled(coarse, 480) == fine
    assert rescaled(fine, 480) is fine


def test_rescaling_rounds_to_the_nearest_tick_and_keeps_a_tick_of_every_note() -> None:
    rough = rescaled(MidiSong((MidiTrack("", (Note(4, 60, 5), Note(5, 62, 14))),), TempoMap(ppq=10)), 1)
    assert rough.tracks[0].notes == (Note(0, 60, 1), Note(1, 62, 2))


def test_of_tempos_that_meet_on_one_tick_the_later_stays() -> None:
    tempo = TempoMap(((0, 1), (100, 2), (101, 3)), 1000)
    meters = ((0, 4, 4), (100, 3, 4), (101, 2, 4))
    rough = rescaled(MidiSong((), tempo, meters), 10)
    assert rough.tempo.changes == ((0, 1), (1, 3))
    assert rough.meters == ((0, 4, 4), (1, 2, 4))
