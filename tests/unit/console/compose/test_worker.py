"""The composing process: what it answers, and what the console does when it does not."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accompanist.config import EngineConfig
from accompanist.console.compose.arranger import Arranger
from accompanist.console.compose.sources import Kept, Played, PlayedNote, ready_midi
from accompanist.console.compose.worker import MOST_BEATS, Arrange, Failed, Found, Made, Read, answer
from accompanist.errors import AccompanistError, BadMidi, DataError
from accompanist.melodies import ODE_TO_JOY
from accompanist.music import midifile
from accompanist.music.note import Note
from accompanist.music.song import MidiSong, MidiTrack
from accompanist.runtime.arrange import Wish

TUNE = ready_midi(ODE_TO_JOY)


def question(model: Path, midi: bytes = TUNE, track: int = 0, **wish: object) -> Arrange:
    return Arrange(midi, track, str(model), EngineConfig(seed=3), Wish(**wish))  # type: ignore[arg-type]


def test_a_file_is_read_for_its_parts() -> None:
    parts = MidiTrack("Flute", tuple(ODE_TO_JOY.notes())), MidiTrack("Cello", (Note(0, 40, 480),), channel=1)
    found = answer(Read(midifile.render(MidiSong(parts, meters=((0, 3, 4),)))))
    assert found == Found([("Flute", 62), ("Cello", 1)], 0, "3/4")


def test_a_melody_comes_back_with_the_band(live_model: Path) -> None:
    made = answer(question(live_model))
    assert isinstance(made, Made)
    song = midifile.parse(made.midi)
    assert [track.name for track in song.tracks] == ["melody", "bass", "piano", "strings", "drums"]
    assert made.bars == 16
    assert len(song.tracks[0].notes) == 62


@pytest.mark.parametrize(
    ("midi", "track", "told"),
    [
        (b"RIFF", 0, "no MIDI file"),
        (TUNE[:-9], 0, "damaged"),
        (TUNE, 7, "no melody in part 8 of 1"),
        (midifile.render(MidiSong((MidiTrack("long", (Note(0, 60, 480 * MOST_BEATS * 2),)),))), 0, "8000 beats"),
    ],
)
def test_what_cannot_be_accompanied_is_told(live_model: Path, midi: bytes, track: int, told: str) -> None:
    failed = answer(question(live_model, midi, track))
    assert isinstance(failed, Failed)
    assert told in failed.message


@given(st.binary(max_size=200))
def test_no_file_can_break_it(data: bytes) -> None:
    assert isinstance(answer(Read(b"MThd" + data)), Failed | Found)


def test_what_was_played_lies_on_its_own_beats() -> None:
    played = Played([PlayedNote(60, -0.02, 0.4), PlayedNote(62, 0.5, 1.0, 50), PlayedNote(62, 0.75, 0.76)], 120, 3)
    song = midifile.parse(played.midi())
    assert song.meters == ((0, 3, 4),)
    assert song.tracks[0].notes == (Note(0, 60, 384, 90), Note(480, 62, 720, 50), Note(720, 62, 780, 90))


def test_so_many_are_kept_and_those_asked_for_stay() -> None:
    kept: Kept[int] = Kept(2)
    for i in range(2):
        kept.put(str(i), i)
    assert kept.get("0") == 0
    kept.put("2", 2)
    assert (kept.get("0"), kept.get("1"), kept.get("2"), len(kept)) == (0, None, 2, 2)


# --- the console's side ---

ECHO = """
import sys
for line in sys.stdin:
    print('{"type":"found","tracks":[],"melody":' + str(len(line)) + ',"meter":"4/4"}', flush=True)
"""
NO_MIDI = """
import sys
sys.stdin.readline()
print('{"type":"failed","message":"no MIDI","hint":"another","damaged":true}', flush=True)
"""


def asked(program: str, count: int = 1, patience_s: float = 30.0) -> list[Found | AccompanistError]:
    """What so many readings give, each with a file longer than the last."""

    async def all_of_them() -> list[Found | AccompanistError]:
        arranger = Arranger((sys.executable, "-c", program), patience_s)
        async with arranger.lifespan():
            given = [await asyncio.gather(arranger.read(b"x" * 3 * i), return_exceptions=True) for i in range(count)]
        assert arranger._process is None
        return [each[0] for each in given]  # type: ignore[misc]

    return asyncio.run(all_of_them())


def test_one_process_answers_one_question_after_the_other() -> None:
    first, second = asked(ECHO, 2)
    assert isinstance(first, Found)
    assert isinstance(second, Found)
    assert second.melody == first.melody + 4  # three bytes more are four characters of base 64


def test_what_it_refuses_is_an_error_of_ours() -> None:
    (error,) = asked(NO_MIDI)
    assert isinstance(error, BadMidi)
    assert (error.message, error.hint) == ("no MIDI", "another")


@pytest.mark.parametrize("program", ["raise SystemExit(1)", "import sys; sys.stdin.readline(); print('nonsense')"])
def test_a_process_that_dies_is_told_and_the_next_question_gets_another(program: str) -> None:
    for error in asked(program, 2):
        assert isinstance(error, AccompanistError)
        assert not isinstance(error, DataError)
        assert "ended over this one" in error.message


def test_a_process_that_says_nothing_is_ended() -> None:
    (error,) = asked("import time; time.sleep(100)", patience_s=0.05)
    assert isinstance(error, AccompanistError)
    assert "longer than" in error.message


def test_a_question_survives_the_way_there(live_model: Path) -> None:
    asked_for = question(live_model, style="folk", density=0.5)
    assert msgspec.json.decode(msgspec.json.encode(asked_for), type=Read | Arrange) == asked_for
