from __future__ import annotations

from pathlib import Path

import pytest

from accompanist.config import EngineConfig
from accompanist.errors import AccompanistError, BadMidi, DataError, StorageError
from accompanist.melodies import ODE_TO_JOY, TWINKLE
from accompanist.music import midifile
from accompanist.music.song import MidiSong, MidiTrack
from accompanist.runtime.batch import Request, accompany_all, accompany_file, pairs_of
from accompanist.runtime.infer import Session


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """A folder with two songs, one of them in a folder of its own, a damaged one, and something else."""
    folder = tmp_path / "songs"
    (folder / "more").mkdir(parents=True)
    for name, melody in zip(("a.mid", "more/b.MIDI"), (ODE_TO_JOY, TWINKLE), strict=True):
        midifile.write(MidiSong((MidiTrack("melody", tuple(melody.notes()), 73, 3),)), folder / name)
    whole = (folder / "a.mid").read_bytes()
    (folder / "damaged.mid").write_bytes(whole[: len(whole) // 2])
    (folder / "notes.txt").write_text("no music")
    return folder


def request_for(model: Path, *, seed: int = 0) -> Request:
    return Request(model, EngineConfig(seed=seed), "live", None)


def test_a_file_is_read_accompanied_and_written(songs: Path, tmp_path: Path, tiny_model: Path) -> None:
    target = tmp_path / "out.mid"
    outcome = accompany_file(Session(tiny_model), songs / "a.mid", target, request_for(tiny_model))
    written = midifile.read(target)
    assert [track.name for track in written.tracks] == ["melody", "bass", "piano", "strings"]
    assert outcome.notes == {track.name: len(track.notes) for track in written.tracks[1:]}
    assert (outcome.melody_name, outcome.bars, outcome.error) == ("melody", 16, None)
    assert outcome.inference_ms > 0


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_damaged_file_is_named_and_the_others_go_on(songs: Path, tmp_path: Path, tiny_model: Path, jobs: int) -> None:
    pairs = pairs_of(songs, tmp_path / "out")
    assert [source.name for source, _ in pairs] == ["a.mid", "damaged.mid", "b.MIDI"]
    outcomes = list(accompany_all(pairs, request_for(tiny_model), jobs=jobs))
    assert [outcome.source for outcome in outcomes] == [source for source, _ in pairs]
    assert [type(outcome.error) for outcome in outcomes] == [type(None), BadMidi, type(None)]
    failed = outcomes[1].error
    assert failed is not None
    assert "damaged.mid" in failed.message
    assert failed.hint
    assert sorted(path.name for path in (tmp_path / "out").rglob("*") if path.is_file()) == ["a.mid", "b.MIDI"]


def test_many_processes_write_the_bytes_that_one_does(songs: Path, tmp_path: Path, tiny_model: Path) -> None:
    written = []
    for jobs in (1, 2):
        pairs = pairs_of(songs, tmp_path / f"out{jobs}")
        list(accompany_all(pairs, request_for(tiny_model, seed=5), jobs=jobs))
        written.append([target.read_bytes() for _, target in pairs if target.exists()])
    assert written[0] == written[1]


def test_a_folder_that_cannot_be_made_is_an_error_of_its_file(songs: Path, tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    pairs = [(songs / "a.mid", tmp_path / "taken" / "a.mid")]
    (outcome,) = accompany_all(pairs, request_for(tiny_model), jobs=1)
    assert isinstance(outcome.error, StorageError)


def test_a_file_goes_into_a_folder_under_its_own_name(songs: Path, tmp_path: Path) -> None:
    assert pairs_of(songs / "a.mid", tmp_path) == [(songs / "a.mid", tmp_path / "a.mid")]
    assert pairs_of(songs / "a.mid", tmp_path / "b.mid") == [(songs / "a.mid", tmp_path / "b.mid")]


def test_results_inside_the_input_folder_are_no_input(songs: Path) -> None:
    inside = songs / "out"
    inside.mkdir()
    (inside / "a.mid").write_bytes((songs / "a.mid").read_bytes())
    assert len(pairs_of(songs, inside)) == 3


def test_results_may_go_into_the_folder_above(songs: Path) -> None:
    sources = [songs / "a.mid", songs / "damaged.mid", songs / "more" / "b.MIDI"]
    assert pairs_of(songs, songs.parent) == [(file, songs.parent / file.relative_to(songs)) for file in sources]


def test_what_cannot_be_done_is_said_first(songs: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        pairs_of(tmp_path / "nowhere.mid", tmp_path / "out.mid")
    with pytest.raises(StorageError, match="never overwritten"):
        pairs_of(songs / "a.mid", songs / "more" / ".." / "a.mid")
    with pytest.raises(StorageError, match="never overwritten"):
        pairs_of(songs / "a.mid", songs)  # the folder it is in
    with pytest.raises(StorageError, match="never overwritten"):
        pairs_of(songs, songs)
    (songs / "songs").mkdir()
    (songs / "songs" / "a.mid").write_bytes(b"")
    with pytest.raises(StorageError, match="never overwritten"):
        pairs_of(songs, tmp_path)  # songs/songs/a.mid would become songs/a.mid
    (tmp_path / "out.txt").write_text("taken")
    with pytest.raises(StorageError, match=r"out\.txt is a file"):
        pairs_of(songs, tmp_path / "out.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no MIDI file"):
        pairs_of(tmp_path / "empty", tmp_path / "out")


def test_a_process_that_dies_is_told_of(songs: Path, tmp_path: Path, tiny_model: Path) -> None:
    gone = request_for(tiny_model.with_name("gone.onnx"))  # the workers cannot begin
    with pytest.raises(AccompanistError, match="ended by itself") as told:
        list(accompany_all(pairs_of(songs, tmp_path / "out"), gone, jobs=2))
    assert "--jobs 1" in told.value.hint
