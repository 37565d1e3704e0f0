from __future__ import annotations

import json
from pathlib import Path

import pytest

from accompanist.cli import main
from accompanist.melodies import ODE_TO_JOY
from accompanist.music import midifile
from accompanist.music.song import MidiSong, MidiTrack
from accompanist.music.time import TempoMap


@pytest.fixture
def tune(tmp_path: Path) -> Path:
    path = tmp_path / "tune.mid"
    melody = MidiTrack("Gesang", tuple(ODE_TO_JOY.notes()), 53, 0)
    chords = MidiTrack("Klavier", tuple(note.transposed(-12) for note in ODE_TO_JOY.notes()), 0, 1)
    midifile.write(MidiSong((chords, melody), TempoMap(((0, 600_000), (7680, 400_000)))), path)
    return path


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["accompany", *map(str, arguments)])
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


def test_a_file(tune: Path, tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.mid"
    assert run(tune, "-o", out, "--model", tiny_model) == 0
    told = capsys.readouterr().out
    assert "melody from track 'Gesang', 16 bars" in told
    assert str(out) in told
    written = midifile.read(out)
    assert [track.name for track in written.tracks] == ["Gesang", "bass", "piano", "strings"]
    assert written.tempo.changes == ((0, 600_000), (7680, 400_000))


def test_the_same_seed_gives_the_same_bytes_in_either_mode(tune: Path, tmp_path: Path, tiny_model: Path) -> None:
    written = {}
    for mode in ("live", "file"):
        for take in (1, 2):
            out = tmp_path / f"{mode}{take}.mid"
            assert run(tune, "-o", out, "--model", tiny_model, "--mode", mode, "--seed", 3) == 0
            written[mode, take] = out.read_bytes()
        assert written[mode, 1] == written[mode, 2]
    assert written["live", 1] != written["file", 1]


def test_json(tune: Path, tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = (tune, "-o", tmp_path / "out.mid", "--model", tiny_model, "--melody-track", "Klavier", "--json")
    assert run(*arguments) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["mode"] == "live"
    (file,) = told["files"]
    assert (file["melody_track"], file["bars"]) == ("Klavier", 16)
    assert set(file["notes"]) == {"bass", "piano", "strings"}


def test_a_folder_with_a_damaged_file_ends_with_the_code_of_bad_data(
    tune: Path, tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    songs = tmp_path / "songs"
    songs.mkdir()
    (songs / "good.mid").write_bytes(tune.read_bytes())
    (songs / "bad.mid").write_bytes(tune.read_bytes()[:99])
    assert run(songs, "-o", tmp_path / "out", "--model", tiny_model, "--jobs", 1) == 5
    told = capsys.readouterr()
    assert "bad.mid" in told.err
    assert "1 of 2 files accompanied" in told.err
    assert "good.mid" in told.out
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.mid"]
    assert run(songs, "-o", tmp_path / "out", "--model", tiny_model, "--jobs", 1, "--json") == 5
    bad, good = json.loads(capsys.readouterr().out)["files"]
    assert bad["exit_code"] == 5
    assert good["out"].endswith("good.mid")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("nowhere.mid", "-o", "out.mid"), 5, "no such file"),
        (("tune.mid", "-o", "tune.mid"), 9, "never overwritten"),
        (("tune.mid", "-o", "."), 9, "never overwritten"),
        (("tune.mid", "-o", "out.mid", "--model", "none.onnx"), 4, "none.onnx"),
        (("tune.mid", "-o", "out.mid", "--melody-track", "Oboe"), 5, "Oboe"),
        (("tune.mid", "-o", "tune.mid/out.mid"), 9, "tune.mid"),
    ],
)
def test_what_goes_wrong_is_told_in_a_line_with_a_way_out(
    tune: Path,
    tiny_model: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    arguments: tuple[str, ...],
    code: int,
    told: str,
) -> None:
    monkeypatch.chdir(tune.parent)
    model = () if "--model" in arguments else ("--model", tiny_model)
    assert run(*arguments, *model) == code
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert told in printed
    assert "  try: " in printed
    assert "Traceback" not in printed
    assert not (tune.parent / "out.mid").exists()


def test_a_file_without_a_melody_is_named(tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    midifile.write(MidiSong((MidiTrack("drums", tuple(ODE_TO_JOY.notes()), 0, 9),)), tmp_path / "beat.mid")
    assert run(tmp_path, "-o", tmp_path / "out", "--model", tiny_model) == 5
    assert "beat.mid: the song has no notes outside the drums" in capsys.readouterr().err


def test_a_damaged_file_alone(tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.mid").write_bytes(b"MThd, or nearly")
    assert run(tmp_path / "bad.mid", "-o", tmp_path / "out.mid", "--model", tiny_model) == 5
    printed = capsys.readouterr().err
    assert printed.count("error:") == 1
    assert "bad.mid" in printed
