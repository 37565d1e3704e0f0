"""The tiny model as a contestant: every track is the melody itself, some semitones lower (see `support.tiny`)."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from support.pieces import piece
from support.tiny import TINY_SPEC, write_tiny_model

from accompanist.errors import ModelError
from accompanist.music.note import Note
from export.contest import Contest
from export.players import ModelPlayer, session_of
from training.evaluation.chord_hmm import ChordModel, ChordPlayer
from training.evaluation.people import LATE, PEOPLE, TRANSPOSED

BAR = 1920
SONGS = [piece("test/one"), piece("test/two", times=2, by=3)]


def test_a_model_plays_live_what_it_could_have_heard_and_as_a_file_what_it_knows(tiny_model: Path) -> None:
    """Its bass is the melody two octaves lower, of the two bars before where it plays live."""
    song = SONGS[0]
    live, file = (ModelPlayer(tiny_model, mode).play(song, 0) for mode in ("live", "file"))
    lower = [note.transposed(-24)._replace(velocity=84) for note in song.melody]
    assert file["bass"] == [note for note in lower if 28 <= note.pitch <= 57]
    assert [note[:3] for note in live["bass"]] == [
        note.shifted(2 * BAR)[:3] for note in lower if note.end_tick <= song.end_tick - 2 * BAR
    ]


def test_a_model_is_not_thinned_where_the_melody_rests_or_is_sparse(tiny_model: Path) -> None:
    song = piece(times=8)
    first = [note for note in song.melody if note.start_tick < 4 * BAR]
    sparse = replace(song, melody=(*first, Note(29 * BAR + 360, 72, 30 * BAR)))
    played = ModelPlayer(tiny_model, "live").play(sparse, 0)["piano"]
    assert [note.start_tick for note in played] == [note.start_tick + 2 * BAR for note in sparse.melody]


def test_drums_are_called_so_whatever_the_model_calls_them(tmp_path: Path) -> None:
    kit = msgspec.structs.replace(TINY_SPEC.tracks[2], name="kit", channel=9)
    spec = msgspec.structs.replace(TINY_SPEC, tracks=(*TINY_SPEC.tracks[:2], kit))
    model = write_tiny_model(tmp_path / "kit.onnx", spec=spec)
    assert list(ModelPlayer(model, "file").play(SONGS[0], 0)) == ["bass", "piano", "drums"]


def test_a_model_that_plays_drums_alone_is_refused(tmp_path: Path) -> None:
    spec = msgspec.structs.replace(TINY_SPEC, tracks=(msgspec.structs.replace(TINY_SPEC.tracks[0], channel=9),))
    model = write_tiny_model(tmp_path / "drums.onnx", spec=spec)
    with pytest.raises(ModelError, match="plays drums alone"):
        session_of(model)


def test_everyone_plays_every_song_and_the_processes_make_no_difference(tiny_model: Path) -> None:
    players = {
        "model, live": ModelPlayer(tiny_model, "live"),
        "chord HMM, live": ChordPlayer(ChordModel.learnt(SONGS), foresight=False),
    }
    seen: list[tuple[str, int, int]] = []
    contest = Contest(players, SONGS, seeds=2)
    alone = contest.run(1, lambda *told: seen.append(told))
    assert seen == [("performances", done, 6) for done in range(1, 7)]
    assert set(alone) == {*players, PEOPLE, LATE, TRANSPOSED}
    assert {len(songs) for songs in alone.values()} == {2}
    assert alone[PEOPLE][0].figures["note_in_chord"] == 1.0
    together = contest.run(2)
    for name, songs in alone.items():
        for one, other in zip(songs, together[name], strict=True):
            assert one.figures == pytest.approx(other.figures, nan_ok=True)
            assert one.places.tolist() == other.places.tolist()


def test_a_model_that_fails_ends_the_contest_and_its_processes(tmp_path: Path) -> None:
    contest = Contest({"model": ModelPlayer(tmp_path / "none.onnx", "live")}, SONGS, seeds=1)
    before = set(multiprocessing.active_children())
    for jobs in (1, 2):
        with pytest.raises(ModelError, match=r"none\.onnx"):
            contest.run(jobs)
    assert set(multiprocessing.active_children()) == before
